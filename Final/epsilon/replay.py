"""Prioritised n-step replay that keeps each packed frame once and stacks them when it samples.

All envs are in lockstep: each call of ``add`` stores one observation of every env, with the reward that led to it and
the action chosen there. Rows of one env follow each other; an episode's first row is marked, its last has no action.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NONE = -1  # no action: the row ends an episode


@dataclass(frozen=True)
class Batch:
    """B transitions. ``discounts`` is gamma^m for a bootstrap after m steps, 0 after a terminal state."""

    frames: np.ndarray  # (B, stack, H, W / 4) uint8
    features: np.ndarray  # (B, F) uint8
    actions: np.ndarray  # (B,) int64
    returns: np.ndarray  # (B,) float32, sum of gamma^k r over m <= n steps
    discounts: np.ndarray  # (B,) float32
    next_frames: np.ndarray  # (B, stack, H, W / 4) uint8
    next_features: np.ndarray  # (B, F) uint8
    weights: np.ndarray  # (B,) float32, importance weights, the largest 1
    places: np.ndarray  # (B,) int64, for ``update``


class Replay:
    """``capacity`` observations in all. An episode cut short by its step limit is bootstrapped, a terminal one not."""

    def __init__(
        self, capacity: int, num_envs: int, screen: tuple[int, int], feature_dim: int, *, n_step: int, gamma: float,
        alpha: float = 0.6, stack: int = 4,
    ) -> None:  # fmt: skip
        """``alpha`` is the power that turns an absolute error into a priority; 0 samples uniformly."""
        self._length = length = max(capacity // num_envs, 2 * (n_step + stack))
        self._envs, self._n, self._gamma, self._alpha, self._stack = num_envs, n_step, gamma, alpha, stack
        self._screens = np.zeros((length, num_envs, *screen), np.uint8)
        self._features = np.zeros((length, num_envs, feature_dim), np.uint8)
        self._actions = np.full((length, num_envs), _NONE, np.int8)
        self._rewards = np.zeros((length, num_envs), np.float32)
        self._first = np.zeros((length, num_envs), bool)
        self._terminated = np.zeros((length, num_envs), bool)
        self._ready = np.zeros((length, num_envs), bool)  # its n steps are known and it has not been offered before
        self._tree = SumTree(length * num_envs)
        self._added, self._highest = 0, 1.0

    def __len__(self) -> int:
        """Observations stored."""
        return min(self._added, self._length) * self._envs

    @property
    def ready(self) -> bool:
        """Whether there is anything to sample."""
        return self._tree.total > 0

    def add(
        self, screens: np.ndarray, features: np.ndarray, actions: np.ndarray, rewards: np.ndarray, first: np.ndarray,
        terminated: np.ndarray, truncated: np.ndarray,
    ) -> None:  # fmt: skip
        """One observation per env: screens (N, H, W / 4), features (N, F), all else (N,).

        ``rewards`` led here; ``actions`` are taken here and ignored where the episode ends.
        """
        head, ended = self._added % self._length, terminated | truncated
        self._forget(head)
        self._screens[head], self._features[head] = screens, features
        self._actions[head] = np.where(ended, _NONE, actions)
        self._rewards[head], self._first[head], self._terminated[head] = rewards, first, terminated
        self._added += 1
        self._complete(head, ended)

    def sample(self, batch: int, beta: float, rng: np.random.Generator) -> Batch:
        """``batch`` transitions with probability p / sum p; ``beta`` is the power of the importance weights."""
        points = (np.arange(batch) + rng.random(batch)) / batch * self._tree.total
        places = self._tree.find(points)  # (B,)
        row, env = np.divmod(places, self._envs)
        share = self._tree.get(places) / self._tree.total
        weights = (share / share.min()) ** -beta
        returns, discounts, after = self._look_ahead(row, env)
        return Batch(
            frames=self._stacked(row, env), features=self._features[row, env],
            actions=self._actions[row, env].astype(np.int64), returns=returns, discounts=discounts,
            next_frames=self._stacked(after, env), next_features=self._features[after, env],
            weights=(weights / weights.max()).astype(np.float32), places=places,
        )  # fmt: skip

    def update(self, places: np.ndarray, errors: np.ndarray) -> None:
        """New absolute ``errors`` (B,) of transitions just sampled."""
        priorities = (np.abs(errors.astype(np.float64)) + 1e-3) ** self._alpha
        self._highest = max(self._highest, float(priorities.max()))
        self._tree.set(places, priorities)

    def _forget(self, head: int) -> None:
        """Row ``head`` is overwritten, and with it the stacks of the rows after it."""
        rows = (head + np.arange(self._stack)) % self._length
        self._ready[head] = False
        places = rows[:, None] * self._envs + np.arange(self._envs)
        self._tree.set(places.ravel(), np.zeros(places.size))

    def _complete(self, head: int, ended: np.ndarray) -> None:
        """Offer the transitions whose n-th step, or whose episode's last, is row ``head``."""
        for back in range(1, min(self._n, self._added - 1) + 1):
            row = (head - back) % self._length
            done = (self._actions[row] != _NONE) & ~self._ready[row]
            env = np.flatnonzero(done if back == self._n else done & ended)
            self._ready[row, env] = True
            self._tree.set(row * self._envs + env, np.full(len(env), self._highest))

    def _look_ahead(self, row: np.ndarray, env: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns, discounts and the rows to bootstrap from, each (B,)."""
        returns, discounts, after = np.zeros(len(row)), np.ones(len(row)), row.copy()
        going = np.ones(len(row), bool)
        for _ in range(self._n):
            after = np.where(going, (after + 1) % self._length, after)
            returns += np.where(going, discounts * self._rewards[after, env], 0.0)
            discounts *= np.where(going, self._gamma, 1.0)
            going &= self._actions[after, env] != _NONE
        discounts[self._terminated[after, env]] = 0.0
        return returns.astype(np.float32), discounts.astype(np.float32), after

    def _stacked(self, row: np.ndarray, env: np.ndarray) -> np.ndarray:
        """(B, stack, H, W / 4): the newest frame last; an episode's first frame stands for those before it."""
        rows = [row]
        for _ in range(self._stack - 1):
            newer = rows[0]
            rows.insert(0, np.where(self._first[newer, env], newer, (newer - 1) % self._length))
        return self._screens[np.stack(rows, axis=1), env[:, None]]


class SumTree:
    """Sums over ``size`` non-negative numbers: set and find take O(log size) per item."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._leaves = 1 << (size - 1).bit_length()
        self._nodes = np.zeros(2 * self._leaves)  # node i has the children 2 i and 2 i + 1

    @property
    def total(self) -> float:
        return float(self._nodes[1])

    def get(self, index: np.ndarray) -> np.ndarray:
        """The numbers at ``index`` (B,)."""
        return self._nodes[index + self._leaves]

    def set(self, index: np.ndarray, values: np.ndarray) -> None:
        """Write ``values`` (B,) at ``index`` (B,); of a repeated index the last counts."""
        nodes = index + self._leaves
        self._nodes[nodes] = values
        while len(nodes) and nodes[0] > 1:
            nodes = np.unique(nodes >> 1)
            self._nodes[nodes] = self._nodes[2 * nodes] + self._nodes[2 * nodes + 1]

    def find(self, points: np.ndarray) -> np.ndarray:
        """(B,) indices whose stretch of the running sum holds each of ``points`` (B,) in [0, total)."""
        nodes, points = np.ones(len(points), np.int64), points.copy()
        while nodes[0] < self._leaves:
            left = self._nodes[2 * nodes]
            # Where rounding leaves a point beyond the last number, an empty right side must not be entered.
            right = (points >= left) & (self._nodes[2 * nodes + 1] > 0)
            points -= np.where(right, left, 0.0)
            nodes = 2 * nodes + right
        return nodes - self._leaves
