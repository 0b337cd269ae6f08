"""Per-env sums of the running episodes and a window over the finished ones."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from Daddy.intrinsic import TERMS, RewardTerms

_SCORED_EPISODES = 20


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
    spawn_id: int = 0  # savestate of this process that it started from; 0 is the true start


class EpisodeTracker:
    """Adds up each env's episode and hands out ``Episode`` objects as they end."""

    def __init__(self, num_envs: int, milestone_bytes: int, window: int = 100) -> None:
        self.next_id = self.completed = 0
        self.cut = 0  # episodes lost with their worker: they never ended and are counted nowhere else
        self.recent: deque[Episode] = deque(maxlen=window)
        self.running_ids = np.zeros(num_envs, np.int64)  # an episode has its id from its first observation on
        self._open = np.zeros(num_envs, bool)
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

    def score(self) -> tuple[float, float] | None:
        """How good the run is now: mean new milestones, then mean r_env return, of recent true starts; None if few."""
        fair = [e for e in self.recent if e.spawn_id == 0]
        if len(fair) < min(_SCORED_EPISODES, self.recent.maxlen):
            return None
        new = [np.unpackbits(e.milestones & ~e.spawn_milestones).sum() for e in fair]
        return float(np.mean(new)), float(np.mean([e.returns["env"] for e in fair]))

    def state_dict(self) -> dict[str, Any]:
        """Counts, first-reached milestones and the recent episodes; running episodes, and their ids, end with a run."""
        return {
            "next_id": self.next_id, "completed": self.completed, "ever": self._ever,
            "recent": [_as_plain(e) for e in self.recent],
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.next_id, self.completed = int(state["next_id"]), int(state["completed"])
        self._ever[:] = np.asarray(state["ever"])
        self.recent.clear()
        self.recent.extend(Episode(**_from_plain(plain)) for plain in state["recent"])

    def _begin(self, env_ids: np.ndarray, milestones: np.ndarray, step_global: int) -> None:
        self.running_ids[env_ids] = np.arange(self.next_id, self.next_id + len(env_ids))
        self.next_id += len(env_ids)
        self.cut += int(np.count_nonzero(self._open[env_ids]))
        self._open[env_ids] = True
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
            spawn_id=int(row["spawn_id"]),
        )
        self.completed += 1
        self._open[env] = False
        return episode


def _as_plain(episode: Episode) -> dict[str, Any]:
    """For JSON: packed bits as a list of byte values under ``name:u1``."""
    return {
        (f"{name}:u1" if isinstance(value, np.ndarray) else name): np.asarray(value).tolist()
        if isinstance(value, np.ndarray | np.generic) else value
        for name, value in asdict(episode).items()
    }  # fmt: skip


def _from_plain(plain: dict[str, Any]) -> dict[str, Any]:
    return {k.removesuffix(":u1"): np.array(v, np.uint8) if k.endswith(":u1") else v for k, v in plain.items()}
