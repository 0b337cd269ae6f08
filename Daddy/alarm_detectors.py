"""Stagnation detectors on streams of outcomes: ours, and a moving average, a CUSUM and a deadline beside it.

All are given the same demand, the ramp of `AlarmRule`, and are calibrated to the same share of healthy runs accused.
A score is float64 (R, H): the evidence after each attempt of each run. An alarm is the first attempt whose score lies
above the detector's threshold.
"""

from __future__ import annotations

import numpy as np

from Daddy.alarm_streams import Chain
from Daddy.alarms import AlarmRule, AlarmState
from Daddy.beta import FORGETTING, BetaPrior, discounted_update, mean

WINDOW = 50  # attempts in the moving average
_CUSUM_RATIO = 0.5


def demand(horizon: int, rule: AlarmRule) -> np.ndarray:
    """The least acceptable success rate after each attempt at the frontier, float64 (H,)."""
    age = np.arange(1, horizon + 1)
    return rule.demanded(age, np.ones(horizon, bool), np.zeros(horizon, bool))


def rule_scores(outcomes: np.ndarray, rule: AlarmRule, forgetting: float = FORGETTING) -> tuple[np.ndarray, np.ndarray]:
    """The product's own alarm on streams: (levels int (R, H), P(theta < demand) float64 (R, H))."""
    runs, horizon = outcomes.shape
    prior, state, always = BetaPrior(), AlarmState((runs,), rule), np.ones(runs, bool)
    alpha, beta = np.full(runs, prior.alpha), np.full(runs, prior.beta)
    levels, below = np.zeros((runs, horizon), np.int64), np.zeros((runs, horizon))
    for t in range(horizon):
        alpha, beta = discounted_update(alpha, beta, outcomes[:, t], always, prior, forgetting)
        state.update(alpha, beta, always, always)
        levels[:, t], below[:, t] = state.levels(), state.p_below
    return levels, below


def persistent(scores: np.ndarray, run: int) -> np.ndarray:
    """The smallest of the last `run` scores: it exceeds a threshold when all of them do. 0 before there are so many."""
    windows = np.lib.stride_tricks.sliding_window_view(scores, run, axis=1).min(axis=2)
    return np.pad(windows, ((0, 0), (run - 1, 0)))


def moving_average(outcomes: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Share of successes among the last `window` attempts, 1 before there are so many; float64 (R, H)."""
    if outcomes.shape[1] < window:
        return np.ones(outcomes.shape)
    sums = np.cumsum(np.pad(outcomes.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    means = (sums[:, window:] - sums[:, :-window]) / window
    return np.pad(means, ((0, 0), (window - 1, 0)), constant_values=1.0)


def average_scores(outcomes: np.ndarray, rule: AlarmRule) -> np.ndarray:
    """How far the moving average lies below the demand."""
    return demand(outcomes.shape[1], rule) - moving_average(outcomes)


def cusum_scores(outcomes: np.ndarray, rule: AlarmRule) -> np.ndarray:
    """Page's G_t = max(0, G_{t-1} + log p1(x) / p0(x)): p0 is the demand, p1 half of it."""
    p0 = demand(outcomes.shape[1], rule)
    p1 = _CUSUM_RATIO * p0
    hit, miss = np.full(len(p0), np.log(_CUSUM_RATIO)), np.log((1.0 - p1) / (1.0 - p0))
    gains = np.where(outcomes, hit, miss) * (p0 > 0)
    scores, sums = np.zeros(outcomes.shape), np.zeros(len(outcomes))
    for t in range(outcomes.shape[1]):
        sums = np.maximum(0.0, sums + gains[:, t])
        scores[:, t] = sums
    return scores


def deadline_scores(outcomes: np.ndarray, rule: AlarmRule, deadline: int) -> np.ndarray:
    """Once, at attempt `deadline`: how far the moving average lies below the full target."""
    scores = np.full(outcomes.shape, -np.inf)
    scores[:, deadline - 1 : deadline] = rule.target - moving_average(outcomes)[:, deadline - 1 : deadline]
    return scores


def alarm_times(scores: np.ndarray, threshold: float) -> np.ndarray:
    """First attempt (from 0) whose score is above the threshold, H where none is; int64 (R,)."""
    above = scores > threshold
    return np.where(above.any(axis=1), above.argmax(axis=1), scores.shape[1])


def calibrate(scores: np.ndarray, share: float) -> float:
    """The lowest threshold that at most `share` of these healthy runs ever exceed."""
    peaks = np.sort(scores.max(axis=1))
    return float(peaks[int(np.ceil((1.0 - share) * len(peaks))) - 1])


def calibrate_deadline(outcomes: np.ndarray, rule: AlarmRule, share: float) -> int:
    """The earliest deadline at which at most `share` of these healthy runs are below the target.

    The last attempt of the stream if there is none.
    """
    late = (moving_average(outcomes) < rule.target).mean(axis=0) > share
    late[: WINDOW - 1] = True
    return min(int(np.flatnonzero(late)[-1]) + 2, outcomes.shape[1])


def first_alarms(chain: Chain, runs: int, milestones: int, horizon: int, rule: AlarmRule,
                 forgetting: float = FORGETTING) -> np.ndarray:
    """Episode of the first warning and of the first critical alarm of whole runs, `horizon` where none; int64 (R, 2).

    Frontier, posteriors and alarms are those of `BayesMonitor`, for R runs at once.
    """
    shape, prior, rows = (runs, milestones), BetaPrior(), np.arange(runs)
    state, always, places = AlarmState(shape, rule), np.ones(shape, bool), np.arange(milestones)
    alpha, beta = np.full(shape, prior.alpha), np.full(shape, prior.beta)
    times = np.full((runs, 2), horizon)
    for t in range(horizon):
        reliable = mean(alpha, beta) >= rule.target
        after_last = np.where(reliable.any(axis=1), milestones - np.argmax(reliable[:, ::-1], axis=1), 0)
        frontier = places == np.minimum(after_last, milestones - 1)[:, None]
        outcomes = chain.step(frontier)
        alpha, beta = discounted_update(alpha, beta, outcomes, always, prior, forgetting)
        state.update(alpha, beta, always, frontier)
        worst = state.levels().max(axis=1)
        for level in (1, 2):
            fresh = rows[(worst >= level) & (times[:, level - 1] == horizon)]
            times[fresh, level - 1] = t
    return times
