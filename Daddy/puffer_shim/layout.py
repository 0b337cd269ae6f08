"""How envs are spread over worker processes and batches: what was asked for, checked, and a rule for the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pokemonred_puffer.errors import ConfigError

BACKENDS = ("puffer", "serial")
TWO_BATCHES_FROM = 16  # envs; below, the fixed cost of acting twice per step outweighs what the emulators gain


@dataclass(frozen=True)
class Layout:
    """How envs are spread over processes and batches."""

    backend: str
    num_envs: int
    num_workers: int
    reason: str
    batch_size: int
    batch_reason: str

    def describe(self) -> str:
        """One line for the start of a run."""
        workers = "" if self.backend == "serial" else f" in {self.num_workers} workers ({self.reason})"
        return f"{self.backend} backend: {self.num_envs} envs{workers}, {self.batch_size} to a batch{self.batch_reason}"


def plan_layout(backend: str, num_envs: int, num_workers: int | str, batch_size: int | str | None) -> Layout:
    """Check the numbers and settle the automatic ones.

    Raises:
        ConfigError: naming the value and what would fit.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"backend {backend!r} is unknown; choose from {', '.join(BACKENDS)}")
    if num_envs < 1:
        raise ConfigError(f"num_envs is {num_envs}; it must be at least 1")
    cores, why = available_cores(), ""
    if batch_size == "auto":
        batches, why = choose_batches(num_envs, num_workers, cores)
        batch_size = num_envs // batches
    batch = num_envs if batch_size is None else int(batch_size)
    if batch < 1 or num_envs % batch:
        raise ConfigError(f"batch_size is {batch}; it must divide the {num_envs} envs")
    if backend == "serial":
        return Layout(backend, num_envs, 1, "one process", batch, why)
    if num_workers == "auto":
        return Layout(backend, num_envs, *choose_workers(num_envs, batch, cores), batch, why)
    return Layout(backend, num_envs, _checked_workers(num_envs, batch, int(num_workers)), "as set", batch, why)


def choose_batches(num_envs: int, num_workers: int | str, cores: int) -> tuple[int, str]:
    """(1 or 2 batches in flight, why). With two, half of the emulators work while the trainer acts for the others.

    The answer does not depend on the backend, so that a run is the same on all of them.
    """
    if num_envs < TWO_BATCHES_FROM:
        return 1, f" (auto: one batch below {TWO_BATCHES_FROM} envs)"
    if cores < 2:
        return 1, " (auto: one batch on one core)"
    if num_envs % 2 or (num_workers != "auto" and int(num_workers) % 2):
        return 1, " (auto: one batch, as envs and workers cannot be halved)"
    return 2, f" (auto: two batches in flight from {TWO_BATCHES_FROM} envs on)"


def choose_workers(num_envs: int, batch_size: int, cores: int) -> tuple[int, str]:
    """(number of workers, why): the most that fit the cores and split envs and batches evenly."""
    fitting = [w for w in range(1, num_envs + 1) if _fits(num_envs, batch_size, w)]
    workers = max((w for w in fitting if w <= cores), default=min(fitting))
    if workers > cores:
        return workers, f"auto: the fewest that deliver batches of {batch_size}, on {cores} cores"
    if workers == cores:
        return workers, f"auto: one for each of {cores} cores"
    return workers, f"auto: the most within {cores} cores that split {num_envs} envs evenly"


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked_workers(num_envs: int, batch_size: int, workers: int) -> int:
    if workers < 1 or not _fits(num_envs, batch_size, workers):
        fitting = [w for w in range(1, num_envs + 1) if _fits(num_envs, batch_size, w)]
        raise ConfigError(
            f"num_workers is {workers}; with {num_envs} envs and batches of {batch_size} it can be "
            f"{', '.join(map(str, fitting))}"
        )
    return workers


def _fits(num_envs: int, batch_size: int, workers: int) -> bool:
    return num_envs % workers == 0 and batch_size % (num_envs // workers) == 0
