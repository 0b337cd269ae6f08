"""Where the time of the loop goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds per named section since the last ``take``."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start

    def shares(self) -> dict[str, float]:
        """Share of wall time per section in percent so far (``other`` is the rest)."""
        wall = max(time.perf_counter() - self._since, 1e-9)
        shares = {name: 100.0 * seconds / wall for name, seconds in self._seconds.items()}
        return shares | {"other": max(0.0, 100.0 - sum(shares.values()))}

    def take(self) -> dict[str, float]:
        """The shares; starts a new period."""
        shares = self.shares()
        self._seconds, self._since = {}, time.perf_counter()
        return shares
