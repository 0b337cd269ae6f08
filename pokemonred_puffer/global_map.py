"""One picture of the whole world: places of the maps in it, and local to global coordinates.

The free cartridge names the place of each map in its `world.json`. For Pokemon Red no such table is available to us, so
it is derived: outdoor maps follow from their sizes and connections, indoor maps are packed into the free room around
them, in id order, with one cell between.
"""
from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pokemonred_puffer.data.map import MAP_BLOCKS, MapIds
from pokemonred_puffer.rom import Rom

PAD = 20
WORLD_SHAPE = (444, 436)  # rows, columns in cells
GLOBAL_MAP_SHAPE = (WORLD_SHAPE[0] + 2 * PAD, WORLD_SHAPE[1] + 2 * PAD)
_ORIGIN = (64, 318)  # column and row of Red's first town


class Region(NamedTuple):
    """A map's rectangle in the world, in cells; `x`, `y` is its top-left corner without the pad."""

    x: int
    y: int
    width: int
    height: int


# map, side, neighbour, offset of the neighbour along that side in blocks
_CONNECTIONS = """
PALLET_TOWN N ROUTE_1 0|PALLET_TOWN S ROUTE_21 0|VIRIDIAN_CITY S ROUTE_1 5|VIRIDIAN_CITY N ROUTE_2 5
VIRIDIAN_CITY W ROUTE_22 4|PEWTER_CITY S ROUTE_2 5|PEWTER_CITY E ROUTE_3 4|ROUTE_3 N ROUTE_4 25
CERULEAN_CITY W ROUTE_4 4
CERULEAN_CITY N ROUTE_24 5|CERULEAN_CITY S ROUTE_5 5|CERULEAN_CITY E ROUTE_9 4|SAFFRON_CITY N ROUTE_5 5
SAFFRON_CITY S ROUTE_6 5|SAFFRON_CITY W ROUTE_7 4|SAFFRON_CITY E ROUTE_8 4|VERMILION_CITY N ROUTE_6 5
VERMILION_CITY E ROUTE_11 4|CELADON_CITY E ROUTE_7 4|CELADON_CITY W ROUTE_16 4|LAVENDER_TOWN W ROUTE_8 0
LAVENDER_TOWN N ROUTE_10 0|LAVENDER_TOWN S ROUTE_12 0|ROUTE_9 E ROUTE_10 0|ROUTE_11 E ROUTE_12 -27
ROUTE_12 S ROUTE_13 -20
ROUTE_13 W ROUTE_14 0|ROUTE_14 W ROUTE_15 18|FUCHSIA_CITY E ROUTE_15 4|FUCHSIA_CITY W ROUTE_18 4
FUCHSIA_CITY S ROUTE_19 5
ROUTE_16 S ROUTE_17 0|ROUTE_17 S ROUTE_18 0|ROUTE_19 W ROUTE_20 18|CINNABAR_ISLAND E ROUTE_20 0
CINNABAR_ISLAND N ROUTE_21 0|ROUTE_22 N ROUTE_23 0|INDIGO_PLATEAU S ROUTE_23 0|ROUTE_24 E ROUTE_25 0
"""


def _offset(map_id: int, side: str, neighbour: int, along: int) -> tuple[int, int]:
    """(x, y) from the map's corner to the neighbour's, in blocks."""
    (height, width), (other_height, other_width) = MAP_BLOCKS[map_id], MAP_BLOCKS[neighbour]
    return {"N": (along, -other_height), "S": (along, height), "W": (-other_width, along), "E": (width, along)}[side]


def _outdoor_regions() -> dict[int, Region]:
    links = [entry.split() for entry in _CONNECTIONS.strip().replace("\n", "|").split("|")]
    places = {int(MapIds.PALLET_TOWN): (0, 0)}
    while len(places) < len(links):  # the links form a connected graph with more links than maps
        before = len(places)
        for name, side, other, along in links:
            a, b = int(MapIds[name]), int(MapIds[other])
            dx, dy = _offset(a, side, b, int(along))
            if a in places:
                places.setdefault(b, (places[a][0] + dx, places[a][1] + dy))
            elif b in places:
                places[a] = (places[b][0] - dx, places[b][1] - dy)
        if len(places) == before:
            break
    return {m: _region(m, _ORIGIN[0] + 2 * x, _ORIGIN[1] + 2 * y) for m, (x, y) in places.items()}


def _region(map_id: int, x: int, y: int) -> Region:
    height, width = MAP_BLOCKS[map_id]
    return Region(x, y, 2 * width, 2 * height)


def _first_fit(taken: np.ndarray, height: int, width: int) -> tuple[int, int] | None:
    """(row, column) of the first free rectangle of `taken` (rows, columns) bool, or None."""
    table = np.pad(taken.astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    filled = table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    first = int(np.argmin(filled))
    row, column = divmod(first, filled.shape[1])
    return (row, column) if filled[row, column] == 0 else None


@lru_cache(maxsize=1)
def red_regions() -> dict[int, Region]:
    """Map id -> Region for Pokemon Red (derived, see the module's docstring)."""
    regions = _outdoor_regions()
    taken = np.zeros(WORLD_SHAPE, bool)
    for region in regions.values():
        taken[region.y : region.y + region.height + 1, region.x : region.x + region.width + 1] = True
    indoor = [m for m, (height, _) in enumerate(MAP_BLOCKS) if height and m not in regions]
    for map_id in indoor:
        height, width = (2 * n for n in MAP_BLOCKS[map_id])
        spot = _first_fit(taken, height + 1, width + 1)
        if spot is None:
            continue  # no room: such a map shares the centre, like an unknown one
        row, column = spot
        regions[map_id] = Region(column, row, width, height)
        taken[row : row + height + 1, column : column + width + 1] = True
    return regions


def regions_of(rom: Rom | None) -> dict[int, Region]:
    """Map id -> Region: from the cartridge's own table, else Red's."""
    world = rom.world if rom is not None else None
    return world_regions(world) if world else red_regions()


def world_regions(world: dict) -> dict[int, Region]:
    """Regions out of a parsed world.json: `maps` with `id`, `place` [x, y] and `width`, `height` in cells."""
    regions = {}
    for entry in world["maps"]:
        x, y = entry["place"]
        regions[int(entry["id"])] = Region(x, y, entry["width"], entry["height"])
    return regions


def local_to_global(y: int, x: int, map_id: int, regions: dict[int, Region] | None = None) -> tuple[int, int]:
    """(row, column) in an array of GLOBAL_MAP_SHAPE; unknown maps and places outside the array give its centre."""
    region = (red_regions() if regions is None else regions).get(map_id)
    if region is not None:
        row, column = region.y + y + PAD, region.x + x + PAD
        if 0 <= row < GLOBAL_MAP_SHAPE[0] and 0 <= column < GLOBAL_MAP_SHAPE[1]:
            return row, column
    return GLOBAL_MAP_SHAPE[0] // 2, GLOBAL_MAP_SHAPE[1] // 2


def __getattr__(name: str):
    """MAP_DATA is computed at its first use (a quarter of a second), so that importing this module stays free."""
    if name == "MAP_DATA":
        return red_regions()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
