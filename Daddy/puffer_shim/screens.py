"""Any of upstream's screen layouts to the one packed frame."""

from __future__ import annotations

import numpy as np

_PACK = np.array([64, 16, 4, 1], np.uint8)


def pack_screen(screen: np.ndarray) -> np.ndarray:
    """(72, 20) uint8 packed frame from an observation's screen in any of upstream's shapes.

    Accepts (72, 20), (144, 40) packed two-bit and (72, 80), (144, 160) grey, each with or without a last axis of 1;
    larger frames are reduced by taking every second pixel of every second row.

    Raises:
        ValueError: for any other shape.
    """
    frame = np.asarray(screen).reshape(screen.shape[:2])
    if frame.shape == (72, 20):
        return frame
    if frame.shape == (144, 40):
        frame = np.stack([frame[::2] >> 6, frame[::2] >> 2 & 3], axis=-1).reshape(72, 20, 4)
        return _pack(frame)
    if frame.shape == (144, 160):
        frame = frame[::2, ::2]
    if frame.shape != (72, 80):
        raise ValueError(f"cannot use a screen of shape {screen.shape}; expected 72x20, 72x80, 144x40 or 144x160")
    return _pack((frame >> 6).reshape(72, 20, 4))


def _pack(levels: np.ndarray) -> np.ndarray:
    """(72, 20) from (72, 20, 4) grey levels 0..3."""
    return (levels * _PACK).sum(axis=-1, dtype=np.uint8)
