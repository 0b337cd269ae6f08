"""A grid of styled characters, with borders that join where panels meet.

rich's own Layout and Table cost 20-40 ms per frame; a grid costs a few. rich is used for what it is good at: colours.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby, pairwise
from operator import itemgetter

from rich.cells import cell_len

from Daddy.dashboard.look import Look

Rect = tuple[int, int, int, int]  # x, y, width, height; neighbours share their border line

_LEFT, _RIGHT, _UP, _DOWN = 1, 2, 4, 8
_UNICODE = " ───│╯╰┴│╮╭┬│┤├┼"  # index: the sum of the directions in which a border leaves the cell
_ASCII = " ---|+++|+++|+++"


class Canvas:
    """``height`` rows of ``width`` cells; everything outside is clipped."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._chars = [[" "] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]

    def put(self, x: int, y: int, text: str, style: str = "") -> int:
        """Write ``text`` from column ``x`` of row ``y``; returns the column after it."""
        end = x + len(text)
        if 0 <= y < self.height and x < self.width and end > 0:
            text = single_width(text)[max(0, -x) : self.width - x]
            start = max(x, 0)
            self._chars[y][start : start + len(text)] = text
            self._styles[y][start : start + len(text)] = [style] * len(text)
        return end

    def borders(self, rects: Iterable[Rect], look: Look) -> None:
        """Draw the outlines of ``rects``, joined."""
        glyphs = _UNICODE if look.unicode else _ASCII
        for (x, y), directions in _outline(tuple(rects)):
            self.put(x, y, glyphs[directions], "border")

    def rows(self, look: Look) -> list[str]:
        """Each row as text with the escape codes of ``look``."""
        return [_paint_row(chars, styles, look) for chars, styles in zip(self._chars, self._styles, strict=True)]

    def text(self) -> list[str]:
        """Each row without styles and trailing spaces."""
        return ["".join(row).rstrip() for row in self._chars]


class Region:
    """The inside of a panel: ``put`` with its own coordinates, clipped at its edges."""

    def __init__(self, canvas: Canvas, x: int, y: int, width: int, height: int) -> None:
        self.width, self.height = max(width, 0), max(height, 0)
        self._canvas, self._x, self._y = canvas, x, y

    def put(self, x: int, y: int, text: str, style: str = "") -> int:
        """Write from (x, y); returns the column after the text."""
        if 0 <= y < self.height and x < self.width:
            self._canvas.put(self._x + x, self._y + y, text[: self.width - x], style)
        return x + len(text)

    def spans(self, x: int, y: int, spans: Iterable[tuple[str, str]]) -> int:
        """Write (text, style) pairs one after the other; returns the column after them."""
        for text, style in spans:
            x = self.put(x, y, text, style)
        return x

    def right(self, y: int, text: str, style: str = "") -> None:
        """Write ``text`` so that it ends at the right edge."""
        self.put(max(self.width - len(text), 0), y, text, style)


def single_width(text: str) -> str:
    """Control, combining and double-width characters would shift the grid: each becomes ``?``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and cell_len(c) == 1 else "?" for c in text)


def _paint_row(chars: list[str], styles: list[str], look: Look) -> str:
    parts, at = [], 0
    for style, run in groupby(styles):
        end = at + sum(1 for _ in run)
        parts.append(look.paint("".join(chars[at:end]), style))
        at = end
    return "".join(parts)


@lru_cache(maxsize=8)
def _outline(rects: tuple[Rect, ...]) -> tuple[tuple[tuple[int, int], int], ...]:
    """((x, y), directions) of every border cell."""
    cells: dict[tuple[int, int], int] = {}
    for x, y, width, height in rects:
        right, bottom = x + width - 1, y + height - 1
        for row in (y, bottom):
            _line(cells, [(column, row) for column in range(x, right + 1)], _RIGHT, _LEFT)
        for column in (x, right):
            _line(cells, [(column, row) for row in range(y, bottom + 1)], _DOWN, _UP)
    return tuple(sorted(cells.items(), key=itemgetter(0)))


def _line(cells: dict[tuple[int, int], int], path: list[tuple[int, int]], forward: int, back: int) -> None:
    for here, after in pairwise(path):
        cells[here] = cells.get(here, 0) | forward
        cells[after] = cells.get(after, 0) | back
