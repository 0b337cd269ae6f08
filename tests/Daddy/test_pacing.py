"""ReplayPacer: the ratio is kept, and `auto` follows the measured speeds."""

import pytest

from Daddy import pacing
from Daddy.pacing import AUTO_BOUNDS, ReplayPacer


def play(pacer, steps, per_step=8, learned=90):
    """Collect and learn as the loop does; every update learns `learned` of 100 transitions."""
    running, updates = False, 0
    for step in range(0, steps + 1, per_step):
        while step >= 1_000 and pacer.due(step):
            pacer.take({"learned": learned, "seconds": 0.01, "losses/x": 1.0} if running else {})
            pacer.begin()
            running, updates = True, updates + 1
    return updates


@pytest.mark.parametrize("ratio", [0.0, 0.5, 4.0])
def test_a_set_ratio_is_kept_whatever_an_update_learns(ratio):
    pacer = ReplayPacer(ratio, learning_starts=1_000, per_update=100)
    updates = play(pacer, 20_000)
    assert 90 * updates == pytest.approx(ratio * 19_000, abs=200)
    assert pacer.news() == [f"replay ratio {ratio:g} (as set)"] and pacer.news() == []


def test_what_is_left_of_the_metrics_is_for_the_log():
    assert ReplayPacer(1.0, 0, 10).take({"learned": 9, "seconds": 0.1, "losses/x": 2.0}) == {"losses/x": 2.0}


@pytest.mark.parametrize(("steps_per_s", "expected"), [(2_000, 4.5), (100_000, AUTO_BOUNDS[0]), (100, AUTO_BOUNDS[1])])
def test_auto_is_the_speed_of_learning_over_that_of_collecting_within_bounds(monkeypatch, steps_per_s, expected):
    clock = [0.0]
    monkeypatch.setattr(pacing.time, "perf_counter", lambda: clock[0])
    pacer = ReplayPacer(None, learning_starts=1_000, per_update=100)
    for step in range(0, 1_000, 8):
        clock[0] = step / steps_per_s
        pacer.due(step)
    clock[0] = 1_000 / steps_per_s
    assert pacer.news() == []
    play(pacer, 3_000)  # 90 transitions in 0.01 s are 9,000 a second
    assert pacer.ratio == pytest.approx(expected, rel=0.02)
    (line,) = pacer.news()
    assert "auto" in line and "9,000 transitions/s" in line


def test_a_resumed_run_keeps_the_measured_ratio_but_a_new_setting_wins():
    saved = {"ratio": 3.0, "learned": 500}
    auto, fixed = ReplayPacer(None, 0, 10), ReplayPacer(1.0, 0, 10)
    for pacer in (auto, fixed):
        pacer.load_state_dict(saved)
    assert (auto.ratio, fixed.ratio, auto.learned, auto.state_dict()) == (3.0, 1.0, 500, saved)


@pytest.mark.parametrize(
    "step, replayed, first_due", [(0, 0, 101), (50, 0, 151), (50, 3, 101), (500, 30, 501), (500, 0, 601)]
)
def test_a_resumed_run_owes_nothing_for_what_an_earlier_process_collected(step, replayed, first_due):
    pacer = ReplayPacer(4.0, learning_starts=100, per_update=8)
    pacer.load_state_dict({"ratio": 1.0, "learned": 7})
    pacer.start_at(step, replayed)
    assert next(s for s in range(step, 1000) if pacer.due(s)) == first_due
    assert pacer.learned == 7
