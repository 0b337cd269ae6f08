"""Picklable makers of envs, so that workers may be forked or spawned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from Daddy.puffer_shim._pufferlib import GymnasiumPufferEnv
from Daddy.puffer_shim.record_env import RECORD_SPACE, EpisodeRules, RecordEnv

EnvFactory = Callable[[dict, str | None], gymnasium.Env]


class SpacesOnly(gymnasium.Env):
    """What pufferlib gets as its driver env: the spaces, without an emulator behind them."""

    observation_space = RECORD_SPACE

    def __init__(self, num_actions: int) -> None:
        self.action_space = gymnasium.spaces.Discrete(num_actions)


@dataclass(frozen=True)
class EnvCreator:
    """Makes one env. pufferlib calls it without ``buf`` for its driver env and with ``buf`` for a real one.

    ``factory(env_config, reward_name)`` must be importable by name; ``env_id`` reaches the env as
    ``env_config["env_id"]``.
    """

    factory: EnvFactory
    env_config: dict[str, Any]
    reward_name: str | None
    max_episode_steps: int
    num_actions: int = 0
    env_id: int = 0
    first_episode_steps: int | None = None
    rules: EpisodeRules | None = None

    def __call__(self, buf: dict | None = None, seed: int | None = None) -> GymnasiumPufferEnv:
        """The env with its rows in ``buf``. ``seed`` is pufferlib's and unused: seeds come with reset."""
        env = SpacesOnly(self.num_actions) if buf is None else self.make(buf["observations"][0])
        return GymnasiumPufferEnv(env, buf=buf)

    def make(self, row: np.ndarray | None = None) -> RecordEnv:
        """The bare record env, with its record in ``row`` (RECORD.itemsize,) uint8 if given."""
        config = {**self.env_config, "env_id": self.env_id, "max_steps": self.max_episode_steps}
        env = self.factory(config, self.reward_name)
        return RecordEnv(env, self.max_episode_steps, self.first_episode_steps, row, self.env_id, self.rules)
