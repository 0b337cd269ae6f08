"""Slow, assumption-free cousins of the monitor's closed forms, to check those on stored logs.

Sequential Monte Carlo samples the forgetting posterior without knowing that it is a Beta; Gibbs sampling draws from the
hierarchical model that `Daddy.beta.pool` integrates on a grid.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaln

from Daddy.beta import FORGETTING, HYPER_GRID, BetaPrior

_EDGE = 1e-12


def sequential_monte_carlo(
    outcomes: np.ndarray, rng: np.random.Generator, prior: BetaPrior | None = None, forgetting: float = FORGETTING,
    particles: int = 2_000, moves: int = 3,
) -> np.ndarray:  # fmt: skip
    """Equally weighted draws (particles,) of theta after outcomes bool (T,), in the order in which they came.

    An SMC sampler (Del Moral, Doucet and Jasra 2006) through the targets p_t(theta) = prior * prod_s lik_s^(lam^(t-s)):
    reweight by lik_t * (what is forgotten)^-1, resample when half of the particles are lost, move by Metropolis steps.
    """
    prior = prior or BetaPrior()
    theta = rng.beta(prior.alpha, prior.beta, particles)
    log_weight, memory = np.zeros(particles), np.zeros(2)  # faded successes and failures
    for outcome in outcomes:
        old = memory
        memory = forgetting * memory + np.array([outcome, not outcome])
        log_weight += _log_likelihood(theta, memory - old)
        if _effective(log_weight) < particles / 2:
            theta, log_weight = _resample(theta, log_weight, rng), np.zeros(particles)
            for _ in range(moves):
                theta = _metropolis(theta, memory, prior, rng)
    return _metropolis(_resample(theta, log_weight, rng), memory, prior, rng)


def _log_likelihood(theta: np.ndarray, counts: np.ndarray) -> np.ndarray:
    inside = np.clip(theta, _EDGE, 1.0 - _EDGE)
    return counts[0] * np.log(inside) + counts[1] * np.log1p(-inside)


def _effective(log_weight: np.ndarray) -> float:
    weight = np.exp(log_weight - log_weight.max())
    return float(weight.sum() ** 2 / np.square(weight).sum())


def _resample(theta: np.ndarray, log_weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Systematic resampling."""
    weight = np.exp(log_weight - log_weight.max())
    places = (np.arange(len(theta)) + rng.random()) / len(theta) * weight.sum()
    return theta[np.minimum(np.searchsorted(np.cumsum(weight), places), len(theta) - 1)]


def _metropolis(theta: np.ndarray, memory: np.ndarray, prior: BetaPrior, rng: np.random.Generator) -> np.ndarray:
    """One random-walk step on the logit, which leaves the present target invariant."""
    inside = np.clip(theta, _EDGE, 1.0 - _EDGE)
    logit = np.log(inside) - np.log1p(-inside)
    proposal = 1.0 / (1.0 + np.exp(-(logit + rng.normal(0.0, logit.std() + 1e-3, len(theta)))))
    counts = memory + np.array([prior.alpha, prior.beta])  # the Jacobian cancels the -1 of the prior
    accept = np.log(rng.random(len(theta))) < _log_likelihood(proposal, counts) - _log_likelihood(theta, counts)
    return np.where(accept, proposal, theta)


def gibbs(
    successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator, draws: int = 2_000, burn_in: int = 200
) -> np.ndarray:
    """Draws (draws, K) of the rates of K related cells under the model of `pool`, from counts (K,).

    Alternates theta_k given (mu, kappa), which is a Beta, and (mu, kappa) given theta, drawn from its grid.
    """
    a0, b0 = HYPER_GRID  # (G,)
    norm = betaln(a0, b0)
    hit, miss = _log_beta(successes + 1.0, failures + 1.0, rng)
    kept = []
    for draw in range(burn_in + draws):
        log_p = (a0 - 1.0) * hit.sum() + (b0 - 1.0) * miss.sum() - len(hit) * norm
        weight = np.exp(log_p - log_p.max())
        cell = np.searchsorted(np.cumsum(weight), rng.random() * weight.sum())
        hit, miss = _log_beta(a0[cell] + successes, b0[cell] + failures, rng)
        if draw >= burn_in:
            kept.append(np.exp(hit))
    return np.array(kept)


def _log_beta(alpha: np.ndarray, beta: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(log theta, log(1 - theta)) of Beta draws, exact where theta itself would round to 0 or 1."""
    hit, miss = _log_gamma(alpha, rng), _log_gamma(beta, rng)
    total = np.logaddexp(hit, miss)
    return hit - total, miss - total


def _log_gamma(shape: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Logs of Gamma draws, via Gamma(a) = Gamma(a + 1) U^(1/a), which does not underflow for small a."""
    return np.log(rng.gamma(shape + 1.0)) + np.log(rng.random(shape.shape)) / shape
