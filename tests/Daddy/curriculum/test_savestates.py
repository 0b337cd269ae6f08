import dataclasses

import pytest
from savestate_files import make

from Daddy.curriculum.savestates import parse_entry, place_at, place_of
from Daddy.puffer_shim import MILESTONES


def test_an_entry_that_lacks_a_field_or_is_none_is_refused():
    good = dataclasses.asdict(make(1))
    assert parse_entry(good) == make(1)
    for name in set(good) - {"strength", "took"}:  # which older entries lack
        with pytest.raises(ValueError):
            parse_entry({key: value for key, value in good.items() if key != name})
    for junk in (None, [], "x", 3):
        with pytest.raises(ValueError):
            parse_entry(junk)


def test_credit_moves_theta_and_forgets():
    entry = make(1)
    for _ in range(200):
        entry.credit(took=0)
    assert entry.alpha == pytest.approx(0.5) and entry.learnability < 0.02
    for _ in range(20):
        entry.credit(took=50)
    assert (entry.attempts, entry.successes) == (220, 20)
    assert entry.alpha / (entry.alpha + entry.beta) > 0.4, "old failures fade"


def test_what_is_known_fades_towards_the_prior():
    entry, untried = make(1), make(2)
    for _ in range(200):
        entry.credit(took=0)
    assert entry.success_rate < 0.02 and entry.evidence > 30
    known = entry.evidence
    entry.fade(0.5)
    assert entry.evidence == pytest.approx(known / 2) and entry.attempts == 200
    entry.fade(1e-9)
    assert (entry.alpha, entry.beta) == pytest.approx((untried.alpha, untried.beta))


def test_what_successes_took_is_an_average_that_copies_begin_with():
    entry, other, copy = make(1), make(2), make(3)
    for took in (100, 0, 200, 0):
        entry.credit(took)
    assert entry.took == pytest.approx(130) and entry.successes == 2
    copy.lean_on([entry, other])
    assert copy.took == pytest.approx(130), "nothing has succeeded from the other one"
    copy.lean_on([other])
    assert copy.took == 0.0


def test_owned_milestones_are_packed_as_the_records_have_them():
    entry = make(1, owned=[MILESTONES[0], MILESTONES[9]])
    assert entry.owned_bits[:2] == bytes((1, 2)) and not any(entry.owned_bits[2:])


@pytest.mark.parametrize(
    "name, stone",
    [("MAP_ROUTE_1_AFTER_START", True), ("LEVEL_06", True), ("AREA_MT_MOON", False), ("CITY_PEWTER", False),
     ("ITEM_HM_01", False), ("EVENT_GOT_TOWN_MAP", False)],
)  # fmt: skip
def test_only_what_lies_between_milestones_is_a_stepping_stone(name, stone):
    entry = make(1, name, ["OWNED"])
    assert entry.is_stepping_stone == stone
    assert entry.covers() == ({"OWNED"} if stone else {"OWNED", name})


def test_a_savestate_has_a_place_whatever_it_was_taken_for():
    assert make(1, "EVENT_BEAT_BROCK", map_id=54, x=4, y=5).place == "MAP_PEWTER_GYM"
    level = make(1, "LEVEL_10", map_id=51, x=13, y=35)
    assert level.place == "MAP_VIRIDIAN_FOREST_X1Y2" == place_of(f"{level.place}_AFTER_START")
    assert place_at(250, 0, 12) == "MAP_250_X0Y1", "one without a name"
