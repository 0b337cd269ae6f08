"""What a record says about the game, as numbers and as words: milestones, badges, key items, party, place and quest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from Daddy.bayes_quests import Quest
from Daddy.first_times import FirstTimes
from Daddy.names import Names
from Daddy.puffer_shim import (
    CITIES,
    DUNGEONS,
    KEY_ITEMS,
    LAYOUT,
    MILESTONE_TABLE,
    MILESTONES,
    PLACES,
    available_milestones,
    unpack_milestones,
)

Rows = Mapping[str, np.ndarray] | np.ndarray
BADGES = ("BOULDER", "CASCADE", "THUNDER", "RAINBOW", "SOUL", "MARSH", "VOLCANO", "EARTH")
ITEMS = tuple(item.name for item in KEY_ITEMS)
_LEVEL_SCALE = 100 / 255  # of the feature, whose rounding down `ceil` undoes

# The recorded walkthrough of the cartridge has these milestones after so many steps; Red's pace is of the same order.
_PACE = {
    "EVENT_FOLLOWED_OAK_INTO_LAB": 64, "EVENT_GOT_STARTER": 71, "EVENT_BATTLED_RIVAL_IN_OAKS_LAB": 81,
    "EVENT_GOT_OAKS_PARCEL": 226, "EVENT_OAK_GOT_PARCEL": 327, "EVENT_GOT_POKEDEX": 329,
    "EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_0": 1152, "EVENT_BEAT_BROCK": 3116, "EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD": 3598,
    "EVENT_BEAT_CERULEAN_RIVAL": 4327, "EVENT_BEAT_MISTY": 5047, "EVENT_GOT_HM01": 5095,
}  # fmt: skip


def quests(rom: str = "", allow_mismatch: bool = False) -> tuple[Quest, ...]:
    """Every milestone in order, with its tier, its pace and whether the running ROM has it.

    Raises:
        RomError: no usable ROM.
    """
    present = available_milestones(rom or None, allow_mismatch)
    return tuple(Quest(m.name, m.tier, _PACE.get(m.name), m.name in present) for m in MILESTONE_TABLE)


# --- one record in words


@dataclass(frozen=True)
class Flags:
    """A record in words. `levels` has one entry per party member; an absent place or quest is an empty string."""

    milestones: tuple[str, ...]
    badges: tuple[str, ...]
    key_items: tuple[str, ...]
    levels: tuple[int, ...]
    map_name: str
    city: str
    route: str
    dungeon: str
    quest: str


def decode(row: np.void, names: Names) -> Flags:
    """The words of one record."""
    city, route, dungeon = (int(i) for i in PLACES[row["map_id"]])
    quest = names.quest(row["milestones"])
    structured = row["structured"]
    levels = _levels(structured)
    return Flags(
        milestones=names.milestones(row["milestones"]),
        badges=tuple(name for bit, name in enumerate(BADGES) if int(row["badges"]) >> bit & 1),
        key_items=tuple(name for name, held in zip(ITEMS, structured[LAYOUT["key_items"]], strict=True) if held),
        levels=tuple(int(level) for level in levels if level),
        map_name=names.map(int(row["map_id"])),
        city=CITIES[city] if city >= 0 else "",
        route=f"ROUTE_{route}" if route >= 0 else "",
        dungeon=DUNGEONS[dungeon] if dungeon >= 0 else "",
        quest=MILESTONES[quest] if quest >= 0 else "",
    )


# --- many records as bits

FLAG_NAMES: tuple[str, ...] = (
    *(f"milestone:{name}" for name in MILESTONES),
    *(f"badge:{name}" for name in BADGES),
    *(f"item:{name}" for name in ITEMS),
    *(f"city:{name}" for name in CITIES),
    *(f"dungeon:{name}" for name in DUNGEONS),
)


def flag_bits(rows: Rows) -> np.ndarray:
    """bool (B, len(FLAG_NAMES)): what each of the records (B,) owns and where it stands now."""
    places = PLACES[rows["map_id"]]  # [B, 3]
    return np.concatenate((
        unpack_milestones(rows["milestones"]),
        np.unpackbits(rows["badges"][:, None], axis=1, bitorder="little").astype(bool),
        rows["structured"][:, LAYOUT["key_items"]] > 0,
        places[:, :1] == np.arange(len(CITIES)),
        places[:, 2:] == np.arange(len(DUNGEONS)),
    ), axis=1)  # fmt: skip


def _levels(structured: np.ndarray) -> np.ndarray:
    """int64 (..., 6) of features (..., F)."""
    return np.ceil(structured[..., LAYOUT["levels"]] * _LEVEL_SCALE).astype(np.int64)


def strongest_level(rows: Rows) -> np.ndarray:
    """int64 (B,): level of the strongest companion in each of the records (B,), 0 without any."""
    return _levels(rows["structured"]).max(axis=1)


def party_strength(rows: Rows) -> np.ndarray:
    """float64 (B,): the companions' levels in each of the records (B,), each times its share of HP."""
    return (_levels(rows["structured"]) * rows["structured"][:, LAYOUT["hp"]] / 255.0).sum(axis=1)


class FirstTime(NamedTuple):
    """An env's episode got `name` of `kind` (milestone, badge, item, city or dungeon) for the first time."""

    env_id: int
    kind: str
    name: str
    episode_step: int


class FlagWatcher:
    """Tells first times as they happen; every step of every env is a record, so none is missed."""

    def __init__(self, num_envs: int) -> None:
        self._times = FirstTimes(num_envs, len(FLAG_NAMES))

    def update(self, rows: Rows, env_ids: np.ndarray) -> list[FirstTime]:
        """Take the records (B,) of envs env_ids (B,), without repeats; what an episode began with is no first time."""
        steps = rows["episode_step"]
        fresh = self._times.update(flag_bits(rows), rows["is_first"].astype(bool), steps, env_ids)
        return [
            FirstTime(int(env_ids[row]), *FLAG_NAMES[flag].split(":"), int(steps[row]))
            for row, flag in np.argwhere(fresh)
        ]
