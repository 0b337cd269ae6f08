"""n-step targets over rows that each hold one observation and the reward received on arriving at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NStepTargets:
    """For each learned row, (B, S): y = returns + discount * V(row `bootstrap`).

    returns float32; discount float32, gamma^h or 0 after a termination; bootstrap int64, a row of the given sequence;
    valid bool, False where the row has no transition (an episode's last row, or one whose successor was lost).
    """

    returns: np.ndarray
    discount: np.ndarray
    bootstrap: np.ndarray
    valid: np.ndarray


def nstep_targets(reward: np.ndarray, is_first: np.ndarray, is_last: np.ndarray, terminated: np.ndarray,
                  start: int, count: int, n_step: int, gamma: float) -> NStepTargets:
    """Targets of rows start..start+count-1 of sequences (B, L), L >= start + count + n_step.

    The horizon h is n_step, or less where the episode ends earlier: a termination leaves nothing to bootstrap from, a
    truncation bootstraps from its last observation. A row that begins an episode without a last row before it (a
    restarted env, a resumed run) cuts the horizon to what is known.
    """
    rows = np.broadcast_to(np.arange(start, start + count), (reward.shape[0], count))
    returns = np.zeros(rows.shape, dtype=np.float32)
    discount = np.ones(rows.shape, dtype=np.float32)
    bootstrap = rows.copy()
    alive = ~is_last[:, start : start + count]
    for k in range(1, n_step + 1):
        here = slice(start + k, start + k + count)
        alive = alive & ~is_first[:, here]
        returns += np.where(alive, discount * reward[:, here], 0.0)
        discount = np.where(alive, discount * np.float32(gamma), discount)
        bootstrap = np.where(alive, bootstrap + 1, bootstrap)
        discount = np.where(alive & terminated[:, here], np.float32(0.0), discount)
        alive = alive & ~is_last[:, here]
    return NStepTargets(returns, discount, bootstrap, bootstrap > rows)
