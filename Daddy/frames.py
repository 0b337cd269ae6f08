"""The one frame contract: 72x80 pixels, grey levels 0..3, packed four to a byte with the leftmost pixel in bits 7-6."""

from __future__ import annotations

import numpy as np
import torch

HEIGHT = 72
WIDTH = 80
PACKED_WIDTH = WIDTH // 4
FRAME_BYTES = HEIGHT * PACKED_WIDTH
_SHIFTS = np.array([6, 4, 2, 0], dtype=np.uint8)
# One 4-byte word per packed byte: a single table look-up yields four pixels.
_UNPACK_TABLE = ((np.arange(256, dtype=np.uint8)[:, None] >> _SHIFTS) & 3).view(np.uint32).ravel()


def pack2bit(levels: np.ndarray) -> np.ndarray:
    """Pack uint8 levels 0..3 of shape (..., 72, 80) into (..., 72, 20); higher bits of a level are dropped."""
    if levels.shape[-2:] != (HEIGHT, WIDTH):
        raise ValueError(f"expected (..., {HEIGHT}, {WIDTH}) grey levels, got {levels.shape}")
    quads = (levels & 3).astype(np.uint8).reshape(*levels.shape[:-1], PACKED_WIDTH, 4)
    return np.bitwise_or.reduce(quads << _SHIFTS, axis=-1)


def unpack2bit(packed: np.ndarray) -> np.ndarray:
    """Unpack uint8 (..., 72, 20) into levels 0..3 of shape (..., 72, 80)."""
    if packed.shape[-2:] != (HEIGHT, PACKED_WIDTH):
        raise ValueError(f"expected (..., {HEIGHT}, {PACKED_WIDTH}) packed bytes, got {packed.shape}")
    return _UNPACK_TABLE[packed].view(np.uint8)


def unpack2bit_torch(packed: torch.Tensor) -> torch.Tensor:
    """Unpack a uint8 tensor (..., 72, 20) into levels (..., 72, 80) on its own device."""
    if packed.device.type == "cpu":
        return torch.from_numpy(unpack2bit(packed.numpy()))
    pixels = torch.stack([packed >> 6, (packed >> 4) & 3, (packed >> 2) & 3, packed & 3], dim=-1)
    return pixels.flatten(-2)


def stack_frames(frames: torch.Tensor, is_first: torch.Tensor, depth: int) -> torch.Tensor:
    """Stack the `depth` latest frames of each row, newest last, with zeros for frames of an earlier episode.

    frames uint8 (B, depth-1+T, 72, 80) and is_first bool (B, depth-1+T) carry the depth-1 rows before the sequence;
    returns uint8 (B, T, depth, 72, 80).
    """
    batch, rows = is_first.shape
    steps = rows - depth + 1
    stacked = frames.new_empty(batch, steps, depth, *frames.shape[2:])
    stacked[:, :, depth - 1] = frames[:, depth - 1 :]
    same_episode = torch.ones(batch, steps, dtype=torch.bool, device=frames.device)
    for age in range(1, depth):
        same_episode = same_episode & ~is_first[:, depth - age : depth - age + steps]  # (B, T)
        older = frames[:, depth - 1 - age : depth - 1 - age + steps]
        stacked[:, :, depth - 1 - age] = older * same_episode[:, :, None, None]
    return stacked
