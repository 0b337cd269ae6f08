"""When a worker counts as late or hung, and how many restarts are too many."""

from __future__ import annotations

import signal
import time
from collections import deque
from dataclasses import dataclass, field

LATE_S = 1.0  # without progress for so long, a worker is left out of its batch
START_S = 120.0  # a new process may import and boot for so long before it counts as hung
LOOK_S = 0.1
_MAX_GAP_S = 1.0


@dataclass(frozen=True)
class WatchdogSettings:
    """A worker without progress for ``hang_s`` seconds is killed; more than ``max_restarts`` restarts within
    ``window_s`` seconds end the run."""

    hang_s: float = 60.0
    max_restarts: int = 5
    window_s: float = 600.0


@dataclass
class Watch:
    """What the parent knows about one worker.

    ``fresh``: it has not answered since its start. ``patient``: its batch waits for it however long it takes.
    """

    fresh: bool = True
    patient: bool = True
    restarted: bool = False
    idle_s: float = 0.0
    _progress: int = 0

    def asked(self) -> None:
        """It was told to step."""
        self.fresh = self.patient = self.restarted = False
        self.idle_s = 0.0

    def seen(self, progress: int, elapsed_s: float) -> None:
        """It has been busy for another ``elapsed_s`` seconds and has come so far."""
        self.idle_s = self.idle_s + elapsed_s if progress == self._progress else 0.0
        self._progress = progress

    def hung(self, hang_s: float) -> bool:
        return self.idle_s > (max(hang_s, START_S) if self.fresh else hang_s)

    @property
    def late(self) -> bool:
        return not self.patient and (self.fresh or self.idle_s >= LATE_S)


@dataclass
class RestartBudget:
    """Counts restarts; ``spend`` is False once there were too many within the window."""

    settings: WatchdogSettings
    total: int = 0
    _times: deque[float] = field(default_factory=deque)

    def spend(self) -> bool:
        now = time.monotonic()
        while self._times and now - self._times[0] > self.settings.window_s:
            self._times.popleft()
        if len(self._times) >= self.settings.max_restarts:
            return False
        self._times.append(now)
        self.total += 1
        return True


class Metronome:
    """Says when it is time to look again, and how long it was since.

    Long gaps count little: when this machine or process was suspended, no worker has hung.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()

    def due(self) -> float:
        """Seconds since the last look, or 0 if that was only just now."""
        now = time.monotonic()
        elapsed = now - self._last
        if elapsed < LOOK_S:
            return 0.0
        self._last = now
        return min(elapsed, _MAX_GAP_S)


def exit_reason(code: int | None) -> str:
    """``died: ...`` for a process's exit code."""
    if code is not None and code < 0:
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"died: killed by {signal.Signals(-code).name}{hint}"
    return f"died: exit code {code}"
