"""What a run tells, and where: terminal, ``train.log``, CSV and JSON files, TensorBoard, ``status.json``.

Every call only formats and queues; ``Daddy.logs.writer`` writes on its own thread at least once a second, so a kill -9
loses at most the last second and a slow or full disk never holds the loop up. The x axis is step_global everywhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from Daddy.episodes import Episode
from Daddy.errors import EXIT_FAILURE
from Daddy.intrinsic import RewardTerms
from Daddy.logs import schema
from Daddy.logs.board import BoardSink
from Daddy.logs.console import Console
from Daddy.logs.files import CsvSink, JsonLinesSink, TextSink, cut_csv, cut_json_lines, write_json_atomically
from Daddy.logs.lines import episode_line
from Daddy.logs.machine import Machine
from Daddy.logs.reader import read_status
from Daddy.logs.status import StatusFile
from Daddy.logs.writer import LogWriter, Sink
from Daddy.names import Names

_EPISODE_LINES_PER_SECOND = 4.0
_THETAS_SHOWN = 2
_LAST_WORDS_S = 0.5  # at the end: for alarms of the writer that still belong into the files
_TERMS = ("env", "rnd", "novel", "bayes")


class PosteriorView(Protocol):
    """What the logger reads of one milestone's posterior."""

    milestone: str
    alpha: float
    beta: float
    mean: float
    lo95: float
    hi95: float
    p_below_target: float
    alarm_level: int  # 0 none, 1 warning, 2 critical
    attempts: int

    def alarm_text(self) -> str:
        """What its alarm level says, for a person."""


class MonitorView(Protocol):
    """What the logger reads of a progress monitor."""

    @property
    def alarm_score(self) -> float: ...

    def posteriors(self) -> Sequence[PosteriorView]: ...

    def new_alarms(self) -> Sequence[PosteriorView]:
        """Those whose alarm level has changed since the last call."""


