import math

import numpy as np
import pytest

from Daddy.puffer_shim import RECORD, map_regions
from Daddy.watch.places import Places
from Daddy.watch.trends import AlarmList, Curve, Speed


def at(*places):
    """Records of envs standing at (map_id, x, y)."""
    rows = np.zeros(len(places), RECORD)
    for row, (map_id, x, y) in zip(rows, places, strict=True):
        row["map_id"], row["x"], row["y"] = map_id, x, y
    return rows


# map 1 is 4 wide and 3 high at (10, 20); map 2 is 2 x 2 right above it; map 3 is far away
REGIONS = {1: (10, 20, 4, 3), 2: (10, 18, 2, 2), 3: (90, 90, 5, 5)}


def test_nothing_is_shown_before_a_known_map_is_entered():
    places = Places(REGIONS, 1)
    assert places.view() is None
    places.add(at((77, 0, 0)), np.array([0]))
    places.add(at((1, 200, 0)), np.array([0]))  # outside the map's size
    assert places.view() is None


def test_visits_maps_and_envs_are_where_they_were():
    places = Places(REGIONS, 2)
    places.add(at((1, 3, 2), (1, 0, 0)), np.array([0, 1]))
    places.add(at((1, 3, 2), (2, 1, 1)), np.array([0, 1]))
    view = places.view()
    assert view.cells.shape == (7, 6), "both maps, and two cells free behind them"
    assert view.cells[4, 3] > view.cells[2, 0] > 1
    assert view.cells[3, 1] == 1 and view.cells[0, 1] == 1 and view.cells[0, 3] == 0
    assert view.envs == ((4, 3), (1, 1))
    assert (view.tiles, view.maps) == (3, 2)


def test_rows_and_columns_without_a_map_are_left_out():
    places = Places(REGIONS, 1)
    for place in ((1, 0, 0), (3, 4, 4)):
        places.add(at(place), np.array([0]))
    view = places.view()
    assert view.cells.shape == (5 + 5, 6 + 5)
    assert view.envs == ((9, 10),) and view.cells[9, 10] > 1


def test_levels_grow_with_the_logarithm_of_visits():
    places = Places({1: (0, 0, 3, 1)}, 1)
    for x, visits in ((0, 1), (1, 100), (2, 20_000)):
        for _ in range(visits // 100 or 1):
            places.add(at(*[(1, x, 0)] * min(visits, 100)), np.zeros(min(visits, 100), int))
    once, hundred, full = places.view().cells[0, :3].tolist()
    assert once == 2 and full == 255 and 120 <= hundred <= 136


def test_every_map_of_the_cartridge_has_a_place():
    regions = map_regions()
    assert len(regions) > 20
    assert all(len(region) == 4 and min(region[2:]) > 0 for region in regions.values())


def test_speed_is_of_the_last_seconds_and_time_left_of_learning():
    speed = Speed()
    for second in range(20):
        speed.add(float(second), 1000 * second, learning=False)
    assert speed.now() == pytest.approx(1000)
    assert speed.left(5000) is None, "collecting is fast; learning has yet to begin"
    for second in range(20, 60):
        speed.add(float(second), 20_000 + 100 * (second - 20), learning=True)
    assert speed.now() == pytest.approx(100)
    assert speed.left(5000) == pytest.approx(50)
    assert speed.left(0) == 0


def test_a_run_that_never_learns_knows_that_it_is_done():
    assert Speed().left(0) == 0.0
    assert Speed().left(1) is None


def test_a_curve_keeps_the_whole_run_in_few_points():
    curve = Curve()
    for value in range(10_000):
        curve.add(float(value))
    assert 100 <= len(curve.points) <= 240
    assert curve.points == sorted(curve.points)
    assert curve.points[0] < 100 and curve.points[-1] > 9_800
    assert math.isclose(sum(curve.points) / len(curve.points), 5_000, rel_tol=0.05)


def test_a_collapse_is_told_after_enough_points():
    curve = Curve()
    for _ in range(40):
        curve.add(100.0)
    assert curve.collapsed() is None
    curve.add(30.0)
    assert curve.collapsed() == pytest.approx(0.3)
    young = Curve()
    for value in (100.0, 100.0, 1.0):
        young.add(value)
    assert young.collapsed() is None


def test_alarms_keep_their_age_until_they_are_gone():
    alarms = AlarmList()
    assert alarms.update(0.0, {"a": (1, "first")})[0].age_s == 0
    both = alarms.update(60.0, {"a": (1, "first, worse"), "b": (2, "critical")})
    assert [(alarm.text, alarm.age_s) for alarm in both] == [("critical", 0), ("first, worse", 60)]
    assert alarms.update(70.0, {}) == ()
    assert alarms.update(80.0, {"a": (1, "again")})[0].age_s == 0
