"""EpsilonEnv: a game whose reward is the sum of small reward modules instead of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium

from Final.epsilon.reward_modules import RewardModule


class EpsilonEnv(gymnasium.Wrapper):
    """Pays the sum over ``reward_modules`` for each step and drops the env's own reward (module ``env`` keeps it).

    ``env`` is a RedGymEnv, or wraps one: modules see its ``telemetry()`` as ``info["telemetry"]`` and its reward as
    ``info["env_reward"]``. What they find in the first observation of an episode is never paid. A step's info has
    ``reward_components``, a list of (module name, value), their sum ``reward_sum``, and ``env_reward``.
    """

    def __init__(self, env: gymnasium.Env, reward_modules: Sequence[RewardModule]) -> None:
        super().__init__(env)
        self.reward_modules = tuple(reward_modules)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode of the env and of every module."""
        observation, info = self.env.reset(**kwargs)
        for module in self.reward_modules:
            module.reset()
        self._components(observation, info, 0.0)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step the env; the reward is the modules'."""
        observation, env_reward, terminated, truncated, info = self.env.step(action)
        components = self._components(observation, info, float(env_reward))
        total = float(sum(value for _, value in components))
        info = {**info, "env_reward": float(env_reward), "reward_components": components, "reward_sum": total}
        return observation, total, terminated, truncated, info

    def _components(self, observation: Any, info: dict[str, Any], env_reward: float) -> list[tuple[str, float]]:
        view = {**info, "telemetry": self.env.unwrapped.telemetry(), "env_reward": env_reward}
        return [(module.name, module.compute(observation, view)) for module in self.reward_modules]
