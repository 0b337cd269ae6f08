"""Places of maps in the world."""
from __future__ import annotations

import numpy as np

from pokemonred_puffer import global_map
from pokemonred_puffer.data.map import MAP_BLOCKS, MapIds
from pokemonred_puffer.global_map import GLOBAL_MAP_SHAPE, PAD, Region, local_to_global, world_regions


def test_every_map_has_its_own_place():
    regions = global_map.MAP_DATA
    assert len(regions) == 226 == sum(height > 0 for height, _ in MAP_BLOCKS)
    taken = np.zeros(global_map.WORLD_SHAPE, int)
    for region in regions.values():
        taken[region.y : region.y + region.height, region.x : region.x + region.width] += 1
    assert taken.max() == 1
    assert taken.sum() == sum(4 * height * width for height, width in MAP_BLOCKS)


def test_outdoor_maps_lie_as_they_connect():
    regions = global_map.MAP_DATA
    town, road, city = regions[MapIds.PALLET_TOWN], regions[MapIds.ROUTE_1], regions[MapIds.VIRIDIAN_CITY]
    assert town == Region(64, 318, 20, 18)
    assert (road.x, road.y + road.height) == (town.x, town.y)
    assert city.y + city.height == road.y and city.x + 10 == road.x


def test_local_to_global():
    assert local_to_global(3, 5, MapIds.PALLET_TOWN) == (318 + 3 + PAD, 64 + 5 + PAD)
    centre = (GLOBAL_MAP_SHAPE[0] // 2, GLOBAL_MAP_SHAPE[1] // 2)
    assert local_to_global(3, 5, 0x0B) == local_to_global(255, 255, 0x1F) == centre


def test_own_world():
    regions = world_regions({"maps": [{"id": 1, "place": [10, 20], "width": 8, "height": 6}]})
    assert regions == {1: Region(10, 20, 8, 6)}
    assert local_to_global(1, 2, 1, regions) == (20 + 1 + PAD, 10 + 2 + PAD)
