"""The ordered list of progress milestones: what "how far did it get" means in logs, posteriors and the curriculum.

A milestone is one bit: an event flag, a badge, or one of the four extras outside wEventFlags. The list is the first
playthrough's order. Tiers sort savestates: early (to the first badge), mid (to the fourth), late.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pokemonred_puffer.data.events import EVENTS

EARLY, MID, LATE = "early", "mid", "late"


class Milestone(NamedTuple):
    """One milestone. `event` is its flag number (None for extras); `badge` is the wObtainedBadges bit or None."""

    name: str
    tier: str
    event: int | None
    badge: int | None


_BADGES = {
    "EVENT_BEAT_BROCK": 0, "EVENT_BEAT_MISTY": 1, "EVENT_BEAT_LT_SURGE": 2, "EVENT_BEAT_ERIKA": 3,
    "EVENT_BEAT_KOGA": 4, "EVENT_BEAT_SABRINA": 5, "EVENT_BEAT_BLAINE": 6, "EVENT_BEAT_VIRIDIAN_GYM_GIOVANNI": 7,
}  # fmt: skip
_ORDER = {
    EARLY: "EVENT_FOLLOWED_OAK_INTO_LAB EVENT_GOT_STARTER EVENT_BATTLED_RIVAL_IN_OAKS_LAB EVENT_GOT_OAKS_PARCEL"
    " EVENT_OAK_GOT_PARCEL EVENT_GOT_POKEDEX EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_0 EVENT_BEAT_BROCK",
    MID: "EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD EVENT_BEAT_CERULEAN_RIVAL EVENT_BEAT_MISTY EVENT_MET_BILL"
    " EVENT_GOT_SS_TICKET EVENT_GOT_BIKE_VOUCHER rival3 EVENT_GOT_HM01 EVENT_BEAT_LT_SURGE EVENT_GOT_BICYCLE"
    " EVENT_BEAT_ROCK_TUNNEL_1_TRAINER_3 game_corner_rocket EVENT_FOUND_ROCKET_HIDEOUT EVENT_BEAT_ERIKA",
    LATE: "EVENT_BEAT_ROCKET_HIDEOUT_GIOVANNI EVENT_RESCUED_MR_FUJI EVENT_GOT_POKE_FLUTE saffron_guard"
    " EVENT_BEAT_SILPH_CO_RIVAL lapras EVENT_BEAT_SILPH_CO_GIOVANNI EVENT_BEAT_KOGA EVENT_GOT_HM03 EVENT_GOT_HM04"
    " EVENT_BEAT_SABRINA EVENT_BEAT_BLAINE EVENT_BEAT_VIRIDIAN_GYM_GIOVANNI EVENT_PASSED_EARTHBADGE_CHECK"
    " EVENT_BEAT_LORELEIS_ROOM_TRAINER_0 EVENT_BEAT_BRUNOS_ROOM_TRAINER_0 EVENT_BEAT_AGATHAS_ROOM_TRAINER_0"
    " EVENT_BEAT_LANCE EVENT_BEAT_CHAMPION_RIVAL",
}

MILESTONE_TABLE: tuple[Milestone, ...] = tuple(
    Milestone(name, tier, EVENTS.get(name), _BADGES.get(name))
    for tier, names in _ORDER.items()
    for name in names.split()
)
MILESTONES: tuple[str, ...] = tuple(m.name for m in MILESTONE_TABLE)
MILESTONE_BYTES = 16  # packed width in records: room for 128 milestones


def _lookup() -> tuple[np.ndarray, np.ndarray]:
    """(byte index, bit mask) per milestone into the concatenation 320 event bytes + badges byte + extras byte."""
    extras = {"rival3": 0, "game_corner_rocket": 1, "saffron_guard": 2, "lapras": 3}
    positions = []
    for m in MILESTONE_TABLE:
        if m.badge is not None:
            positions.append((320, m.badge))
        elif m.event is not None:
            positions.append((m.event >> 3, m.event & 7))
        else:
            positions.append((321, extras[m.name]))
    where, bit = np.array(positions).T
    return where.astype(np.intp), (1 << bit).astype(np.uint8)


_WHERE, _MASK = _lookup()


def pack_milestones(event_bytes: bytes, badges: int, extras: int) -> np.ndarray:
    """(16,) uint8: bit i % 8 of byte i // 8 is milestone i of MILESTONES (LSB first, as the game packs its flags).

    `event_bytes` are the 320 bytes of wEventFlags, `badges` is wObtainedBadges, `extras` has EXTRA_EVENTS in bits 0-3.
    """
    source = np.frombuffer(event_bytes + bytes((badges, extras)), np.uint8)
    packed = np.packbits((source[_WHERE] & _MASK) != 0, bitorder="little")
    return np.pad(packed, (0, MILESTONE_BYTES - len(packed)))


def unpack_milestones(packed: np.ndarray) -> np.ndarray:
    """(..., len(MILESTONES)) bool from (..., 16) uint8."""
    return np.unpackbits(packed, axis=-1, bitorder="little", count=len(MILESTONES)).astype(bool)


def milestone_names(packed: np.ndarray) -> tuple[str, ...]:
    """Names of the set bits of one packed row, in MILESTONES order."""
    return tuple(name for name, owned in zip(MILESTONES, unpack_milestones(packed), strict=True) if owned)
