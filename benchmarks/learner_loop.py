"""The whole training loop in a process of its own, measured from outside by its metrics.csv over a steady window."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import psutil

from Daddy.logs.reader import read_rows
from Daddy.logs.schema import METRICS

LEARNING_STARTS = 600
Row = dict[str, float]
START_LIMIT_S = 120.0  # from the start of the process to the first row with learning in it


@dataclass(frozen=True)
class LoopSpeed:
    """Rates per second of the clock; `shares`: percent of the loop's time by section; `cores`: processor seconds per
    second of the clock, by who used them.
    """

    learned_per_s: float
    sps: float
    ratio: float
    shares: dict[str, float]
    cores: dict[str, float]


def run_loop(ratio: str, seconds: float, log_interval: int = 1_000) -> LoopSpeed:
    """Start `train_slim` with a replay ratio, watch it learn for `seconds` and stop it.

    Raises:
        RuntimeError: it ended or learned nothing; its last lines are in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "Daddy.train_slim", "--runs-dir", folder, "--run-name", "loop",
            "--dashboard", "plain", "--replay-ratio", ratio,
            "--learning-starts", str(LEARNING_STARTS), "--log-interval", str(log_interval),
            "--save-interval", "0", "--total-steps", "1_000_000_000", "--epsilon-decay", "0.001",
        ]  # fmt: skip
        with open(Path(folder) / "output", "w+", encoding="utf-8") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            try:
                return _observe(process, Path(folder) / "loop", seconds)
            except TimeoutError as error:
                output.seek(0)
                raise RuntimeError(f"{error}:\n{output.read()[-2000:]}") from None
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def _observe(process: subprocess.Popen, run: Path, seconds: float) -> LoopSpeed:
    begin = _wait_for_rows(process, run, START_LIMIT_S, lambda rows: len(rows) >= 2)[-1]
    before, started = _processor_seconds(process.pid), time.perf_counter()
    rows = _wait_for_rows(process, run, START_LIMIT_S + seconds,
                          lambda rows: rows[-1]["unix_time"] - begin["unix_time"] >= seconds)  # fmt: skip
    wall, after = time.perf_counter() - started, _processor_seconds(process.pid)
    window = [row for row in rows if row["step_global"] > begin["step_global"]]
    end, passed = window[-1], window[-1]["unix_time"] - begin["unix_time"]
    steps = end["step_global"] - begin["step_global"]
    learned = end["replay/ratio"] * end["step_global"] - begin["replay/ratio"] * begin["step_global"]
    return LoopSpeed(
        learned / passed, steps / passed, learned / steps,
        {key[5:-4]: fmean(row[key] for row in window) for key in end if key.startswith("time/")},
        {name: (after[name] - before[name]) / wall for name in after},
    )  # fmt: skip


def _wait_for_rows(process: subprocess.Popen, run: Path, limit_s: float,
                   enough: Callable[[list[Row]], bool]) -> list[Row]:
    """The rows with learning in them, as soon as there are enough."""
    started = time.monotonic()
    while time.monotonic() - started < limit_s:
        rows = [row for row in _rows(run) if row.get("losses/td_loss") is not None]
        if rows and enough(rows):
            return rows
        if process.poll() is not None:
            raise TimeoutError(f"train_slim ended with code {process.returncode}")
        time.sleep(0.2)
    raise TimeoutError(f"train_slim had not learned enough after {limit_s:.0f} s")


def _rows(run: Path) -> list[Row]:
    """The log intervals of metrics.csv but the last, which may not be whole, by tag."""
    by_step: dict[str, Row] = {}
    for row in read_rows(run, METRICS):
        whole = by_step.setdefault(row["step_global"], {"step_global": float(row["step_global"])})
        whole["unix_time"], whole[row["tag"]] = float(row["unix_time"]), float(row["value"])
    return list(by_step.values())[:-1]


def _processor_seconds(pid: int) -> dict[str, float]:
    """Of the main thread, of the busiest other one, which is the learner's, of the other threads, of the workers."""
    process = psutil.Process(pid)
    threads = {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
    main = threads.pop(pid)
    others = sorted(threads.values(), reverse=True)
    workers = sum(sum(child.cpu_times()[:2]) for child in process.children(recursive=True))
    return {"main": main, "learner": others[0], "other threads": sum(others[1:]), "workers": workers}
