"""Entries of the field-move menu (wFieldMoves). Facts: cartridge memory notes."""
from __future__ import annotations

from enum import IntEnum


class FieldMoves(IntEnum):
    """wFieldMoves values; 3 and 4 both mean SURF in the game's table."""

    CUT = 1
    FLY = 2
    SURF = 3
    SURF_2 = 4
    STRENGTH = 5
    FLASH = 6
    DIG = 7
    TELEPORT = 8
    SOFTBOILED = 9
