"""Episodes from the true start, with a fixed share of random actions and nothing learnt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from Final.epsilon.agent import DQNAgent, FrameStack
from Final.epsilon.episodes import Episode, EpisodeTracker
from Final.epsilon.player import SCREEN
from Final.epsilon.pool import IDLE, RESET, Pool
from Final.epsilon.settings import TrainConfig

_AT_ONCE = 8


def make_pool(config: TrainConfig, num_envs: int) -> Pool:
    """Fresh games with the run's settings.

    Raises:
        WorkerError: they cannot be made.
    """
    return Pool(num_envs, config.num_workers, config.env_config, config.reward, config.reward_modules)


def evaluate(
    config: TrainConfig, agent: DQNAgent, step_global: int, episodes: int, epsilons: Sequence[float],
    map_name: Callable[[int], str], tick: Callable[[], None] = lambda: None, seed: int | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of ``evaluations.csv``: ``episodes`` for each epsilon, episode i with seed ``seed`` + i, the run's if None.

    ``tick`` is called at every step and may raise to give up.
    """
    seed = config.eval_seed if seed is None else seed
    rows: list[dict[str, Any]] = []
    with make_pool(config, min(episodes, _AT_ONCE)) as pool:
        for epsilon in dict.fromkeys(epsilons):
            started, played = time.monotonic(), []
            for wave in range(0, episodes, pool.num_envs):
                wanted = min(pool.num_envs, episodes - wave)
                for episode in _play(pool, agent, epsilon, seed + wave, wanted, tick):
                    played.append((seed + wave + episode.env_id, episode, time.monotonic() - started))
            for its_seed, episode, seconds in sorted(played, key=lambda item: item[0]):
                named = {"step_global": step_global, "episode": len(rows), "epsilon": epsilon, "seed": its_seed}
                rows.append(named | _figures(episode, map_name) | {"seconds": round(seconds, 3)})
    return rows


def _play(
    pool: Pool, agent: DQNAgent, epsilon: float, seed: int, wanted: int, tick: Callable[[], None]
) -> Iterator[Episode]:
    """One episode in each of the first ``wanted`` envs; those that are done idle."""
    rng, stack, tracker = np.random.default_rng(seed), FrameStack(pool.num_envs, SCREEN), EpisodeTracker(pool.num_envs)
    left = np.arange(pool.num_envs) < wanted
    pool.send(np.where(left, RESET, IDLE), {env: seed + env for env in range(wanted)})
    while left.any():
        tick()
        rows = pool.receive()
        for episode in tracker.add(rows, 0):
            left[episode.env_id] = False
            yield episode
        frames = stack.push(rows["screen"], rows["is_first"])
        if left.any():
            pool.send(np.where(left, agent.act(frames, rows["features"], epsilon, rng), IDLE))


def _figures(episode: Episode, map_name: Callable[[int], str]) -> dict[str, Any]:
    return {
        "length_steps": episode.length, "return_env": round(episode.return_env, 6),
        "milestones": len(episode.milestones),
        "milestones_reached": ";".join(f"{name}@{step}" for name, step in episode.milestones.items()),
        "badges": episode.badges, "tiles": episode.tiles, "map": map_name(episode.map_id),
    }  # fmt: skip


def summarize(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means per epsilon, and for each milestone the share of episodes that reached it."""
    summaries = []
    for epsilon in dict.fromkeys(row["epsilon"] for row in rows):
        group = [row for row in rows if row["epsilon"] == epsilon]
        reached = [entry.split("@")[0] for row in group for entry in row["milestones_reached"].split(";") if entry]
        summaries.append({
            "epsilon": epsilon, "episodes": len(group),
            "milestones_mean": fmean(row["milestones"] for row in group),
            "milestones_best": max(row["milestones"] for row in group),
            "badges_mean": fmean(row["badges"] for row in group),
            "return_env_mean": fmean(row["return_env"] for row in group),
            "length_mean": fmean(row["length_steps"] for row in group),
            "tiles_mean": fmean(row["tiles"] for row in group),
            "milestones": {name: reached.count(name) / len(group) for name in dict.fromkeys(reached)},
        })  # fmt: skip
    return summaries


def summary_line(step_global: int, summary: dict[str, Any]) -> str:
    """One line for a person."""
    return (
        f"step {step_global:,}, epsilon {summary['epsilon']:g}: {summary['episodes']} episodes, milestones "
        f"{summary['milestones_mean']:.2f} (best {summary['milestones_best']}), badges {summary['badges_mean']:.2f}, "
        f"return {summary['return_env_mean']:.2f}, tiles {summary['tiles_mean']:.0f}"
    )
