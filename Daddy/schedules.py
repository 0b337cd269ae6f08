"""Exploration rates, the weight of curiosity and the learning rate as closed forms of `step_global`."""

from __future__ import annotations

from typing import Protocol

import numpy as np

_LADDER_BASE, _LADDER_SPREAD = 0.4, 7.0


class EpsilonSettings(Protocol):
    """What `epsilons` reads of a run's settings; epsilon_decay is a share of total_steps."""

    num_envs: int
    total_steps: int
    epsilon_start: float
    epsilon_min: float
    epsilon_decay: float


def linear(step: float, start: float, end: float, duration: float) -> float:
    """`start` at step 0, `end` from step `duration` on, a straight line between; `end` throughout if duration is 0."""
    if step >= duration:
        return end
    return start + (end - start) * max(step, 0) / duration


def ladder(num_envs: int) -> np.ndarray:
    """0.4^(1 + 7 i / (N - 1)) for i = 0..N-1, float64 (N,): bold to nearly greedy; a single env gets the boldest."""
    return _LADDER_BASE ** (1.0 + _LADDER_SPREAD * np.arange(num_envs) / max(num_envs - 1, 1))


def epsilons(kind: str, step_global: int, settings: EpsilonSettings) -> np.ndarray:
    """Epsilon of every env, float64 (num_envs,).

    linear: epsilon_start falls to epsilon_min, the same for all. ladder: every env falls from epsilon_start to its own
    rung, and none of them below it or below epsilon_min.
    """
    flat = np.full(settings.num_envs, settings.epsilon_min)
    rungs = {"linear": flat, "ladder": np.maximum(ladder(settings.num_envs), flat)}
    if kind not in rungs:
        raise ValueError(f"unknown schedule {kind!r}; choose from {', '.join(rungs)}")
    progress = linear(step_global, 0.0, 1.0, settings.epsilon_decay * settings.total_steps)
    start = np.maximum(settings.epsilon_start, rungs[kind])
    return start + (rungs[kind] - start) * progress


class CuriositySettings(Protocol):
    """What `curiosity_left` reads of a run's settings; curiosity_decay is a share of total_steps."""

    total_steps: int
    curiosity_end: float
    curiosity_decay: float


def curiosity_left(step_global: int, settings: CuriositySettings) -> float:
    """The share of the weights of RND and novelty that counts: 1 at step 0, curiosity_end once it has decayed.

    On the way it falls by the same factor in every step: what is left has to be small beside the rewards of the game,
    which are of all sizes.
    """
    return settings.curiosity_end ** linear(step_global, 0.0, 1.0, settings.curiosity_decay * settings.total_steps)


class LearningRateSettings(Protocol):
    """What `lr_left` reads of a run's settings; lr_cooldown is a share of total_steps."""

    total_steps: int
    lr_cooldown: float


def lr_left(step_global: int, settings: LearningRateSettings) -> float:
    """The share of the learning rate that counts: 1, and from the cooldown on a straight line to 0 at the last step.

    A rate that is held as long as possible and cooled at the end: Hägele et al. 2024 (arXiv 2405.18392).
    """
    cooldown = settings.lr_cooldown * settings.total_steps
    left = max(settings.total_steps - step_global, 0)
    return left / cooldown if left < cooldown else 1.0
