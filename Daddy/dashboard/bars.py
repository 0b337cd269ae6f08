"""Bars, sparklines and the map as (text, style) spans. Every one has an ASCII form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from Daddy.dashboard.look import Look

Span = tuple[str, str]

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.-~=+*#"
_ASCII_HEAT = " .:-=+*#"
_BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # rows, columns of one character


def bar(share: float, width: int, look: Look, style: str = "bar") -> list[Span]:
    """``share`` (0..1, clipped) of ``width`` cells filled, to an eighth of a cell."""
    share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    if not look.unicode:
        full = round(share * width)
        return [("#" * full, style), ("." * (width - full), "track")]
    full, eighths = divmod(round(share * width * 8), 8)
    part = _EIGHTHS[eighths] if eighths else ""
    return [("█" * full + part, style), ("·" * (width - full - len(part)), "track")]


def stacked(shares: Sequence[tuple[str, float, str]], width: int, look: Look) -> list[Span]:
    """One bar of ``width`` cells from (letter, share, style); shares sum to 1. Letters replace colours if need be."""
    edges = np.round(np.cumsum([0.0] + [max(share, 0.0) for _, share, _ in shares]) * width).astype(int).clip(0, width)
    blocks = look.unicode and look.colors != "none"
    spans = [
        (("█" if blocks else letter) * int(end - start), style)
        for (letter, _, style), start, end in zip(shares, edges, edges[1:], strict=False)
    ]
    return [*spans, (("·" if look.unicode else ".") * int(width - edges[-1]), "track")]


def interval(mean: float, low: float, high: float, width: int, look: Look, style: str) -> list[Span]:
    """A 0..1 axis of ``width`` cells with the interval ``low``..``high`` and a mark at ``mean``."""
    rest, inside, mark = "·━◆" if look.unicode else ".=O"
    at = lambda value: min(int(min(max(value, 0.0), 1.0) * width), width - 1)  # noqa: E731
    first, middle, last = at(low), at(mean), at(high)
    return [
        (rest * first, "track"), (inside * (middle - first), style), (mark, "value"),
        (inside * (last - middle), style), (rest * (width - 1 - last), "track"),
    ]  # fmt: skip


def sparkline(values: Sequence[float], width: int, look: Look) -> str:
    """All ``values`` in at most ``width`` characters, scaled between their lowest and highest, newest on the right."""
    if not len(values) or width < 1:
        return " " * max(width, 0)
    bins = np.array_split(np.asarray(values, float), min(width, len(values)))
    shown = np.array([part.mean() for part in bins])
    levels = _LEVELS if look.unicode else _ASCII_LEVELS
    low, span = shown.min(), np.ptp(shown)
    steps = (shown - low) / span * (len(levels) - 1) if span > 0 else np.zeros(len(shown))
    return "".join(levels[round(step)] for step in steps).rjust(width)


class _Fitted(NamedTuple):
    grid: np.ndarray  # uint8 (height, width) in dots
    scale: tuple[float, float]  # dots per cell, down and across
    origin: tuple[int, int]  # row and column of the first cell, in dots


def heat_map(
    cells: np.ndarray, envs: Sequence[tuple[int, int]], width: int, height: int, look: Look
) -> list[list[Span]]:
    """``height`` rows of ``width`` characters showing ``cells`` (see WorldView), north up, centred.

    With Unicode a character is 2 x 4 braille dots (visited places), its colour the log of the visits; an env is a
    solid mark. In ASCII the density of the character says how often a place was visited and ``@`` marks an env.
    """
    if not cells.size or width < 1 or height < 1:
        return []
    dots_y, dots_x = (4, 2) if look.unicode else (1, 1)
    grid, (down, across), (top, left) = _fit(cells, width * dots_x, height * dots_y, 1 if look.unicode else 2)
    marks = {
        ((int(row * down) + top) // dots_y, (int(column * across) + left) // dots_x) for row, column in envs
    }
    draw = _braille_row if look.unicode else _ascii_row
    return [draw(grid[y * dots_y : (y + 1) * dots_y], {x for row, x in marks if row == y}) for y in range(height)]


def _fit(cells: np.ndarray, width: int, height: int, aspect: int) -> _Fitted:
    """Scale ``cells`` by whole factors to fill (height, width) dots: by maximum when it must shrink.

    ``aspect``: how much taller than wide a dot is.
    """
    rows, columns = cells.shape
    grow = min(width // columns, height * aspect // rows, 4)
    if grow >= 2:
        cells = cells.repeat(grow, axis=0).repeat(grow, axis=1)
    rows, columns, grow = *cells.shape, max(grow, 1)
    across = max(1, -(-columns // width), -(-rows // (height * aspect)))
    down = across * aspect
    padded = np.pad(cells, ((0, -rows % down), (0, -columns % across)))
    small = padded.reshape(padded.shape[0] // down, down, -1, across).max(axis=(1, 3))
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    grid = np.zeros((height, width), np.uint8)
    grid[top : top + small.shape[0], left : left + small.shape[1]] = small
    return _Fitted(grid, (grow / down, grow / across), (top, left))


def _heat_style(value: int) -> str:
    return f"heat{1 + min(int(value - 2) * 6 // 254, 5)}" if value > 1 else "heat0"


def _braille_row(dots: np.ndarray, marks: set[int]) -> list[Span]:
    """One text row from (4, 2 * width) cells; unvisited places get one dot in four, so that maps have a shape."""
    blocks = dots.reshape(4, -1, 2).transpose(1, 0, 2)  # [width, 4, 2]
    lit = ((blocks > 1) * _BRAILLE_BITS).sum(axis=(1, 2))
    known = ((blocks[:, 1::2, :1] == 1) * _BRAILLE_BITS[1::2, :1]).sum(axis=(1, 2))
    codes, peaks = lit | np.where(lit == 0, known, 0), blocks.max(axis=(1, 2))
    cells = [
        ("●", "agent") if x in marks else (chr(0x2800 + code) if code else " ", _heat_style(peak))
        for x, (code, peak) in enumerate(zip(codes.tolist(), peaks.tolist(), strict=True))
    ]
    return _joined(cells)


def _ascii_row(dots: np.ndarray, marks: set[int]) -> list[Span]:
    cells = []
    for x, value in enumerate(dots[0].tolist()):
        glyph = _ASCII_HEAT[2 + min((value - 2) * 6 // 254, 5)] if value > 1 else _ASCII_HEAT[value]
        cells.append(("@", "agent") if x in marks else (glyph, _heat_style(value)))
    return _joined(cells)


def _joined(cells: list[Span]) -> list[Span]:
    """Neighbours of one style as one span: writing spans is what costs."""
    return [("".join(text for text, _ in run), style) for style, run in groupby(cells, key=itemgetter(1))]
