"""r_total = r_env + w_rnd r_rnd + w_novel r_novel + w_bayes r_bayes, computed on the state that an action led to.

w_rnd and w_novel move with the Bayes monitor, whose `curiosity_scale` multiplies the configured weights, and with
`RewardMixer.curiosity_left`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.bayes_quests import BayesMonitor
from Daddy.first_times import MilestoneChanges
from Daddy.novelty import EpisodicNovelty, LifelongNovelty
from Daddy.rnd import RND

TERMS = ("env", "rnd", "novel", "bayes", "total")


@dataclass(frozen=True)
class RewardTerms:
    """Reward terms of one batch, each float32 (B,), unweighted but for ``total``; all 0 on first observations."""

    env: np.ndarray
    rnd: np.ndarray
    novel: np.ndarray
    bayes: np.ndarray
    total: np.ndarray

    def items(self) -> Iterator[tuple[str, np.ndarray]]:
        return ((name, getattr(self, name)) for name in TERMS)


class RewardMixer:
    """Scores the arriving observations. A weight of 0 switches the bonus off and saves its cost.

    The monitor, if any, sees every observation; `coupled` lets its frontier scale the weights of RND and novelty.
    `novelty_span` is "episode", or "milestone" where novelty's counts begin anew with each milestone. `lifelong`
    multiplies novelty where the run has seldom been.
    """

    def __init__(
        self, rnd: RND | None, novelty: EpisodicNovelty | None, rnd_weight: float, novelty_weight: float,
        monitor: BayesMonitor | None = None, bayes_weight: float = 0.0, coupled: bool = False,
        novelty_span: str = "episode", lifelong: LifelongNovelty | None = None,
    ) -> None:  # fmt: skip
        self.rnd, self.novelty, self.monitor, self.lifelong = rnd, novelty, monitor, lifelong
        self._base = {"rnd": rnd_weight if rnd else 0.0, "novel": novelty_weight if novelty else 0.0}
        self._bayes_weight = bayes_weight if monitor else 0.0
        self._coupled = coupled and monitor is not None
        self._changes = MilestoneChanges(novelty.num_envs) if novelty and novelty_span == "milestone" else None
        self.curiosity_left = 1.0  # share of the configured weights that a schedule has left
        self.weights = self._weights_now()  # of the last scored batch

    @property
    def scale(self) -> float:
        """Present factor on the configured weights of RND and novelty."""
        return self.monitor.curiosity_scale if self._coupled else 1.0

    def _weights_now(self) -> dict[str, float]:
        left = self.scale * self.curiosity_left
        return {**{name: left * weight for name, weight in self._base.items()}, "bayes": self._bayes_weight}

    def score(self, rows: np.ndarray, env_ids: np.ndarray) -> RewardTerms:
        """Reward terms for records ``rows`` (B,) of envs ``env_ids`` (B,)."""
        first = rows["is_first"].astype(bool)
        zeros = np.zeros(len(rows), np.float32)
        self.weights = weights = self._weights_now()
        env = np.where(first, zeros, rows["r_env"])
        rnd = np.where(first, zeros, self.rnd.bonus(rows["screen"], env_ids, first)) if self.rnd else zeros
        novel = zeros
        if self.novelty:
            anew = self._counts_anew(rows, env_ids, first)
            place = rows["map_id"], rows["x"], rows["y"]
            novel = np.where(first, zeros, self.novelty.bonus(*place, env_ids, anew))
            if self.lifelong:
                stage = np.unpackbits(rows["milestones"], axis=1).sum(1, dtype=np.uint8)
                novel *= self.lifelong.factor(stage, *place)
        bayes = self.monitor.observe(rows, env_ids) if self.monitor else zeros
        total = env + weights["rnd"] * rnd + weights["novel"] * novel + weights["bayes"] * bayes
        return RewardTerms(env, rnd, novel, bayes, total.astype(np.float32))

    def _counts_anew(self, rows: np.ndarray, env_ids: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Where novelty's counts begin anew, bool (B,), as the record env's visit counts do."""
        return first if self._changes is None else self._changes.update(rows["milestones"], first, env_ids)

    def train(self, rows: np.ndarray) -> dict[str, float]:
        """Fit the RND predictor to fresh observations; returns what to log."""
        return self.rnd.train(rows["screen"]) if self.rnd else {}

    def scalars(self) -> dict[str, float]:
        """What to plot of the monitor and of its hold on the other bonuses."""
        return {"intrinsic/scale": self.scale, **(self.monitor.scalars() if self.monitor else {})}

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts().items()}

    def parts(self) -> dict[str, Any]:
        """What has a state to save, by name."""
        parts = {"rnd": self.rnd, "bayes": self.monitor, "lifelong": self.lifelong}
        return {name: part for name, part in parts.items() if part}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.rnd:
            self.rnd.load_state_dict(state["rnd"])
        if self.monitor:
            self.monitor.load_state_dict(state["bayes"])
        if self.lifelong and "lifelong" in state:  # a run may go on with it
            self.lifelong.load_state_dict(state["lifelong"])
