"""Where this episode has been: visit counts per map, and the view of them that matches the screen."""

from __future__ import annotations

import numpy as np

VIEW = (9, 10)  # walkable cells that the screen shows; the player stands on row 4, column 4
_ROW, _COLUMN = 4, 4
_MARGIN = 10  # cells around a map, so that a view never leaves its table
_STEPS = {0: (1, 0), 1: (0, -1), 2: (0, 1), 3: (-1, 0)}  # (rows, columns) of the env's directions
DIRECTIONS = len(_STEPS)
_PAYS = np.round(255.0 / np.sqrt(np.arange(256) + 1.0)).astype(np.uint8)


def on_new_ground(view: np.ndarray) -> np.ndarray:
    """Whether the player stands where it never stood, bool (B,), by views uint8 (B, 90) of `VisitCounts`."""
    return view[:, _ROW * VIEW[1] + _COLUMN] >= _PAYS[1]


def pays_around(view: np.ndarray) -> np.ndarray:
    """What the cells next to the player pay by views uint8 (B, 90): uint8 (B, 4), in the order of the directions."""
    return view[:, [(_ROW + row) * VIEW[1] + _COLUMN + column for row, column in _STEPS.values()]]


class VisitCounts:
    """Counts of (map, x, y) in one table per map, made when the map is entered and grown as needed.

    The view tells what episodic novelty would pay for the next visit of each cell on screen, 255/sqrt(n + 1). Without
    it that reward depends on something that the agent cannot see. A step into something solid counts as a visit of the
    cell that was not reached, so that walls stop looking new once they were tried.
    """

    def __init__(self, out: np.ndarray) -> None:
        """``out`` is uint8 (90,), which `visit` fills with the view row by row."""
        self._out = out.reshape(VIEW)
        self.clear()

    def clear(self) -> None:
        """Start an episode."""
        self.count_anew()
        self._walked: set[int] = set()
        self._place = -1

    def count_anew(self) -> None:
        """Forget the counts but not the tiles: all that is known ground is new again."""
        self._tables: dict[int, np.ndarray] = {}

    @property
    def tiles(self) -> int:
        """Distinct (map, x, y) walked on."""
        return len(self._walked)

    def visit(self, map_id: int, x: int, y: int, pushed: int = -1) -> None:
        """Count one visit of a cell and write the view around it. Counts stay at 255.

        ``pushed`` is the env's action that led here: 0 down, 1 left, 2 right, 3 up; others do not walk.
        """
        table = self._tables.get(map_id)
        if table is None or y + 2 * _MARGIN > table.shape[0] or x + 2 * _MARGIN > table.shape[1]:
            table = self._tables[map_id] = _grown(table, y, x)
        row, column = y + _MARGIN, x + _MARGIN
        place = map_id << 16 | x << 8 | y
        self._walked.add(place)
        _count(table, row, column)
        if place == self._place and pushed in _STEPS:
            _count(table, row + _STEPS[pushed][0], column + _STEPS[pushed][1])
        self._place = place
        top, left = row - _ROW, column - _COLUMN
        np.take(_PAYS, table[top : top + VIEW[0], left : left + VIEW[1]], out=self._out, mode="clip")


def _count(table: np.ndarray, row: int, column: int) -> None:
    table[row, column] = min(int(table[row, column]) + 1, 255)


def _grown(table: np.ndarray | None, y: int, x: int) -> np.ndarray:
    """A table with room for (y, x) and half as much again, holding the counts of the old one."""
    old = np.zeros((0, 0), np.uint8) if table is None else table
    rows = max(old.shape[0], 3 * y // 2 + 16 + 2 * _MARGIN)
    columns = max(old.shape[1], 3 * x // 2 + 16 + 2 * _MARGIN)
    new = np.zeros((rows, columns), np.uint8)
    new[: old.shape[0], : old.shape[1]] = old
    return new
