"""EpisodeTracker: sums of the running episodes, and what came of the finished ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pokemonred_puffer.data.milestones import milestone_names


@dataclass
class Episode:
    """One episode of one env; ``milestones`` maps what it reached and did not start with to the step of arrival."""

    episode_id: int
    env_id: int
    start_step: int
    known: np.ndarray  # packed milestones, those of the start included
    milestones: dict[str, int] = field(default_factory=dict)
    length: int = 0
    return_env: float = 0.0
    return_total: float = 0.0
    end_step: int = 0
    map_id: int = 0
    badges: int = 0
    tiles: int = 0
    terminated: bool = False
    truncated: bool = False


class EpisodeTracker:
    """Follows the rows of all envs; an episode has its number from its first row on."""

    def __init__(self, num_envs: int) -> None:
        self._running: list[Episode | None] = [None] * num_envs
        self._next_id = 0

    def add(self, rows: np.ndarray, step_global: int) -> list[Episode]:
        """Take in rows (num_envs,) ROW; returns the episodes that end here. ``step_global`` counts these rows' steps.

        An env that idles repeats its last row: when that row ended an episode, it is passed over.
        """
        return [ended for env in range(len(rows)) if (ended := self._add(env, rows[env], step_global))]

    def _add(self, env: int, row: np.void, step_global: int) -> Episode | None:
        if row["is_first"]:
            self._running[env] = Episode(self._next_id, env, step_global, row["milestones"].copy())
            self._next_id += 1
            return None
        episode = self._running[env]
        if episode is None:
            return None
        episode.length += 1
        episode.return_env += float(row["env_reward"])
        episode.return_total += float(row["reward"])
        new = row["milestones"] & ~episode.known
        if new.any():
            episode.known |= new
            episode.milestones.update(dict.fromkeys(milestone_names(new), int(row["step"])))
        if not (row["terminated"] or row["truncated"]):
            return None
        self._running[env] = None
        episode.end_step, episode.map_id, episode.tiles = step_global, int(row["map_id"]), int(row["tiles"])
        episode.badges = int(row["badges"]).bit_count()
        episode.terminated, episode.truncated = bool(row["terminated"]), bool(row["truncated"])
        return episode
