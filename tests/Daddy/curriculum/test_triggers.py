import json
import re

import numpy as np
import pytest
from curriculum_play import NAMES, bits, record

from Daddy.curriculum.savestates import STEPPING_STONES
from Daddy.curriculum.triggers import Triggers
from Daddy.puffer_shim import LAYOUT, RED_MAPS, map_names

ENV = np.array([1])


def test_first_times_of_an_episode_trigger_once_and_what_it_began_with_never():
    triggers = Triggers(2)
    brock = NAMES.index("EVENT_BEAT_BROCK")
    assert triggers.update(record(is_first=1, map_id=0, milestones=bits(0)), ENV) == []
    assert triggers.update(record(map_id=0, milestones=bits(0)), ENV) == []
    assert not triggers.took(1)
    (town,) = triggers.update(record(map_id=1, milestones=bits(0)), ENV)
    assert (town.env_id, town.row, town.name, town.tier, town.owned) == (1, 0, "CITY_VIRIDIAN", "early", (NAMES[0],))
    assert not triggers.took(1), "a town is no milestone"
    (leader,) = triggers.update(record(map_id=2, badges=1, milestones=bits(0, brock), episode_step=7), ENV)
    assert leader.name == "EVENT_BEAT_BROCK", "the most telling of badge, town and milestone"
    assert triggers.took(1) == 7
    assert triggers.update(record(map_id=2, badges=1, milestones=bits(0, brock)), ENV) == []
    triggers.update(record(map_id=2, badges=1, milestones=bits(0, brock, brock + 1), episode_step=9), ENV)
    assert triggers.took(1) == 7, "the first one counts"
    assert triggers.update(record(is_first=1, map_id=2, milestones=bits(0, brock)), ENV) == []
    assert not triggers.took(1)
    (cave,) = triggers.update(record(map_id=59, milestones=bits(0, brock + 1)), ENV)
    assert cave.tier == "mid" and triggers.seen["CITY_VIRIDIAN"] == 1


# --- stepping stones: maps entered since the last milestone, and levels

HOUSE, TOWN, ROUTE = 38, 0, 12  # Red's ids
STARTER = NAMES.index("EVENT_GOT_STARTER")


