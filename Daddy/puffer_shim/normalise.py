"""Envs of other people, seen through upstream's surface and put right from outside.

Upstream's observations do not satisfy their own declared space: scalars come for (1,) boxes, bytes for 0/1 bounds, and
party stats with their bytes swapped. Its ``reset`` goes on with the running game, and fails when the very first one is
given a savestate. ``Normalised`` repairs all of that without touching the env.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from Daddy.puffer_shim.capture import savestate_of
from Daddy.puffer_shim.telemetry import ForkTelemetry
from pokemonred_puffer.observation import PARTY_WORDS
from pokemonred_puffer.telemetry import Telemetry


def adapt(env: gymnasium.Env) -> gymnasium.Env:
    """``env`` itself when it, or an env that it wraps, has telemetry; else the same env ``Normalised``."""
    return env if _teller(env) is not None else Normalised(env)


def telemetry_of(env: gymnasium.Env) -> Callable[[], Telemetry]:
    """Where an adapted env, with whatever wrappers around it, tells its telemetry."""
    return _teller(env).telemetry


def _teller(env: Any) -> Any:
    """The outermost env of a chain of wrappers whose class has telemetry, or None."""
    while env is not None and not hasattr(type(env), "telemetry"):
        env = getattr(env, "env", None)
    return env


class Normalised(gymnasium.Wrapper):
    """An unmodified fork with observations inside ``observation_space`` and a ``telemetry()`` read from its memory.

    ``reset`` without a savestate starts where the first one did, if the fork has a PyBoy or a ``save_state()``.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self._fork = ForkTelemetry(env.unwrapped)
        self._now: Telemetry | None = None
        self._started = False
        self._start: dict[str, bytes] | None = None  # reset options
        self.observation_space = spaces.Dict({key: widened(box) for key, box in env.observation_space.spaces.items()})
        self._boxes = dict(self.observation_space.spaces)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        if not self._started:
            observation, info = self.env.reset(seed=seed)
            core, self._started = self.env.unwrapped, True
            if callable(getattr(core, "save_state", None)) or hasattr(core, "pyboy"):
                self._start = {"state": savestate_of(core)}
        elif not options:
            observation, info = self.env.reset(seed=seed, options=self._start)
        if options:
            observation, info = self.env.reset(seed=seed, options=options)
        self._fork.start_episode()
        return self._normalise(observation), info

    def step(self, action: int) -> tuple[dict, float, bool, bool, dict]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._normalise(observation), reward, terminated, truncated, info

    def telemetry(self) -> Telemetry:
        """The numbers of the last step."""
        return self._now

    def _normalise(self, observation: dict) -> dict[str, np.ndarray]:
        self._now = self._fork.now()
        fixed = {key: fitted(value, self._boxes[key]) for key, value in observation.items()}
        for key, name in PARTY_WORDS:  # the fork's own are byte-swapped, or not: only memory tells
            if key in fixed:
                fixed[key][: self._now.party_count] = self._now.party_mons[name][: self._now.party_count]
                fixed[key][self._now.party_count :] = 0
        return fixed


def widened(box: spaces.Box) -> spaces.Box:
    """``box`` with the whole range of its integer type: what a fork delivers may be outside what it declares."""
    if not np.issubdtype(box.dtype, np.integer):
        return box
    limits = np.iinfo(box.dtype)
    return spaces.Box(limits.min, limits.max, box.shape, box.dtype)


def fitted(value: Any, box: spaces.Box) -> np.ndarray:
    """``value`` as a new array of the box's shape and type; integers beyond the type stop at its ends."""
    array = np.asarray(value).reshape(box.shape)
    if np.issubdtype(box.dtype, np.integer) and array.dtype != box.dtype:
        limits = np.iinfo(box.dtype)
        array = np.clip(array, limits.min, limits.max)
    return array.astype(box.dtype)
