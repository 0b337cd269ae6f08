"""Locks a map: a run that is made to stagnate, to see whether its alarms tell."""
from __future__ import annotations

from typing import Any

import gymnasium

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.errors import ConfigError, did_you_mean
from pokemonred_puffer.wrappers.settings import settings_of

STEPS = {0: (0, 1), 1: (-1, 0), 2: (1, 0), 3: (0, -1)}  # action: (dx, dy)
_SIDES = {0: "south", 1: "west", 2: "east", 3: "north"}
_HEADERS = {0: ram.wSouthConnectedMap, 1: ram.wWestConnectedMap, 2: ram.wEastConnectedMap, 3: ram.wNorthConnectedMap}
_FLAGS = {0: 4, 1: 2, 2: 1, 3: 8}  # of wCurMapConnections
_NOTHING = 5  # B, which does nothing to somebody who stands on a road
_LAST_MAP = 0xFF  # destination of the doors that lead outside


class LockedDoorWrapper(gymnasium.Wrapper):
    """No door and no road leads into `map` (a name of MapIds): the step that would enter it is not taken.

    The game's own table of doors tells where they are, so nothing is written and savestates carry no trace. The step
    passes with B pressed instead. What the game does by itself is not stopped: a script that takes the player along, a
    hole, a blackout; an episode that begins inside is free to leave, and then stays outside.
    """

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        name = str(settings_of("LockedDoorWrapper", config, {"map": "VIRIDIAN_MART"})["map"])
        emulator = self.unwrapped.emulator
        world = emulator.rom.world
        known = [entry["const"] for entry in world["maps"]] if world else list(MapIds.__members__)
        if name not in known:
            raise ConfigError(f"LockedDoorWrapper: the running game has no map {name}{did_you_mean(name, known)}")
        self.locked = int(MapIds[name])
        self._read, self._read_range = emulator.read, emulator.read_range
        self._roads = _roads_of(world) if world else None

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Steps, but not through the locked door."""
        return self.env.step(_NOTHING if self._enters(int(action)) else action)

    def _enters(self, action: int) -> bool:
        now = self.unwrapped.telemetry()
        if action not in STEPS or now.map_id == self.locked or now.in_battle or now.text_open:
            return False
        dx, dy = STEPS[action]
        x, y = now.x + dx, now.y + dy
        if 0 <= x < 2 * self._read(ram.wCurMapWidth) and 0 <= y < 2 * self._read(ram.wCurMapHeight):
            return self._door_at(x, y)
        return self._door_at(now.x, now.y) or self._road(now.map_id, action) == self.locked

    def _door_at(self, x: int, y: int) -> bool:
        count = min(self._read(ram.wNumberOfWarps), ram.MAX_WARPS)
        table = self._read_range(ram.wWarpEntries, 4 * count)
        for at in range(0, 4 * count, 4):  # y, x, number of the door there, map
            target = self._read(ram.wLastMap) if table[at + 3] == _LAST_MAP else table[at + 3]
            if (table[at + 1], table[at]) == (x, y) and target == self.locked:
                return True
        return False

    def _road(self, map_id: int, action: int) -> int | None:
        """The map beyond the edge of this one."""
        if self._roads is not None:  # the cartridge keeps these in its ROM
            return self._roads.get((map_id, action))
        return self._read(_HEADERS[action]) if self._read(ram.wCurMapConnections) & _FLAGS[action] else None


def _roads_of(world: dict) -> dict[tuple[int, int], int]:
    return {
        (entry["id"], action): entry["connections"][side]["map"]
        for entry in world["maps"] for action, side in _SIDES.items() if side in entry["connections"]
    }  # fmt: skip
