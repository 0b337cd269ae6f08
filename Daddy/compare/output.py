"""table.md, table.csv, table.json, and what is printed."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from Daddy.compare.reading import KINDS
from Daddy.compare.rows import VALUES, Marks, Row
from Daddy.compare.stats import Summary
from Daddy.logs.files import plain, write_json_atomically

_LIBRARIES = ("torch", "numpy", "scipy", "pyboy", "pufferlib", "gymnasium", "stable-baselines3", "sb3-contrib")
_SHORT = {
    "milestones_greedy": "milestones greedy", "milestones_sampled": "milestones sampled",
    "milestones_training": "milestones training", "badges_greedy": "badges greedy", "badges_sampled": "badges sampled",
    "return_greedy": "return greedy", "return_sampled": "return sampled", "return_training": "return training",
}  # fmt: skip
_FOOT = """\
*milestones*, *badges*, *return*: per episode (return: the env's own reward). *greedy*: always the best action, from the
true start; *sampled*: agents with Q-values with 5% random actions, PPO drawn from its policy, random play as it is.
*training*: episodes from the true start that ended in the last 20% of training. Numbers of several seeds are
interquartile means with 95% bootstrap intervals over the seeds, too narrow for as few as three; one seed has none.
*SPS*: steps of a run over its seconds of training (evaluations left out where they stop training; Daddy's play beside
it). *learned*: transitions learned from per transition collected. *memory*: peak resident memory of all the run's
processes together, shared pages counted in each."""


def row_json(row: Row, marks: Marks) -> dict[str, Any]:
    """Everything about one agent as JSON values."""
    numbers = {name: _plain(summary) for name, summary in (row.numbers() | row.final).items()}
    return plain({
        "agent": row.agent, "status": "ok" if row.usable else "failed", "seeds": [run.seed for run in row.usable],
        **numbers, "best": row.best,
        "milestone_times": {kind: row.milestone_times(kind) for kind in KINDS},
        "equal_steps": {"steps": marks.steps} | {n: _plain(s) for n, s in row.equal_steps.items()},
        "equal_minutes": {"minutes": marks.minutes} | {n: _plain(s) for n, s in row.equal_minutes.items()},
        "failures": row.failures(), "notes": row.notes(),
        "runs": [{"path": str(r.path), "seed": r.seed, "phase": r.phase, "step": r.step, "seconds": r.seconds,
                  "command": r.command, **r.facts} for r in row.runs],
    })  # fmt: skip


def write_tables(out: Path, rows: Sequence[Row], marks: Marks, warnings: Sequence[str]) -> str:
    """Write the three tables; returns the text of table.md."""
    about = {"command": shlex.join(["python", *sys.orig_argv[1:]]), "git_commit": git_commit(),
             "machine": machine(), "versions": versions()}  # fmt: skip
    content = {**about, "warnings": list(warnings), "agents": [row_json(row, marks) for row in rows]}
    write_json_atomically(out / "table.json", content)
    (out / "table.csv").write_text(table_csv(rows, marks), encoding="utf-8")
    text = table_md(rows, marks, warnings, about)
    (out / "table.md").write_text(text, encoding="utf-8")
    return text


def table_csv(rows: Sequence[Row], marks: Marks) -> str:
    """One line per agent and view (final, equal_steps, equal_minutes), with values and interval ends."""
    numbers = ("steps", "minutes", "sps", "learned_per_collected", "peak_memory_bytes")
    names = [*numbers, *(name for name, _ in VALUES)]
    columns = ["agent", "view", "mark", "status", "seeds"]
    columns += [f"{name}{end}" for name in names for end in ("", "_lo95", "_hi95")]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        views = (("final", "", row.numbers() | row.final), ("equal_steps", marks.steps, row.equal_steps),
                 ("equal_minutes", marks.minutes, row.equal_minutes))  # fmt: skip
        for view, mark, values in views:
            line = {"agent": row.agent, "view": view, "mark": mark, "status": "ok" if row.usable else "failed",
                    "seeds": len(row.usable)}  # fmt: skip
            for name, summary in values.items():
                if summary:
                    line |= {name: f"{summary.iqm:.8g}"}
                    line |= {f"{name}_lo95": summary.lo95, f"{name}_hi95": summary.hi95}
            writer.writerow({key: "" if value is None else value for key, value in line.items()})
    return text.getvalue()


def table_md(rows: Sequence[Row], marks: Marks, warnings: Sequence[str], about: dict[str, Any]) -> str:
    """The page for people."""
    parts = ["# Comparison", f"`{about['command']}`", *[f"**Warning:** {line}" for line in warnings]]
    parts += ["## At the end of each run", final_table(rows)]
    parts += [f"- {line}" for row in rows for line in [*map(failure_line, row.failures()), *row.notes()]]
    if marks.steps is not None:
        parts += [f"## At equal steps: {marks.steps:,}", view_table(rows, "equal_steps")]
    if marks.minutes is not None:
        parts += [f"## At equal wall-clock: {marks.minutes:g} minutes of training", view_table(rows, "equal_minutes")]
    for kind in KINDS:
        table = milestone_table(rows, kind)
        parts += [f"## Until half of the {kind} episodes from the true start reach a milestone", table] if table else []
    versions_line = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts += [_FOOT, f"{about['machine']}; {versions_line}; commit {about['git_commit'] or 'unknown'}"]
    return "\n\n".join(parts) + "\n"


def final_table(rows: Sequence[Row]) -> str:
    """Every agent at its own end."""
    head = ["agent", "seeds", "steps", "minutes", *(_SHORT[name] for name, _ in VALUES), "SPS", "learned", "memory"]
    lines = []
    for row in rows:
        if not row.usable:
            lines.append([row.agent, "0", *[""] * (len(head) - 2)])
            continue
        numbers = row.numbers()
        lines.append([
            row.agent, f"{len(row.usable)}" + (f" of {len(row.runs)}" if row.failed else ""),
            _text(numbers["steps"], 0), _text(numbers["minutes"], 1),
            *(_text(row.final[name], 2, len(row.usable)) for name, _ in VALUES), _text(numbers["sps"], 0),
            _text(numbers["learned_per_collected"], 1), _gib(numbers["peak_memory_bytes"]),
        ])  # fmt: skip
    return _grid(head, lines)


def short_table(rows: Sequence[Row]) -> str:
    """What fits a terminal."""
    lines = []
    for row in rows:
        numbers = row.numbers()
        lines.append([
            row.agent, f"{len(row.usable)}/{len(row.runs)}", _text(numbers["steps"], 0), _text(numbers["minutes"], 1),
            *(_text(row.final.get(f"milestones_{kind}"), 2, len(row.usable)) for kind in (*KINDS, "training")),
            _text(numbers["sps"], 0),
        ])  # fmt: skip
    return _grid(["agent", "seeds", "steps", "minutes", "milestones greedy", "sampled", "training", "SPS"], lines)


def view_table(rows: Sequence[Row], view: str) -> str:
    """Every agent at a common mark; what had not been evaluated by then is left blank."""
    names = [name for name, _ in VALUES if not name.startswith("badges")]
    lines = [[row.agent, *(_text(getattr(row, view).get(name), 2, len(row.usable)) for name in names)]
             for row in rows if row.usable]  # fmt: skip
    return _grid(["agent", *(_SHORT[name] for name in names)], lines)


def milestone_table(rows: Sequence[Row], kind: str) -> str:
    """Steps and minutes by milestone and agent; empty if nobody reaches any."""
    times = {row.agent: row.milestone_times(kind) for row in rows if row.usable}
    names = list(dict.fromkeys(name for table in times.values() for name in table))
    if not names:
        return ""
    return _grid(["milestone", *times], [[name, *(_time(table.get(name)) for table in times.values())]
                                         for name in names])  # fmt: skip


def failure_line(failure: dict[str, Any]) -> str:
    """What became of one run."""
    return (f"{Path(failure['run']).name}: {failure['phase']}, exit code {failure['exit_code']}, at step "
            f"{failure['step']:,}: {failure['last_line']}")  # fmt: skip


def machine() -> str:
    """What kind of machine this is, without its name."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.system()} {platform.machine()}, {cores} cores ({model}), " \
           f"{psutil.virtual_memory().total / 2**30:.0f} GiB"


def versions() -> dict[str, str]:
    """Versions of Python and of what is installed of the libraries that matter."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of the tree that this runs from, with + if files differ from it; None outside of a git tree."""
    here = Path(__file__).parents[2]

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    top = git("rev-parse", "--show-toplevel")
    commit = git("rev-parse", "--short=12", "HEAD") if top and Path(top).resolve() == here.resolve() else None
    return commit and commit + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


def _plain(summary: Summary | None) -> dict[str, Any] | None:
    return summary.plain() if summary else None


def _text(summary: Summary | None, digits: int = 2, seeds: int = 0) -> str:
    """Says so when only some of the ``seeds`` have a value."""
    if not summary:
        return ""
    some = f" ({len(summary.values)} of {seeds} seeds)" if len(summary.values) < seeds else ""
    return summary.text(digits) + some


def _gib(summary: Summary | None) -> str:
    return f"{summary.iqm / 2**30:.2f} GiB" if summary else ""


def _time(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "never"
    seeds = "" if entry["seeds_reached"] == entry["seeds"] else f" ({entry['seeds_reached']} of {entry['seeds']} seeds)"
    if entry["steps"] is None:
        return f"never{seeds}"
    return f"{entry['steps']:,.0f}" + (f" / {entry['minutes']:.1f} min" if entry["minutes"] is not None else "") + seeds


def _grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns in line."""
    cells = [list(head), *([cell.replace("|", "/") for cell in line] for line in lines)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    texts = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in cells]
    return "\n".join([texts[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *texts[1:]])
