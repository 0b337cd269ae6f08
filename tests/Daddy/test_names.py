import numpy as np
import pytest
from fake_game import tiny_rom

from Daddy.names import Names
from Daddy.puffer_shim import MILESTONES, NOWHERE, RED_MAPS

NAMES = Names("", False)


def packed(*names: str) -> np.ndarray:
    bits = np.zeros(128, np.uint8)
    bits[[MILESTONES.index(name) for name in names]] = 1
    return np.packbits(bits, bitorder="little")


@pytest.mark.parametrize(
    "owned, quest",
    [
        ((), "EVENT_FOLLOWED_OAK_INTO_LAB"), (("EVENT_GOT_STARTER",), "EVENT_BATTLED_RIVAL_IN_OAKS_LAB"),
        (("EVENT_BEAT_MISTY",), "EVENT_GOT_HM01"), (("EVENT_GOT_HM01",), None),
    ],
)  # fmt: skip
def test_a_quest_is_the_next_milestone_of_this_rom_after_the_furthest(owned, quest):
    assert NAMES.quest(packed(*owned)) == (MILESTONES.index(quest) if quest else NOWHERE)


def test_a_building_is_in_its_town_and_a_route_in_none():
    assert [NAMES.city(map_id) for map_id in (0, 40, 54, 12, 51, 255)] == [0, 0, 2, NOWHERE, NOWHERE, NOWHERE]


def test_maps_have_the_cartridges_names_on_the_cartridge_and_reds_on_another_rom(tmp_path):
    (tmp_path / "red.gb").write_bytes(tiny_rom())
    red = Names(str(tmp_path / "red.gb"), True)
    assert [names.map(1) for names in (NAMES, red)] == ["Millbrook", "VIRIDIAN_CITY"]
    assert all(red.map(number) == name for number, name in RED_MAPS.items())
