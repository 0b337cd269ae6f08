"""When a savestate is worth taking: the first time that an episode gets somewhere.

Milestones, key items, towns and caves; and, as the cells of Go-Explore (Ecoffet et al. 2021, arXiv 2004.12919), every
part of a map that is entered for the first time since the last milestone, and every other level of the strongest
companion: what lies between two milestones is too far for one episode's exploration. A whole forest would be too large
a cell: it is entered by a door that most episodes leave by again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.curriculum.savestates import AFTER, LEVEL, PART, place_at
from Daddy.first_times import MilestoneChanges
from Daddy.flags import FirstTime, FlagWatcher, party_strength, strongest_level
from Daddy.puffer_shim import MILESTONE_TABLE, RECORD, milestone_names

_PREFIXES = {
    "milestone": "", "item": "ITEM_", "city": "CITY_", "dungeon": "AREA_", "level": LEVEL, "map": "MAP_",
}  # the most telling first
LEVEL_STEP = 2
_PARTS = 255 // PART + 1
_WHERE = np.dtype([(field, RECORD[field]) for field in ("map_id", "x", "y", "milestones")])
_RANK = {kind: rank for rank, kind in enumerate(_PREFIXES)}
_TIERS = {milestone.name: milestone.tier for milestone in MILESTONE_TABLE}


@dataclass(frozen=True)
class Trigger:
    """Env `env_id` has just got `name`, which its episode did not begin with; `row` is its place in the batch.

    A name is a milestone's (badges and beaten leaders are among them), ITEM_<key item>, CITY_<town>, AREA_<dungeon>,
    LEVEL_<n> or MAP_<map>_AFTER_<milestone>, with _X<column>Y<row> after the map in all but its first square. `owned`
    are the milestones it now has.
    """

    env_id: int
    row: int
    name: str
    tier: str
    owned: tuple[str, ...]
    strength: float  # of the party, see `flags.party_strength`


class Triggers:
    """Watches the records for first times, at most one per record."""

    def __init__(self, num_envs: int) -> None:
        self._watcher = FlagWatcher(num_envs)
        self._stones = _SteppingStones(num_envs)
        self._took = np.zeros(num_envs, np.int64)
        self.seen: Counter[str] = Counter()  # by name
        self.led_on: list[tuple[int, str]] = []  # (row, kind of the part of a map that it came from) of new milestones

    def update(self, rows: np.ndarray, env_ids: np.ndarray) -> list[Trigger]:
        """Take the records (B,) of envs env_ids (B,), without repeats."""
        self._took[env_ids[rows["is_first"].astype(bool)]] = 0
        best: dict[int, FirstTime] = {}
        for first in self._watcher.update(rows, env_ids):
            if first.kind in _RANK:
                best[first.env_id] = min(best.get(first.env_id, first), first, key=lambda f: _RANK[f.kind])
        reached = [env for env, first in best.items() if first.kind == "milestone"]  # it ranks first
        for env in reached:
            self._took[env] = self._took[env] or best[env].episode_step
        parts = [self._stones.last_part(env) for env in reached]
        for first in self._stones.update(rows, env_ids):
            best.setdefault(first.env_id, first)
        places = {int(env): row for row, env in enumerate(env_ids)} if best else {}
        self.led_on = [(places[env], _PREFIXES["map"] + part) for env, part in zip(reached, parts, strict=True)]
        found = [_trigger(first, places[env], rows) for env, first in best.items()]
        self.seen.update(trigger.name for trigger in found)
        return found

    @property
    def ways(self) -> dict[str, set[str]]:
        """Part of a map -> those that were entered from it, at any stage of the story."""
        return self._stones.ways

    def took(self, env_id: int) -> int:
        """Steps after which the env's episode reached a milestone that it did not begin with; 0 if it has not."""
        return int(self._took[env_id])

    def state_dict(self) -> dict[str, Any]:
        """Plain values; running episodes end with a run."""
        return {"seen": dict(self.seen), "ways": {place: sorted(to) for place, to in self.ways.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.seen = Counter(state["seen"])
        ways = state.get("ways", {})  # checkpoints of before the evening of 2026-11-28 have none
        self._stones.ways = {place: set(to) for place, to in ways.items()}


class _SteppingStones:
    """Parts of maps entered for the first time since the episode's start or last milestone, and levels reached."""

    def __init__(self, num_envs: int) -> None:
        self._entered = np.zeros((num_envs, 256, _PARTS, _PARTS), bool)
        self._changes = MilestoneChanges(num_envs)
        self._level = np.zeros(num_envs, np.int64)  # highest of the episode, in whole LEVEL_STEPs
        self._last = np.zeros(num_envs, _WHERE)
        self.ways: dict[str, set[str]] = {}

    def update(self, rows: np.ndarray, env_ids: np.ndarray) -> list[FirstTime]:
        """First times in the records (B,) of envs env_ids (B,); an episode's first record and a milestone have none."""
        first = rows["is_first"].astype(bool)
        part = (env_ids, rows["map_id"], rows["x"] // PART, rows["y"] // PART)
        anew = self._changes.update(rows["milestones"], first, env_ids)  # [B]
        self._entered[env_ids[anew]] = False
        entered = ~anew & ~self._entered[part]
        self._entered[part] = True
        level = strongest_level(rows) // LEVEL_STEP  # [B]
        rose = ~first & (level > self._level[env_ids])
        self._level[env_ids] = np.where(first, level, np.maximum(level, self._level[env_ids]))
        for i in np.flatnonzero(entered & ~rose):
            self.ways.setdefault(_place(self._last[env_ids[i]]), set()).add(_place(rows[i]))
        for field in _WHERE.names:
            self._last[field][env_ids] = rows[field]
        return [self._named(int(env_ids[i]), rows[i], bool(rose[i])) for i in np.flatnonzero(entered | rose)]

    def last_part(self, env_id: int) -> str:
        """The part of a map that the env's last record was in, and after what."""
        return _part(self._last[env_id])

    def _named(self, env_id: int, row: np.void, rose: bool) -> FirstTime:
        kind, name = ("level", f"{self._level[env_id] * LEVEL_STEP:02d}") if rose else ("map", _part(row))
        return FirstTime(env_id, kind, name, int(row["episode_step"]))


def _place(row: np.void) -> str:
    return place_at(row["map_id"], row["x"], row["y"])


def _part(row: np.void) -> str:
    owned = milestone_names(row["milestones"])
    after = owned[-1].removeprefix("EVENT_") if owned else "START"
    return _place(row).removeprefix(_PREFIXES["map"]) + AFTER + after


def _trigger(first: FirstTime, row: int, rows: np.ndarray) -> Trigger:
    owned, strength = milestone_names(rows["milestones"][row]), float(party_strength(rows[[row]])[0])
    milestone = first.name if first.kind == "milestone" else owned[-1] if owned else ""
    name, tier = _PREFIXES[first.kind] + first.name, _TIERS.get(milestone, "early")
    return Trigger(first.env_id, row, name, tier, owned, strength)
