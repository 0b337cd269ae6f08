"""Reward modules for EpsilonEnv: each pays for one thing, within one episode.

A module has ``reset()`` and ``compute(observation, info) -> float``, called once per observation. ``info["telemetry"]``
holds the numbers of the step (pokemonred_puffer.telemetry), ``info["env_reward"]`` the env's own reward,
``info["action"]`` what was pressed (-1: nothing yet). The first call after ``reset`` sees the spawn and only takes note
of it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from Daddy.puffer_shim.screens import pack_screen
from pokemonred_puffer.data.events import COUNTED_EVENTS_MASK
from pokemonred_puffer.data.milestones import unpack_milestones
from pokemonred_puffer.environment import VALID_ACTIONS
from pokemonred_puffer.errors import ConfigError, did_you_mean

_A = VALID_ACTIONS.index("a")
_FACED = ((0, 1), (0, -1), (-1, 0), (1, 0))  # down, up, left, right
WILD, TRAINER, LOST = 1, 2, 255  # values of wIsInBattle


class RewardModule(Protocol):
    """What EpsilonEnv needs; any class with these will do."""

    name: str

    def reset(self) -> None: ...

    def compute(self, observation: Any, info: dict[str, Any]) -> float: ...


class EnvReward:
    """The env's own reward, unchanged."""

    name = "env"

    def reset(self) -> None: ...

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        return info["env_reward"]


class BadgeReward:
    """10 for each badge when it is won."""

    name, each = "badge", 10.0

    def reset(self) -> None:
        self._owned = 0

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        badges = info["telemetry"].badges
        new, self._owned = badges & ~self._owned, self._owned | badges
        return self.each * new.bit_count()


class BattleReward:
    """The share of the opponent's HP that is taken; 1 for beating a wild one, 3 for a trainer; -1 for losing."""

    name, won, lost = "battle", {WILD: 1.0, TRAINER: 3.0}, -1.0

    def reset(self) -> None:
        self._battle = self._hp = 0
        self._worth = 1.0

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        now = info["telemetry"]
        before, hp = self._battle, self._hp
        self._battle, self._hp = now.in_battle, now.enemy_hp
        if now.in_battle in self.won:
            self._worth = self.worth(now)
            taken = hp - now.enemy_hp if before == now.in_battle else 0  # a rise is the next opponent
            return self._worth * min(max(taken, 0) / max(now.enemy_max_hp, 1), 1.0)
        if before not in self.won:
            return 0.0
        if now.in_battle == LOST:
            return self.lost
        return self._worth * self.won[before] if hp == 0 else 0.0  # with HP left, somebody ran away

    def worth(self, now: Any) -> float:
        """What damage to this opponent, and beating it, is multiplied by."""
        return 1.0


class FairBattleReward(BattleReward):
    """`battle` for fights that are won, less for easy ones: a wild opponent weaker than the party's strongest pays
    (its level / the strongest's)^2 of that, because beating the weakest for ever would otherwise be worth as much as
    going on.

    What damage pays is a potential (Ng, Harada, Russell 1999): it is taken back when a fight is not won, so that
    hurting and losing again and again is worth nothing, and fades while nothing happens. Losing costs no more than
    that: where a loss has a price and is certain, putting it off by doing nothing is the best there is.
    """

    name, lost, decay = "fair_battle", 0.0, 0.99

    def reset(self) -> None:
        super().reset()
        self._potential = 0.0

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        fought = self._battle in self.won
        before = self._potential if fought else 0.0
        pay = super().compute(observation, info)
        if self._battle in self.won:
            self._potential = before + pay
            return self.decay * self._potential - before
        return pay - before if fought and not pay else pay

    def worth(self, now: Any) -> float:
        strongest = int(max(now.party_levels, default=0))
        return min(now.enemy_level / strongest, 1.0) ** 2 if now.in_battle == WILD and strongest else 1.0


