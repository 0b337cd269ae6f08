"""When a savestate is worth taking: the first time that an episode gets somewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.flags import FirstTime, FlagWatcher
from Daddy.puffer_shim import MILESTONE_TABLE, milestone_names

_PREFIXES = {"milestone": "", "item": "ITEM_", "city": "CITY_", "dungeon": "AREA_"}  # the most telling first
_RANK = {kind: rank for rank, kind in enumerate(_PREFIXES)}
_TIERS = {milestone.name: milestone.tier for milestone in MILESTONE_TABLE}


@dataclass(frozen=True)
class Trigger:
    """Env `env_id` has just got `name`, which its episode did not begin with; `row` is its place in the batch.

    A name is a milestone's (badges and beaten leaders are among them), ITEM_<key item>, CITY_<town> or AREA_<dungeon>.
    `owned` are the milestones it now has.
    """

    env_id: int
    row: int
    name: str
    tier: str
    owned: tuple[str, ...]


class Triggers:
    """Watches the records for first times, at most one per record."""

    def __init__(self, num_envs: int) -> None:
        self._watcher = FlagWatcher(num_envs)
        self._progressed = np.zeros(num_envs, bool)
        self.seen: Counter[str] = Counter()  # by name

    def update(self, rows: np.ndarray, env_ids: np.ndarray) -> list[Trigger]:
        """Take the records (B,) of envs env_ids (B,), without repeats."""
        self._progressed[env_ids[rows["is_first"].astype(bool)]] = False
        best: dict[int, FirstTime] = {}
        for first in self._watcher.update(rows, env_ids):
            self._progressed[first.env_id] |= first.kind == "milestone"
            if first.kind in _RANK:
                best[first.env_id] = min(best.get(first.env_id, first), first, key=lambda f: _RANK[f.kind])
        if not best:
            return []
        places = {int(env): row for row, env in enumerate(env_ids)}
        found = [_trigger(first, places[env], rows[places[env]]) for env, first in best.items()]
        self.seen.update(trigger.name for trigger in found)
        return found

    def progressed(self, env_id: int) -> bool:
        """Whether the env's episode has reached a milestone that it did not begin with."""
        return bool(self._progressed[env_id])

    def state_dict(self) -> dict[str, Any]:
        """Plain values; running episodes end with a run."""
        return {"seen": dict(self.seen)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.seen = Counter(state["seen"])


def _trigger(first: FirstTime, row: int, record: np.void) -> Trigger:
    owned = milestone_names(record["milestones"])
    milestone = first.name if first.kind == "milestone" else owned[-1] if owned else ""
    return Trigger(first.env_id, row, _PREFIXES[first.kind] + first.name, _TIERS.get(milestone, "early"), owned)
