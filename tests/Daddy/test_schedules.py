from types import SimpleNamespace

import numpy as np
import pytest

from Daddy.schedules import curiosity_left, epsilons, ladder, linear, lr_left

SETTINGS = SimpleNamespace(num_envs=4, total_steps=1000, epsilon_start=1.0, epsilon_min=0.1, epsilon_decay=0.5)


def test_linear_at_start_middle_end_and_beyond():
    assert [linear(step, 1.0, 0.2, 100) for step in (-5, 0, 50, 100, 1000)] == pytest.approx([1.0, 1.0, 0.6, 0.2, 0.2])
    assert linear(0, 1.0, 0.2, 0) == 0.2


def test_ladder_spans_four_tenths_to_nearly_greedy():
    rungs = ladder(8)
    assert rungs[0] == pytest.approx(0.4) and rungs[-1] == pytest.approx(0.4**8)
    np.testing.assert_allclose(rungs[1:] / rungs[:-1], 0.4)
    assert ladder(1).tolist() == [0.4]


def test_epsilons_follow_the_schedule():
    means = [epsilons("linear", step, SETTINGS).tolist() for step in (0, 250, 500, 9999)]
    np.testing.assert_allclose(means, np.repeat([[1.0], [0.55], [0.1], [0.1]], 4, axis=1))
    assert epsilons("ladder", 0, SETTINGS).tolist() == [1.0] * 4
    rungs = np.maximum(ladder(4), SETTINGS.epsilon_min)
    assert rungs.tolist() != ladder(4).tolist(), "epsilon_min is a floor for every rung"
    np.testing.assert_allclose(epsilons("ladder", 250, SETTINGS), (1.0 + rungs) / 2)
    for step in (500, 10_000):
        np.testing.assert_allclose(epsilons("ladder", step, SETTINGS), rungs)


def test_a_rung_is_a_floor_and_unknown_kinds_are_refused():
    low = SimpleNamespace(**{**vars(SETTINGS), "epsilon_start": 0.0, "epsilon_min": 0.0})
    np.testing.assert_allclose(epsilons("ladder", 0, low), ladder(4))
    with pytest.raises(ValueError, match="linear, ladder"):
        epsilons("cosine", 0, SETTINGS)


def test_novelty_fades_to_its_end_and_stays_where_the_end_is_one():
    fading = SimpleNamespace(total_steps=1000, curiosity_end=0.04, curiosity_decay=0.5)
    assert [curiosity_left(step, fading) for step in (0, 250, 500, 5000)] == pytest.approx([1.0, 0.2, 0.04, 0.04])
    lasting = SimpleNamespace(total_steps=1000, curiosity_end=1.0, curiosity_decay=0.5)
    assert {curiosity_left(step, lasting) for step in (0, 250, 500, 5000)} == {1.0}


def test_the_learning_rate_is_held_and_cooled_at_the_end():
    cooled = SimpleNamespace(total_steps=1000, lr_cooldown=0.2)
    assert [lr_left(step, cooled) for step in (0, 800, 900, 1000, 1001)] == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])
    held = SimpleNamespace(total_steps=1000, lr_cooldown=0.0)
    assert {lr_left(step, held) for step in (0, 999, 1000, 5000)} == {1.0}
