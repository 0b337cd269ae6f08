"""Small envs and a small policy on which PPO's results are known."""
from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces
from torch import Tensor, nn


class SmallPolicy(nn.Module):
    """Two dense layers; the surface of the package's policies."""

    def __init__(self, inputs: int, actions: int, width: int = 64) -> None:
        super().__init__()
        self.width = width
        self.encoder = nn.Sequential(nn.Linear(inputs, width), nn.Tanh())
        self.actor, self.critic = nn.Linear(width, actions), nn.Linear(width, 1)
        nn.init.orthogonal_(self.actor.weight, 0.01)

    def encode_observations(self, flat: Tensor) -> Tensor:
        return self.encoder(flat.float())

    def decode_actions(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        return self.actor(hidden), self.critic(hidden)


class RememberEnv(gymnasium.Env):
    """Shows a cue (-1 or 1) in the first observation only; after `delay` further ones the action must name it: reward 1
    or -1. Without memory the expected return is 0."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, delay: int = 6) -> None:
        self.delay = delay

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._cue, self._time = int(self.np_random.integers(2)), 0
        return np.array([2 * self._cue - 1, 0], np.float32), {}

    def step(self, action):
        self._time += 1
        if self._time <= self.delay:
            return np.array([0, self._time == self.delay], np.float32), 0.0, False, False, {}
        return np.zeros(2, np.float32), 1.0 if action == self._cue else -1.0, True, False, {}


def cartpole(_env_id: int) -> gymnasium.Env:
    return gymnasium.make("CartPole-v1")


def remember(_env_id: int) -> gymnasium.Env:
    return RememberEnv()
