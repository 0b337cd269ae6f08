"""How much is learned per transition collected: the replay ratio, as set or as the machine allows."""

from __future__ import annotations

import time
from typing import Any

AUTO_BOUNDS = (0.25, 8.0)
_TIMED_UPDATES = 8
_WARM_UP_STEPS = 500


class ReplayPacer:
    """Says when the next update is due, so that learned = ratio * (steps collected since learning began).

    With ``ratio`` None it is chosen once, when learning begins: learned transitions/s of the first updates over the
    steps/s of the collecting before them, within AUTO_BOUNDS. Learner and emulators then finish together.
    """

    def __init__(self, ratio: float | None, learning_starts: int, per_update: int) -> None:
        """``per_update`` transitions are counted for an update until its own number is known."""
        self.ratio, self.learned, self._before = ratio, 0, 0
        self._starts, self._per_update, self._running = learning_starts, per_update, 0
        self._collecting_since: tuple[int, float] | None = None
        self._timed: list[tuple[int, float]] = []  # (transitions, seconds) of the first updates
        self._steps_per_s = 0.0
        self._told = False

    def due(self, step_global: int) -> bool:
        """Whether another update should begin at this step. The first calls measure the speed of collecting."""
        if self.ratio is None:
            return self._measure_collecting(step_global)
        return self.learned - self._before + self._running < self.ratio * (step_global - self._starts)

    def start_at(self, step_global: int, replayed: int) -> None:
        """Learning is owed for what this process collects from ``step_global`` on; call after ``load_state_dict``.

        Where the replay did not come back (``replayed`` sequences), ``learning_starts`` steps are collected anew: the
        few transitions of the first moments must not be learned a thousand times.
        """
        self._before = self.learned
        fresh = step_global > 0 and replayed == 0
        self._starts = step_global + self._starts if fresh else max(step_global, self._starts)

    def begin(self) -> None:
        """An update has begun."""
        self._running = self._per_update

    def take(self, metrics: dict[str, float]) -> dict[str, float]:
        """Account for a finished update, {} if there was none; returns what is left to log."""
        self._running = 0
        metrics = dict(metrics)
        learned, seconds = int(metrics.pop("learned", 0)), metrics.pop("seconds", 0.0)
        self.learned += learned
        if self.ratio is None and learned:
            self._measure_learning(learned, seconds)
        return metrics

    def _measure_collecting(self, step_global: int) -> bool:
        now = time.perf_counter()
        if self._steps_per_s == 0.0:
            if self._collecting_since is None:
                if step_global >= min(_WARM_UP_STEPS, self._starts // 2):
                    self._collecting_since = (step_global, now)
            elif step_global >= self._starts and step_global > self._collecting_since[0]:
                steps, since = self._collecting_since
                self._steps_per_s = (step_global - steps) / max(now - since, 1e-9)
        return self._steps_per_s > 0.0

    def _measure_learning(self, learned: int, seconds: float) -> None:
        self._timed.append((learned, seconds))
        if len(self._timed) == _TIMED_UPDATES:
            transitions, spent = (sum(values) for values in zip(*self._timed[1:], strict=True))  # the first warms up
            low, high = AUTO_BOUNDS
            self.ratio = min(max(transitions / max(spent, 1e-9) / self._steps_per_s, low), high)

    def news(self) -> list[str]:
        """The chosen ratio with its reason, told once."""
        if self._told or self.ratio is None:
            return []
        self._told = True
        if not self._timed:
            return [f"replay ratio {self.ratio:g} (as set)"]
        transitions, spent = (sum(values) for values in zip(*self._timed[1:], strict=True))
        return [
            f"replay ratio {self.ratio:.2f} (auto: the learner does {transitions / spent:,.0f} transitions/s, the "
            f"emulators {self._steps_per_s:,.0f} steps/s; bounds {AUTO_BOUNDS[0]:g} to {AUTO_BOUNDS[1]:g})"
        ]

    def state_dict(self) -> dict[str, Any]:
        return {"ratio": self.ratio, "learned": self.learned}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave; a ratio that is set in this run stays."""
        self.learned = int(state["learned"])
        if self.ratio is None and state["ratio"] is not None:
            self.ratio, self._told = float(state["ratio"]), True
