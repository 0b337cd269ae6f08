"""Carries out rare commands for the envs of one process, and resets and steps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.puffer_shim.capture import capture
from Daddy.puffer_shim.events import CaptureFailed, VectorEvent, one_line


@dataclass(frozen=True)
class Spawn:
    """Start the next episode of env ``slot`` from savestate ``spawn_id`` (0: true start), waited for with ``patience``.

    ``state`` comes with the first mention of a spawn_id; later ones find it in the cache. ``forget`` leave the cache.
    """

    slot: int
    spawn_id: int
    state: bytes | None
    forget: tuple[int, ...] = ()
    patience: float = 1.0


@dataclass(frozen=True)
class Capture:
    """Write the present state of env ``slot`` to ``path``."""

    slot: int
    path: str
    tag: str


@dataclass(frozen=True)
class Begin:
    """Seeds of all envs for the reset of this turn, and how many episodes each has had."""

    seeds: tuple[int, ...]
    episodes: tuple[int, ...] | None = None


Command = Spawn | Capture | Begin


class EnvDesk:
    """The envs of one process. ``events`` collects what the parent should hear."""

    def __init__(self, envs: list[Any], tick: Callable[[], None] = lambda: None) -> None:
        """``envs`` are GymnasiumPufferEnv around RecordEnv; ``tick`` is called after each env's reset or step."""
        self.envs, self.events, self._tick = envs, [], tick
        self._states: dict[int, bytes] = {}
        self._seeds: tuple[int, ...] = ()
        for env in envs:
            env.env.report = self.events.append

    def carry_out(self, commands: list[Command]) -> None:
        """Follow the commands in order."""
        for command in commands:
            if isinstance(command, Spawn):
                self._spawn(command)
            elif isinstance(command, Capture):
                self.events.append(self._capture(command))
            else:
                self._begin(command)

    def reset(self) -> None:
        """Reset all envs with the seeds of the last Begin."""
        self.seed(self._seeds)
        for env in self.envs:
            env.reset()
            self._tick()

    def seed(self, seeds: Iterable[int]) -> None:
        """Seeds for the coming reset of each env; given to pufferlib's reset, they would make it retry a failed one."""
        for env, seed in zip(self.envs, seeds, strict=True):
            env.env.seed_next(seed)

    def step(self, actions: np.ndarray) -> None:
        """Step all envs, actions (num_envs,) int32; those whose episode has ended reset instead."""
        for env, action in zip(self.envs, actions, strict=True):
            if env.done:
                env.reset()
            else:
                env.step(action)
            self._tick()

    def _spawn(self, command: Spawn) -> None:
        for spawn_id in command.forget:
            self._states.pop(spawn_id, None)
        if command.state is not None:
            self._states[command.spawn_id] = command.state
        state = self._states[command.spawn_id] if command.spawn_id else None
        self.envs[command.slot].env.spawn_next(command.spawn_id, state, command.patience)

    def _capture(self, command: Capture) -> VectorEvent:
        env = self.envs[command.slot].env
        try:
            return capture(env, command.path, command.tag)
        except Exception as error:  # a full disk or a fork's emulator: the game goes on
            return CaptureFailed(env.env_id, command.path, command.tag, one_line(error))

    def _begin(self, command: Begin) -> None:
        self._seeds = command.seeds
        if command.episodes is not None:
            for env, episodes in zip(self.envs, command.episodes, strict=True):
                env.env.count_from(episodes)
