"""The cheap per-step view of an environment that adapters read instead of infos."""
from __future__ import annotations

import numpy as np

from pokemonred_puffer.data.milestones import MILESTONE_BYTES
from pokemonred_puffer.data.party import PARTY_LENGTH
from pokemonred_puffer.ram_map import Snapshot


class Telemetry:
    """Numbers of the last step. One object per environment, overwritten by the next step: copy what must last.

    Ints: map_id, x, y (cells), facing (0 down, 1 up, 2 left, 3 right), in_battle (0 no, 1 wild, 2 trainer, 255 lost),
    badges (bits), text_open, joy_ignore, party_count, enemy_level, money, item_count, required_count,
    max_required_count, tiles, maps, step_count. Floats: enemy_hp (fraction), total_reward, reward (of the last step).
    Arrays: milestones (16,) u1, party_levels (6,) u1, party_hp (6,) u2, party_max_hp (6,) u2.
    reward_terms: dict of the weighted terms whose change is the reward.
    """

    __slots__ = (
        "map_id", "x", "y", "facing", "in_battle", "badges", "text_open", "joy_ignore", "party_count", "enemy_level",
        "enemy_hp", "money", "item_count", "required_count", "max_required_count", "tiles", "maps", "step_count",
        "total_reward", "reward", "milestones", "party_levels", "party_hp", "party_max_hp", "reward_terms",
        "_party",
    )  # fmt: skip

    def __init__(self) -> None:
        self.milestones = np.zeros(MILESTONE_BYTES, np.uint8)
        self.party_levels = np.zeros(PARTY_LENGTH, np.uint8)
        self.party_hp = np.zeros(PARTY_LENGTH, np.uint16)
        self.party_max_hp = np.zeros(PARTY_LENGTH, np.uint16)
        self.reward_terms: dict[str, float] = {}
        self._party = b""

    def take(self, snapshot: Snapshot, progress, memory) -> None:
        """Fills in everything that memory tells; the environment adds step_count and the rewards."""
        self.map_id, self.x, self.y = snapshot.map_id, snapshot.x, snapshot.y
        self.facing, self.in_battle, self.text_open = snapshot.facing, snapshot.in_battle, snapshot.text_open
        self.joy_ignore = snapshot.joy_ignore
        self.badges, self.money, self.item_count = progress.badges, snapshot.money, len(snapshot.bag[0])
        self.enemy_level = snapshot.enemy_level
        self.enemy_hp = min(snapshot.enemy_hp / snapshot.enemy_max_hp, 1.0) if snapshot.enemy_max_hp else 0.0
        self.required_count, self.max_required_count = progress.required_count, progress.max_required_count
        self.tiles, self.maps = memory.tiles, memory.map_count
        self.milestones[:] = progress.milestones
        if snapshot.party != self._party:
            self._take_party(snapshot)

    def _take_party(self, snapshot: Snapshot) -> None:
        self._party, self.party_count = snapshot.party, snapshot.party_count
        mons, count = snapshot.party_mons, snapshot.party_count
        for target, name in ((self.party_levels, "level"), (self.party_hp, "hp"), (self.party_max_hp, "max_hp")):
            target[:count] = mons[name][:count]
            target[count:] = 0
