"""One run of a comparison: where its files lie, what is noted beside it, and what is left to do.

``OUT/runs/NAME/`` belongs to the trainer. Beside it lie ``NAME.log`` (its output), ``NAME.evaluation.json`` (its final
evaluation) and ``NAME.compare.json`` (what compare knows of it).
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from Daddy.compare.agents import Agent, base_of, evaluate_words, run_name
from Daddy.compare.settings import CompareConfig
from Daddy.errors import UsageError
from Daddy.logs.files import write_json_atomically
from Daddy.logs.reader import read_json, read_status, state_of

_SAME_START_S = 5.0
SKIP, RESUME, START = "finished", "resume", "start"
# What a run must have been made with to be taken over; the others only say when it ends or what is shown.
_FIXED = ("steps", "num_envs", "max_episode_steps", "reward", "rom", "allow_rom_mismatch")


@dataclass
class Run:
    """One agent with one seed."""

    agent: Agent
    seed: int
    runs_dir: Path

    @property
    def name(self) -> str:
        return run_name(self.agent.name, self.seed)

    @property
    def path(self) -> Path:
        return self.runs_dir / self.name

    @property
    def log(self) -> Path:
        return self.runs_dir / f"{self.name}.log"

    @property
    def evaluation(self) -> Path:
        return self.runs_dir / f"{self.name}.evaluation.json"

    def notes(self) -> dict[str, Any]:
        """What is noted; empty for a run that has not begun."""
        return read_json(self.runs_dir / f"{self.name}.compare.json")

    def note(self, **values: Any) -> None:
        """Add to what is noted."""
        write_json_atomically(self.runs_dir / f"{self.name}.compare.json", self.notes() | values)

    def check(self, config: CompareConfig) -> None:
        """Make sure that what is there may be gone on with.

        Raises:
            UsageError: another process is at it, it is none of ours, or it was made with other settings.
        """
        notes = self.notes()
        if not notes and self.path.exists():
            raise UsageError(f"{self.path} is no run of this comparison; choose another --out")
        if _lives(notes.get("pid"), notes.get("process_started")):
            raise UsageError(f"{self.path} is still run by process {notes['pid']}; wait for it or stop it")
        before = notes.get("settings", {})
        now = fixed_settings(config, self.agent)
        for key in before:
            if before[key] != now.get(key):
                flag = "--" + key.replace("_", "-")
                raise UsageError(f"{self.path} was made with {flag} {before[key]}, not {now.get(key)}; choose another "
                                 "--out, or delete it")

    def check_clock(self, minutes: float, seconds: float | None) -> None:
        """Make sure that going on does not mean to throw finished work away.

        Raises:
            UsageError: its clock ended it, now it shall go on, and its trainer cannot.
        """
        if self.ended_by_clock and self.agent.base.resume is None and self.to_do(minutes, seconds) != SKIP:
            raise UsageError(f"{self.path} was ended after {(seconds or 0) / 60:.1f} minutes and {self.agent.name} "
                             "cannot go on; choose another --out, or delete it")

    def to_do(self, minutes: float, seconds: float | None) -> str:
        """SKIP, RESUME or START; ``seconds`` is how long it has trained so far."""
        status = read_status(self.path)
        if status.get("phase") == "done":
            return SKIP
        if self.ended_by_clock and minutes and (seconds or 0) >= 60 * minutes:
            return SKIP
        return RESUME if self.agent.base.resume is not None and (self.path / "config.json").is_file() else START

    @property
    def ended_by_clock(self) -> bool:
        """Whether it was stopped, in good order, because its minutes were over."""
        return self.notes().get("ended") == "minutes" and read_status(self.path).get("phase") == "stopped"

    @property
    def finished(self) -> bool:
        return self.ended_by_clock or read_status(self.path).get("phase") == "done"

    def train_words(self, config: CompareConfig, how: str) -> list[str]:
        """Words after ``python -m``; a run that starts anew loses what was there."""
        words = self.agent.train_words(config, self.runs_dir, self.seed)
        if how == RESUME:
            return [*words, *(self.agent.base.resume or ())]
        if self.path.is_dir():
            shutil.rmtree(self.path)
        return words

    def evaluation_words(self, config: CompareConfig) -> list[str]:
        """Words after ``python -m`` of the final evaluation."""
        return evaluate_words(self.agent.base, self.path, config.eval_episodes, self.seed)

    def evaluated(self, config: CompareConfig) -> bool:
        """Whether the final evaluation is there, for the weights of now."""
        asked = self.notes().get("evaluated")
        return self.evaluation.is_file() and asked == self.evaluation_request(config)

    def evaluation_request(self, config: CompareConfig) -> list[Any]:
        """What a final evaluation is made for: step and flags."""
        flags = self.evaluation_words(config)[len(self.agent.base.evaluate) + 1 :]
        return [read_status(self.path).get("step_global"), *flags]


class Collected(Run):
    """An existing run directory: never trained, and never written to; what is noted of it lies in OUT/collected."""

    def __init__(self, path: Path, label: str, notes_dir: Path) -> None:
        config = read_json(path / "config.json")
        seed = config["seed"] if isinstance(config.get("seed"), int) else 0
        super().__init__(Agent(label, base_of(config.get("agent")), ()), seed, notes_dir)
        self._path = path

    @property
    def name(self) -> str:
        return f"{self._path.name}_{hashlib.sha256(str(self._path.absolute()).encode()).hexdigest()[:8]}"

    @property
    def path(self) -> Path:
        return self._path

    def check(self, config: CompareConfig) -> None:
        """Nothing will be written there."""

    def to_do(self, minutes: float, seconds: float | None) -> str:
        """It is taken as it is."""
        return SKIP

    def evaluated(self, config: CompareConfig) -> bool:
        """Also when nothing is there to be evaluated: a run under way or crashed, or without a checkpoint."""
        playable = self.agent.base.inline is False or (self.path / "checkpoints").is_dir()
        if not playable or state_of(read_status(self.path))[0] not in ("done", "stopped"):
            return True
        return super().evaluated(config)


def fixed_settings(config: CompareConfig, agent: Agent) -> dict[str, Any]:
    """The settings that a run keeps for its life."""
    return {name: getattr(config, name) for name in _FIXED} | {"flags": list(agent.flags)}


def _lives(pid: Any, started: Any) -> bool:
    try:
        process = psutil.Process(int(pid))
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - float(started)) < _SAME_START_S
    except (psutil.Error, TypeError, ValueError):
        return False
