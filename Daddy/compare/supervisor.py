"""Runs the trainers as processes: some at a time, watched, ended by the clock or a signal, evaluated afterwards."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from Daddy.compare.run_notes import RESUME, SKIP, Run, fixed_settings
from Daddy.compare.settings import CompareConfig
from Daddy.logs import schema
from Daddy.logs.reader import read_status

_POLL_S, _LOOK_S = 0.2, 1.0
_PATIENCE_S = 120.0  # a trainer saves within seconds
_TAIL_BYTES = 1 << 15
_ROOT = Path(__file__).parents[2]
_STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM)


class Display(Protocol):
    """Where progress is shown."""

    def say(self, text: str) -> None: ...

    def show(self, name: str, stage: str, done: float, status: dict[str, Any]) -> None:
        """``done`` is the share of the stage's work; ``status`` the run's status.json."""

    def hide(self, name: str) -> None: ...


@dataclass
class Job:
    """A process at work on a run."""

    run: Run
    stage: str  # "train" or "evaluate"
    process: subprocess.Popen
    began: float
    looked: float = 0.0
    peak_bytes: int = 0
    told_to_stop: float | None = None
    by_clock: bool = False

    def terminate(self) -> None:
        """Ask it to save and end; the second time is a kill."""
        if self.told_to_stop is None:
            self.told_to_stop = time.monotonic()
            self.process.terminate()
        elif time.monotonic() - self.told_to_stop > _PATIENCE_S:
            self.kill()

    def kill(self) -> None:
        """End it and its children at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Supervisor:
    """Brings every run to its end and its final evaluation, ``jobs`` at a time.

    SIGINT and SIGTERM stop the processes in good order (``received`` says which came); a second SIGINT kills them.
    """

    def __init__(self, config: CompareConfig, runs: Sequence[Run], jobs: int, display: Display) -> None:
        self._config, self._jobs, self._display = config, jobs, display
        self._waiting, self._running = deque(runs), []
        self.received: int | None = None
        self.failures: dict[str, str] = {}

    def work(self) -> None:
        """Returns when nothing is left to do, or all has been stopped by a signal."""
        previous = {n: signal.signal(n, self._handle) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self._running or (self._waiting and self.received is None):
                while self._waiting and len(self._running) < self._jobs and self.received is None:
                    self._begin(self._waiting.popleft())
                for job in list(self._running):
                    self._watch(job)
                time.sleep(_POLL_S if self._running else 0.0)
        finally:
            for job in self._running:
                job.kill()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: object) -> None:
        if self.received is not None and number == signal.SIGINT:
            for job in self._running:
                job.kill()
        self.received = self.received or number

    def _begin(self, run: Run) -> None:
        """Start what the run needs next, if anything."""
        seconds = trained_seconds(run.path)
        how = run.to_do(self._config.minutes, seconds)
        if how == SKIP:
            if not run.evaluated(self._config):
                self._evaluate(run)
            else:
                self._display.say(f"{run.name}: finished before")
            return
        words = run.train_words(self._config, how)
        run.evaluation.unlink(missing_ok=True)
        self._display.say(f"{run.name}: {'goes on' if how == RESUME else 'starts'}: {' '.join(shown(words))}")
        with run.log.open("ab") as log:
            process = start(words, log, log)
        run.note(
            agent=run.agent.name, seed=run.seed, settings=fixed_settings(self._config, run.agent), ended=None,
            command=shown(words), pid=process.pid, process_started=_created(process.pid), exit_code=None,
        )  # fmt: skip
        self._running.append(Job(run, "train", process, time.monotonic()))

    def _evaluate(self, run: Run) -> None:
        words = run.evaluation_words(self._config)
        run.evaluation.unlink(missing_ok=True)
        with run.evaluation.with_suffix(".new").open("wb") as out, run.log.open("ab") as log:
            process = start(words, out, log)
        run.note(pid=process.pid, process_started=_created(process.pid))
        self._running.append(Job(run, "evaluate", process, time.monotonic()))

    def _watch(self, job: Job) -> None:
        code = job.process.poll()
        if code is not None:
            self._running.remove(job)
            self._display.hide(job.run.name)
            self._ended(job, code) if job.stage == "train" else self._evaluated(job, code)
            return
        if self.received is not None:
            job.terminate()
        now = time.monotonic()
        if now - job.looked < _LOOK_S:
            return
        job.looked = now
        status, done = {}, 0.0
        if job.stage == "train":
            status = read_status(job.run.path)
            job.peak_bytes = max(job.peak_bytes, tree_bytes(job.process.pid))
            done = self._share(job, status)
        self._display.show(job.run.name, job.stage, done, status)

    def _share(self, job: Job, status: dict[str, Any]) -> float:
        """How far a run is; ends it when its minutes are over."""
        share = (status.get("step_global") or 0) / self._config.steps
        if not self._config.minutes:
            return share
        clock = (trained_seconds(job.run.path) or 0.0) / (60 * self._config.minutes)
        if clock >= 1 and status.get("phase") not in schema.FINAL_PHASES:
            job.by_clock = job.by_clock or job.told_to_stop is None
            job.terminate()
        return max(share, clock)

    def _ended(self, job: Job, code: int) -> None:
        run, status = job.run, read_status(job.run.path)
        peak = max(job.peak_bytes, run.notes().get("peak_rss_bytes") or 0)
        by_clock = job.by_clock and status.get("phase") == "stopped"
        ended = "done" if code == 0 else "minutes" if by_clock else "stopped" if code in _STOPPED else "failed"
        run.note(ended=ended, exit_code=code, pid=None, peak_rss_bytes=peak)
        if run.finished and self.received is None:
            self._display.say(f"{run.name}: {ended} at step {status.get('step_global', 0):,}")
            self._evaluate(run)
        elif self.received is None:
            self._display.say(f"{run.name}: {ended} with exit code {code}: {last_line(run.log)}")

    def _evaluated(self, job: Job, code: int) -> None:
        run, new = job.run, job.run.evaluation.with_suffix(".new")
        run.note(pid=None)
        if code == 0:
            os.replace(new, run.evaluation)
            run.note(evaluated=run.evaluation_request(self._config), evaluation_error=None)
        elif self.received is None:
            run.note(evaluation_error=last_line(run.log))
            self._display.say(f"{run.name}: its evaluation failed with exit code {code}: {last_line(run.log)}")


