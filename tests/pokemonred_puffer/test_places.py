import numpy as np
import pytest

from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.data.places import CITIES, DUNGEONS, NOWHERE, PLACES, place_of


@pytest.mark.parametrize(
    "constant, city, route, dungeon",
    [
        ("PALLET_TOWN", "PALLET", NOWHERE, None), ("OAKS_LAB", "PALLET", NOWHERE, None),
        ("VIRIDIAN_MART", "VIRIDIAN", NOWHERE, None), ("VIRIDIAN_FOREST_SOUTH_GATE", None, NOWHERE, "VIRIDIAN_FOREST"),
        ("CERULEAN_CAVE_1F", None, NOWHERE, "CERULEAN_CAVE"), ("CERULEAN_GYM", "CERULEAN", NOWHERE, None),
        ("ROUTE_12_GATE_1F", None, 12, None), ("BILLS_HOUSE", None, 25, None), ("MT_MOON_POKECENTER", None, 4, None),
        ("MT_MOON_B2F", None, NOWHERE, "MT_MOON"), ("MR_FUJIS_HOUSE", "LAVENDER", NOWHERE, None),
        ("SILPH_CO_7F", "SAFFRON", NOWHERE, "SILPH_CO"), ("UNUSED_MAP_0B", None, NOWHERE, None),
    ],
)  # fmt: skip
def test_places(constant, city, route, dungeon):
    where = CITIES.index(city) if city else NOWHERE, route, DUNGEONS.index(dungeon) if dungeon else NOWHERE
    assert place_of(constant) == where == tuple(PLACES[MapIds[constant]])


def test_every_map_that_is_used_lies_somewhere_and_towns_are_their_own_city():
    nowhere = {map_id.name for map_id in MapIds if (PLACES[map_id] == NOWHERE).all()}
    assert {name for name in nowhere if not name.startswith("UNUSED")} == {"TRADE_CENTER", "COLOSSEUM"}
    assert PLACES[:11, 0].tolist() == list(range(11)) and set(np.unique(PLACES[:, 1])) == {NOWHERE, *range(1, 26)}
