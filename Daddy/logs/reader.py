"""Reading a run's files while it runs, after it ended or after it was killed: a torn last line is not told."""

from __future__ import annotations

import csv
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from Daddy.errors import UsageError
from Daddy.logs import schema
from Daddy.logs.files import whole_lines

_SILENT_S = 60.0
_SAME_START_S = 5.0  # process start times are computed from the boot time and may shift a little


def check_run(directory: Path) -> None:
    """Make sure that ``directory`` holds a run whose files this version can read.

    Raises:
        UsageError: no run there, or one that a newer version wrote.
    """
    if not (directory / schema.STATUS).is_file():
        raise UsageError(f"{directory} holds no run ({schema.STATUS} is missing); name a run or its directory")
    version = read_json(directory / schema.SCHEMA).get("version", 0)
    if version > schema.VERSION:
        raise UsageError(f"{directory} was written by a newer version (schema {version}); update to read it")


def read_rows(directory: Path, name: str) -> Iterator[dict[str, str]]:
    """Rows of one of the CSV files as text; none if the file is missing."""
    path = directory / name
    if path.exists():
        yield from csv.DictReader(whole_lines(path))


def read_events(directory: Path, *kinds: str) -> Iterator[dict[str, Any]]:
    """Records of ``events.jsonl``, of the given kinds only if any are given; damaged lines are left out."""
    path = directory / schema.EVENTS
    for line in whole_lines(path) if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if not kinds or record.get("kind") in kinds:
            yield record


def read_metrics(directory: Path, tag: str) -> tuple[list[int], list[float]]:
    """(steps, values) of one tag over the run."""
    rows = [row for row in read_rows(directory, schema.METRICS) if row["tag"] == tag]
    return [int(row["step_global"]) for row in rows], [float(row["value"]) for row in rows]


def latest_metrics(directory: Path) -> dict[str, float]:
    """The newest value of every tag."""
    return {row["tag"]: float(row["value"]) for row in read_rows(directory, schema.METRICS)}


def read_status(directory: Path) -> dict[str, Any]:
    """``status.json``; empty if it cannot be read."""
    return read_json(directory / schema.STATUS)


def state_of(status: dict[str, Any], now: float | None = None) -> tuple[str, str]:
    """(word, what it means) for a status: running, stalled, silent, crashed, done, stopped or failed."""
    phase, now = status.get("phase", "unknown"), time.time() if now is None else now
    if phase in schema.FINAL_PHASES:
        return phase, f"ended with exit code {status.get('exit_code')}"
    quiet = now - (status.get("heartbeat") or 0)
    if status.get("host") != socket.gethostname():
        if quiet > _SILENT_S:
            return "silent", f"no heartbeat from {status.get('host')} for {quiet:.0f} s"
        return "running", f"{phase} on {status.get('host')}"
    if not _is_alive(status):
        return "crashed", f"phase is {phase} but process {status.get('pid')} is gone, silent for {quiet:.0f} s"
    stuck = now - (status.get("loop_heartbeat") or 0)
    if stuck > _SILENT_S:
        return "stalled", f"process {status.get('pid')} lives but its loop has not moved for {stuck:.0f} s"
    return "running", f"{phase}, process {status.get('pid')}"


def _is_alive(status: dict[str, Any]) -> bool:
    """Whether the very process that wrote the status still runs (its number may have been given to another)."""
    try:
        process = psutil.Process(int(status["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - float(status["process_started"])) < _SAME_START_S
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
