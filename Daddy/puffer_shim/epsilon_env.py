"""EpsilonEnv: an env whose reward is the sum of small reward modules instead of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium

from Daddy.puffer_shim.normalise import adapt, telemetry_of
from Daddy.puffer_shim.reward_modules import RewardModule


class EpsilonEnv(gymnasium.Wrapper):
    """Pays the sum over ``reward_modules`` for each step and drops the env's own reward (the module ``env`` keeps it).

    Modules get the observation and an info with ``telemetry`` (the numbers of the step), ``env_reward`` and ``action``.
    What they compute from the first observation of an episode is dropped: nobody is paid for what a spawn already owns.
    The info of a step holds ``reward_components``, a list of (module name, value), and their ``reward_sum``; the
    telemetry's ``reward_terms`` are the modules' sums over the episode.
    """

    def __init__(self, env: gymnasium.Env, reward_modules: Sequence[RewardModule]) -> None:
        super().__init__(adapt(env))
        self.reward_modules = tuple(reward_modules)
        self._names = tuple(module.name for module in self.reward_modules)
        self._telemetry = telemetry_of(self.env)
        self._sums: dict[str, float] = {}

    def reset(self, **kwargs: Any) -> tuple[Any, dict]:
        """Starts an episode of the env and of every module."""
        observation, info = self.env.reset(**kwargs)
        for module in self.reward_modules:
            module.reset()
        self._compute(observation, info, 0.0, -1)
        self._sums = dict.fromkeys(self._names, 0.0)
        self._telemetry().reward_terms = self._sums
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Steps the env; the reward is the modules'."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        values = self._compute(observation, info, float(reward), int(action))
        total = sum(values)
        for name, value in zip(self._names, values, strict=True):
            self._sums[name] += value
        self._telemetry().reward_terms = self._sums
        info = {**info, "reward_components": list(zip(self._names, values, strict=True)), "reward_sum": total}
        return observation, total, terminated, truncated, info

    def _compute(self, observation: Any, info: dict, env_reward: float, action: int) -> list[float]:
        view = {**info, "telemetry": self._telemetry(), "env_reward": env_reward, "action": action}
        return [module.compute(observation, view) for module in self.reward_modules]
