"""What a run came to, alive or finished: ``python -m Daddy.report RUN``. Reads the run directory only."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich_argparse import RichHelpFormatter

from Daddy.errors import EXIT_OK, UsageError, run_command
from Daddy.logs import schema
from Daddy.logs.files import plain
from Daddy.logs.lines import format_duration
from Daddy.logs.reader import check_run, latest_metrics, read_events, read_rows, read_status, state_of

_RESUMABLE = ("crashed", "stopped", "failed", "silent")
_TAKEN = re.compile(r"_\d{8}T\d{6}_\d{6}Z$")  # the tag of a savestate of the curriculum: no true start
_UPCOMING = 3  # milestones shown beyond those reached
_RECENT = 100  # episodes that means are taken over
_SHOWN = (
    ("charts/episodic_length", "length"), ("charts/episodic_return_env", "R_env"),
    ("charts/episodic_return_total", "R_total"), ("milestone/mean_per_episode", "milestones"),
    ("explore/tiles_mean", "tiles"), ("charts/epsilon", "epsilon"), ("losses/td_loss", "TD loss"),
    ("replay/ratio", "learned/collected"), ("eval/greedy_milestones_mean", "greedy milestones"),
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Print the summary of one run; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m Daddy.report", description="Summary of a run, alive or finished.",
        formatter_class=RichHelpFormatter,
    )  # fmt: skip
    parser.add_argument("run", nargs="?", metavar="RUN", help="run name or directory (default: the newest run)")
    parser.add_argument("--runs-dir", default="runs", metavar="DIR", help="where run names are looked up")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    given = parser.parse_args(argv)
    return run_command(lambda: report(find_run(given.run, Path(given.runs_dir)), given.json))


def report(directory: Path, as_json: bool) -> int:
    """Print the summary of the run in ``directory``."""
    check_run(directory)
    summary = summarise(directory)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows only ASCII is no reason to fail
    try:
        if as_json:
            print(json.dumps(plain(summary), indent=1), flush=True)
        else:
            Console(markup=False).print(render(summary))
    except BrokenPipeError:  # ``| head`` has seen enough; the interpreter must not flush into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def find_run(name: str | None, runs_dir: Path) -> Path:
    """The directory of a run given by path or name, or the newest one of ``runs_dir``.

    Raises:
        UsageError: there is no such run.
    """
    if name is None:
        found = sorted(runs_dir.glob(f"*/{schema.STATUS}"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise UsageError(f"no runs in {runs_dir}; name a run directory or pass --runs-dir")
        return found[-1].parent
    for path in (Path(name), runs_dir / name):
        if path.is_dir():
            return path
    raise UsageError(f"no run {name} here or in {runs_dir}; name a run directory or pass --runs-dir")


def summarise(directory: Path) -> dict[str, Any]:
    """Everything that the report tells, as JSON values."""
    status = read_status(directory)
    state, meaning = state_of(status)
    episodes = list(read_rows(directory, schema.EPISODES))
    metrics = latest_metrics(directory)
    events = list(read_events(directory))
    return {
        "run": str(directory),
        "state": state,
        "meaning": meaning,
        "step_global": status.get("step_global", 0),
        "total_steps": status.get("total_steps", 0),
        "sps": status.get("sps", 0.0),
        "left_s": _seconds_left(status, metrics) if state == "running" else None,
        "episodes": len(episodes),
        "milestones": _milestones(directory, episodes, events),
        "last_checkpoint": status.get("last_checkpoint"),
        "exit_code": status.get("exit_code"),
        "metrics": metrics,
        "alarms": [event["text"] for event in events if event.get("kind") == "alarm"],
        "events": dict(Counter(event.get("kind", "?") for event in events)),
        "dropped_step_rows": status.get("dropped_step_rows", 0),
    }


def _seconds_left(status: dict[str, Any], metrics: dict[str, float]) -> float | None:
    speed = metrics.get("charts/SPS_now") or status.get("sps")
    return max(status["total_steps"] - status["step_global"], 0) / speed if speed else None


def _milestones(
    directory: Path, episodes: list[dict[str, str]], events: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Milestones that were reached or have a posterior: first step, episodes that reached them, newest posterior."""
    first = {e["milestone"]: e["step_global"] for e in events if e.get("kind") == "milestone"}
    reached = Counter(name for row in episodes for name in row["milestones_reached"].split(";") if name)
    last = [row for row in episodes if not _TAKEN.search(row["savestate_tag"])][-_RECENT:]
    recent = Counter(name for row in last for name in row["milestones_reached"].split(";") if name)
    posteriors = {row["milestone"]: row for row in read_rows(directory, schema.PROGRESS)}
    names = list(dict.fromkeys([*posteriors, *first, *reached]))
    return [
        {
            "milestone": name,
            "first_step": first.get(name),
            "episodes": reached[name],
            "share_recent": recent[name] / len(last) if last else 0.0,
            "posterior": _posterior(posteriors.get(name)),
        }
        for name in names
    ]


def _posterior(row: dict[str, str] | None) -> dict[str, float] | None:
    columns = schema.PROGRESS_COLUMNS[3:]
    return {column: float(row[column]) for column in columns} if row else None


def render(summary: dict[str, Any]) -> Table:
    """The summary for a terminal, 80 columns or more."""
    grid = Table.grid(padding=(0, 0))
    grid.add_row(_head(summary))
    if summary["milestones"]:
        grid.add_row(_milestone_table(summary["milestones"]))
    return grid


def _head(summary: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_row("run", f"{summary['run']}: {summary['state']} ({summary['meaning']})")
    left = f", {format_duration(summary['left_s'])} left" if summary["left_s"] is not None else ""
    table.add_row("steps", f"{summary['step_global']:,} of {summary['total_steps']:,} at {summary['sps']:,.0f}/s{left}")
    values = [f"{label} {summary['metrics'][tag]:,.4g}" for tag, label in _SHOWN if tag in summary["metrics"]]
    table.add_row("episodes", f"{summary['episodes']:,}" + (": " if values else "") + ", ".join(values))
    saved = summary["last_checkpoint"]
    table.add_row("checkpoint", f"step {saved['step_global']:,}: {saved['path']}" if saved else "none yet")
    if saved and saved.get("resume") and summary["state"] in _RESUMABLE:
        table.add_row("resume", saved["resume"])
    for text in summary["alarms"][-3:]:
        table.add_row("alarm", text)
    if summary["dropped_step_rows"]:
        table.add_row("dropped", f"{summary['dropped_step_rows']:,} sampled step rows")
    return table


def _milestone_table(milestones: list[dict[str, Any]]) -> Table:
    table = Table("milestone", box=box.SIMPLE, pad_edge=False)
    for column in ("first step", "episodes", f"last {_RECENT}", "theta [95%]"):
        table.add_column(column, justify="right")
    reached = [i for i, row in enumerate(milestones) if row["episodes"] or row["first_step"] is not None]
    shown = milestones[: (reached[-1] + 1 if reached else 0) + _UPCOMING]
    for row in shown:
        posterior = row["posterior"]
        theta = f"{posterior['mean']:.2f} [{posterior['lo95']:.2f}, {posterior['hi95']:.2f}]" if posterior else "-"
        first = f"{row['first_step']:,}" if row["first_step"] is not None else "-"
        share = f"{row['share_recent']:.0%}"
        table.add_row(row["milestone"].removeprefix("EVENT_"), first, f"{row['episodes']:,}", share, theta)
    if len(shown) < len(milestones):
        table.add_row(f"{len(milestones) - len(shown)} more, none reached yet", "", "", "", "")
    return table


if __name__ == "__main__":
    sys.exit(main())
