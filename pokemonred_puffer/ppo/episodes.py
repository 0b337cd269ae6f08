"""The end of an episode as an info: the only info that leaves an env, because one per step costs a quarter of the
speed."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from pokemonred_puffer.data.milestones import milestone_names
from pokemonred_puffer.environment import RedGymEnv

EPISODE = "episode_end"


@dataclass(frozen=True)
class EpisodeEnd:
    """A finished episode. `milestones` maps each one that the episode did not begin with to its step."""

    env_id: int
    length: int
    return_env: float
    milestones: dict[str, int]
    map_id: int
    badges: int
    tiles: int
    terminated: bool
    truncated: bool


class EpisodeEndWrapper(gymnasium.Wrapper):
    """Drops the env's infos and adds `{EPISODE: EpisodeEnd}` to the step that ends an episode.

    `first_limit` truncates the first episode early, so that the envs of a vector do not end their episodes together.
    Around an env that is no RedGymEnv the game's figures are 0.
    """

    def __init__(self, env: gymnasium.Env, env_id: int, first_limit: int | None = None) -> None:
        super().__init__(env)
        self._env_id, self._limit = env_id, first_limit
        self._game = env.unwrapped if isinstance(env.unwrapped, RedGymEnv) else None
        self._length = 0

    def reset(self, **arguments: Any) -> tuple[Any, dict]:
        """Begins an episode."""
        if self._length:
            self._limit = None  # the first episode is over
        observation, _ = self.env.reset(**arguments)
        self._length, self._return, self._reached = 0, 0.0, {}
        self._owned = self._milestones()
        return observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Steps and notes new milestones."""
        observation, reward, terminated, truncated, _ = self.env.step(action)
        self._length += 1
        self._return += float(reward)
        owned = self._milestones()
        if owned != self._owned:
            fresh = np.frombuffer(owned, np.uint8) & ~np.frombuffer(self._owned, np.uint8)
            self._reached.update(dict.fromkeys(milestone_names(fresh), self._length))
            self._owned = owned
        truncated = bool(truncated) or (self._limit is not None and self._length >= self._limit)
        ended = terminated or truncated
        return observation, reward, terminated, truncated, {EPISODE: self._end(terminated, truncated)} if ended else {}

    def _milestones(self) -> bytes:
        return self._game.telemetry().milestones.tobytes() if self._game else b""

    def _end(self, terminated: bool, truncated: bool) -> EpisodeEnd:
        now = self._game.telemetry() if self._game else None
        return EpisodeEnd(
            self._env_id, self._length, self._return, dict(self._reached),
            map_id=int(now.map_id) if now else 0, badges=int(now.badges).bit_count() if now else 0,
            tiles=int(now.tiles) if now else 0, terminated=bool(terminated), truncated=bool(truncated),
        )  # fmt: skip
