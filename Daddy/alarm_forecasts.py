"""How good the probabilities themselves are: forecasts of the next attempt, rates of start states with few attempts.

This is where a posterior differs from a moving average: it says something before there is a window of data, and start
states with three attempts each can lean on one another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from Daddy.beta import FORGETTING, BetaPrior, discounted_update, mean, pool

EARLY = 10  # attempts


def posterior_forecasts(outcomes: np.ndarray) -> np.ndarray:
    """Posterior mean before each attempt, float64 (R, H), for outcomes bool (R, H)."""
    prior, always = BetaPrior(), np.ones(len(outcomes), bool)
    alpha, beta = np.full(len(outcomes), prior.alpha), np.full(len(outcomes), prior.beta)
    forecasts = np.zeros(outcomes.shape)
    for t in range(outcomes.shape[1]):
        forecasts[:, t] = mean(alpha, beta)
        alpha, beta = discounted_update(alpha, beta, outcomes[:, t], always, prior, FORGETTING)
    return forecasts


def window_forecasts(outcomes: np.ndarray, window: int) -> np.ndarray:
    """Share of successes among the last `window` attempts or as many as there are; one half before the first."""
    sums = np.cumsum(np.pad(outcomes.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    ends = np.arange(outcomes.shape[1])
    begins = np.maximum(ends - window, 0)
    return np.where(ends > 0, (sums[:, ends] - sums[:, begins]) / np.maximum(ends - begins, 1), 0.5)


def brier(forecasts: np.ndarray, outcomes: np.ndarray) -> float:
    """Mean squared error of probabilities."""
    return float(np.square(forecasts - outcomes).mean())


def calibration_error(forecasts: np.ndarray, outcomes: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: |share of successes - mean forecast| over equal bins, weighted by their size."""
    place = np.minimum((forecasts * bins).astype(np.int64), bins - 1).ravel()
    gaps = np.bincount(place, weights=(outcomes - forecasts).ravel(), minlength=bins)
    return float(np.abs(gaps).sum() / outcomes.size)


def study_forecasts(outcomes: np.ndarray) -> list[dict[str, Any]]:
    """A row per forecaster on streams bool (R, H): Brier score of all and of the first EARLY attempts, calibration."""
    forecasters = {
        "posterior": posterior_forecasts(outcomes), "moving_average_50": window_forecasts(outcomes, 50),
        "moving_average_20": window_forecasts(outcomes, 20),
        "share_so_far": window_forecasts(outcomes, outcomes.shape[1]),
    }  # fmt: skip
    return [
        {
            "forecaster": name, "brier": round(brier(said, outcomes), 4),
            "brier_first_10": round(brier(said[:, :EARLY], outcomes[:, :EARLY]), 4),
            "calibration_error": round(calibration_error(said, outcomes), 4),
        }
        for name, said in forecasters.items()
    ]  # fmt: skip


def study_pooling(rng: np.random.Generator, families: int, attempts: int = 3, cells: int = 12) -> dict[str, float]:
    """Root mean squared error of the rates of `cells` related start states after a few attempts each."""
    errors = {"raw_share": [], "own_posterior": [], "pooled": []}
    prior = BetaPrior()
    for _ in range(families):
        center, strength = rng.uniform(0.1, 0.9), rng.uniform(4.0, 30.0)
        theta = rng.beta(center * strength, (1.0 - center) * strength, cells)
        hits = rng.binomial(attempts, theta)
        guesses = {
            "raw_share": hits / attempts,
            "own_posterior": mean(prior.alpha + hits, prior.beta + attempts - hits),
            "pooled": mean(*pool(hits, attempts - hits)),
        }
        for name, guess in guesses.items():
            errors[name].append(np.square(guess - theta).mean())
    return {name: round(float(np.sqrt(np.mean(values))), 4) for name, values in errors.items()}
