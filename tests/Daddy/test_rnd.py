import numpy as np
import pytest
import torch

from Daddy import rnd as rnd_module
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


def test_moments_with_a_window_fade_old_rows_exponentially():
    rng = np.random.default_rng(0)
    window, moments = 30, RunningMoments(2, window=30)
    values, weights = np.empty((0, 2)), np.empty(0)
    for n in (10, 20, 5, 1, 40, 7):
        chunk = rng.normal(len(values), 2, (n, 2))
        moments.update(chunk)
        weights = weights * min(1.0, window / max(weights.sum(), 1e-9))
        values, weights = np.concatenate([values, chunk]), np.concatenate([weights, np.ones(n)])
        mean = np.average(values, axis=0, weights=weights)
        np.testing.assert_allclose(moments.mean, mean)
        np.testing.assert_allclose(moments.var, np.average((values - mean) ** 2, axis=0, weights=weights))
        assert moments.count == pytest.approx(weights.sum())


def test_after_a_long_known_stretch_something_new_pays_and_what_is_familiar_does_not(monkeypatch):
    monkeypatch.setattr(rnd_module, "_WINDOW", 400.0)
    rng, never_fading, paid = np.random.default_rng(0), RunningMoments(1), []
    known, new = screens(rng, 16), screens(np.random.default_rng(9))
    rnd = RND(8, lr=1e-3, batch=16, warmup=64)
    for _ in range(800):
        screen = known[rng.integers(0, 16, 8)]
        paid.append(rnd.bonus(screen, IDS, NO))
        never_fading.update(rnd._discounted[:, None])
        rnd.train(screen)
    now = rnd.bonus(new, IDS, NO).mean()
    error = rnd._error(rnd._halve(new)).mean()
    assert now > 10 * error / np.sqrt(never_fading.var[0])
    at_first = np.array(paid[8:28])
    assert at_first.min() > 0 and np.mean(paid[-50:]) < at_first.mean()
    assert rnd.bonus(known[:8], IDS, NO).max() < at_first.max()


def test_the_scale_falls_to_a_share_of_its_first_value_and_no_further(monkeypatch):
    monkeypatch.setattr(rnd_module, "_WINDOW", 200.0)
    rnd, screen = RND(8, warmup=64), screens(np.random.default_rng(0))
    for _ in range(64 // 8):
        rnd.bonus(screens(np.random.default_rng(1)), IDS, NO)
    first = rnd._scale()
    rnd._error = lambda pixels: np.full(len(pixels), 1e-9)  # all is known
    rnd._discounted[:] = 0.0
    scales = [(rnd.bonus(screen, IDS, NO), rnd._scale())[1] for _ in range(600)]
    assert scales[0] > 0.5 * first and min(scales) == scales[-1] == 0.02 * first > np.sqrt(rnd.returns.var[0])


def test_the_first_scale_travels_and_a_state_without_it_is_refused(monkeypatch):
    monkeypatch.setattr(rnd_module, "_WINDOW", 100.0)
    one, two = (RND(8, seed=seed, warmup=64) for seed in (0, 5))
    drive(one, np.random.default_rng(0), 30, screens)
    state = one.state_dict()
    two.load_state_dict(state)
    paid = [drive(rnd, np.random.default_rng(3), 50, screens) for rnd in (one, two)]
    np.testing.assert_array_equal(*paid)
    assert one._scale() == two._scale()
    with pytest.raises(KeyError, match="first_scale"):
        two.load_state_dict({name: part for name, part in state.items() if name != "first_scale"})


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
