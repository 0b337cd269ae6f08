"""Per-env sums of the running episodes and a window over the finished ones."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from Daddy.intrinsic import TERMS, RewardTerms


@dataclass(frozen=True)
class Episode:
    """One finished episode. ``returns`` maps env, rnd, novel and total to the episode's sums."""

    episode_id: int
    env_id: int
    length: int
    returns: dict[str, float]
    start_step: int
    end_step: int
    map_id: int
    badges: int
    milestones: np.ndarray  # packed bits reached by the end, uint8
    spawn_milestones: np.ndarray  # packed bits already set at the first observation, uint8
    tiles: int
    terminated: bool
    truncated: bool


class EpisodeTracker:
    """Adds up each env's episode and hands out ``Episode`` objects as they end."""

    def __init__(self, num_envs: int, milestone_bytes: int, window: int = 100) -> None:
        self.next_id = self.completed = 0
        self.recent: deque[Episode] = deque(maxlen=window)
        self.running_ids = np.zeros(num_envs, np.int64)  # an episode has its id from its first observation on
        self._length = np.zeros(num_envs, np.int64)
        self._start = np.zeros(num_envs, np.int64)
        self._sums = {name: np.zeros(num_envs) for name in TERMS}
        self._spawn = np.zeros((num_envs, milestone_bytes), np.uint8)
        self._current = np.zeros((num_envs, milestone_bytes), np.uint8)
        self._ever = np.zeros(milestone_bytes, np.uint8)

    @property
    def ever(self) -> np.ndarray:
        """Packed bits that any episode of the run has reached, uint8 (bytes,)."""
        return self._ever

    def add(self, rows: np.ndarray, env_ids: np.ndarray, terms: RewardTerms, step_global: int) -> list[Episode]:
        """Account one batch of records (shape (B,)); returns the episodes that ended in it, in row order."""
        first = rows["is_first"].astype(bool)
        self._current[env_ids] = rows["milestones"]
        self._begin(env_ids[first], rows["milestones"][first], step_global)
        going = env_ids[~first]
        self._length[going] += 1
        for name, values in terms.items():
            self._sums[name][going] += values[~first]
        ended = np.flatnonzero(rows["terminated"] | rows["truncated"])
        finished = [self._finish(rows[i], int(env_ids[i]), step_global) for i in ended]
        self.recent.extend(finished)
        return finished

    def running_milestones(self) -> np.ndarray:
        """Packed bits that each env's running episode has added to its spawn's, uint8 (num_envs, bytes)."""
        return self._current & ~self._spawn

    def new_milestones(self) -> np.ndarray:
        """Packed bits (bytes,) that an episode has now reached for the first time in this run; told only once."""
        reached = np.bitwise_or.reduce(self.running_milestones(), axis=0)
        new = reached & ~self._ever
        self._ever |= reached
        return new

    def _begin(self, env_ids: np.ndarray, milestones: np.ndarray, step_global: int) -> None:
        self.running_ids[env_ids] = np.arange(self.next_id, self.next_id + len(env_ids))
        self.next_id += len(env_ids)
        self._length[env_ids] = 0
        self._start[env_ids] = step_global
        self._spawn[env_ids] = milestones
        for sums in self._sums.values():
            sums[env_ids] = 0.0

    def _finish(self, row: np.void, env: int, step_global: int) -> Episode:
        episode = Episode(
            episode_id=int(self.running_ids[env]),
            env_id=env,
            length=int(self._length[env]),
            returns={name: float(sums[env]) for name, sums in self._sums.items()},
            start_step=int(self._start[env]),
            end_step=step_global,
            map_id=int(row["map_id"]),
            badges=int(row["badges"]),
            milestones=row["milestones"].copy(),
            spawn_milestones=self._spawn[env].copy(),
            tiles=int(row["tiles"]),
            terminated=bool(row["terminated"]),
            truncated=bool(row["truncated"]),
        )
        self.completed += 1
        return episode
