import numpy as np
import pytest
from scipy import stats

from Daddy import beta as beta_math
from Daddy.beta import BetaPrior, discounted_update, interval, median_wait, pool, probability_below

PRIOR = BetaPrior(0.5, 1.5)


def one_by_one(outcomes, forgetting: float) -> tuple[float, float]:
    """Slow reference: prior plus faded sums, written as the sum over attempts."""
    ages = range(len(outcomes) - 1, -1, -1)
    hits = sum(forgetting**age * y for age, y in zip(ages, outcomes, strict=True))
    misses = sum(forgetting ** (len(outcomes) - 1 - i) * (1 - y) for i, y in enumerate(outcomes))
    return PRIOR.alpha + hits, PRIOR.beta + misses


def test_the_recursion_is_the_prior_plus_faded_sums():
    rng = np.random.default_rng(0)
    outcomes = rng.random((40, 3)) < [0.1, 0.5, 0.9]
    alpha, beta = np.full(3, PRIOR.alpha), np.full(3, PRIOR.beta)
    for row in outcomes:
        alpha, beta = discounted_update(alpha, beta, row, np.ones(3, bool), PRIOR, 0.9)
    for k in range(3):
        assert (alpha[k], beta[k]) == pytest.approx(one_by_one(outcomes[:, k].tolist(), 0.9))


def test_what_is_not_counted_changes_nothing():
    alpha, beta = discounted_update(np.array([2.0]), np.array([3.0]), np.array([True]), np.array([False]), PRIOR, 0.5)
    assert (alpha[0], beta[0]) == (2.0, 3.0)


def test_the_prior_never_fades_and_memory_is_bounded():
    alpha, beta = np.array([PRIOR.alpha]), np.array([PRIOR.beta])
    for _ in range(5_000):
        alpha, beta = discounted_update(alpha, beta, np.array([False]), np.array([True]), PRIOR, 0.98)
    assert alpha[0] == pytest.approx(PRIOR.alpha) and beta[0] == pytest.approx(PRIOR.beta + 50)


def test_without_forgetting_it_is_the_textbook_posterior_and_the_interval_covers():
    rng = np.random.default_rng(1)
    theta = rng.beta(PRIOR.alpha, PRIOR.beta, 4_000)
    hits = rng.binomial(20, theta)
    low, high = interval(PRIOR.alpha + hits, PRIOR.beta + 20 - hits)
    assert 0.93 < ((low <= theta) & (theta <= high)).mean() < 0.97, "95% intervals are calibrated"
    below = probability_below(PRIOR.alpha + hits, PRIOR.beta + 20 - hits, 0.3)
    assert below == pytest.approx(stats.beta.cdf(0.3, PRIOR.alpha + hits, PRIOR.beta + 20 - hits))


def test_waiting_times_agree_with_draws():
    rng = np.random.default_rng(2)
    rate = rng.gamma(1.0 + 4.0, 1.0 / (100.0 + 2_000.0), 200_000)
    waits = rng.exponential(1.0 / rate)
    assert np.median(waits) == pytest.approx(float(median_wait(4.0, 2_000.0, 100.0)), rel=0.02)


def test_pooling_lends_strength_to_cells_with_few_attempts_only():
    hits, misses = np.array([80, 75, 0, 30]), np.array([20, 25, 1, 0])
    alpha, beta = pool(hits, misses)
    means = beta_math.mean(alpha, beta)
    assert means[0] == pytest.approx(0.8, abs=0.02), "many attempts stand alone"
    assert 0.4 < means[2] < 0.85, "one failure among good siblings is no 0%"
    alone = pool(hits[2:3], misses[2:3])
    assert means[2] > beta_math.mean(*alone)[0] + 0.1
    assert (alpha > 0).all() and (beta > 0).all()


def test_pooling_beats_raw_shares_when_data_are_few():
    rng = np.random.default_rng(3)
    raw_error, pooled_error = [], []
    for _ in range(40):
        theta = rng.beta(8, 4, 12)
        hits = rng.binomial(3, theta)
        raw_error.append(np.square(hits / 3 - theta).mean())
        pooled_error.append(np.square(beta_math.mean(*pool(hits, 3 - hits)) - theta).mean())
    assert np.mean(pooled_error) < 0.5 * np.mean(raw_error)
