"""Adds the episode's return and length to infos."""
from __future__ import annotations

from typing import Any

import gymnasium

from pokemonred_puffer.wrappers.settings import settings_of


class EpisodeStatsWrapper(gymnasium.Wrapper):
    """Infos that are not empty, and the last one of an episode, carry `episode_return` and `episode_length`."""

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        settings_of("EpisodeStatsWrapper", config, {})
        self.episode_return, self.episode_length = 0.0, 0

    def reset(self, **kwargs: Any) -> tuple[Any, dict]:
        """Restarts the sums."""
        self.episode_return, self.episode_length = 0.0, 0
        return self.env.reset(**kwargs)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Adds up the step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.episode_return += float(reward)
        self.episode_length += 1
        if info or terminated or truncated:
            info = {**info, "episode_return": self.episode_return, "episode_length": self.episode_length}
        return observation, reward, terminated, truncated, info
