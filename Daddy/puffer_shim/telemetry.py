"""Telemetry for envs that have none of their own: read from a fork's memory, from outside."""

from __future__ import annotations

from types import SimpleNamespace

import gymnasium

from pokemonred_puffer.progress import Progress
from pokemonred_puffer.telemetry import Telemetry


class ForkTelemetry:
    """Reads memory in slices through the env's ``pyboy`` when it has one, else byte by byte through ``read_m``."""

    def __init__(self, env: gymnasium.Env) -> None:
        self.read = env.read_m
        pyboy = getattr(env, "pyboy", None)
        self._memory = pyboy.memory if pyboy is not None else None
        self._progress = Progress()
        self._uncounted = SimpleNamespace(tiles=0, map_count=0)  # the record counts tiles itself

    def read_range(self, address: int, length: int) -> bytes:
        if self._memory is not None:
            return bytes(self._memory[address : address + length])
        return bytes(self.read(a) for a in range(address, address + length))

    def start_episode(self) -> None:
        """Forget the milestones of the episode before."""
        self._progress.start_episode()

    def now(self) -> Telemetry:
        """The numbers of this moment."""
        telemetry = Telemetry(self)
        self._progress.update(telemetry)
        telemetry.take(self._progress, self._uncounted, step_count=0)
        return telemetry
