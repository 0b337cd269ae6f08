"""Which town, route or dungeon a map belongs to, buildings included. The cartridge gives its maps Red's ids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pokemonred_puffer.data.map import MapIds

NOWHERE = -1
CITIES = (
    "PALLET", "VIRIDIAN", "PEWTER", "CERULEAN", "LAVENDER", "VERMILION", "CELADON", "FUCHSIA", "CINNABAR", "INDIGO",
    "SAFFRON",
)  # fmt: skip
DUNGEONS = (
    "VIRIDIAN_FOREST", "MT_MOON", "SS_ANNE", "DIGLETTS_CAVE", "ROCK_TUNNEL", "POKEMON_TOWER", "ROCKET_HIDEOUT",
    "UNDERGROUND_PATH", "SAFARI_ZONE", "SILPH_CO", "POWER_PLANT", "SEAFOAM_ISLANDS", "POKEMON_MANSION", "VICTORY_ROAD",
    "CERULEAN_CAVE",
)  # fmt: skip

# Buildings whose name does not begin with the place they stand in.
_ELSEWHERE = {
    "MT_MOON_POKECENTER": "ROUTE_4", "ROCK_TUNNEL_POKECENTER": "ROUTE_10", "DAYCARE": "ROUTE_5",
    "BILLS_HOUSE": "ROUTE_25", "REDS_HOUSE": "PALLET", "BLUES_HOUSE": "PALLET", "OAKS_LAB": "PALLET",
    "MUSEUM": "PEWTER", "BIKE_SHOP": "CERULEAN", "POKEMON_FAN_CLUB": "VERMILION", "GAME_CORNER": "CELADON",
    "MR_FUJIS": "LAVENDER", "NAME_RATERS": "LAVENDER", "WARDENS": "FUCHSIA", "COPYCATS": "SAFFRON",
    "FIGHTING_DOJO": "SAFFRON", "MR_PSYCHICS": "SAFFRON", "LANCES": "INDIGO", "HALL_OF_FAME": "INDIGO",
    "CHAMPIONS": "INDIGO", "LORELEIS": "INDIGO", "BRUNOS": "INDIGO", "AGATHAS": "INDIGO",
}  # fmt: skip
_DUNGEON_TOWNS = {"POKEMON_TOWER": "LAVENDER", "ROCKET_HIDEOUT": "CELADON", "SILPH_CO": "SAFFRON"}


class Place(NamedTuple):
    """`city` is Red's map id of the town and the index in CITIES, `route` its number, `dungeon` the index in DUNGEONS.

    What does not apply is NOWHERE. A dungeon inside a town has both.
    """

    city: int
    route: int
    dungeon: int


def place_of(constant: str) -> Place:
    """The place of the map with this constant of the disassembly."""
    name = next((place for prefix, place in _ELSEWHERE.items() if constant.startswith(prefix)), constant)
    if name.startswith("ROUTE_"):
        return Place(NOWHERE, int(name.split("_")[1]), NOWHERE)
    dungeon = next((dungeon for dungeon in DUNGEONS if name.startswith(dungeon)), "")
    city = _DUNGEON_TOWNS.get(dungeon, "") if dungeon else name.split("_")[0]
    return Place(_index(CITIES, city), NOWHERE, _index(DUNGEONS, dungeon))


def _index(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else NOWHERE


def _table() -> np.ndarray:
    table = np.full((256, 3), NOWHERE, np.int16)
    for map_id in MapIds:
        table[map_id] = place_of(map_id.name)
    return table


PLACES = _table()  # int16 (256, 3): city, route and dungeon by map id
