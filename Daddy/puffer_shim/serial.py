"""All envs in this process, for debugging and as the reference of the tests."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from Daddy.puffer_shim._pufferlib import vector
from Daddy.puffer_shim.desk import Capture, Command, EnvDesk, Spawn
from Daddy.puffer_shim.events import VectorEvent


class SerialGroups:
    """pufferlib's Serial, one group of envs per batch, taken in turn. An env that raises ends the run at once."""

    restarts = 0
    worker_restarts = ()

    def __init__(self, creators: list, batch_size: int) -> None:
        self._groups = [
            vector.Serial(creators[i : i + batch_size], [[]] * batch_size, [{}] * batch_size, batch_size)
            for i in range(0, len(creators), batch_size)
        ]
        self._desks = [EnvDesk(group.envs) for group in self._groups]
        self._commands: dict[int, list[Command]] = defaultdict(list)
        self._batch_size = batch_size
        self._next = 0

    def async_reset(self, seed: int) -> None:
        """Reset all envs; env i gets ``seed + i``."""
        self._next = 0
        for number, group in enumerate(self._groups):
            self._desks[number].carry_out(self._commands.pop(number, []))
            first = seed + number * self._batch_size
            self._desks[number].seed(range(first, first + self._batch_size))
            group.async_reset(None)

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows (B, itemsize) uint8 view, env ids (B,)) of the next group."""
        observations = self._groups[self._next].recv()[0]
        return observations, np.arange(self._batch_size) + self._next * self._batch_size

    def send(self, actions: np.ndarray) -> None:
        """Step the group received last."""
        self._desks[self._next].carry_out(self._commands.pop(self._next, []))
        self._groups[self._next].send(actions)
        self._next = (self._next + 1) % len(self._groups)

    def spawn(self, env_id: int, state: bytes | None, spawn_id: int, patience: float) -> None:
        group, slot = divmod(env_id, self._batch_size)
        self._commands[group].append(Spawn(slot, spawn_id, state, patience=patience))

    def capture(self, env_id: int, path: str, tag: str) -> None:
        group, slot = divmod(env_id, self._batch_size)
        self._commands[group].append(Capture(slot, path, tag))

    def events(self) -> list[VectorEvent]:
        """What happened since the last call."""
        found = [event for desk in self._desks for event in desk.events]
        for desk in self._desks:
            desk.events.clear()
        return found

    def close(self) -> None:
        for group in self._groups:
            group.close()
        self._groups = []
