"""Lines for people: to the dashboard, which shows them as the terminal allows, and a copy for ``train.log``."""

from __future__ import annotations

from collections.abc import Callable

from Daddy.dashboard import Dashboard
from Daddy.snapshot import Snapshot


class Console:
    """Shows each line and hands it to ``keep``; when stdout goes away (closed pipe) training goes on."""

    def __init__(self, mode: str, keep: Callable[[str], None]) -> None:
        self.mode = mode
        self._keep = keep
        self._dashboard = Dashboard(mode, on_gone=self._gone)
        self._dashboard.start()

    def print(self, text: str) -> None:
        """A line that stays."""
        self._keep(text)
        self._dashboard.print(text)

    def progress(self, text: str) -> None:
        """The interval's line: printed in ``plain`` mode only, because the others show its numbers all the time."""
        self._keep(text)
        if self.mode == "plain":
            self._dashboard.print(text)

    def show(self, snapshot: Snapshot) -> None:
        """The newest snapshot, for the modes that refresh."""
        self._dashboard.update(snapshot)

    def say_phase(self, phase: str) -> None:
        """What the run does while no snapshots come; ``training`` leaves that to the snapshots."""
        self._dashboard.say_phase("" if phase == "training" else phase)

    def close(self) -> None:
        """Show what is waiting and restore the terminal."""
        self._dashboard.close()

    def _gone(self, reason: str) -> None:
        self._keep(f"[alarm] stdout is gone or cannot be drawn ({reason}); lines go to train.log only")
