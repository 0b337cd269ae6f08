"""Exploration: random actions that are repeated, and more of them where an env got stuck or where its episode began.

ez-greedy (Dabney, Ostrovski, Barreto 2020, arXiv 2006.01782): iid button noise stays near where it is, repeated buttons
cross rooms. Unlike the paper, epsilon stays the share of exploratory *steps*, whatever the repeat length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from Daddy.puffer_shim import FIGHT_FEATURES, LAYOUT, on_new_ground

_MU = 2.0  # P(n) ~ n^-mu, the paper's choice


class RepeatedExploration:
    """Which envs explore, with which action and for how many more steps. `longest` 1 is plain epsilon-greedy."""

    def __init__(self, num_envs: int, longest: int) -> None:
        lengths = np.arange(1, longest + 1)
        weights = lengths**-_MU
        self._cumulative = np.cumsum(weights / weights.sum())
        self._mean = float((lengths * weights).sum() / weights.sum())
        self._left = np.zeros(num_envs, np.int64)
        self._action = np.zeros(num_envs, np.int64)

    def choose(self, greedy: np.ndarray, num_actions: int, env_ids: np.ndarray, first: np.ndarray,
               epsilon: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Actions int32 (B,): `greedy` (B,) but for exploring envs. first bool (B,) ends a repeat, epsilon is (B,)."""
        left = np.where(first, 0, self._left[env_ids])
        # A share eps of steps explores when runs of mean length m start with probability eps / (m - eps (m - 1)).
        begins = (left == 0) & (rng.random(len(greedy)) < epsilon / (self._mean - epsilon * (self._mean - 1.0)))
        lengths = 1 + np.searchsorted(self._cumulative, rng.random(len(greedy)) * self._cumulative[-1])
        random_action = rng.integers(0, num_actions, len(greedy))
        self._action[env_ids] = np.where(begins, random_action, self._action[env_ids])
        left = np.where(begins, lengths, left)
        self._left[env_ids] = np.maximum(left - 1, 0)
        return np.where(left > 0, self._action[env_ids], greedy).astype(np.int32)

    def state_dict(self) -> dict[str, Any]:
        return {"left": self._left, "action": self._action}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave, for the same number of envs."""
        self._left[:] = np.asarray(state["left"])
        self._action[:] = np.asarray(state["action"])


class ShareOfSteps:
    """Counts on how many of the steps something applies."""

    def __init__(self) -> None:
        self._steps = self._applied = 0

    def count(self, where: np.ndarray) -> None:
        """Steps bool (B,), True where it applies."""
        self._steps, self._applied = self._steps + len(where), self._applied + int(where.sum())

    def take_share(self) -> float:
        """The share of the steps since the last call."""
        share = self._applied / max(self._steps, 1)
        self._steps = self._applied = 0
        return share


def _at_least(least: float, own: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Epsilons (B,): `own` (B,), or at least `least` where `where`, bool (B,), says so."""
    return np.where(where, np.maximum(own, least), own)


class StuckExploration(ShareOfSteps):
    """Raises the epsilon of envs that have come to no new ground for `patience` steps, until they do.

    A young policy walks in circles for hundreds of steps, which teach nothing. Exploring for a while within an episode,
    on a trigger, is from Pislar et al. 2022 (arXiv 2108.11811). Steps in a fight do not count; in a fight an env is
    stuck, until its end, that for twice as many steps, which its texts take, has come to no other level, HP or PP on
    either side: who only knows a move that has no PP left stays there for ever. `patience` 0 raises nothing.

    On the ground it fades with curiosity: a policy that is helped on wherever it stands still never learns not to, and
    evaluations do not help it. In a fight without PP standing still teaches nothing, three certain buttons do.
    """

    def __init__(self, num_envs: int, patience: int, epsilon: float) -> None:
        super().__init__()
        self.patience, self.epsilon = patience, epsilon
        self._waited = np.zeros(num_envs, np.int64)  # an episode begins on new ground, so no checkpoint needs it
        self._idle = np.zeros(num_envs, np.int64)  # steps without change in a fight; counts on once there were enough
        self._fight = np.zeros((num_envs, len(FIGHT_FEATURES)), np.uint8)

    def raised(self, epsilon: np.ndarray, rows: np.ndarray, env_ids: np.ndarray, left: float = 1.0) -> np.ndarray:
        """Epsilons (B,) for records `rows` (B,) of envs `env_ids` (B,): `epsilon`, or more where an env is stuck.

        `left` is the share of the configured `epsilon` that counts on the ground.
        """
        fights = rows["in_battle"] > 0
        new = on_new_ground(rows["structured"][:, LAYOUT["visits"]])
        waited = np.where(new, 0, self._waited[env_ids] + ~fights)
        self._waited[env_ids] = waited
        on_ground = (waited >= self.patience) & ~fights & (self.patience > 0)
        in_fight = (self._count_idle(rows, env_ids, fights) >= 2 * self.patience) & (self.patience > 0)
        self.count(on_ground | in_fight)
        return _at_least(self.epsilon, _at_least(left * self.epsilon, epsilon, on_ground), in_fight)

    def _count_idle(self, rows: np.ndarray, env_ids: np.ndarray, fights: np.ndarray) -> np.ndarray:
        """Steps (B,) for which the fight has not changed, 0 outside of fights."""
        now, idle = rows["structured"][:, FIGHT_FEATURES], self._idle[env_ids]
        same = (now == self._fight[env_ids]).all(axis=1) | (idle >= 2 * self.patience)
        goes_on = fights & same & ~rows["is_first"].astype(bool)
        self._fight[env_ids] = now
        self._idle[env_ids] = idle = np.where(goes_on, idle + 1, 0)
        return idle


class FirstSteps(ShareOfSteps):
    """The first `steps` steps of chosen episodes, fights left out."""

    def __init__(self, num_envs: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self._until = np.zeros(num_envs, np.int64)  # running episodes end with a run, so no checkpoint needs it

    def begin(self, env_id: int, chosen: bool, stretch: float = 1.0) -> bool:
        """The next record of the env is the first of an episode that is `chosen`, or is not; says which. `stretch`: how
        many times `steps` it lasts."""
        self._until[env_id] = round(self.steps * stretch) if chosen else 0
        return chosen

    def end(self, env_id: int) -> None:
        """The env's episode has found what it looked for."""
        self._until[env_id] = 0

    def among(self, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Which of the records `rows` (B,) of envs `env_ids` (B,) are of them, bool (B,); these are counted."""
        where = (rows["episode_step"] < self._until[env_ids]) & (rows["in_battle"] == 0)
        self.count(where)
        return where


class BoldStarts(FirstSteps):
    """Raises the epsilon of chosen episodes for their first `steps` steps, fights left out.

    Go-Explore (Ecoffet et al. 2021, arXiv 2004.12919) goes back to a place and then explores at random: a policy that
    is put there leaves for ground that it knows to pay. `steps` 0 raises nothing.
    """

    def __init__(self, num_envs: int, steps: int, epsilon: float) -> None:
        super().__init__(num_envs, steps)
        self.epsilon = epsilon

    def raised(self, epsilon: np.ndarray, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Epsilons (B,) for records `rows` (B,) of envs `env_ids` (B,): `epsilon`, or more after a bold start."""
        return _at_least(self.epsilon, epsilon, self.among(rows, env_ids))
