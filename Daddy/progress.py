"""The numbers of one log interval: means over its steps, never a last sample."""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import fmean

import numpy as np

from Daddy.episodes import Episode, EpisodeTracker
from Daddy.intrinsic import TERMS, RewardTerms
from Daddy.puffer_shim import unpack_milestones


class IntervalStats:
    """Collects rewards and learner metrics between two progress lines."""

    def __init__(self) -> None:
        self._clear(time.perf_counter())

    def _clear(self, now: float) -> None:
        self._since = now
        self._steps = 0
        self._rewards = dict.fromkeys(TERMS, 0.0)
        self._metrics: dict[str, list[float]] = defaultdict(list)

    def add_rewards(self, terms: RewardTerms, first: np.ndarray) -> int:
        """Add one batch; returns how many of its rows are steps (first observations are not)."""
        steps = int(len(first) - np.count_nonzero(first))
        self._steps += steps
        for name, values in terms.items():
            self._rewards[name] += float(values.sum())
        return steps

    def add_metrics(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self._metrics[name].append(value)

    def take(self, episodes: EpisodeTracker) -> dict[str, float]:
        """``group/name`` scalars of the interval; starts a new one."""
        now = time.perf_counter()
        scalars = {f"reward/{name}": total / max(self._steps, 1) for name, total in self._rewards.items()}
        scalars["charts/SPS"] = self._steps / max(now - self._since, 1e-9)
        scalars["charts/episodes"] = float(episodes.completed)
        scalars.update({name: fmean(values) for name, values in self._metrics.items()})
        running = unpack_milestones(episodes.running_milestones()).sum(axis=1)  # [num_envs]
        scalars["milestone/running_mean"] = float(running.mean())
        scalars.update(_episode_scalars(list(episodes.recent)))
        self._clear(now)
        return scalars


def _episode_scalars(recent: list[Episode]) -> dict[str, float]:
    if not recent:
        return {}
    reached = np.stack([unpack_milestones(episode.milestones) for episode in recent])  # [K, M]
    return {
        "charts/episodic_length": fmean(episode.length for episode in recent),
        "charts/episodic_return_env": fmean(episode.returns["env"] for episode in recent),
        "charts/episodic_return_total": fmean(episode.returns["total"] for episode in recent),
        "milestone/mean_per_episode": float(reached.sum(axis=1).mean()),
        "milestone/best_recent": float(reached.sum(axis=1).max()),
        "milestone/badges_mean": fmean(episode.badges.bit_count() for episode in recent),
        "explore/tiles_mean": fmean(episode.tiles for episode in recent),
    }


def progress_line(step: int, total: int, envs: int, scalars: dict[str, float]) -> str:
    """One human line; fields without data yet show ``-``."""

    def show(tag: str, digits: int) -> str:
        return f"{scalars[tag]:,.{digits}f}" if tag in scalars else "-"

    sps = scalars["charts/SPS"]
    left = max(total - step, 0) / sps if sps > 0 else float("inf")
    return (
        f"[step {step:,}/{total:,}] SPS={sps:,.0f} eps={show('charts/epsilon', 3)} "
        f"avg_len={show('charts/episodic_length', 0)} avg_env={show('charts/episodic_return_env', 2)} "
        f"avg_total={show('charts/episodic_return_total', 2)} | r_env={show('reward/env', 4)} "
        f"r_rnd={show('reward/rnd', 4)} r_novel={show('reward/novel', 4)} r_total={show('reward/total', 4)} | "
        f"episodes={int(scalars['charts/episodes'])} envs={envs} "
        f"milestones={show('milestone/mean_per_episode', 1)} (best {show('milestone/best_recent', 0)}, "
        f"running {show('milestone/running_mean', 1)}) "
        f"tiles={show('explore/tiles_mean', 0)} loss={show('losses/td_loss', 4)} "
        f"learned/collected={show('replay/ratio', 2)} | left {format_duration(left)}"
    )


def format_duration(seconds: float) -> str:
    """``47s``, ``12m``, ``3h05m`` or ``2d04h``."""
    if seconds == float("inf"):
        return "?"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours < 48 else f"{hours // 24}d{hours % 24:02d}h"
