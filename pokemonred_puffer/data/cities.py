"""Which town a map belongs to: the towns themselves and the buildings in them."""

from __future__ import annotations

from pokemonred_puffer.data.map import MapIds

_TOWNS = {
    "PALLET": 0, "VIRIDIAN": 1, "PEWTER": 2, "CERULEAN": 3, "LAVENDER": 4, "VERMILION": 5, "CELADON": 6, "FUCHSIA": 7,
    "CINNABAR": 8, "INDIGO": 9, "SAFFRON": 10,
    # buildings that are not called after their town, by their first word
    "REDS": 0, "BLUES": 0, "OAKS": 0, "MUSEUM": 2, "BIKE": 3, "MR": 4, "GAME": 6, "WARDENS": 7, "COPYCATS": 10,
    "FIGHTING": 10, "SILPH": 10, "NAME": 4,
}  # fmt: skip
_OTHERS = {"POKEMON_FAN_CLUB": 5, "MR_PSYCHICS_HOUSE": 10}
_TOWERS = {f"POKEMON_TOWER_{floor}F": 4 for floor in range(1, 8)}
_WILD = {"VIRIDIAN_FOREST", "VIRIDIAN_FOREST_NORTH_GATE", "VIRIDIAN_FOREST_SOUTH_GATE", "CERULEAN_CAVE_1F"}
_WILD |= {"CERULEAN_CAVE_2F", "CERULEAN_CAVE_B1F"}


def _city(name: str) -> int:
    if name in _WILD:
        return -1
    return {**_OTHERS, **_TOWERS}.get(name, _TOWNS.get(name.split("_")[0], -1))


_CITY = {int(map_id): _city(map_id.name) for map_id in MapIds}


def city_of(map_id: int) -> int:
    """Map id (0..10) of the town that ``map_id`` is or lies in; -1 for routes, caves, ships and unknown ids."""
    return _CITY.get(map_id, -1)
