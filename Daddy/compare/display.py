"""Progress on stderr: a bar for each running run on a terminal, else now and then a line."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_EVERY_S = 15.0


class Bars:
    """For a terminal. A context manager."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, markup=False, highlight=False)
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False), TextColumn("{task.fields[stage]}"), BarColumn(),
            TextColumn("{task.fields[figures]}", markup=False), TimeElapsedColumn(),
            console=self._console,
        )  # fmt: skip
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(text, soft_wrap=True)

    def show(self, name: str, stage: str, done: float, status: dict[str, Any]) -> None:
        """Move a run's bar; an evaluation's only shows that it lives."""
        total = 1.0 if stage == "train" else None
        fields = {"name": name, "stage": stage, "figures": figures(status)}
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task("", total=total, **fields)
        self._progress.update(self._tasks[name], total=total, completed=min(done, 1.0), **fields)

    def hide(self, name: str) -> None:
        """Take a run's bar away."""
        if name in self._tasks:
            self._progress.remove_task(self._tasks.pop(name))


class Lines:
    """For a pipe or a file. A context manager."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        """A line."""
        print(text, file=sys.stderr, flush=True)

    def show(self, name: str, stage: str, done: float, status: dict[str, Any]) -> None:
        """A line now and then."""
        now = time.monotonic()
        if now - self._told.setdefault(name, now) < _LINE_EVERY_S:
            return
        self._told[name] = now
        self.say(f"{name}: train {done:.0%}, {figures(status)}" if stage == "train" else f"{name}: evaluate")

    def hide(self, name: str) -> None:
        """Nothing to take away."""


def choose_display() -> Bars | Lines:
    """Bars where stderr is a terminal."""
    return Bars() if sys.stderr.isatty() else Lines()


def figures(status: dict[str, Any]) -> str:
    """Where a run stands, by its status.json; nothing without."""
    if not status:
        return ""
    step, total = status.get("step_global") or 0, status.get("total_steps") or 0
    return f"step {step:,} of {total:,}, {status.get('sps') or 0:,.0f} steps/s"
