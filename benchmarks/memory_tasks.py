"""Memory tasks that others have published, behind one interface: gymnasium envs with a float vector as observation.

Each needs its package (extra ``bench``); `available` says which tasks can run here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

MEMORY_LENGTHS = (5, 10, 20, 30)


class MemoryChain(gymnasium.Env):
    """bsuite's memory_len: +1 or -1 is shown once and must be named `length` steps later, for +1 or -1 at the end."""

    def __init__(self, length: int, seed: int) -> None:
        from bsuite.experiments.memory_len import memory_len

        self._env = memory_len.load(length, seed=seed)
        size = int(np.prod(self._env.observation_spec().shape))
        self.observation_space = Box(-1.0, 1.0, (size,), np.float32)
        self.action_space = Discrete(self._env.action_spec().num_values)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """The seed was given to bsuite when the env was made."""
        super().reset(seed=seed)
        return self._env.reset().observation.ravel().astype(np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        now = self._env.step(int(action))
        return now.observation.ravel().astype(np.float32), float(now.reward), now.last(), False, {}


class Cards(gymnasium.ObservationWrapper):
    """A POPGym card task, its suit as a one-hot vector; the return of an episode lies in -1..1."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self._eye = np.eye(env.observation_space.n, dtype=np.float32)
        self.observation_space = Box(0.0, 1.0, (len(self._eye),), np.float32)

    def observation(self, observation: int) -> np.ndarray:
        return self._eye[observation]


class Scaled(gymnasium.ObservationWrapper):
    """Some entries of a CartPole observation, divided by the values at which an episode ends."""

    def __init__(self, env: gymnasium.Env, entries: tuple[int, ...]) -> None:
        super().__init__(env)
        self._entries = list(entries)
        self.observation_space = Box(-4.0, 4.0, (2,), np.float32)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        return np.asarray(observation, np.float32)[self._entries] / np.array([2.4, 0.2095], np.float32)


def _popgym(name: str) -> gymnasium.Env:
    from popgym.envs.position_only_cartpole import PositionOnlyCartPoleEasy
    from popgym.envs.repeat_first import RepeatFirstEasy
    from popgym.envs.repeat_previous import RepeatPreviousEasy

    if name == "PositionOnlyCartPoleEasy":
        return Scaled(PositionOnlyCartPoleEasy(), (0, 1))
    return Cards({"RepeatFirstEasy": RepeatFirstEasy, "RepeatPreviousEasy": RepeatPreviousEasy}[name]())


@dataclass(frozen=True)
class Learning:
    """Settings of our agent for one task; `steps_per_update` env steps are taken for each update."""

    seq_len: int
    burn_in: int = 0
    n_step: int = 3
    gamma: float = 0.99
    lr: float = 1e-3
    steps_per_update: int = 32


@dataclass(frozen=True)
class Task:
    """One task: `make(seed)` gives an env, `steps` is everyone's budget."""

    name: str
    package: str
    make: Callable[[int], gymnasium.Env]
    steps: int
    learning: Learning
    seeds: int = 1
    memory_length: int | None = None


def _chain(length: int) -> Task:
    learning = Learning(seq_len=length + 4, steps_per_update=64 if length <= 10 else 32)
    return Task(
        f"bsuite memory_len({length})", "bsuite", lambda seed: MemoryChain(length, seed), 3_000 * (length + 1),
        learning, seeds=3 if length <= 10 else 1, memory_length=length,
    )  # fmt: skip


TASKS = (
    *(_chain(length) for length in MEMORY_LENGTHS),
    Task("POPGym RepeatPreviousEasy", "popgym", lambda seed: _popgym("RepeatPreviousEasy"), 200_000,
         Learning(seq_len=24, burn_in=8, n_step=1, gamma=0.9)),
    Task("POPGym RepeatFirstEasy", "popgym", lambda seed: _popgym("RepeatFirstEasy"), 200_000,
         Learning(seq_len=52, n_step=1, gamma=0.9, steps_per_update=64)),
    Task("POPGym PositionOnlyCartPoleEasy", "popgym", lambda seed: _popgym("PositionOnlyCartPoleEasy"), 200_000,
         Learning(seq_len=32, burn_in=8, lr=5e-4, steps_per_update=64)),
    Task("CartPole without velocities", "gymnasium", lambda seed: Scaled(gymnasium.make("CartPole-v1"), (0, 2)),
         100_000, Learning(seq_len=32, burn_in=8, lr=5e-4)),
)  # fmt: skip


def available(package: str) -> bool:
    """Whether a package can be imported here."""
    return importlib.util.find_spec(package) is not None