def shown(words: Sequence[str]) -> list[str]:
    """The command as one would type it."""
    return ["python", "-m", *words]


def start(words: Sequence[str], out: Any, err: Any) -> subprocess.Popen:
    """Start ``python -m words`` in a session of its own, so that a Ctrl-C of the terminal is ours to pass on."""
    search_path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": search_path, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, start_new_session=True
    )


def tree_bytes(pid: int) -> int:
    """Resident memory of a process and all below it; pages that they share count in each."""
    total = 0
    try:
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            try:
                total += one.memory_info().rss
            except psutil.Error:
                continue
    except psutil.Error:
        pass
    return total


def trained_seconds(run: Path) -> float | None:
    """The newest time/train_seconds of a run's metrics.csv, from the file's end; None if there is none."""
    for line in reversed(tail(run / schema.METRICS)):
        row = next(csv.reader([line]), [])
        if len(row) == len(schema.METRICS_COLUMNS) and row[2] == "time/train_seconds":
            return float(row[3])
    return None


def last_line(path: Path) -> str:
    """The last line of a log that says anything, at most 300 characters."""
    lines = [line.strip() for line in tail(path) if line.strip()]
    return lines[-1][-300:] if lines else "it said nothing"


def tail(path: Path) -> list[str]:
    """Whole lines of the end of a text file; none if it is missing."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return []
    return lines[1 if begin else 0 : -1]


def _created(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None