class RunLogger:
    """All sinks of one run. ``names`` turns ids into words; ``savestate_tag`` says what episodes start from.

    ``monitor``, set once there is one, gives the posteriors of the episode lines and rows. With ``resume_step`` the
    files of the earlier process, which had finished ``episodes``, are continued: what they tell beyond that step is
    cut, because it happens again.
    """

    def __init__(
        self, directory: Path, mode: str, names: Names, savestate_tag: str, *, step_log_every: int = 100,
        total_steps: int = 0, resume_step: int | None = None, episodes: int = 0,
    ) -> None:  # fmt: skip
        self.monitor: MonitorView | None = None
        self.tags: dict[int, str] = {}  # savestate_tag by spawn_id; others are ``savestate_tag``
        self._names, self._savestate_tag, self._every = names, savestate_tag, step_log_every
        self.last_checkpoint = None if resume_step is None else _last_checkpoint(directory, resume_step)
        if resume_step is not None:
            _cut_files(directory, resume_step)
        write_json_atomically(directory / schema.SCHEMA, schema.describe())
        self._status = StatusFile(directory, total_steps)
        self._status.update(step_global=resume_step or 0, episodes=episodes, last_checkpoint=self.last_checkpoint)
        self._writer = LogWriter(_open_sinks(directory, resume_step), self._write_status)
        self._machine = Machine(directory)
        self.console = Console(mode, lambda line: self._writer.put(schema.TEXT, line))
        self._step, self._sampled, self._hidden = resume_step or 0, 0, 0
        self._ended = episodes
        self._lines_since, self._line_budget = time.monotonic(), _EPISODE_LINES_PER_SECOND

    @property
    def names(self) -> Names:
        """Ids to words, for who shows them elsewhere."""
        return self._names

    # --- steps and episodes

    def log_step_rewards(
        self, rows: np.ndarray, terms: RewardTerms, weights: dict[str, float], env_ids: np.ndarray,
        episode_ids: np.ndarray, step_global: int, steps: int,
    ) -> None:  # fmt: skip
        """Sample one of every ``step_log_every`` steps into ``events.jsonl``.

        ``rows`` (B,) RECORD, ``terms`` each (B,), ``env_ids`` and ``episode_ids`` (B,), ``step_global`` after the
        batch, ``steps`` how many of its rows are steps. The env sampled rotates, so that none is preferred.
        """
        due = step_global // self._every - (step_global - steps) // self._every
        if not due:
            return
        going = np.flatnonzero(rows["is_first"] == 0)
        for _ in range(due):
            i = int(going[self._sampled % len(going)])
            self._sampled += 1
            record = self._step_record(rows[i], {name: values[i] for name, values in terms.items()}, weights)
            record |= {"step_global": step_global, "episode_id": int(episode_ids[i]), "env_id": int(env_ids[i])}
            self._writer.put(schema.EVENTS, record, droppable=True)

    def log_episode_summary(self, episode: Episode) -> None:
        """One row in ``episodes.csv`` always; one line on the terminal unless hundreds end at once."""
        posteriors = self.monitor.posteriors() if self.monitor else ()
        row = self._episode_row(episode, posteriors)
        self._writer.put(schema.EPISODES, row)
        self._ended += 1
        self._status.update(episodes=self._ended)
        if self._may_print():
            hidden = f" (+{self._hidden} more in {schema.EPISODES})" if self._hidden else ""
            self._hidden = 0
            self.console.print(episode_line(row, self._next_thetas(episode, posteriors)) + hidden)
        else:
            self._hidden += 1

    def flush_episode_logs(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was logged is in the files; False if the disk refuses (at once) or takes longer."""
        return not self._writer.refused and self._writer.barrier(timeout_s)

    # --- what happens now and then

    def log_milestones(self, packed: np.ndarray, step_global: int) -> None:
        """An event and a line for each milestone that the run has reached for the first time."""
        for name in self._names.milestones(packed) if packed.any() else ():
            text = f"{name} first reached at step {step_global:,}"
            self.log_event("milestone", text, milestone=name, step_global=step_global)

    def log_event(self, kind: str, text: str, **fields: Any) -> None:
        """One record in ``events.jsonl`` and the line ``[kind] text``; ``fields`` are JSON values or numpy numbers."""
        record = {"kind": kind, "step_global": self._step, "unix_time": time.time(), "text": text, **fields}
        self._writer.put(schema.EVENTS, record)
        self.console.print(f"[{kind}] {text}")

    def log_monitor(self, step_global: int, episode_id: int) -> None:
        """What the end of ``episode_id`` has taught the monitor: rows of ``progress.csv`` and changed alarm levels."""
        if self.monitor is None:
            return
        self.log_progress(self.monitor.posteriors(), step_global, episode_id)
        for alarm in self.monitor.new_alarms():
            fields = {"milestone": alarm.milestone, "level": alarm.alarm_level, "step_global": step_global}
            self.log_event("alarm", alarm.alarm_text(), **fields)

    def log_progress(self, posteriors: Sequence[PosteriorView], step_global: int, episode_id: int) -> None:
        """One row of ``progress.csv`` per posterior: those that the end of ``episode_id`` has changed."""
        for posterior in posteriors:
            row = {name: getattr(posterior, name) for name in schema.PROGRESS_COLUMNS[2:]}
            rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}
            self._writer.put(schema.PROGRESS, {"step_global": step_global, "episode_id": episode_id, **rounded})

    def log_interval(self, line: str, scalars: dict[str, float], step_global: int) -> None:
        """The progress line and its numbers, under ``group/name`` tags, in ``metrics.csv`` and TensorBoard."""
        self.console.progress(line)
        self._status.update(sps=scalars.get("charts/SPS", 0.0))
        self._log_scalars(scalars | self._machine.scalars(), step_global)

    def log_evaluation(
        self, text: str, rows: Sequence[dict[str, Any]], scalars: dict[str, float], step_global: int
    ) -> None:
        """An evaluation of the weights of ``step_global``, which lies behind: its rows, numbers and ``[eval]`` line."""
        for row in rows:
            self._writer.put(schema.EVALUATIONS, row)
        self._log_scalars(scalars, step_global)
        self.log_event("eval", text)

    def _log_scalars(self, scalars: dict[str, float], step_global: int) -> None:
        now = time.time()
        for tag, value in scalars.items():
            row = {"step_global": step_global, "unix_time": round(now, 3), "tag": tag, "value": f"{value:.8g}"}
            self._writer.put(schema.METRICS, row)
        self._writer.put(schema.BOARD, {"step_global": step_global, "unix_time": now, "scalars": dict(scalars)})

    # --- where the run stands

    def tick(self, step_global: int, phase: str = "training") -> None:
        """Call once per loop iteration: heartbeat, and alarms of the writer thread as lines.

        Raises:
            RuntimeError: a bug has ended the writer thread.
        """
        self._step = step_global
        self._status.update(step_global=step_global, phase=phase, loop_heartbeat=time.time())
        self.console.say_phase(phase)
        self._writer.raise_bug()
        self._say_messages()

    def note_checkpoint(self, path: Path, step_global: int, resume_command: str = "") -> None:
        """Say that ``path`` now holds a complete checkpoint, and how to go on from it."""
        text = f"{path} | resume: {resume_command}" if resume_command else str(path)
        self.log_event("checkpoint", text, step_global=step_global, path=str(path))
        self.last_checkpoint = {
            "step_global": step_global, "path": str(path), "unix_time": time.time(), "resume": resume_command,
        }  # fmt: skip
        self._status.update(last_checkpoint=self.last_checkpoint)

    def alarms(self) -> list[str]:
        """What is wrong with the logs at this moment."""
        return [f"{name} cannot be written" for name in self._writer.refused]

    def finish(self, exit_code: int) -> None:
        """Training has ended in good order; without this call ``close`` says ``failed``."""
        phase = "done" if exit_code == 0 else "stopped"
        self._status.update(phase=phase, exit_code=exit_code)
        self.console.say_phase(phase)

    def close(self) -> None:
        """Write everything and leave ``status.json`` with its final phase; says what could not be written."""
        if self._status.phase not in schema.FINAL_PHASES:
            self._status.update(phase="failed", exit_code=EXIT_FAILURE)
            self.console.say_phase("failed")
        self._writer.barrier(_LAST_WORDS_S)
        self._say_messages()
        self._writer.close()
        for message in self._writer.messages:
            self.console.print(f"[alarm] {message}")
        self.console.close()

    def _say_messages(self) -> None:
        while self._writer.messages:
            self.log_event("alarm", self._writer.messages.popleft())

    def _write_status(self) -> OSError | None:
        """On the writer's thread, once a second."""
        self._status.update(dropped_step_rows=self._writer.dropped[schema.EVENTS], alarms=self.alarms())
        return self._status.write()

    def _step_record(self, row: np.void, terms: dict[str, float], weights: dict[str, float]) -> dict[str, Any]:
        """A sampled step; ``quest_id`` is the index of the milestone to go for, -1 when none is left."""
        reached = self._names.reached(row["milestones"])
        record = {f"r_{name}": round(float(terms.get(name, 0.0)), 6) for name in (*_TERMS, "total")}
        record |= {f"w_{name}": round(weights.get(name, 0.0), 6) for name in _TERMS[1:]}
        posteriors = self.monitor.posteriors() if self.monitor else ()
        return {
            "kind": "step", "unix_time": round(time.time(), 3), **record,
            "milestone_flags": np.flatnonzero(reached).tolist(),
            "map_id": int(row["map_id"]), "city_id": self._names.city(int(row["map_id"])),
            "quest_id": self._names.quest(row["milestones"]),
            "x": int(row["x"]), "y": int(row["y"]),
            "posterior_m": [round(posterior.mean, 4) for posterior in posteriors],
            "alarm_score": self.monitor.alarm_score if self.monitor else 0.0,
        }  # fmt: skip

    def _episode_row(self, episode: Episode, posteriors: Sequence[PosteriorView]) -> dict[str, Any]:
        reached = episode.milestones & ~episode.spawn_milestones
        returns = {name: round(episode.returns.get(name, 0.0), 6) for name in (*_TERMS, "total")}
        return {
            "episode_id": episode.episode_id,
            "env_id": episode.env_id,
            "length_steps": episode.length,
            "return_total": returns["env"],
            "return_total_with_intrinsic": returns["total"],
            **{f"return_{name}": returns[name] for name in _TERMS},
            "milestones_reached": ";".join(self._names.milestones(reached)),
            "posterior_summary": _posterior_summary(posteriors),
            "alarm_triggered": max((posterior.alarm_level for posterior in posteriors), default=0),
            "start_step_global": episode.start_step,
            "end_step_global": episode.end_step,
            "savestate_tag": self.tags.get(episode.spawn_id, self._savestate_tag),
            "map": self._names.map(episode.map_id),
            "badges": episode.badges.bit_count(),
            "tiles": episode.tiles,
            "terminated": int(episode.terminated),
            "truncated": int(episode.truncated),
        }

    def _next_thetas(self, episode: Episode, posteriors: Sequence[PosteriorView]) -> list[tuple[str, float]]:
        """(milestone, posterior mean) of the first milestones that the episode did not reach."""
        reached = set(self._names.milestones(episode.milestones))
        coming = [(p.milestone, p.mean) for p in posteriors if p.milestone not in reached]
        return coming[:_THETAS_SHOWN]

    def _may_print(self) -> bool:
        now = time.monotonic()
        budget = self._line_budget + (now - self._lines_since) * _EPISODE_LINES_PER_SECOND
        self._line_budget, self._lines_since = min(budget, 2 * _EPISODE_LINES_PER_SECOND), now
        if self._line_budget < 1.0:
            return False
        self._line_budget -= 1.0
        return True


def _open_sinks(directory: Path, resume_step: int | None) -> dict[str, Sink]:
    sinks: dict[str, Sink] = {name: CsvSink(directory / name, cols) for name, cols in schema.CSV_COLUMNS.items()}
    sinks[schema.EVENTS] = JsonLinesSink(directory / schema.EVENTS)
    sinks[schema.TEXT] = TextSink(directory / schema.TEXT)
    sinks[schema.BOARD] = BoardSink(directory / schema.BOARD, None if resume_step is None else resume_step + 1)
    return sinks


def _posterior_summary(posteriors: Sequence[PosteriorView]) -> str:
    """JSON: milestone -> [alpha, beta, mean, lo95, hi95], of those with attempts; the others stand at their prior."""
    tried = {p.milestone: [p.alpha, p.beta, p.mean, p.lo95, p.hi95] for p in posteriors if p.attempts}
    rounded = {name: [round(value, 4) for value in values] for name, values in tried.items()}
    return json.dumps(rounded, separators=(",", ":")) if rounded else ""


def _last_checkpoint(directory: Path, resume_step: int) -> dict[str, Any] | None:
    """step_global, path and unix_time of the checkpoint that a resumed run starts from, as its status had it."""
    saved = read_status(directory).get("last_checkpoint")
    return saved if saved and saved.get("step_global") == resume_step else None


def _cut_files(directory: Path, last_step: int) -> None:
    """Drop from the files of an earlier process what lies beyond its checkpoint."""
    for name, columns in schema.CSV_COLUMNS.items():
        cut_csv(directory / name, columns, schema.STEP_COLUMN[name], last_step)
    cut_json_lines(directory / schema.EVENTS, last_step)
