"""What the player has walked on in this episode: coordinates, maps, warps, and the value of each on the world map."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pokemonred_puffer.global_map import GLOBAL_MAP_SHAPE, Region, local_to_global

SPIN_INCREMENT = 0.5  # the game moves the player on spin tiles, so a visit there counts half
DECAY_FLOOR = 0.15
WINDOW_BEFORE, WINDOW_AFTER = 4, 6  # cells around the player that the screen shows: 10 x 10


class ExplorationMemory:
    """Visited cells with values in [0, maximum].

    `explore_map` and `reward_explore_map` are (484, 476) float32; the latter holds the value times the boost that the
    map had when the cell was visited, and `reward_sum` is its running sum.
    """

    def __init__(self, regions: dict[int, Region], increment: float = 1.0, maximum: float = 1.0) -> None:
        self.regions = regions
        self.increment = increment
        self.maximum = maximum
        self.explore_map = np.zeros(GLOBAL_MAP_SHAPE, np.float32)
        self.reward_explore_map = np.zeros(GLOBAL_MAP_SHAPE, np.float32)
        self.version = 0  # grows whenever `explore_map` changes
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self.explore_map.fill(0)
        self.reward_explore_map.fill(0)
        self.reward_sum = 0.0
        self.seen_coords: dict[int, dict[tuple[int, int, int], float]] = {}  # tileset -> (x, y, map) -> value
        self.seen_map_ids = np.zeros(256, np.uint8)
        self.map_count = 0  # distinct maps visited
        self.seen_warps: dict[tuple[int, int, int], float] = {}  # (map left, map entered, warp id)
        self._saturated: set[tuple[int, int, int]] = set()
        self.version += 1
        self.start_episode()

    def start_episode(self) -> None:
        """Restarts the per-episode counts without forgetting values."""
        self._episode: set[tuple[int, int, int]] = set()
        self._last_map: int | None = None
        self.position = (GLOBAL_MAP_SHAPE[0] // 2, GLOBAL_MAP_SHAPE[1] // 2)

    @property
    def tiles(self) -> int:
        """Distinct (map, x, y) visited since the episode began."""
        return len(self._episode)

    def visit(self, snapshot, boost: Callable[[int, int], float]) -> None:
        """Counts the player's cell; `boost(map, tileset)` is asked only when the cell can still gain value."""
        key = (snapshot.x, snapshot.y, snapshot.map_id)
        if key[2] != self._last_map:
            self._enter(key[2], snapshot.destination_warp)
        self.position = local_to_global(key[1], key[0], key[2], self.regions)
        self._episode.add(key)
        if key not in self._saturated:
            self._raise(key, snapshot, boost)

    def _enter(self, map_id: int, warp: int) -> None:
        if self._last_map is not None and warp != 0xFF:
            self.seen_warps[(self._last_map, map_id, warp)] = 1.0
        self._last_map = map_id
        if not self.seen_map_ids[map_id]:
            self.seen_map_ids[map_id] = 1
            self.map_count += 1

    def _raise(self, key: tuple[int, int, int], snapshot, boost: Callable[[int, int], float]) -> None:
        increment = SPIN_INCREMENT * self.increment if snapshot.spinning else self.increment
        coords = self.seen_coords.setdefault(snapshot.tileset, {})
        value = min(coords.get(key, 0.0) + increment, self.maximum)
        coords[key] = value
        if value >= self.maximum:
            self._saturated.add(key)
        self.version += 1
        self.explore_map[self.position] = max(value, self.explore_map[self.position])
        # A cell never loses value when its map is finished: walking on is not punished.
        before = float(self.reward_explore_map[self.position])
        after = max(value * boost(key[2], snapshot.tileset), before)
        self.reward_explore_map[self.position] = after
        self.reward_sum += float(self.reward_explore_map[self.position]) - before

    def window(self) -> np.ndarray:
        """(10, 10) view of `explore_map` around the player; the player stands at row 4, column 4."""
        row, column = self.position
        row = min(max(row, WINDOW_BEFORE), GLOBAL_MAP_SHAPE[0] - WINDOW_AFTER)
        column = min(max(column, WINDOW_BEFORE), GLOBAL_MAP_SHAPE[1] - WINDOW_AFTER)
        return self.explore_map[
            row - WINDOW_BEFORE : row + WINDOW_AFTER, column - WINDOW_BEFORE : column + WINDOW_AFTER
        ]

    def decay(self, coords: float, explore: float, floor: float = DECAY_FLOOR) -> None:
        """Multiplies coordinate values and map values by the factors; visited ones stay at or above `floor`."""
        for table in self.seen_coords.values():
            table.update({key: max(value * coords, floor) for key, value in table.items()})
        for array in (self.explore_map, self.reward_explore_map):
            visited = array > 0
            array[visited] = np.maximum(array[visited] * explore, floor)
        self._resum()

    def lower(self, fixed: float) -> None:
        """Lowers every value above `fixed` to it."""
        for table in self.seen_coords.values():
            table.update({key: min(value, fixed) for key, value in table.items()})
        np.minimum(self.explore_map, fixed, out=self.explore_map)
        np.minimum(self.reward_explore_map, fixed, out=self.reward_explore_map)
        self._resum()

    def forget(self, tileset: int, key: tuple[int, int, int]) -> None:
        """Forgets one coordinate (x, y, map) of `tileset`."""
        self.seen_coords[tileset].pop(key, None)
        self._saturated.discard(key)
        cell = local_to_global(key[1], key[0], key[2], self.regions)
        self.reward_sum -= float(self.reward_explore_map[cell])
        self.explore_map[cell] = self.reward_explore_map[cell] = 0.0
        self.version += 1

    def _resum(self) -> None:
        self.reward_sum = float(self.reward_explore_map.sum(dtype=np.float64))
        self._saturated.clear()
        self.version += 1