def level(value: int, **fields) -> np.ndarray:
    rows = record(map_id=TOWN, **fields)
    rows["structured"][0, LAYOUT["levels"]] = [value * 255 // 100, 2, 0, 0, 0, 0]
    return rows


def names_of(triggers: Triggers, *rows: np.ndarray) -> list[str]:
    return [trigger.name for row in rows for trigger in triggers.update(row, ENV)]


def test_a_map_counts_once_since_the_start_and_again_after_each_milestone():
    triggers, owned = Triggers(2), bits(STARTER)
    house, town = ({"map_id": place} for place in (HOUSE, ROUTE))
    assert names_of(triggers, record(is_first=1, **house)) == []
    assert names_of(triggers, record(**town), record(**house), record(**town)) == ["MAP_ROUTE_1_AFTER_START"]
    assert names_of(triggers, record(**town, milestones=owned)) == ["EVENT_GOT_STARTER"], "the milestone tells more"
    told = names_of(triggers, *(record(**place, milestones=owned) for place in (town, house, town, house)))
    assert told == ["MAP_REDS_HOUSE_2F_AFTER_GOT_STARTER"], "where the milestone was got is no new place"
    begun = [record(is_first=1, **house), record(**house), record(**town)]
    assert names_of(triggers, *begun) == ["MAP_ROUTE_1_AFTER_START"], "each episode begins anew"


def test_a_milestone_tells_which_part_of_a_map_led_to_it():
    triggers, owned, told = Triggers(3), bits(STARTER), []
    rows = [record(is_first=1, map_id=HOUSE), record(map_id=ROUTE, x=13, y=1), record(map_id=ROUTE, x=14, y=2)]
    for row in (*rows, record(map_id=HOUSE, milestones=owned), record(map_id=HOUSE, milestones=owned)):
        both = np.concatenate([record(is_first=1, map_id=TOWN), row])
        triggers.update(both, np.array([2, 1]))
        told.append(triggers.led_on)
    assert told == [[], [], [], [(1, "MAP_ROUTE_1_X1Y0_AFTER_START")], []]
    triggers.update(record(is_first=1, map_id=TOWN, milestones=owned), ENV)
    assert triggers.led_on == [], "a start behind a milestone reaches none"


def test_which_parts_of_maps_were_entered_from_which_is_kept():
    triggers, owned = Triggers(2), bits(STARTER)
    house, town, route, east = "MAP_REDS_HOUSE_2F", "MAP_PALLET_TOWN", "MAP_ROUTE_1", "MAP_ROUTE_1_X1Y0"
    walk = [record(is_first=1, map_id=TOWN), record(map_id=ROUTE), record(map_id=ROUTE, x=13), record(map_id=TOWN)]
    names_of(triggers, *walk, record(map_id=HOUSE), record(map_id=ROUTE, milestones=owned))
    assert triggers.ways == {town: {route, house}, route: {east}}, "not where it had been, nor what a milestone parts"
    names_of(triggers, record(map_id=HOUSE, milestones=owned), record(map_id=TOWN, milestones=owned))
    ways = {town: {route, house}, route: {east, house}, house: {town}}
    assert triggers.ways == ways, "at any stage of the story"
    names_of(triggers, record(is_first=1, map_id=HOUSE), level(12, x=1))
    assert triggers.ways == ways, "a level is not entered"
    twin = Triggers(2)
    twin.load_state_dict(json.loads(json.dumps(triggers.state_dict())))
    assert twin.ways == ways and twin.seen == triggers.seen
    twin.load_state_dict({"seen": {}})
    assert twin.ways == {}, "of a checkpoint of before"


def test_large_maps_have_several_parts():
    triggers, path = Triggers(2), [(0, 0), (11, 11), (12, 11), (0, 0), (13, 30), (255, 255)]
    told = names_of(triggers, record(is_first=1, map_id=TOWN), *(record(map_id=ROUTE, x=x, y=y) for x, y in path))
    assert told == [f"MAP_ROUTE_1{part}_AFTER_START" for part in ("", "_X1Y0", "_X1Y2", "_X21Y21")]


def test_stepping_stones_know_what_they_own_and_are_no_progress():
    triggers = Triggers(2)
    triggers.update(record(is_first=1, map_id=HOUSE, milestones=bits(STARTER)), ENV)
    (stone,) = triggers.update(record(map_id=ROUTE, milestones=bits(STARTER)), ENV)
    assert (stone.name, stone.tier, stone.owned) == ("MAP_ROUTE_1_AFTER_GOT_STARTER", "early", (NAMES[STARTER],))
    assert not triggers.took(1) and triggers.seen[stone.name] == 1
    mid = NAMES.index("EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD")
    triggers.update(record(is_first=1, map_id=HOUSE, milestones=bits(STARTER, mid)), ENV)
    (stone,) = triggers.update(record(map_id=ROUTE, milestones=bits(STARTER, mid)), ENV)
    assert (stone.name, stone.tier) == ("MAP_ROUTE_1_AFTER_BEAT_MT_MOON_EXIT_SUPER_NERD", "mid")


def test_a_town_or_cave_tells_more_than_its_map():
    triggers = Triggers(2)
    assert names_of(triggers, record(is_first=1, map_id=HOUSE), record(map_id=1)) == ["CITY_VIRIDIAN"]


def test_every_other_level_of_the_strongest_counts_once_per_episode():
    triggers = Triggers(2)
    raised = [level(v) for v in (5, 6, 7, 6, 5, 8, 12)]
    assert names_of(triggers, level(5, is_first=1), *raised) == ["LEVEL_06", "LEVEL_08", "LEVEL_12"]
    assert names_of(triggers, level(12, is_first=1), level(13), level(14)) == ["LEVEL_14"]
    assert names_of(triggers, level(5, is_first=1), level(6, milestones=bits(STARTER))) == ["EVENT_GOT_STARTER"]
    assert names_of(triggers, level(7, milestones=bits(STARTER))) == [], "the level that came with a milestone is told"


def test_envs_in_partial_batches_are_told_apart():
    triggers, rows = Triggers(3), np.concatenate([record(map_id=HOUSE, is_first=1)] * 3)
    assert triggers.update(rows, np.arange(3)) == []
    some = np.concatenate([record(map_id=ROUTE), record(map_id=HOUSE)])
    assert [(t.env_id, t.row) for t in triggers.update(some, np.array([2, 0]))] == [(2, 0)]
    assert [(t.env_id, t.row) for t in triggers.update(some, np.array([0, 2]))] == [(0, 0)]


@pytest.mark.parametrize("maps", [RED_MAPS, map_names()], ids=["red", "cartridge"])
def test_every_map_has_a_name_and_makes_a_file_name(maps):
    """The cartridge numbers its maps as Red does, so that a stepping stone has one name in both."""
    assert set(maps) <= set(RED_MAPS) and all(maps.values())
    for number in maps:
        triggers = Triggers(2)
        triggers.update(record(is_first=1, map_id=TOWN if number != TOWN else HOUSE), ENV)
        (name,) = names_of(triggers, record(map_id=number))
        assert re.fullmatch(r"[A-Z0-9_]{4,80}", name)
        assert name.startswith(("CITY_", "AREA_")) or name == f"MAP_{RED_MAPS[number]}_AFTER_START"
        assert name.startswith(STEPPING_STONES) == name.startswith("MAP_")


def test_a_map_without_a_name_is_told_by_its_number():
    triggers, unknown = Triggers(2), max(set(range(256)) - set(RED_MAPS))
    assert names_of(triggers, record(is_first=1), record(map_id=unknown)) == [f"MAP_{unknown}_AFTER_START"]
