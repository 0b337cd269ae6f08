"""The numbers of one log interval: means over its steps, never a last sample."""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import fmean

import numpy as np

from Daddy.episodes import Episode, EpisodeTracker
from Daddy.intrinsic import TERMS, RewardTerms
from Daddy.puffer_shim import unpack_milestones

_MAX_ACTIONS = 16


class IntervalStats:
    """Collects rewards and learner metrics between two progress lines; ``parts`` names the terms that r_env sums.

    ``earlier_seconds`` is how long earlier processes of the run have trained.
    """

    def __init__(self, num_envs: int, parts: tuple[str, ...] = (), earlier_seconds: float = 0.0) -> None:
        self._parts, self._earlier_seconds = parts, earlier_seconds
        self._active = np.zeros(num_envs, bool)
        self._started, self._all_steps = time.perf_counter(), 0
        self._clear(self._started)

    def _clear(self, now: float) -> None:
        self._since = now
        self._steps = 0
        self._active[:] = False
        self._rewards = dict.fromkeys(TERMS, 0.0)
        self._part_sums = np.zeros(len(self._parts))
        self._actions = np.zeros(_MAX_ACTIONS, np.int64)
        self._metrics: dict[str, list[float]] = defaultdict(list)

    def add_rewards(self, terms: RewardTerms, first: np.ndarray, env_ids: np.ndarray) -> int:
        """Add one batch (each (B,)); returns how many of its rows are steps (first observations are not)."""
        steps = int(len(first) - np.count_nonzero(first))
        self._steps += steps
        self._all_steps += steps
        self._active[env_ids[~first]] = True
        for name, values in terms.items():
            self._rewards[name] += float(values.sum())
        return steps

    def add_parts(self, terms: np.ndarray, first: np.ndarray) -> None:
        """Add what each term of r_env gave, float32 (B, at least len(parts)); first observations (B,) gave nothing."""
        self._part_sums += terms[~first, : len(self._parts)].sum(axis=0, dtype=np.float64)

    def add_actions(self, actions: np.ndarray, first: np.ndarray) -> None:
        """Count the buttons (B,) pressed; those on first observations (B,) are not played."""
        self._actions += np.bincount(actions[~first], minlength=len(self._actions))[: len(self._actions)]

    def add_metrics(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self._metrics[name].append(value)

    def seconds(self) -> float:
        """Age of the interval."""
        return time.perf_counter() - self._since

    def train_seconds(self, now: float | None = None) -> float:
        """How long the run has trained, over all its processes."""
        return self._earlier_seconds + (time.perf_counter() if now is None else now) - self._started

    def means(self) -> dict[str, float]:
        """Reward terms per step and learner metrics of the interval so far, as ``group/name``."""
        sums = self._rewards | {f"env_{name}": total for name, total in zip(self._parts, self._part_sums, strict=True)}
        rewards = {f"reward/{name}": float(total) / max(self._steps, 1) for name, total in sums.items()}
        return rewards | {name: fmean(values) for name, values in self._metrics.items()}

    def take(self, episodes: EpisodeTracker) -> dict[str, float]:
        """``group/name`` scalars of the interval; starts a new one."""
        now = time.perf_counter()
        scalars = self.means()
        scalars["charts/SPS"] = self._all_steps / max(now - self._started, 1e-9)  # of this process, resumed or not
        scalars["charts/SPS_now"] = self._steps / max(now - self._since, 1e-9)
        scalars["time/train_seconds"] = self.train_seconds(now)
        scalars["charts/active_envs"] = float(np.count_nonzero(self._active))
        scalars["charts/action_entropy"] = entropy(self._actions)
        scalars["charts/episodes"] = float(episodes.completed)
        scalars["charts/episodes_cut"] = float(episodes.cut)
        running = unpack_milestones(episodes.running_milestones()).sum(axis=1)  # [num_envs]
        scalars["milestone/running_mean"] = float(running.mean())
        scalars.update(episode_scalars(list(episodes.recent)))
        self._clear(now)
        return scalars


def entropy(counts: np.ndarray) -> float:
    """Entropy in nats of a histogram; 0 for an empty one."""
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum()) + 0.0


def episode_scalars(recent: list[Episode]) -> dict[str, float]:
    """Means over the last episodes; {} before the first."""
    if not recent:
        return {}
    fair = [episode for episode in recent if episode.spawn_id == 0] or recent  # a savestate's milestones are no merit
    reached = np.stack([unpack_milestones(episode.milestones) for episode in fair])  # [K, M]
    return {
        "charts/episodic_length": fmean(episode.length for episode in recent),
        "charts/episodic_return_env": fmean(episode.returns["env"] for episode in recent),
        "charts/episodic_return_total": fmean(episode.returns["total"] for episode in recent),
        "milestone/mean_per_episode": float(reached.sum(axis=1).mean()),
        "milestone/best_recent": float(reached.sum(axis=1).max()),
        "milestone/badges_mean": fmean(episode.badges.bit_count() for episode in recent),
        "explore/tiles_mean": fmean(episode.tiles for episode in recent),
    }
