"""What a person sees of a run: puffer's three columns on a terminal, one line per interval anywhere else."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_LINES = 6
LOSSES = ("policy_loss", "value_loss", "entropy", "old_approx_kl", "approx_kl", "clipfrac", "explained_variance")


@dataclass
class View:
    """The newest figures of a run."""

    run_name: str
    step: int = 0
    total: int = 1
    updates: int = 0
    sps: float = 0.0
    seconds: float = 0.0
    remaining: float = float("inf")
    parts: dict[str, float] = field(default_factory=dict)  # seconds by part of the loop
    losses: dict[str, float] = field(default_factory=dict)
    stats: dict[str, float] = field(default_factory=dict)

    def line(self) -> str:
        """One line; a figure without data yet shows `-`."""
        losses = " ".join(f"{name}={self.losses[name]:.4f}" for name in LOSSES if name in self.losses)
        stats = " ".join(f"{name}={value:.2f}" for name, value in self.stats.items()) or "episodes=-"
        return (f"[step {self.step:,}/{self.total:,}] SPS={self.sps:,.0f} updates={self.updates} | {losses} | {stats} "
                f"| left {duration(self.remaining)}")


def duration(seconds: float) -> str:
    """`47s`, `12m`, `3h05m`, `2d04h` or `?`."""
    if seconds == float("inf"):
        return "?"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if not minutes:
        return f"{seconds:.0f}s"
    return f"{minutes}m" if not hours else f"{hours}h{minutes % 60:02d}m" if hours < 48 else f"{hours // 24}d"


class Board:
    """`full` refreshes a screen, `plain` prints lines; both hand every line to `keep`. When stdout goes away, training
    goes on."""

    def __init__(self, mode: str, view: View, keep: Callable[[str], None]) -> None:
        self.full = mode == "full" or (mode == "auto" and sys.stdout.isatty())
        self._view, self._keep, self._lines, self._gone = view, keep, [], False
        self._live = Live(console=Console(), auto_refresh=False, transient=False) if self.full else None
        self._shown = 0.0

    def __enter__(self) -> Board:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self.refresh(force=True)
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._keep(text)
        self._lines = [*self._lines, text][-_LINES:]
        if self._live:
            self.refresh(force=True)
        elif not self._gone:
            try:
                print(text, flush=True)
            except OSError:
                self._gone = True

    def interval(self) -> None:
        """The line of an interval; the screen shows its figures all the time."""
        if self._live:
            self._keep(self._view.line())
        else:
            self.say(self._view.line())

    def refresh(self, force: bool = False) -> None:
        """Draws the screen, at most twice a second."""
        if self._live and (force or time.monotonic() - self._shown > 0.5):
            self._shown = time.monotonic()
            self._live.update(self.draw(), refresh=True)

    def draw(self) -> Panel:
        """The screen as rich renders it."""
        view = self._view
        total = max(view.seconds, 1e-9)
        summary = {"Agent steps": f"{view.step:,}/{view.total:,}", "SPS": f"{view.sps:,.0f}",
                   "Updates": f"{view.updates:,}", "Uptime": duration(view.seconds),
                   "Remaining": duration(view.remaining)}  # fmt: skip
        shares = {name: f"{duration(s)} {s / total:4.0%}" for name, s in view.parts.items()}
        losses = {name: f"{view.losses[name]:.4f}" for name in LOSSES if name in view.losses}
        columns = Table.grid(expand=True, padding=(0, 2))
        columns.add_row(_column("Summary", summary), _column("Performance", shares), _column("Losses", losses))
        stats = _column("Episodes (mean of the last 100)", {k: f"{v:.3f}" for k, v in view.stats.items()})
        machine = f"CPU {psutil.cpu_percent():.0f}%  DRAM {psutil.virtual_memory().percent:.0f}%"
        lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in self._lines]
        return Panel(Group(columns, stats, *lines), title=f"PPO {view.run_name}",
                     subtitle=machine)


def _column(title: str, values: dict[str, str]) -> Table:
    table = Table(title=title, box=None, show_header=False, expand=True, title_justify="left", title_style="bold cyan")
    table.add_column()
    table.add_column(justify="right")
    for name, value in values.items():
        table.add_row(name, value)
    return table
