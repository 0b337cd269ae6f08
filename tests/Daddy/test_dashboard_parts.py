import numpy as np
import pytest
from dashboard_scene import milestones

from Daddy.dashboard import formats
from Daddy.dashboard.bars import bar, heat_map, interval, sparkline, stacked
from Daddy.dashboard.canvas import Canvas, Region
from Daddy.dashboard.layout import Band, allocate
from Daddy.dashboard.look import Look
from Daddy.dashboard.panels_game import frontier

UNICODE, ASCII = Look(), Look("none", unicode=False)


def text(spans):
    return "".join(part for part, _ in spans)


@pytest.mark.parametrize("value, shown", [
    (0, "0"), (950, "950"), (999.6, "1.00K"), (1234, "1.23K"), (45_600, "45.6K"), (999_999, "1.00M"), (2.5e9, "2.50B"),
])  # fmt: skip
def test_counts_have_three_digits(value, shown):
    assert formats.count(value) == shown


@pytest.mark.parametrize("value, shown", [
    (0.0, "0"), (7.0, "7"), (0.12341, "0.1234"), (-1.5, "-1.500"), (12.345, "12.35"), (1234.5, "1,234"),
    (1e-5, "1.0e-05"), (123456.0, "123K"), (float("nan"), "nan"), (float("inf"), "inf"),
])  # fmt: skip
def test_numbers_are_short(value, shown):
    assert formats.number(value) == shown


@pytest.mark.parametrize("seconds, shown", [
    (0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (61, "1m01s"), (3600, "1h00m"), (48 * 3600, "2d00h"), (None, "?"),
    (float("inf"), "?"),
])  # fmt: skip
def test_durations_are_short(seconds, shown):
    assert formats.duration(seconds) == shown


@pytest.mark.parametrize("look", [UNICODE, ASCII])
@pytest.mark.parametrize("share", [-1, 0, 0.001, 0.5, 0.999, 1, 7, float("nan")])
def test_bars_have_their_width_and_grow(look, share):
    for width in (0, 1, 7, 30):
        assert len(text(bar(share, width, look))) == width
    assert text(bar(1, 5, look)) == ("█████" if look.unicode else "#####")
    assert text(bar(0.5, 3, UNICODE)) == "█▌·"


def test_stacked_shares_fill_the_bar_and_letters_stand_in_for_colours():
    shares = [("E", 0.5, "env"), ("R", 0.3, "rnd"), ("N", 0.2, "novel")]
    assert text(stacked(shares, 10, ASCII)) == "EEEEERRRNN"
    assert text(stacked(shares, 10, Look("none"))) == "EEEEERRRNN"
    assert [len(part) for part, _ in stacked(shares, 10, UNICODE)] == [5, 3, 2, 0]
    assert text(stacked([], 4, ASCII)) == "...."


def test_an_interval_shows_mean_and_bounds_where_they_are():
    assert text(interval(0.5, 0.2, 0.8, 10, UNICODE, "good")) == "··━━━◆━━━·"
    assert text(interval(0.0, 0.0, 1.0, 5, ASCII, "good")) == "O===="
    assert text(interval(1.0, 1.0, 1.0, 5, ASCII, "good")) == "....O"


def test_sparklines_scale_average_and_align_right():
    assert sparkline([0, 7], 4, UNICODE) == "  ▁█"
    assert sparkline([3, 3, 3], 3, UNICODE) == "▁▁▁"
    assert sparkline([0, 0, 7, 7], 2, ASCII) == "_#"
    assert sparkline([], 3, UNICODE) == "   "
    assert len(sparkline(range(1000), 20, UNICODE)) == 20


def test_the_map_shows_shape_visits_and_envs():
    cells = np.zeros((8, 8), np.uint8)
    cells[:4] = 255
    cells[4:] = 1
    rows = heat_map(cells, [(0, 0)], 4, 2, UNICODE)
    assert [text(row) for row in rows] == ["●⣿⣿⣿", "⡂⡂⡂⡂"]
    assert rows[0] == [("●", "agent"), ("⣿⣿⣿", "heat6")] and rows[1][0][1] == "heat0"
    assert [text(row) for row in heat_map(cells, [(7, 7)], 8, 4, ASCII)] == ["########"] * 2 + ["........", ".......@"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 100), (100, 3), (444, 436)])
def test_maps_of_any_shape_fit_and_every_env_stays_inside(shape):
    cells = np.full(shape, 2, np.uint8)
    corners = [(0, 0), (shape[0] - 1, shape[1] - 1)]
    for look in (UNICODE, ASCII):
        for width, height in ((1, 1), (10, 3), (34, 20), (60, 5)):
            rows = heat_map(cells, corners, width, height, look)
            assert {len(text(row)) for row in rows} == {width} and len(rows) == height
            assert 1 <= sum(len(part) for row in rows for part, style in row if style == "agent") <= 2


def test_borders_join():
    canvas = Canvas(7, 5)
    canvas.borders([(0, 0, 4, 3), (3, 0, 4, 3), (0, 2, 7, 3)], UNICODE)
    assert canvas.text() == ["╭──┬──╮", "│  │  │", "├──┴──┤", "│     │", "╰─────╯"]


def test_regions_clip_at_their_edges():
    canvas = Canvas(6, 2)
    region = Region(canvas, 1, 0, 3, 1)
    region.put(0, 0, "abcdef")
    region.put(0, 1, "below")
    region.put(5, 0, "right")
    assert canvas.text() == [" abc", ""]
    canvas.put(-2, 1, "xyz")
    assert canvas.text()[1] == "z"


def test_rows_go_to_the_important_first_and_all_are_used():
    bands = [Band(1, ("a",)), Band(0, ("b",)), Band(2, ("c",), stretch=True)]
    assert allocate(bands, [(2, 4), (1, 2), (1, 3)], 30) == [4, 2, 21]
    assert allocate(bands, [(2, 4), (1, 2), (1, 3)], 8) == [2, 2, 1]
    assert allocate(bands, [(2, 4), (1, 2), (1, 3)], 5) == [2, 1, 0]
    assert allocate(bands, [(2, 4), (1, 2), (1, 3)], 2) == [0, 1, 0]
    for height in range(2, 40):
        rows = allocate(bands, [(2, 4), (1, 2), (1, 3)], height)
        assert sum(rows) + sum(row > 0 for row in rows) == height


def test_the_frontier_shows_the_last_reached_and_the_next():
    rows = milestones()  # the first 8 of 12 are reached
    assert frontier(rows, 12) == rows
    shown = frontier(rows, 6)
    assert [row.reached for row in shown] == [True] * 4 + [False] * 2
    assert shown[3].name == "EVENT_BEAT_BROCK"
    assert frontier([row for row in rows if not row.reached], 2)[0].name == "EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD"