class ExplorationReward:
    """0.02 for each (map, x, y) and 1 for each map, the first time."""

    name, cell, place = "exploration", 0.02, 1.0

    def reset(self) -> None:
        self._cells: set[tuple[int, int, int]] = set()
        self._maps: set[int] = set()

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        now = info["telemetry"]
        cells, maps = len(self._cells), len(self._maps)
        self._cells.add((now.map_id, now.x, now.y))
        self._maps.add(now.map_id)
        return self.cell * (len(self._cells) - cells) + self.place * (len(self._maps) - maps)


class NoveltyReward:
    """0.1 / sqrt(n) for the n-th sight of a picture; pictures that agree in every fourth row are the same."""

    name, first = "novelty", 0.1

    def reset(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        rows = pack_screen(observation["screen"])[::4]
        key = hashlib.blake2b(rows.tobytes(), digest_size=8).digest()
        self._seen[key] += 1
        return self.first / self._seen[key] ** 0.5


class PokedexReward:
    """0.5 for each species when it is first seen, 1.5 more when it is caught."""

    name, seen, caught = "pokedex", 0.5, 1.5

    def reset(self) -> None:
        self._seen = self._owned = 0

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        now = info["telemetry"]
        seen, owned = (int.from_bytes(raw, "little") for raw in (now.pokedex_seen, now.pokedex_owned))
        new = self.seen * (seen & ~self._seen).bit_count() + self.caught * (owned & ~self._owned).bit_count()
        self._seen |= seen
        self._owned |= owned
        return new


class QuestReward:
    """5 for each milestone in the order of the first playthrough: a later one pays when all before it are reached."""

    name, stage = "quest", 5.0

    def reset(self) -> None:
        self._packed, self._stages = b"", 0

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        packed = info["telemetry"].milestones.tobytes()
        if packed == self._packed:
            return 0.0
        self._packed, before = packed, self._stages
        reached = unpack_milestones(info["telemetry"].milestones).tolist()
        self._stages = max(before, (*reached, False).index(False))
        return self.stage * (self._stages - before)


class StoryFlagReward:
    """0.5 for each named story flag when it is first set."""

    name, each = "story_flag", 0.5

    def reset(self) -> None:
        self._set = 0

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        flags = int.from_bytes(info["telemetry"].events, "little") & COUNTED_EVENTS_MASK
        new = flags & ~self._set
        self._set |= flags
        return self.each * new.bit_count()


class TalkReward:
    """3 for each person, sign or thing that speaks when A is pressed, the first time since the last milestone.

    Talking takes as many steps as there are pages. While there is new ground to walk on, ten steps later are worth 2
    to 3 less (novelty 0.3 per step, gamma 0.99), so that talking has to pay more than that.
    """

    name, each = "talk", 3.0

    def reset(self) -> None:
        self._heard: set[tuple[int, int, int]] = set()
        self._open, self._milestones = True, b""

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        now = info["telemetry"]
        milestones, before, self._open = now.milestones.tobytes(), self._open, bool(now.text_open)
        if milestones != self._milestones:
            self._milestones, self._heard = milestones, set()
        if before or not now.text_open or now.in_battle or info["action"] != _A:
            return 0.0
        dx, dy = _FACED[now.facing]
        place = (now.map_id, now.x + dx, now.y + dy)
        new = place not in self._heard
        self._heard.add(place)
        return self.each * new


MODULES: dict[str, type[RewardModule]] = {
    module.name: module
    for module in (
        EnvReward, BadgeReward, BattleReward, ExplorationReward, FairBattleReward, NoveltyReward, PokedexReward,
        QuestReward, StoryFlagReward, TalkReward,
    )
}  # fmt: skip


def make_modules(names: Sequence[str]) -> list[RewardModule]:
    """New modules by name.

    Raises:
        ConfigError: an unknown or repeated name.
    """
    for name in names:
        if name not in MODULES:
            raise ConfigError(f"unknown reward module {name}{did_you_mean(name, MODULES)}")
    if len(set(names)) < len(names):
        raise ConfigError(f"reward modules {','.join(names)} name one twice; each pays once")
    return [MODULES[name]() for name in names]
