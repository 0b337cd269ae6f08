"""A sum tree over numpy arrays: sets and draws whole batches at once."""

from __future__ import annotations

import numpy as np


class SumTree:
    """Weights of `size` leaves; drawing a leaf with probability proportional to its weight costs O(log size)."""

    def __init__(self, size: int):
        self.size = size
        self.depth = max(size - 1, 1).bit_length()
        self._base = 1 << self.depth
        self._nodes = np.zeros(2 * self._base, dtype=np.float64)  # node i has children 2i and 2i+1; the root is 1

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return float(self._nodes[1])

    def get(self, leaves: np.ndarray) -> np.ndarray:
        """Weights of leaves, int (n,) -> float64 (n,)."""
        return self._nodes[self._base + leaves]

    def set(self, leaves: np.ndarray, weights: np.ndarray | float) -> None:
        """Set weights >= 0 of leaves, int (n,); where a leaf occurs twice the last weight stands."""
        nodes = self._base + np.asarray(leaves)
        self._nodes[nodes] = weights
        for _ in range(self.depth):
            nodes = np.unique(nodes >> 1)
            self._nodes[nodes] = self._nodes[2 * nodes] + self._nodes[2 * nodes + 1]

    def find(self, masses: np.ndarray) -> np.ndarray:
        """Leaves that hold the cumulative masses, float (n,) in [0, total) -> int64 (n,); never a leaf of weight 0.

        The total must be positive.
        """
        nodes = np.ones(len(masses), dtype=np.int64)
        masses = masses.astype(np.float64, copy=True)
        for _ in range(self.depth):
            left = self._nodes[2 * nodes]
            # Rounding can push a mass past the last positive leaf; an empty right child sends it back left.
            right = (masses >= left) & (self._nodes[2 * nodes + 1] > 0)
            masses -= np.where(right, left, 0.0)
            nodes = 2 * nodes + right
        return nodes - self._base

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw leaves with replacement, one from each of `count` equal slices of the total mass."""
        return self.find((np.arange(count) + rng.random(count)) * (self.total / count))
