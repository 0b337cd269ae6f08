import pytest
from savestate_files import make

from Daddy.curriculum.savestates import Savestate, place_at
from Daddy.curriculum.walls import distances, doorsteps, good_places, next_wall

FOREST, GATE, ROUTE, HOME, CAVE = (place_at(number, 0, 0) for number in range(5))
WAYS = {HOME: {ROUTE}, ROUTE: {HOME, GATE}, GATE: {FOREST, ROUTE}, FOREST: {HOME, GATE}}


def stands(number: int, stage: int, theta: float, milestone: str = "MAP") -> tuple[int, Savestate]:
    owned = [f"EVENT_{n}" for n in range(1, stage + 1)]
    return number, make(number, milestone, owned, map_id=number, x=0, y=0, alpha=20 * theta, beta=20 * (1 - theta))


def testdistances_follow_the_ways_backwards():
    assert distances([FOREST], WAYS) == {FOREST: 0, GATE: 1, ROUTE: 2, HOME: 3}
    assert distances([HOME, GATE], WAYS) == {HOME: 0, GATE: 0, ROUTE: 1, FOREST: 1}
    assert distances([CAVE], WAYS) == {CAVE: 0} and distances([], WAYS) == {}


def test_doorsteps_are_not_good_themselves():
    assert good_places([stands(0, 2, 0.24), stands(1, 2, 0.26)]) == {GATE}
    untried = make(3, map_id=3, x=0, y=0)
    assert good_places([(3, untried)]) == set(), "nobody knows"
    untried.credit(took=50)
    assert good_places([(3, untried)]) == {HOME}
    there = [stands(0, 2, 0.5), stands(1, 2, 0.3), stands(2, 2, 0.1), stands(1, 3, 0.01)]
    assert doorsteps(there, 2, WAYS) == {ROUTE: 1, HOME: 2}
    assert doorsteps(there, 3, WAYS) == {} == doorsteps(there, 2, {})


@pytest.mark.parametrize("stage, found", [(1, {}), (2, {GATE: 0, ROUTE: 1, FOREST: 1, HOME: 2}), (3, {})])
def test_doorsteps_lead_to_where_the_next_milestone_was_reached(stage, found):
    assert doorsteps([stands(2, 2, 0.0), stands(4, 3, 0.0), stands(1, 3, 0.0, "EVENT_3")], stage, WAYS) == found


def test_the_next_wall_is_the_first_stage_behind_that_is_not_passed_from_where_it_begins():
    there = [stands(0, 1, 0.9), stands(1, 2, 0.1), stands(0, 3, 0.1), stands(1, 3, 0.3, "EVENT_3"), stands(2, 5, 0.2)]
    assert next_wall(there, 0) == 1 and next_wall(there, 1) == 2
    assert next_wall(there, 2) is None, "the last one is the frontier"
    there.append(stands(3, 6, 0.0))
    assert next_wall(there, 2) == next_wall(there, 3) == 5 and next_wall(there, 5) is None
    there.append(stands(4, 5, 0.9))
    assert next_wall(there, 2) == 5, "it succeeds from somewhere, not from its beginning"
    there.append(stands(4, 5, 0.9, "EVENT_5"))
    assert next_wall(there, 2) is None
    assert next_wall([], 0) is None
