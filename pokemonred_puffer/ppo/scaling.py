"""Rewards in units of the spread of their discounted sums (as gymnasium's NormalizeReward), so that one learning rate
and one value coefficient suit any reward set."""
from __future__ import annotations

from typing import Any

import numpy as np

_EPSILON = 1e-8
_LIMIT = 10.0  # a first large reward comes when only small ones have been seen


class ReturnScale:
    """Running variance of the discounted returns of all envs (Chan et al. 1979); `scale` divides rewards by its root.
    """

    def __init__(self, num_envs: int, gamma: float) -> None:
        self.gamma = gamma
        self.count, self.mean, self.squares = 1e-4, 0.0, 1e-4
        self._sums = np.zeros(num_envs)

    def scale(self, rewards: np.ndarray, done: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Takes in rewards (B,) with the flags of their steps, and returns them scaled and cut at 10, float32 (B,)."""
        sums = self._sums[env_ids] * self.gamma + rewards
        self._add(sums)
        self._sums[env_ids] = np.where(done, 0.0, sums)
        return (rewards / self.deviation).clip(-_LIMIT, _LIMIT).astype(np.float32)

    @property
    def deviation(self) -> float:
        return float(np.sqrt(self.squares / self.count + _EPSILON))

    def _add(self, values: np.ndarray) -> None:
        total = self.count + len(values)
        shift = values.mean() - self.mean
        self.squares += values.var() * len(values) + shift**2 * self.count * len(values) / total
        self.mean += shift * len(values) / total
        self.count = total

    def state_dict(self) -> dict[str, Any]:
        """Without the running sums: a resumed run begins new episodes."""
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """What `state_dict` told."""
        self.count, self.mean, self.squares = (float(state[name]) for name in ("count", "mean", "squares"))
