"""When is slow progress an alarm? A rule on posteriors with persistence, so that a healthy run is rarely accused.

The thresholds are not taste: `python -m Daddy.alarm_study` measures the share of healthy runs that they accuse. Over
runs of six milestones it was 1 to 4% for a patience of 60 to 400 attempts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.beta import probability_below

LEVELS = ("ok", "warning", "critical")


@dataclass(frozen=True)
class AlarmRule:
    """Warn when P(theta < target) stays above `warning` for `warning_run` attempts in a row; critical likewise.

    Nothing is demanded of a milestone but while it is the frontier: then the target ramps up from 0 after half of
    `patience` attempts to `target` after all of them. Only a milestone that was once mastered (P(theta >= target) >
    `mastered`) owes the full target for good, so a run that unlearns is accused too.
    """

    target: float = 0.5
    patience: int = 200
    warning: float = 0.95
    warning_run: int = 50
    critical: float = 0.99
    critical_run: int = 60
    mastered: float = 0.95

    def demanded(self, age: np.ndarray, frontier: np.ndarray, mastered: np.ndarray) -> np.ndarray:
        """The least theta that is acceptable now, float64, after `age` attempts at the frontier; the rest are bool."""
        ramp = np.clip(2.0 * age / self.patience - 1.0, 0.0, 1.0)
        return self.target * np.where(mastered, 1.0, ramp * frontier)


class AlarmState:
    """How long each milestone has been the frontier and has looked bad; arrays of any one shape."""

    _FIELDS = ("age", "mastered", "warning_streak", "critical_streak")

    def __init__(self, shape: tuple[int, ...], rule: AlarmRule) -> None:
        self.rule = rule
        self.age = np.zeros(shape, np.int64)  # attempts counted while it was the frontier
        self.mastered = np.zeros(shape, bool)
        self.warning_streak = np.zeros(shape, np.int64)
        self.critical_streak = np.zeros(shape, np.int64)
        self.p_below = np.zeros(shape)  # P(theta < what is demanded now)

    def update(self, alpha: np.ndarray, beta: np.ndarray, counted: np.ndarray, frontier: np.ndarray) -> None:
        """After an attempt: posteriors alpha, beta, which cells it counted for and which are the frontier (bool)."""
        rule = self.rule
        self.age += counted & frontier
        self.mastered |= counted & (1.0 - probability_below(alpha, beta, rule.target) > rule.mastered)
        self.p_below = probability_below(alpha, beta, rule.demanded(self.age, frontier, self.mastered))
        for streak, level in ((self.warning_streak, rule.warning), (self.critical_streak, rule.critical)):
            streak[counted] += 1
            streak[self.p_below <= level] = 0

    def levels(self) -> np.ndarray:
        """0 ok, 1 warning, 2 critical; int64."""
        rule = self.rule
        warning = self.warning_streak >= rule.warning_run
        return np.where(self.critical_streak >= rule.critical_run, 2, warning.astype(np.int64))

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*self._FIELDS, "p_below")}

    def load_state_dict(self, state: dict[str, Any], rows: np.ndarray, saved_rows: np.ndarray) -> None:
        """Take `saved_rows` of what `state_dict` gave into `rows` of a one-dimensional state."""
        for name in (*self._FIELDS, "p_below"):
            getattr(self, name)[rows] = np.asarray(state[name])[saved_rows]
