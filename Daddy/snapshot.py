"""What one frame of the dashboard shows: plain values, taken by the loop a few times a second and never changed after.

The dashboard reads nothing else, so it can be drawn in a thread, in a test or from a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RunInfo:
    """What stays the same for the whole run."""

    name: str
    model: str = ""  # for example "large: CNN > GRU 256 > LSTM 512 > SSM 512"
    params: int = 0  # trainable parameters
    device: str = "cpu"
    backend: str = "puffer"


@dataclass(frozen=True)
class Usage:
    """Load of the machine, percent; ``gpu`` and ``vram`` are None without a GPU (or where it cannot be asked)."""

    cpu: float = 0.0  # of all cores
    ram: float = 0.0
    rss_gib: float = 0.0  # of the trainer and its workers
    gpu: float | None = None
    vram: float | None = None


@dataclass(frozen=True)
class RewardTerm:
    """One part of r_total over the interval's steps."""

    name: str  # env, rnd, novel, bayes
    mean: float  # unweighted mean per step
    weight: float  # w of r_total = sum of w r

    @property
    def weighted(self) -> float:
        return self.mean * self.weight


@dataclass(frozen=True)
class MilestoneRow:
    """The posterior of one milestone's success rate theta."""

    name: str
    mean: float
    lo95: float  # credible interval
    hi95: float
    attempts: int  # episodes that could have reached it
    reached: bool = False  # ever, in this run
    alarm_level: int = 0  # 0 none, 1 warning, 2 critical


@dataclass(frozen=True)
class EnvCell:
    """Where one env is."""

    map: str
    state: str = "walk"  # walk, battle, text, dead


@dataclass(frozen=True)
class Alarm:
    """Something that a person should look at."""

    level: int  # 1 warning, 2 critical
    text: str  # what, and what to do
    age_s: float = 0.0


@dataclass(frozen=True)
class WorldView:
    """Visits on the world's plan.

    ``cells``: uint8 (rows, columns): 0 no map here (or none entered yet), 1 not visited, 2..255 log of visits.
    ``envs``: (row, column) of each env in ``cells``; ``tiles`` and ``maps`` count what was ever visited.
    """

    cells: np.ndarray
    envs: tuple[tuple[int, int], ...] = ()
    tiles: int = 0
    maps: int = 0


@dataclass(frozen=True)
class Saved:
    """The newest checkpoint and the command that continues from it."""

    step: int
    age_s: float
    command: str


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run. Times in seconds, steps are env steps over all envs."""

    run: RunInfo
    step: int
    total_steps: int
    phase: str = "training"  # starting, collecting, training, saving, evaluating, stopping
    elapsed_s: float = 0.0
    sps: float = 0.0
    eta_s: float | None = None  # None: not known yet
    episodes: int = 0
    epsilon: tuple[float, float, float] = (1.0, 1.0, 1.0)  # mean, lowest, highest over the envs
    learned: int = 0  # transitions learned
    usage: Usage = Usage()
    time_budget: tuple[tuple[str, float], ...] = ()  # section, percent of wall time; sums to 100
    losses: tuple[tuple[str, float], ...] = ()
    stats: tuple[tuple[str, float], ...] = ()  # means over the last episodes
    rewards: tuple[RewardTerm, ...] = ()
    milestones: tuple[MilestoneRow, ...] = ()
    badges: str = ""  # best of the run, "11000000"
    curriculum: tuple[tuple[str, float], ...] = ()  # spawn tier, percent of spawns; empty without a curriculum
    envs: tuple[EnvCell, ...] = ()
    worker_restarts: tuple[int, ...] = ()  # per worker
    alarms: tuple[Alarm, ...] = ()
    world: WorldView | None = None
    series: tuple[tuple[str, tuple[float, ...]], ...] = ()  # name, values over time, oldest first
    saved: Saved | None = None

    @property
    def r_total(self) -> float:
        """Mean of r_total over the interval's steps."""
        return sum(term.weighted for term in self.rewards)
