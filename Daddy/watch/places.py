"""Where the envs are and where they have ever been, on the plan of the world."""

from __future__ import annotations

import numpy as np

from Daddy.snapshot import WorldView

_LEVELS = 253  # of visit counts in WorldView.cells, 2..255
_GAP = 2  # cells kept free behind a map
_FULL_AT = 10_000  # visits of one cell that give the highest level


class Places:
    """Counts visits. ``regions``: map id -> (x, y, width, height) of its place in the world, in cells."""

    def __init__(self, regions: dict[int, tuple[int, int, int, int]], num_envs: int) -> None:
        self._regions = {m: region for m, region in regions.items() if 0 <= m < 256}
        self._corner = np.zeros((256, 2), np.int32)  # row, column
        self._size = np.zeros((256, 2), np.int32)
        for map_id, (x, y, width, height) in self._regions.items():
            self._corner[map_id], self._size[map_id] = (y, x), (height, width)
        self._visits = np.zeros(tuple((self._corner + self._size).max(axis=0)), np.uint32)
        self._entered = np.zeros(256, bool)
        self._at = np.full((num_envs, 2), -1, np.int32)  # row, column of each env; -1: on no known map

    def add(self, rows: np.ndarray, env_ids: np.ndarray) -> None:
        """Count one batch of records (B,); places outside a map's known size are left out."""
        maps = rows["map_id"]
        local = np.stack([rows["y"], rows["x"]], axis=1)  # [B, 2]
        inside = (local < self._size[maps]).all(axis=1)
        at = self._corner[maps] + local
        np.add.at(self._visits, tuple(at[inside].T), 1)
        self._entered[maps[inside]] = True
        self._at[env_ids] = np.where(inside[:, None], at, -1)

    def view(self) -> WorldView | None:
        """The maps entered so far, without the rows and columns of the plan where none is; None before the first."""
        entered = [m for m in np.flatnonzero(self._entered) if m in self._regions]
        if not entered:
            return None
        cells = _levels(self._visits)
        rows, columns = (np.zeros(size, bool) for size in cells.shape)
        for map_id in entered:
            (row, column), (height, width) = self._corner[map_id], self._size[map_id]
            area = cells[row : row + height, column : column + width]
            np.maximum(area, 1, out=area)
            rows[row : row + height + _GAP] = columns[column : column + width + _GAP] = True
        known = self._at[(self._at >= 0).all(axis=1)]
        envs = np.stack([rows.cumsum()[known[:, 0]] - 1, columns.cumsum()[known[:, 1]] - 1], axis=1)
        tiles = int(np.count_nonzero(self._visits))
        return WorldView(cells[rows][:, columns], tuple(map(tuple, envs.tolist())), tiles, len(entered))


def _levels(visits: np.ndarray) -> np.ndarray:
    """uint8: 0 without visits, else 2..255 by their logarithm."""
    share = np.log(np.maximum(visits, 1), dtype=np.float32) / np.log(_FULL_AT)
    return np.where(visits > 0, 2 + np.minimum(share, 1.0) * _LEVELS, 0).astype(np.uint8)
