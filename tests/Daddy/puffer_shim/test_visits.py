"""VisitCounts against a dictionary of counts."""

from collections import Counter

import numpy as np

from Daddy.puffer_shim.visits import VIEW, VisitCounts, pays_around


def test_the_view_and_the_tiles_equal_a_plain_count():
    rng, out, counts = np.random.default_rng(0), np.zeros(90, np.uint8), Counter()
    visits = VisitCounts(out)
    map_id, x, y = 3, 200, 5
    for _ in range(3_000):
        if rng.random() < 0.02:
            map_id, x, y = int(rng.integers(0, 4)), int(rng.integers(0, 256)), int(rng.integers(0, 256))
        x, y = (int(np.clip(v + rng.integers(-1, 2), 0, 255)) for v in (x, y))
        counts[map_id, x, y] += 1
        visits.visit(map_id, x, y)
        around = [[counts[map_id, x + c - 4, y + r - 4] for c in range(VIEW[1])] for r in range(VIEW[0])]
        np.testing.assert_array_equal(out.reshape(VIEW), np.round(255 / np.sqrt(np.array(around) + 1)))
        assert visits.tiles == sum(n > 0 for n in counts.values())


def test_a_push_against_something_solid_counts_there_but_is_no_tile():
    out = np.zeros(90, np.uint8)
    visits, view = VisitCounts(out), out.reshape(VIEW)
    visits.visit(1, 7, 7, pushed=2)  # nothing was pushed on the way to the first place
    assert (view == 255).sum() == 89
    for action, (row, column) in {0: (5, 4), 1: (4, 3), 2: (4, 5), 3: (3, 4)}.items():
        visits.visit(1, 7, 7, pushed=action)
        assert view[row, column] == 180
    visits.visit(1, 7, 7, pushed=4)
    assert (view == 255).sum() == 85 and visits.tiles == 1
    visits.visit(1, 8, 7, pushed=2)  # it was a person, who has gone
    assert visits.tiles == 2 and view[4, 4] == round(255 / 3**0.5)


def test_the_cells_around_are_those_that_the_directions_lead_to():
    out = np.zeros(90, np.uint8)
    visits = VisitCounts(out)
    visits.visit(1, 7, 7)
    for count, action in enumerate((0, 1, 2, 3), start=1):
        for _ in range(count):
            visits.visit(1, 7, 7, pushed=action)
    np.testing.assert_array_equal(pays_around(out[None]), np.round(255 / np.sqrt([[2, 3, 4, 5]])))


def test_counts_stay_at_their_maximum_and_clear_forgets_them():
    out = np.zeros(90, np.uint8)
    visits = VisitCounts(out)
    for _ in range(300):
        visits.visit(0, 0, 0)
    assert (out.reshape(VIEW)[4, 4], out.min(), visits.tiles) == (16, 16, 1)
    visits.clear()
    visits.visit(0, 0, 1)
    assert out.reshape(VIEW)[3, 4] == 255 and visits.tiles == 1


def test_counting_anew_forgets_the_counts_and_keeps_the_tiles():
    out = np.zeros(90, np.uint8)
    visits, view = VisitCounts(out), out.reshape(VIEW)
    for x in (7, 8, 7):
        visits.visit(1, x, 7)
    visits.count_anew()
    visits.visit(1, 7, 7, pushed=0)
    assert visits.tiles == 2 and (view == 255).sum() == 88 and view[4, 4] == 180
    assert view[5, 4] == 180, "a push from the place where it stood still counts"
    visits.visit(1, 7, 7)
    assert view[4, 4] == 147
    visits.visit(1, 9, 7)
    assert visits.tiles == 3
