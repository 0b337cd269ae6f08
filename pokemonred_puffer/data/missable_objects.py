"""Objects that scripts hide (wMissableObjectFlags, 32 bytes, a set bit hides). Facts: the disassembly's constants.

Only the objects that story conditions or statistics read are named; `is_hidden(flags, index)` tells of any other.
"""
from __future__ import annotations

from enum import IntEnum


class MissableFlags(IntEnum):
    """Index of the object's bit in wMissableObjectFlags (byte index // 8, bit index % 8)."""

    HS_PALLET_TOWN_OAK = 0x00
    HS_LYING_OLD_MAN = 0x01
    HS_OLD_MAN = 0x02
    HS_CERULEAN_RIVAL = 0x05
    HS_CERULEAN_ROCKET = 0x06
    HS_ROUTE_12_SNORLAX = 0x1D
    HS_ROUTE_16_SNORLAX = 0x21
    HS_ROUTE_22_RIVAL_1 = 0x22
    HS_ROUTE_22_RIVAL_2 = 0x23
    HS_NUGGET_BRIDGE_GUY = 0x24
    HS_STARTER_BALL_1 = 0x2B
    HS_STARTER_BALL_2 = 0x2C
    HS_STARTER_BALL_3 = 0x2D
    HS_POKEMON_TOWER_7F_MR_FUJI = 0x43
    HS_GAME_CORNER_ROCKET = 0x46
    HS_POKEMON_MANSION_B1F_ITEM_5 = 0xC2
    HS_SAFARI_ZONE_WEST_ITEM_4 = 0xCC


def is_hidden(flags: bytes, index: int) -> bool:
    """Whether object `index` is hidden; `flags` is wMissableObjectFlags (32 bytes)."""
    return bool(flags[index >> 3] >> (index & 7) & 1)
