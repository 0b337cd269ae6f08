"""The closed forms agree with samplers that do not know them, within Monte Carlo error."""

import numpy as np
import pytest

from Daddy import beta as beta_math
from Daddy.bayes_offline import gibbs, sequential_monte_carlo
from Daddy.beta import BetaPrior, discounted_update, pool


@pytest.mark.parametrize("rate, forgetting", [(0.05, 0.97), (0.5, 0.9), (0.95, 0.97), (0.3, 1.0)])
def test_sequential_monte_carlo_agrees_with_the_conjugate_posterior(rate, forgetting):
    rng = np.random.default_rng(0)
    outcomes = rng.random(150) < rate
    alpha, beta, yes = np.array([0.5]), np.array([1.5]), np.ones(1, bool)
    for outcome in outcomes:
        alpha, beta = discounted_update(alpha, beta, np.array([outcome]), yes, BetaPrior(), forgetting)
    draws = sequential_monte_carlo(outcomes, rng, forgetting=forgetting, particles=4_000)
    spread = float(np.sqrt(alpha * beta / (alpha + beta) ** 2 / (alpha + beta + 1)).item())
    assert draws.mean() == pytest.approx(float(beta_math.mean(alpha, beta).item()), abs=6 * spread / np.sqrt(4_000))
    low, high = (float(edge.item()) for edge in beta_math.interval(alpha, beta))
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([low, high], abs=0.25 * spread)


def test_sequential_monte_carlo_without_data_is_the_prior():
    draws = sequential_monte_carlo(np.zeros(0, bool), np.random.default_rng(1), particles=20_000)
    assert draws.mean() == pytest.approx(0.25, abs=0.01) and draws.var() == pytest.approx(0.25 * 0.75 / 3, abs=0.005)


@pytest.mark.parametrize(
    "hits, misses", [([8, 1, 0, 3], [2, 9, 1, 3]), ([0] * 6, [4] * 6), ([30, 28, 2], [1, 2, 0])]
)
def test_gibbs_agrees_with_the_integrated_grid(hits, misses):
    hits, misses = np.array(hits), np.array(misses)
    draws = gibbs(hits, misses, np.random.default_rng(2), draws=6_000)
    alpha, beta = pool(hits, misses)
    assert draws.mean(axis=0) == pytest.approx(beta_math.mean(alpha, beta), abs=0.015)
    variance = alpha * beta / (alpha + beta) ** 2 / (alpha + beta + 1)
    assert draws.std(axis=0) == pytest.approx(np.sqrt(variance), rel=0.15, abs=0.005)
