import numpy as np
import pytest
import torch

from Daddy.frames import unpack2bit
from Daddy.rnd import RND, RunningMoments

IDS, NO = np.arange(8), np.zeros(8, bool)


def screens(rng, count=8):
    return rng.integers(0, 256, (count, 72, 20), dtype=np.uint8)


def drive(rnd, rng, steps, source):
    paid = []
    for _ in range(steps):
        screen = source(rng)
        paid.append(rnd.bonus(screen, IDS, NO))
        rnd.train(screen)
    return np.array(paid)


def test_the_bonus_is_never_negative_falls_on_repeats_and_returns_for_something_new():
    rng = np.random.default_rng(0)
    known = screens(rng, 16)
    rnd = RND(8, lr=1e-3, warmup=8)
    paid = drive(rnd, rng, 400, lambda r: known[r.integers(0, 16, 8)])
    assert (paid >= 0).all() and np.isfinite(paid).all()
    late = rnd.bonus(known[:8], IDS, NO).mean()
    assert late < 0.3 * paid[20:60].mean()
    assert rnd.bonus(screens(rng), IDS, NO).mean() > 3 * late


def test_first_observations_pay_nothing_and_do_not_move_the_scale():
    rng = np.random.default_rng(0)
    rnd = RND(8, warmup=8)
    drive(rnd, rng, 5, screens)
    before = rnd.returns.state_dict()
    first = IDS % 2 == 0
    assert (rnd.bonus(screens(rng), IDS, ~NO) == 0).all() and rnd.returns.state_dict()["count"] == before["count"]
    paid = rnd.bonus(screens(rng), IDS, first)
    assert (paid[first] == 0).all() and (paid[~first] > 0).all()


def test_nothing_is_paid_before_the_scale_is_known():
    rng = np.random.default_rng(0)
    paid = drive(RND(8, warmup=24), rng, 5, screens)
    assert (paid[:2] == 0).all() and (paid[2:] > 0).all()


def test_the_scale_is_the_std_of_discounted_returns():
    rng = np.random.default_rng(0)
    rnd, running, seen = RND(8, gamma=0.9, warmup=8), np.zeros(8), []
    for _ in range(30):
        screen = screens(rng)
        paid = rnd.bonus(screen, IDS, NO)
        error = rnd._error(rnd._halve(screen))
        running = 0.9 * running + error
        seen.append(running)
        np.testing.assert_allclose(paid, error / (np.std(seen) + 1e-8), rtol=1e-4)


def test_the_same_screens_cost_no_training_before_a_batch_is_full():
    rng = np.random.default_rng(0)
    rnd = RND(8, batch=24)
    reports = [rnd.train(screens(rng)) for _ in range(6)]
    assert [bool(r) for r in reports] == [False, False, True] * 2


def test_state_round_trip_continues_identically():
    rng = np.random.default_rng(0)
    one = RND(8, warmup=100)
    drive(one, rng, 19, screens)
    two = RND(8, seed=5, warmup=100)
    two.load_state_dict(one.state_dict())
    paid = [drive(rnd, np.random.default_rng(3), 20, screens) for rnd in (one, two)]
    np.testing.assert_array_equal(*paid)


def test_running_moments_equal_numpy():
    rng = np.random.default_rng(0)
    values, moments = rng.normal(3, 2, (100, 4)), RunningMoments(4)
    for chunk in np.array_split(values, [1, 8, 40]):
        moments.update(chunk)
    np.testing.assert_allclose(moments.mean, values.mean(0))
    np.testing.assert_allclose(moments.var, values.var(0))
    assert moments.count == pytest.approx(100)


def test_a_window_forgets_what_lies_far_back():
    rng = np.random.default_rng(0)
    ever, fading = RunningMoments(1), RunningMoments(1, window=50)
    for mean in (0.0, 10.0):
        for _ in range(100):
            values = rng.normal(mean, 1.0, (5, 1))
            ever.update(values)
            fading.update(values)
    assert ever.mean[0] == pytest.approx(5.0, abs=0.2) and fading.mean[0] == pytest.approx(10.0, abs=0.5)
    assert ever.var[0] > 20 and fading.var[0] == pytest.approx(1.0, abs=0.5)


def test_screens_are_halved_and_scored_as_one_would_write_it():
    rng = np.random.default_rng(0)
    rnd = RND(8)
    drive(rnd, rng, 20, screens)  # off the start: normalisers, and biases that are not zero
    screen = screens(rng)
    levels = unpack2bit(screen)
    halved = levels.reshape(8, 36, 2, 40, 2).sum(axis=(2, 4)).reshape(8, -1)
    np.testing.assert_array_equal(rnd._halve(screen), halved)
    whitened = np.clip((halved - rnd.pixels.mean) / np.sqrt(rnd.pixels.var + 1e-4), -5, 5)
    inputs = torch.from_numpy(whitened.astype(np.float32))
    with torch.no_grad():
        errors = (rnd.predictor(inputs) - rnd.target(inputs)).square().mean(dim=1).numpy()
    np.testing.assert_allclose(rnd._error(halved.astype(np.uint8)), errors, rtol=1e-4)
