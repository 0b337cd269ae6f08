"""Reward modules: each pays for one thing, once per episode.

The protocol is ``name``, ``reset()`` and ``compute(observation, info) -> float``, called once per observation. What is
read lies at the disassembly's addresses (pokemonred_puffer.ram_map, through ``info["telemetry"]``): badges D356, battle
D057, opponent's HP CFE6 and CFF4 big-endian, place D35E/D361/D362, dex D2F7/D30A, event flags D747.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from pokemonred_puffer.data.events import COUNTED_EVENTS_MASK
from pokemonred_puffer.data.milestones import unpack_milestones
from pokemonred_puffer.errors import ConfigError, did_you_mean

_LOST = 255  # wIsInBattle after a defeat
_PRIZES = {1: 1.0, 2: 3.0}  # for beating a wild opponent, a trainer's


class RewardModule(Protocol):
    """What EpsilonEnv asks of a module."""

    name: str

    def reset(self) -> None: ...

    def compute(self, observation: Any, info: dict[str, Any]) -> float: ...


class EnvReward:
    """The env's own reward."""

    name = "env"

    def reset(self) -> None:
        """Nothing to forget."""

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        return info["env_reward"]


class _NewBits:
    """Finds the bits of a growing mask that were not set before in this episode."""

    def __init__(self) -> None:
        self.seen = 0

    def take(self, mask: int) -> int:
        """How many bits of ``mask`` are new."""
        new = mask & ~self.seen
        self.seen |= mask
        return new.bit_count()


class BadgeReward:
    """10 per badge."""

    name = "badge"

    def reset(self) -> None:
        self._badges = _NewBits()

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        return 10.0 * self._badges.take(info["telemetry"].badges)


class BattleReward:
    """The share of an opponent's HP that a step takes; 1 for beating a wild one, 3 for a trainer; -1 for a defeat."""

    name = "battle"

    def reset(self) -> None:
        self._last = (0, 0)  # wIsInBattle, opponent's HP

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        now = info["telemetry"]
        (was, hp), self._last = self._last, (now.in_battle, now.enemy_hp)
        if now.in_battle in _PRIZES:
            same = was == now.in_battle and hp > now.enemy_hp  # HP that rises belongs to the next opponent
            return min((hp - now.enemy_hp) / max(now.enemy_max_hp, 1), 1.0) if same else 0.0
        if was not in _PRIZES:
            return 0.0
        if now.in_battle == _LOST:
            return -1.0
        return 0.0 if hp else _PRIZES[was]  # an opponent with HP left was not beaten


class ExplorationReward:
    """0.02 per (map, x, y) and 1 per map."""

    name = "exploration"

    def reset(self) -> None:
        self._cells: set[tuple[int, int, int]] = set()
        self._maps: set[int] = set()

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        now = info["telemetry"]
        cell = (now.map_id, now.x, now.y)
        value = 0.02 * (cell not in self._cells) + 1.0 * (now.map_id not in self._maps)
        self._cells.add(cell)
        self._maps.add(now.map_id)
        return value


class NoveltyReward:
    """0.1 / sqrt(n) for the n-th sight of a screen; only every fourth of its rows tells it from another."""

    name = "novelty"

    def reset(self) -> None:
        self._sights: dict[bytes, int] = {}

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        screen = np.asarray(observation["screen"]).reshape(72, 20)  # 2-bit, as the env delivers by default
        key = hashlib.blake2b(screen[::4].tobytes(), digest_size=8).digest()
        count = self._sights[key] = self._sights.get(key, 0) + 1
        return 0.1 / count**0.5


class PokedexReward:
    """0.5 per species seen, 1.5 per species caught."""

    name = "pokedex"

    def reset(self) -> None:
        self._seen, self._owned = _NewBits(), _NewBits()

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        now = info["telemetry"]
        seen = self._seen.take(int.from_bytes(now.pokedex_seen, "little"))
        return 0.5 * seen + 1.5 * self._owned.take(int.from_bytes(now.pokedex_owned, "little"))


class QuestReward:
    """5 per milestone in the order of the first playthrough; a later one waits for all before it."""

    name = "quest"

    def reset(self) -> None:
        self._stages, self._packed = 0, b""

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        milestones = info["telemetry"].milestones  # packed; what was reached stays reached
        if (packed := milestones.tobytes()) == self._packed:
            return 0.0
        self._packed, before = packed, self._stages
        reached = unpack_milestones(milestones)
        stages = len(reached) if reached.all() else int(reached.argmin())
        self._stages = max(stages, before)
        return 5.0 * (self._stages - before)


class StoryFlagReward:
    """0.5 per named event flag."""

    name = "story_flag"

    def reset(self) -> None:
        self._flags = _NewBits()

    def compute(self, observation: Any, info: dict[str, Any]) -> float:
        return 0.5 * self._flags.take(int.from_bytes(info["telemetry"].events, "little") & COUNTED_EVENTS_MASK)


_CLASSES = (EnvReward, BadgeReward, BattleReward, ExplorationReward, NoveltyReward, PokedexReward, QuestReward,
            StoryFlagReward)  # fmt: skip
MODULES: dict[str, type[RewardModule]] = {module.name: module for module in _CLASSES}


def make_modules(names: Sequence[str]) -> list[RewardModule]:
    """New modules by name.

    Raises:
        ConfigError: no name, an unknown one, or one given twice.
    """
    if not names:
        raise ConfigError(f"no reward module; name some of {','.join(MODULES)}")
    for name in names:
        if name not in MODULES:
            raise ConfigError(f"unknown reward module {name}{did_you_mean(name, MODULES)}; choose from "
                              f"{','.join(MODULES)}")
        if list(names).count(name) > 1:
            raise ConfigError(f"reward module {name} is named twice; each pays once")
    return [MODULES[name]() for name in names]
