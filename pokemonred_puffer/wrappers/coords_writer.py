"""Writes where the player went, and what was pressed, to CSV files, one per environment."""
from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import gymnasium

from pokemonred_puffer.wrappers.settings import settings_of


class _CsvWriter(gymnasium.Wrapper):
    """Collects a row per step and appends them to a file every `write_frequency` steps, at resets and at close.

    Subclasses define KIND, COLUMNS and `row(action)`, the row of the step just made.
    """

    KIND = ""
    COLUMNS: tuple[str, ...] = ()

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        settings = settings_of(type(self).__name__, config, {"output_dir": "runs", "write_frequency": 1000})
        self.write_frequency = int(settings["write_frequency"])
        self.path = Path(settings["output_dir"]) / self.KIND / f"{self.unwrapped.env_id}.csv"
        self._rows: list[tuple] = []

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Steps and notes the row."""
        result = self.env.step(action)
        self._rows.append(self.row(action))
        if len(self._rows) >= self.write_frequency:
            self.flush()
        return result

    def reset(self, **kwargs: Any) -> tuple[Any, dict]:
        """Writes what is left of the episode, then resets."""
        self.flush()
        return self.env.reset(**kwargs)

    def close(self) -> None:
        """Writes the rest and closes."""
        self.flush()
        self.env.close()

    def flush(self) -> None:
        """Appends the collected rows."""
        if not self._rows:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(self.COLUMNS)
            writer.writerows(self._rows)
        self._rows.clear()


class CoordinatesWriter(_CsvWriter):
    """<output_dir>/coords/<env_id>.csv: time in seconds, map, y, x after each step."""

    KIND = "coords"
    COLUMNS = ("time", "map", "y", "x")

    def row(self, action: Any) -> tuple:
        """(time, map, y, x)."""
        now = self.unwrapped.telemetry()
        return f"{time.time():.3f}", now.map_id, now.y, now.x


class ActionsWriter(_CsvWriter):
    """<output_dir>/actions/<env_id>.csv: the action of each step, a number per row."""

    KIND = "actions"
    COLUMNS = ("action",)

    def row(self, action: Any) -> tuple:
        """(action,)."""
        return (int(action),)
