"""r_total = r_env + w_rnd r_rnd + w_novel r_novel, computed on the state that an action led to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.novelty import EpisodicNovelty
from Daddy.rnd import RND

TERMS = ("env", "rnd", "novel", "total")


@dataclass(frozen=True)
class RewardTerms:
    """Reward terms of one batch, each float32 (B,), unweighted but for ``total``; all 0 on first observations."""

    env: np.ndarray
    rnd: np.ndarray
    novel: np.ndarray
    total: np.ndarray

    def items(self) -> Iterator[tuple[str, np.ndarray]]:
        return ((name, getattr(self, name)) for name in TERMS)


class RewardMixer:
    """Scores the arriving observations. A weight of 0 switches the bonus off and saves its cost."""

    def __init__(
        self, rnd: RND | None, novelty: EpisodicNovelty | None, rnd_weight: float, novelty_weight: float
    ) -> None:
        self.rnd, self.novelty = rnd, novelty
        self.weights = {"rnd": rnd_weight if rnd else 0.0, "novel": novelty_weight if novelty else 0.0}

    def score(self, rows: np.ndarray, env_ids: np.ndarray) -> RewardTerms:
        """Reward terms for records ``rows`` (B,) of envs ``env_ids`` (B,)."""
        first = rows["is_first"].astype(bool)
        zeros = np.zeros(len(rows), np.float32)
        env = np.where(first, zeros, rows["r_env"])
        rnd = np.where(first, zeros, self.rnd.bonus(rows["screen"], env_ids, first)) if self.rnd else zeros
        novel = zeros
        if self.novelty:
            counts_bonus = self.novelty.bonus(rows["map_id"], rows["x"], rows["y"], env_ids, first)
            novel = np.where(first, zeros, counts_bonus)
        total = env + self.weights["rnd"] * rnd + self.weights["novel"] * novel
        return RewardTerms(env, rnd, novel, total.astype(np.float32))

    def train(self, rows: np.ndarray) -> dict[str, float]:
        """Fit the RND predictor to fresh observations; returns what to log."""
        return self.rnd.train(rows["screen"]) if self.rnd else {}

    def state_dict(self) -> dict[str, Any]:
        return {"rnd": self.rnd.state_dict()} if self.rnd else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.rnd:
            self.rnd.load_state_dict(state["rnd"])
