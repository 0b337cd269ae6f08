"""What each env's running episode owned when it began and when it first got the rest."""

from __future__ import annotations

import numpy as np

NEVER = -1


class FirstTimes:
    """First-time transitions of K sticky or flickering bits in N envs.

    `spawn` bool (N, K): owned at the first observation. `step` int32 (N, K): the episode step at which a bit that was
    not owned at spawn was first set, NEVER if not yet. A bit that falls and rises again is no second first time.
    """

    def __init__(self, num_envs: int, bits: int) -> None:
        self.spawn = np.zeros((num_envs, bits), bool)
        self.step = np.full((num_envs, bits), NEVER, np.int32)

    def update(self, bits: np.ndarray, first: np.ndarray, episode_step: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Take one observation of each env in env_ids (B,), without repeats; returns the new first times, bool (B, K).

        bits is bool (B, K); first bool (B,) marks the beginning of an episode; episode_step int (B,).
        """
        begun = env_ids[first]
        self.spawn[begun] = bits[first]
        self.step[begun] = NEVER
        fresh = bits & ~self.spawn[env_ids] & (self.step[env_ids] == NEVER)
        if fresh.any():
            rows, columns = np.nonzero(fresh)
            self.step[env_ids[rows], columns] = episode_step[rows]
        return fresh


class MilestoneChanges:
    """Where the milestones of N envs have changed since each one's last record."""

    def __init__(self, num_envs: int) -> None:
        self._num_envs = num_envs
        self._owned: np.ndarray | None = None  # u1 (N, bytes), of each env's last record

    def update(self, milestones: np.ndarray, first: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Take u1 (B, bytes) of envs env_ids (B,), without repeats; bool (B,). An episode's first record is one."""
        if self._owned is None:
            self._owned = np.zeros((self._num_envs, milestones.shape[1]), np.uint8)
        changed = first | (milestones != self._owned[env_ids]).any(axis=1)
        self._owned[env_ids] = milestones
        return changed
