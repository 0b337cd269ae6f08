"""What a single moment does not tell: speed, time left, curves over the whole run, how long an alarm has stood."""

from __future__ import annotations

from collections import deque
from statistics import median

from Daddy.snapshot import Alarm

_SPEED_WINDOW_S = 10.0
_ETA_AFTER_S = 10.0
_POINTS = 240
_SLOW_SHARE = 0.5
_SLOW_AFTER = 30  # points


class Speed:
    """Steps per second over the last seconds, and honest time left."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque()
        self._learning: deque[tuple[float, int]] = deque(maxlen=1200)

    def add(self, now: float, step: int, learning: bool) -> None:
        """The run was at ``step`` at time ``now`` in seconds; ``learning``: it already pays for updates."""
        self._recent.append((now, step))
        while now - self._recent[0][0] > _SPEED_WINDOW_S and len(self._recent) > 2:
            self._recent.popleft()
        if learning:
            self._learning.append((now, step))

    def now(self) -> float:
        return _rate(self._recent)

    def left(self, remaining: int) -> float | None:
        """Seconds for ``remaining`` steps at the pace since learning began (of the last minutes); None: too early.

        Before learning begins steps are cheap, so nothing said then would come true.
        """
        if not self._learning or self._learning[-1][0] - self._learning[0][0] < _ETA_AFTER_S:
            return 0.0 if remaining <= 0 else None
        rate = _rate(self._learning)
        return max(remaining, 0) / rate if rate > 0 else None


def _rate(points: deque[tuple[float, int]]) -> float:
    if len(points) < 2:
        return 0.0
    (start, first), (end, last) = points[0], points[-1]
    return (last - first) / max(end - start, 1e-9)


class Curve:
    """Values over the whole run in at most 240 points: when full, neighbours are averaged and the pace is halved."""

    def __init__(self) -> None:
        self.points: list[float] = []
        self._every, self._sum, self._count = 1, 0.0, 0

    def add(self, value: float) -> None:
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count < self._every:
            return
        self.points.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self.points) >= _POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=True)
            self.points, self._every = [(a + b) / 2 for a, b in pairs], 2 * self._every

    def collapsed(self) -> float | None:
        """Newest value as a share of the median if that is alarmingly low, else None."""
        if len(self.points) < _SLOW_AFTER:
            return None
        usual = median(self.points)
        share = self.points[-1] / usual if usual > 0 else 1.0
        return share if share < _SLOW_SHARE else None


class AlarmList:
    """Keeps the time at which each alarm was first seen; one that is gone is forgotten."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def update(self, now: float, standing: dict[str, tuple[int, str]]) -> tuple[Alarm, ...]:
        """``standing``: key -> (level, text) of what is wrong at ``now``; the worst first, then the oldest."""
        self._since = {key: self._since.get(key, now) for key in standing}
        alarms = [Alarm(level, text, now - self._since[key]) for key, (level, text) in standing.items()]
        return tuple(sorted(alarms, key=lambda alarm: (-alarm.level, -alarm.age_s)))
