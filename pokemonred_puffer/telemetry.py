"""The cheap per-step view of an environment that adapters read instead of infos."""
from __future__ import annotations

import numpy as np

from pokemonred_puffer.ram_map import Snapshot


class Telemetry(Snapshot):
    """The memory of the last step with the environment's own figures beside it. Each step makes a new one.

    On top of Snapshot's fields: milestones (16,) u1, packed MILESTONES reached in this episode; required_count and its
    episode maximum max_required_count; tiles, distinct (map, x, y) of the episode; maps, distinct maps; step_count;
    reward of the step and total_reward of the episode; reward_terms, the weighted terms whose change is the reward.
    `milestones` and `reward_terms` are the environment's own objects: copy them to keep them beyond the next step.
    """

    __slots__ = (
        "maps",
        "max_required_count",
        "milestones",
        "required_count",
        "reward",
        "reward_terms",
        "step_count",
        "tiles",
        "total_reward",
    )  # fmt: skip

    def take(self, progress, memory, step_count: int) -> None:
        """Fills in what Progress and ExplorationMemory know; the environment adds the rewards."""
        self.milestones = progress.milestones
        self.required_count, self.max_required_count = progress.required_count, progress.max_required_count
        self.tiles, self.maps, self.step_count = memory.tiles, memory.map_count, step_count

    @property
    def party_levels(self) -> np.ndarray:
        """(party_count,) uint8."""
        return self.party_mons["level"][: self.party_count]

    @property
    def party_hp(self) -> np.ndarray:
        """(party_count,) big-endian uint16."""
        return self.party_mons["hp"][: self.party_count]

    @property
    def party_max_hp(self) -> np.ndarray:
        """(party_count,) big-endian uint16."""
        return self.party_mons["max_hp"][: self.party_count]

    @property
    def enemy_hp_fraction(self) -> float:
        """HP left of the opponent, 0 to 1; 0 outside battle."""
        return min(self.enemy_hp / self.enemy_max_hp, 1.0) if self.enemy_max_hp else 0.0

    @property
    def item_count(self) -> int:
        return len(self.bag[0])
