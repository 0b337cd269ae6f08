"""What a run tells: progress and episode lines on the terminal, ``episodes.csv``, ``train.log`` and TensorBoard.

``log_interval`` and ``log_episode`` only format and append; files are flushed once a second, so a kill -9 loses at
most the last second. TensorBoard writes on its own thread. The x axis is step_global everywhere.
"""

from __future__ import annotations

import csv
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from Daddy.episodes import Episode
from Daddy.names import Names

EPISODE_COLUMNS = (
    "episode_id", "env_id", "length_steps", "return_total", "return_total_with_intrinsic", "return_env", "return_rnd",
    "return_novel", "milestones_reached", "start_step_global", "end_step_global", "savestate_tag", "map", "badges",
    "tiles", "terminated", "truncated",
)  # fmt: skip
_EPISODE_LINES_PER_SECOND = 4.0


class Console:
    """Writes lines to stdout and ``train.log``; in ``line`` mode the progress line overwrites itself."""

    def __init__(self, mode: str, log_file: Path) -> None:
        self._refresh = mode == "line"
        self._log = log_file.open("a", encoding="utf-8")
        self._open_line = False

    def print(self, text: str) -> None:
        """A line that stays on screen."""
        self._close_line()
        print(text, flush=True)
        self._log.write(text + "\n")

    def progress(self, text: str) -> None:
        """The progress line: refreshed in place in ``line`` mode."""
        if not self._refresh:
            self.print(text)
            return
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r\x1b[2K" + text[:width])
        sys.stdout.flush()
        self._open_line = True
        self._log.write(text + "\n")

    def flush(self) -> None:
        self._log.flush()

    def close(self) -> None:
        self._close_line()
        self._log.close()

    def _close_line(self) -> None:
        if self._open_line:
            sys.stdout.write("\n")
            self._open_line = False


def choose_dashboard(wanted: str) -> tuple[str, str]:
    """Resolve ``auto`` to (mode, reason)."""
    if wanted != "auto":
        return wanted, "as asked"
    return ("line", "stdout is a terminal") if sys.stdout.isatty() else ("plain", "stdout is not a terminal")


class RunLogger:
    """All sinks of one run. ``names`` turns ids into words; ``savestate_tag`` says what episodes start from."""

    def __init__(self, directory: Path, mode: str, names: Names, savestate_tag: str) -> None:
        self.console = Console(mode, directory / "train.log")
        self._names, self._savestate_tag = names, savestate_tag
        self._csv_file = (directory / "episodes.csv").open("w", newline="", encoding="utf-8")
        self._csv = csv.DictWriter(self._csv_file, EPISODE_COLUMNS)
        self._csv.writeheader()
        self._board = SummaryWriter(str(directory / "tb"))
        self._flushed = self._lines_since = time.monotonic()
        self._line_budget = _EPISODE_LINES_PER_SECOND
        self._hidden = 0

    def log_episode(self, episode: Episode) -> None:
        """One row in ``episodes.csv`` always; one line on the terminal unless hundreds end at once."""
        row = self._episode_row(episode)
        self._csv.writerow(row)
        if self._may_print():
            hidden = f" (+{self._hidden} more in episodes.csv)" if self._hidden else ""
            self._hidden = 0
            self.console.print(_episode_line(row, episode) + hidden)
        else:
            self._hidden += 1

    def log_milestones(self, packed: np.ndarray, step_global: int) -> None:
        """A line for each milestone that the run has reached for the first time."""
        for name in self._names.milestones(packed) if packed.any() else ():
            self.console.print(f"[milestone] {name} first reached at step {step_global:,}")

    def log_interval(self, line: str, scalars: dict[str, float], step_global: int) -> None:
        """The progress line and its numbers under ``group/name`` tags."""
        self.console.progress(line)
        for tag, value in scalars.items():
            self._board.add_scalar(tag, value, step_global)

    def flush_if_due(self) -> None:
        """Flush files at most once a second."""
        now = time.monotonic()
        if now - self._flushed >= 1.0:
            self._flushed = now
            self._csv_file.flush()
            self.console.flush()

    def close(self) -> None:
        self._csv_file.close()
        self._board.close()
        self.console.close()

    def _may_print(self) -> bool:
        now = time.monotonic()
        budget = self._line_budget + (now - self._lines_since) * _EPISODE_LINES_PER_SECOND
        self._line_budget, self._lines_since = min(budget, 2 * _EPISODE_LINES_PER_SECOND), now
        if self._line_budget < 1.0:
            return False
        self._line_budget -= 1.0
        return True

    def _episode_row(self, episode: Episode) -> dict[str, object]:
        returns = episode.returns
        reached = episode.milestones & ~episode.spawn_milestones
        return {
            "episode_id": episode.episode_id,
            "env_id": episode.env_id,
            "length_steps": episode.length,
            "return_total": round(returns["env"], 6),
            "return_total_with_intrinsic": round(returns["total"], 6),
            "return_env": round(returns["env"], 6),
            "return_rnd": round(returns["rnd"], 6),
            "return_novel": round(returns["novel"], 6),
            "milestones_reached": ";".join(self._names.milestones(reached)),
            "start_step_global": episode.start_step,
            "end_step_global": episode.end_step,
            "savestate_tag": self._savestate_tag,
            "map": self._names.map(episode.map_id),
            "badges": episode.badges.bit_count(),
            "tiles": episode.tiles,
            "terminated": int(episode.terminated),
            "truncated": int(episode.truncated),
        }


def _episode_line(row: dict[str, object], episode: Episode) -> str:
    reached = str(row["milestones_reached"]).replace("EVENT_", "").split(";")
    latest = f" new={','.join(reached[-3:])}" if reached[0] else ""
    return (
        f"[EP {row['episode_id']} env={row['env_id']}] len={row['length_steps']} "
        f"R_env={episode.returns['env']:.2f} R_total={episode.returns['total']:.2f} badges={row['badges']} "
        f"map={row['map']} tiles={row['tiles']} savestate_tag={row['savestate_tag']}{latest}"
    )
