"""Simulated runs for the alarm study: success rates that rise as learning goes well, and ways for it to go wrong.

A stream is what one milestone shows from the attempt on at which it became the frontier. Times are in units of the
alarm rule's patience, because that is the one thing a user tells the rule about the pace of the game.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("plateau", "locked", "collapse")


@dataclass(frozen=True)
class Streams:
    """`outcomes` bool (R, H); `onset` int (R,), the attempt at which a run went wrong, H where it never does."""

    outcomes: np.ndarray
    onset: np.ndarray


def healthy_theta(rng: np.random.Generator, runs: int, horizon: int, patience: int) -> np.ndarray:
    """(R, H) logistic learning curves of random floor, ceiling, midpoint and width; all pass 0.5 within `patience`."""
    low, high = rng.uniform(0.0, 0.05, (runs, 1)), rng.uniform(0.65, 0.95, (runs, 1))
    middle = rng.uniform(0.1, 0.8, (runs, 1)) * patience
    width = rng.uniform(0.03, 0.15, (runs, 1)) * patience
    return low + (high - low) / (1.0 + np.exp(-(np.arange(horizon) - middle) / width))


def healthy(rng: np.random.Generator, runs: int, horizon: int, patience: int) -> Streams:
    """Runs that nobody should be alarmed about."""
    theta = healthy_theta(rng, runs, horizon, patience)
    return Streams(rng.random(theta.shape) < theta, np.full(runs, horizon))


def stagnating(kind: str, rng: np.random.Generator, runs: int, horizon: int, patience: int) -> Streams:
    """Runs that go wrong; `kind` is one of KINDS.

    plateau: learning stops below 0.5 and stays at 90% of what it had; locked: success was never possible; collapse:
    what was learned falls to 20% between 1.2 and 1.5 patiences.
    """
    theta = healthy_theta(rng, runs, horizon, patience)
    time = np.arange(horizon)
    if kind == "locked":
        onset = np.zeros(runs, np.int64)
        theta[:] = 0.0
    elif kind == "plateau":
        half = np.argmax(theta >= 0.5, axis=1)  # the attempt at which a healthy run passes 0.5
        onset = (rng.uniform(0.0, 1.0, runs) * half).astype(np.int64)
        held = 0.9 * theta[np.arange(runs), onset]
        theta = np.where(time >= onset[:, None], held[:, None], theta)
    else:
        onset = (rng.uniform(1.2, 1.5, runs) * patience).astype(np.int64)
        theta = np.where(time >= onset[:, None], 0.2 * theta, theta)
    return Streams(rng.random(theta.shape) < theta, onset)


class Chain:
    """R runs of M milestones in a row: each is learned once its forerunner is reliable, as in the game.

    With `locked` True the milestone in the middle of the chain can never be reached.
    """

    def __init__(self, rng: np.random.Generator, runs: int, milestones: int, patience: int, locked: bool) -> None:
        self._rng = rng
        self._curves = np.stack([healthy_theta(rng, runs, 4 * patience, patience) for _ in range(milestones)], axis=1)
        if locked:
            self._curves[:, milestones // 2] = 0.0
        self._age = np.zeros((runs, milestones), np.int64)

    def step(self, frontier: np.ndarray) -> np.ndarray:
        """Outcomes bool (R, M) of the next episode; frontier bool (R, M) has one milestone per run."""
        age = np.minimum(self._age, self._curves.shape[2] - 1)
        theta = np.take_along_axis(self._curves, age[..., None], axis=2)[..., 0]
        begun = (self._age > 0) | frontier
        self._age += begun
        return self._rng.random(theta.shape) < theta * begun
