"""One row per agent, from its seeds: at its own end, at equal steps and at equal minutes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from Daddy.compare.reading import GREEDY, KINDS, SAMPLED, RunData
from Daddy.compare.stats import Summary, median_or_never, summarise
from Daddy.errors import UsageError

# name in the files, what it is
VALUES = (
    ("milestones_greedy", "milestones per greedy evaluation episode"),
    ("milestones_sampled", "milestones per sampled evaluation episode"),
    ("milestones_training", "milestones per training episode, last 20% of training"),
    ("badges_greedy", "badges per greedy evaluation episode"),
    ("badges_sampled", "badges per sampled evaluation episode"),
    ("return_greedy", "sum of r_env per greedy evaluation episode"),
    ("return_sampled", "sum of r_env per sampled evaluation episode"),
    ("return_training", "sum of r_env per training episode, last 20% of training"),
)
_FLAGS = {"rom_sha1": "ROM (SHA-1)", "reward": "reward", "action_freq": "frames of a step (action_freq)",
          "max_episode_steps": "episode length (max_episode_steps)"}  # fmt: skip


@dataclass
class Row:
    """One agent. ``final`` holds a Summary or None for each of VALUES; the equal views the same at a common mark."""

    agent: str
    runs: list[RunData]
    final: dict[str, Summary | None] = field(default_factory=dict)
    equal_steps: dict[str, Summary | None] = field(default_factory=dict)
    equal_minutes: dict[str, Summary | None] = field(default_factory=dict)

    @property
    def usable(self) -> list[RunData]:
        return [run for run in self.runs if run.usable]

    @property
    def failed(self) -> list[RunData]:
        return [run for run in self.runs if not run.usable]

    @property
    def best(self) -> str | None:
        """Which of its two policies reaches more milestones."""
        found = [(s.iqm, kind) for kind in KINDS if (s := self.final.get(f"milestones_{kind}"))]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def numbers(self) -> dict[str, Summary | None]:
        """What its runs cost."""
        runs = self.usable
        return {
            "steps": summarise([run.step for run in runs]),
            "minutes": summarise([run.seconds / 60 if run.seconds is not None else None for run in runs]),
            "sps": summarise([run.sps for run in runs if run.trains]),
            "learned_per_collected": summarise([run.ratio for run in runs]),
            "peak_memory_bytes": summarise([run.peak_bytes for run in runs]),
        }

    def milestone_times(self, kind: str) -> dict[str, dict[str, Any]]:
        """Milestone -> median over seeds of the step and minute at which half of the episodes reach it (None: most
        seeds never do), and how many seeds get there; in the order of steps."""
        firsts = [(run, run.first_steps(kind)) for run in self.usable]
        table = {}
        for name in dict.fromkeys(name for _, first in firsts for name in first):
            steps = [first.get(name) for _, first in firsts]
            seconds = [run.seconds_at(first[name]) if name in first else None for run, first in firsts]
            minutes = median_or_never(seconds)
            table[name] = {
                "steps": median_or_never(steps), "minutes": None if minutes is None else minutes / 60,
                "seeds_reached": sum(step is not None for step in steps), "seeds": len(firsts),
            }  # fmt: skip
        return dict(sorted(table.items(), key=lambda item: (item[1]["steps"] is None, item[1]["steps"] or 0, item[0])))

    def notes(self) -> list[str]:
        """Lines about single runs."""
        return [f"{run.path.name}: {note}" for run in self.runs for note in run.notes]

    def failures(self) -> list[dict[str, Any]]:
        """What became of the runs that do not count."""
        return [{"run": str(run.path), "seed": run.seed, "phase": run.phase, "exit_code": run.exit_code,
                 "step": run.step, "last_line": run.trouble} for run in self.failed]  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """Where the equal views are taken: the last step and the last minute mark that every run has reached."""

    steps: int | None
    minutes: float | None


def build_rows(groups: dict[str, list[RunData]]) -> tuple[list[Row], Marks]:
    """A row for each agent of agent -> runs, and the common marks."""
    rows = [Row(agent, runs) for agent, runs in groups.items()]
    marks = common_marks([run for row in rows for run in row.usable])
    for row in rows:
        row.final = _summaries([values_at(run, run.step) for run in row.usable])
        if marks.steps is not None:
            row.equal_steps = _summaries([values_at(run, marks.steps) for run in row.usable])
        if marks.minutes is not None:
            at = [run.step_at(60 * marks.minutes) if run.trains else 0 for run in row.usable]
            row.equal_minutes = _summaries(
                [values_at(run, step) for run, step in zip(row.usable, at, strict=True) if step is not None]
            )
    return rows, marks


def values_at(run: RunData, step: float) -> dict[str, float | None]:
    """VALUES of one run after ``step`` steps: its newest evaluations by then, its episodes of the last 20%."""
    values: dict[str, float | None] = {}
    for kind in (GREEDY, SAMPLED):
        evaluation = run.evaluation_at(kind, step)
        for name, of in (("milestones", "milestones"), ("badges", "badges"), ("return", "returns")):
            values[f"{name}_{kind}"] = fmean(getattr(evaluation, of).tolist()) if evaluation else None
    step = min(step, run.step)
    values["milestones_training"] = run.recent(run.milestones, step)
    values["return_training"] = run.recent(run.returns, step)
    return values


def common_marks(runs: Sequence[RunData]) -> Marks:
    """The largest step and the largest minute mark (tenths below one minute) that every run that learns has reached."""
    runs = [run for run in runs if run.learns and run.trains]
    if not runs:
        return Marks(None, None)
    seconds = [run.seconds for run in runs]
    if any(value is None for value in seconds):
        return Marks(min(run.step for run in runs), None)
    least = min(seconds) / 60
    mark = math.floor(least) if least >= 1 else math.floor(least * 10) / 10
    return Marks(min(run.step for run in runs), mark if mark > 0 else None)


def check_comparable(runs: Sequence[RunData], force: bool) -> list[str]:
    """Lines about what differs; empty if nothing does. What a run does not say is taken as equal.

    Raises:
        UsageError: something differs and ``force`` is off.
    """
    lines = []
    for fact, words in _FLAGS.items():
        found: dict[Any, list[str]] = {}
        for run in runs:
            if run.facts.get(fact) is not None:
                found.setdefault(run.facts[fact], []).append(run.path.name)
        if len(found) > 1:
            parts = [f"{value} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
                     for value, names in found.items()]  # fmt: skip
            lines.append(f"the runs differ in {words}: {' / '.join(parts)}")
    if lines and not force:
        raise UsageError(f"{'; '.join(lines)}; leave some out, or pass --force to compare them all the same")
    return lines


def _summaries(values: Sequence[dict[str, float | None]]) -> dict[str, Summary | None]:
    return {name: summarise([value[name] for value in values]) for name, _ in VALUES}
