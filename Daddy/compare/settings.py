"""Settings of a comparison; the command line is generated from them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from Daddy.config import as_in_training, setting
from Daddy.errors import UsageError

_INLINE_FROM = 50_000  # shorter runs are evaluated at their end only
_INLINE_EVALUATIONS = 10
_CORES_PER_RUN = 4


@dataclass
class CompareConfig:
    """All settings of one comparison."""

    agents: tuple[str, ...] = setting(
        (), "agents", "what to compare (comma-separated): agents, variants of them with +, and existing run directories"
    )
    extra: str = setting(
        "", "agents", "more flags for a trainer: 'AGENT: --flag value; AGENT: ...'", metavar="TEXT"
    )
    savestates_from: str = setting(
        "", "agents", "savestates that variants with a curriculum begin with; +frozen needs them", metavar="DIR"
    )
    steps: int = setting(1_000_000, "budget", "env steps of each run; schedules are laid out over them")
    minutes: float = setting(
        0.0, "budget", "also end each run after so many minutes of training, saved and resumable; 0: no such limit"
    )
    seeds: str = setting("3", "budget", "how many runs of each agent (seeds 1, 2, ...), or the seeds: 1,2,5",
                         metavar="N|LIST")  # fmt: skip
    jobs: str = setting("auto", "budget", "runs at a time; auto: by cores", metavar="N")
    out: str = setting(
        "runs/compare", "output", "directory of the runs, tables and plots; the same command goes on there",
        metavar="DIR",
    )  # fmt: skip
    json: bool = setting(False, "output", "print one JSON object per agent instead of the table")
    force: bool = setting(
        False, "output", "put runs with different ROMs, rewards, episode or step lengths into one table all the same"
    )
    eval_episodes: int = setting(8, "evaluation", "episodes from the true start, played greedily and again sampled")
    eval_interval: str = setting(
        "auto", "evaluation", f"steps between evaluations while training, 0 for none; auto: {_INLINE_EVALUATIONS} in a "
        f"run, none if it is shorter than {_INLINE_FROM:_} steps", metavar="N",
    )  # fmt: skip
    num_envs: str = setting("auto", "env", "emulators of each run; auto: as many as its trainer's preset", metavar="N")
    max_episode_steps: int = setting(2_048, "env", "steps after which an episode is truncated")
    rom: str = as_in_training("rom")
    allow_rom_mismatch: bool = as_in_training("allow_rom_mismatch")
    reward: str = as_in_training("reward")

    @property
    def inline_interval(self) -> int:
        """Steps between evaluations while training; 0 for none."""
        if self.eval_interval != "auto":
            return _whole("--eval-interval", self.eval_interval, 0)
        return self.steps // _INLINE_EVALUATIONS if self.steps >= _INLINE_FROM else 0

    @property
    def log_interval(self) -> int:
        """Steps between two rows of ``metrics.csv``, by which the clock of a run is read."""
        return max(1, min(1_000 if self.minutes else 5_000, self.steps // 10))

    @property
    def seed_list(self) -> list[int]:
        """The seeds.

        Raises:
            UsageError: neither a count nor a list.
        """
        if "," not in self.seeds:
            return list(range(1, _whole("--seeds", self.seeds, 1) + 1))
        return list(dict.fromkeys(_whole("--seeds", part, 0) for part in self.seeds.split(",") if part.strip()))

    def choose_jobs(self, runs: int) -> tuple[int, str]:
        """(runs at a time, why)."""
        if self.jobs != "auto":
            return _whole("--jobs", self.jobs, 1), "as asked"
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        jobs = max(1, min(cores // _CORES_PER_RUN, runs))
        return jobs, f"auto: {cores} cores, up to {_CORES_PER_RUN} for a run"


def validate(config: CompareConfig) -> CompareConfig:
    """``config`` itself.

    Raises:
        UsageError: a value that cannot work.
    """
    if not config.agents:
        raise UsageError("--agents is empty; name some, e.g. --agents random,puffer-ppo,dqn-slim")
    for name, low, high in (("steps", 1, 10**15), ("minutes", 0, 10**6), ("eval_episodes", 1, 1000),
                            ("max_episode_steps", 2, 10**9)):  # fmt: skip
        value = getattr(config, name)
        if not low <= value <= high:
            raise UsageError(f"--{name.replace('_', '-')} is {value}; it must be between {low} and {high}")
    if not config.seed_list:
        raise UsageError(f"--seeds is {config.seeds!r}; it must be a number of seeds, or some with commas")
    if config.num_envs != "auto":
        _whole("--num-envs", config.num_envs, 1)
    config.choose_jobs(1)
    _ = config.inline_interval
    return config


def _whole(flag: str, text: str, low: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{flag} is {text!r}; it must be a whole number") from None
    if not low <= value < 2**31:
        raise UsageError(f"{flag} is {value}; it must be at least {low}")
    return value
