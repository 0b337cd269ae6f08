"""Tileset ids, wCurMapTileset. Facts: the disassembly's tileset constants."""
from __future__ import annotations

from enum import IntEnum

_NAMES = """
OVERWORLD REDS_HOUSE_1 MART FOREST REDS_HOUSE_2 DOJO POKECENTER GYM HOUSE FOREST_GATE MUSEUM UNDERGROUND GATE SHIP
SHIP_PORT CEMETERY INTERIOR CAVERN LOBBY MANSION LAB CLUB FACILITY PLATEAU
""".split()
Tilesets = IntEnum("Tilesets", _NAMES, start=0)
Tilesets.__doc__ = "wCurMapTileset values 0-23."
