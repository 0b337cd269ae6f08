"""Beta posteriors of success rates that forget, Gamma posteriors of waiting times, and pooling over related rates.

Everything works on arrays of any shape that broadcast; nothing here keeps state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, betaln

FORGETTING = 0.97  # remembers about 33 attempts

def _hyper_grid() -> tuple[np.ndarray, np.ndarray]:
    means, strengths = np.meshgrid(np.linspace(0.02, 0.98, 49), np.geomspace(0.5, 200.0, 28), indexing="ij")
    return (means * strengths).ravel(), ((1.0 - means) * strengths).ravel()


HYPER_GRID = _hyper_grid()  # (alpha, beta) of the priors that `pool` considers, each (G,)


@dataclass(frozen=True)
class BetaPrior:
    """Beta(alpha, beta): `alpha` pseudo-successes and `beta` pseudo-failures."""

    alpha: float = 0.5
    beta: float = 1.5


def discounted_update(
    alpha: np.ndarray, beta: np.ndarray, success: np.ndarray, counted: np.ndarray, prior: BetaPrior, forgetting: float
) -> tuple[np.ndarray, np.ndarray]:
    """One attempt per cell: a <- lam a + (1 - lam) a0 + y, b <- lam b + (1 - lam) b0 + (1 - y) where `counted`.

    The power-prior form of discounted Thompson sampling (Raj & Kalyani, arXiv 1707.09727): old attempts fade with
    lam = `forgetting`, an attempt counts for 1 / (1 - lam) attempts' time, and the prior never fades, so alpha >= a0
    and beta >= b0 always. success and counted are bool, same shape as alpha and beta; returns new float64 arrays.
    """
    faded_alpha = forgetting * alpha + (1.0 - forgetting) * prior.alpha + success
    faded_beta = forgetting * beta + (1.0 - forgetting) * prior.beta + ~success
    return np.where(counted, faded_alpha, alpha), np.where(counted, faded_beta, beta)


def mean(alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """E[theta]."""
    return alpha / (alpha + beta)


def interval(alpha: np.ndarray, beta: np.ndarray, mass: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Equal-tailed credible interval that holds `mass` of the posterior."""
    tail = (1.0 - mass) / 2.0
    return betaincinv(alpha, beta, tail), betaincinv(alpha, beta, 1.0 - tail)


def probability_below(alpha: np.ndarray, beta: np.ndarray, target: np.ndarray | float) -> np.ndarray:
    """P(theta < target)."""
    return betainc(alpha, beta, target)


def median_wait(successes: np.ndarray, exposure: np.ndarray, prior_exposure: np.ndarray) -> np.ndarray:
    """Median steps until the next success, under rate ~ Gamma(1 + successes, prior_exposure + exposure).

    The waiting time is exponential given the rate, so its predictive distribution is Lomax and the median closed:
    b (2^(1/a) - 1). The prior is worth one success in `prior_exposure` steps. Exposure is the number of steps that were
    spent trying, censored attempts included, so nothing is thrown away.
    """
    return (prior_exposure + exposure) * (2.0 ** (1.0 / (1.0 + successes)) - 1.0)


def pool(successes: np.ndarray, failures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Partially pooled posteriors of related rates: (alpha, beta), each float64 (K,), from counts (K,).

    theta_k ~ Beta(mu kappa, (1 - mu) kappa), mu uniform and kappa log-uniform on HYPER_GRID, which is integrated
    exactly (Beta-binomial evidence), and each mixture is matched by a Beta of the same mean and variance. Cells with
    few attempts lean on the others, cells with many stand alone.
    """
    a0, b0 = (parameter[:, None] for parameter in HYPER_GRID)  # (G, 1)
    a, b = a0 + successes, b0 + failures  # (G, K)
    evidence = (betaln(a, b) - betaln(a0, b0)).sum(axis=1)  # (G,)
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    first = weight @ (a / (a + b))  # (K,)
    second = weight @ (a * (a + 1.0) / ((a + b) * (a + b + 1.0)))
    strength = first * (1.0 - first) / (second - first**2) - 1.0
    return first * strength, (1.0 - first) * strength
