"""What the run takes from the machine."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import psutil

_GIB = 2**30


class Machine:
    """Load by the trainer and its workers; ``scalars`` measures processor time since the call before."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._me = directory, psutil.Process()
        self._since, self._busy = time.perf_counter(), self._measure()[1]

    def scalars(self) -> dict[str, float]:
        """sys/rss_gib (shared pages count in each process), sys/cpu_pct (100 is one core), sys/disk_free_gib."""
        memory, busy = self._measure()
        now = time.perf_counter()
        share = 100.0 * max(busy - self._busy, 0.0) / max(now - self._since, 1e-9)
        self._since, self._busy = now, busy
        scalars = {"sys/rss_gib": memory / _GIB, "sys/cpu_pct": share}
        with suppress(OSError):  # somebody may have removed the run directory
            scalars["sys/disk_free_gib"] = psutil.disk_usage(str(self._directory)).free / _GIB
        return scalars

    def _measure(self) -> tuple[int, float]:
        """(bytes of memory, processor seconds) of all processes of the run."""
        memory, busy = 0, 0.0
        for process in [self._me, *self._me.children(recursive=True)]:
            try:
                times = process.cpu_times()
                memory += process.memory_info().rss
                busy += times.user + times.system
            except psutil.Error:  # ended meanwhile
                continue
        return memory, busy
