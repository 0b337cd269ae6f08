"""The run directory, in the layout that all trainers of this repository share."""
from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import platform
import shlex
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.ppo.episodes import EpisodeEnd

EPISODE_COLUMNS = (
    "episode_id", "env_id", "length_steps", "return_total", "return_total_with_intrinsic", "return_env", "return_rnd",
    "return_novel", "return_bayes", "milestones_reached", "posterior_summary", "alarm_triggered", "start_step_global",
    "end_step_global", "savestate_tag", "map", "badges", "tiles", "terminated", "truncated",
)  # fmt: skip
EVALUATION_COLUMNS = (
    "step_global", "episode", "epsilon", "seed", "length_steps", "return_env", "milestones", "milestones_reached",
    "badges", "tiles", "map", "seconds",
)  # fmt: skip
METRICS_COLUMNS = ("step_global", "unix_time", "tag", "value")
_STEP_COLUMN = {"episodes.csv": "end_step_global", "evaluations.csv": "step_global", "metrics.csv": "step_global"}
_LIBRARIES = ("torch", "numpy", "pyboy", "pufferlib", "gymnasium")


def replace_text(path: Path, text: str) -> None:
    """A reader sees the old content or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


class RunFiles:
    """Writes one run; rows are flushed as they come."""

    def __init__(self, path: Path, total_steps: int, resumed_step: int | None) -> None:
        """Creates the directory, or goes on with it from `resumed_step`: later rows are cut, they happen again.

        Raises ConfigError when it exists (without `resumed_step`), is in use or cannot be written.
        """
        self.path, self.checkpoints = path, path / "checkpoints"
        try:
            path.mkdir(parents=True, exist_ok=resumed_step is not None)
        except FileExistsError:
            raise ConfigError(f"run directory {path} exists; pass --resume to go on with it, or another "
                              "--run-name") from None
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error.strerror}; choose another --runs-dir") from None
        self._lock = FileLock(path / "run.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(f"{path} is in use by a running training; choose another --run-name") from None
        self._tables = {}
        for name, columns in (("episodes.csv", EPISODE_COLUMNS), ("evaluations.csv", EVALUATION_COLUMNS),
                              ("metrics.csv", METRICS_COLUMNS)):  # fmt: skip
            if resumed_step is not None:
                _cut(path / name, _STEP_COLUMN[name], resumed_step)
            self._tables[name] = _Table(path / name, columns)
        self._log = (path / "train.log").open("a", encoding="utf-8")
        self._told = 0.0
        self._status: dict[str, Any] = {
            "run_name": path.name, "phase": "training", "pid": os.getpid(), "host": socket.gethostname(),
            "step_global": resumed_step or 0, "total_steps": total_steps, "sps": 0.0, "episodes": 0,
            "last_checkpoint": None, "exit_code": None,
        }  # fmt: skip

    def describe(self, config: Mapping[str, Any]) -> None:
        """config.json, env.txt and one more line of command.txt."""
        replace_text(self.path / "config.json", json.dumps(config, indent=2) + "\n")
        with (self.path / "command.txt").open("a", encoding="utf-8") as file:
            file.write(shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]) + "\n")
        lines = [f"python {platform.python_version()}", f"platform {platform.platform()}", f"cores {os.cpu_count()}"]
        lines += [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
        replace_text(self.path / "env.txt", "\n".join(lines) + "\n")

    def status(self, force: bool = True, **values: Any) -> None:
        """Updates status.json; without `force` at most once a second."""
        self._status.update(values)
        now = time.time()
        if force or now - self._told >= 1.0:
            self._told = now
            status = {**self._status, "heartbeat": now, "loop_heartbeat": now}
            replace_text(self.path / "status.json", json.dumps(status, indent=1) + "\n")

    def line(self, text: str) -> None:
        """A line of train.log."""
        self._log.write(text + "\n")
        self._log.flush()

    def episode(self, number: int, end: EpisodeEnd, end_step: int, start_step: int, tag: str, place: str) -> None:
        """A row of episodes.csv; what this agent does not have (intrinsic rewards, posteriors) is 0 or empty."""
        returned = round(end.return_env, 6)
        self._tables["episodes.csv"].write({
            "episode_id": number, "env_id": end.env_id, "length_steps": end.length, "return_total": returned,
            "return_total_with_intrinsic": returned, "return_env": returned, "return_rnd": 0.0, "return_novel": 0.0,
            "return_bayes": 0.0, "milestones_reached": ";".join(end.milestones), "alarm_triggered": 0,
            "start_step_global": start_step, "end_step_global": end_step, "savestate_tag": tag, "map": place,
            "badges": end.badges, "tiles": end.tiles, "terminated": int(end.terminated),
            "truncated": int(end.truncated),
        })  # fmt: skip

    def evaluation(self, rows: list[dict[str, Any]]) -> None:
        """Rows of evaluations.csv."""
        for row in rows:
            self._tables["evaluations.csv"].write(row)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Rows of metrics.csv."""
        now = round(time.time(), 3)
        for tag, value in values.items():
            self._tables["metrics.csv"].write(
                {"step_global": step, "unix_time": now, "tag": tag, "value": f"{value:.8g}"}
            )

    def close(self) -> None:
        """Closes the files and lets another process have the run."""
        for table in self._tables.values():
            table.close()
        self._log.close()
        self._lock.release()


class _Table:
    """A CSV file with fixed columns; a new file begins with its header, each row is flushed."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, columns, restval="", lineterminator="\n")
        if path.stat().st_size == 0:
            self._writer.writeheader()
            self._file.flush()
        self.close = self._file.close

    def write(self, row: Mapping[str, Any]) -> None:
        self._writer.writerow(row)
        self._file.flush()


def _cut(path: Path, column: str, last_step: int) -> None:
    """Drops rows beyond `last_step` and a torn last line."""
    if not path.is_file():
        return
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True) or [""]
    place = header.rstrip("\n").split(",").index(column) if column in header else None
    if place is None:
        raise ConfigError(f"{path} has other columns: another version wrote it; start a new run")
    kept = []
    for line in lines:
        fields = next(csv.reader([line]), [])
        if line.endswith("\n") and len(fields) > place and int(fields[place]) <= last_step:
            kept.append(line)
    replace_text(path, "".join([header, *kept]))
