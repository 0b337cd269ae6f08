"""A run directory as numbers: whatever trainer wrote it, the files are the same.

Columns and tags are those of ``Daddy.logs.schema``. Episodes that began from savestates of a curriculum are left out:
their milestones are no merit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from Daddy.logs import schema
from Daddy.logs.reader import read_json, read_rows, read_status, state_of
from Daddy.logs.rows import evaluation_row

GREEDY, SAMPLED = "greedy", "sampled"
KINDS = (GREEDY, SAMPLED)
_TAKEN = re.compile(r"_\d{8}T\d{6}_\d{6}Z$")  # the tag of a savestate that a curriculum took: no true start
_WINDOW = 0.2  # of the training so far: what "recent" episodes are
_BEYOND = 0.05
_HALF = 0.5
_LEARN_NOTHING = ("random", "walkthrough")
_USABLE = ("done", "stopped")


@dataclass(frozen=True)
class Evaluation:
    """Episodes of one policy from the true start, with the weights of ``step``."""

    step: int
    kind: str  # GREEDY or SAMPLED
    milestones: np.ndarray  # (E,) int
    badges: np.ndarray  # (E,) int
    returns: np.ndarray  # (E,) r_env
    reached: tuple[frozenset[str], ...]  # names by episode

    def often_reached(self) -> set[str]:
        """Milestones that at least half of the episodes reach."""
        names = {name for episode in self.reached for name in episode}
        return {n for n in names if sum(n in episode for episode in self.reached) >= _HALF * len(self.reached)}


@dataclass
class RunData:
    """One run. ``facts`` is what runs must have in common; None where the run does not say."""

    path: Path
    agent: str
    seed: int | None
    phase: str
    exit_code: int | None
    step: int
    facts: dict[str, Any]
    command: str
    clock: tuple[np.ndarray, np.ndarray]  # steps (K,) and seconds of training (K,), rising
    ends: np.ndarray  # (E,) step at which each training episode ended, rising
    milestones: np.ndarray  # (E,) int
    badges: np.ndarray  # (E,) int
    returns: np.ndarray  # (E,) r_env
    evaluations: list[Evaluation]
    sps: float | None = None
    ratio: float | None = None
    peak_bytes: int | None = None
    learns: bool = True  # random play and the walkthrough do not: they play the same at every step
    usable: bool = True
    trouble: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """Seconds of training; None when the run does not say."""
        return float(self.clock[1][-1]) if len(self.clock[1]) else None

    @property
    def trains(self) -> bool:
        """Whether it has steps; the walkthrough has none."""
        return self.step > 0

    def seconds_at(self, step: float) -> float | None:
        """When a step was reached, in seconds of training."""
        steps, seconds = self.clock
        return float(np.interp(step, np.r_[0, steps], np.r_[0.0, seconds])) if len(steps) else None

    def step_at(self, seconds: float) -> int | None:
        """The step reached after so many seconds of training."""
        steps, clock = self.clock
        return int(np.interp(seconds, np.r_[0.0, clock], np.r_[0, steps])) if len(steps) else None

    def recent(self, values: np.ndarray, step: float, window: float = _WINDOW) -> float | None:
        """Mean of ``values`` (E,) over the episodes that ended in the last ``window`` of the first ``step`` steps."""
        inside = (self.ends > (1 - window) * step) & (self.ends <= step)
        return float(values[inside].mean()) if inside.any() else None

    def evaluation_at(self, kind: str, step: float) -> Evaluation | None:
        """The newest evaluation up to a step, or a little beyond: rollouts do not end where one asks for it."""
        found = [e for e in self.evaluations if e.kind == kind and e.step <= (1 + _BEYOND) * step]
        return max(found, key=lambda e: e.step) if found else None

    def first_steps(self, kind: str) -> dict[str, int]:
        """Milestone -> step of the first evaluation in which at least half of the episodes reach it."""
        found: dict[str, int] = {}
        for evaluation in sorted((e for e in self.evaluations if e.kind == kind), key=lambda e: e.step):
            for name in sorted(evaluation.often_reached()):
                found.setdefault(name, evaluation.step)
        return found


def read_run(path: Path, agent: str, final: Path | None = None, notes: dict[str, Any] | None = None) -> RunData:
    """Read a run directory; ``final`` is its final evaluation (JSON of an evaluate command), if there is one, and
    ``notes`` what the comparison noted of the run."""
    notes = notes or {}
    config, status, env = read_json(path / "config.json"), read_status(path), _env_facts(path)
    facts = {name: config.get(name, env.get(name)) for name in ("rom_sha1", "reward", "action_freq")}
    facts["max_episode_steps"] = config.get("max_episode_steps")
    facts["action_freq"] = int(facts["action_freq"]) if facts["action_freq"] else None
    metrics = _metrics(path)
    rows = [r for r in read_rows(path, schema.EPISODES) if not _TAKEN.search(r["savestate_tag"])]
    rows.sort(key=lambda row: int(row["end_step_global"]))
    step, phase = int(status.get("step_global") or 0), _phase(status, notes)
    run = RunData(
        path=path, agent=agent, seed=config.get("seed"), phase=phase, exit_code=status.get("exit_code"), step=step,
        facts=facts, command=_command(path), clock=_clock(metrics, step),
        ends=_column(rows, "end_step_global", int),
        milestones=np.array([len(_names(row["milestones_reached"])) for row in rows], int),
        badges=_column(rows, "badges", int), returns=_column(rows, "return_env", float),
        evaluations=read_evaluations(path), peak_bytes=notes.get("peak_rss_bytes") or None, usable=phase in _USABLE,
    )  # fmt: skip
    run.learns = config.get("agent") not in _LEARN_NOTHING
    _take_final(run, final, notes)
    run.sps = step / run.seconds if run.seconds else _last(metrics, "charts/SPS")
    run.ratio = _last(metrics, "replay/ratio")
    if run.peak_bytes is None:  # nobody watched it, but it may have told itself
        told = [float(row["value"]) for row in metrics if row["tag"] == "sys/rss_gib"]
        run.peak_bytes = int(max(told) * 2**30) if told else None
    if run.ratio is None and config.get("agent") == "puffer-ppo":
        run.ratio = float(config.get("update_epochs", 0)) or None  # each step is learned from in every epoch
    return run


def read_evaluations(path: Path) -> list[Evaluation]:
    """The evaluations that a run has played while it trained."""
    return group_evaluations(list(read_rows(path, schema.EVALUATIONS)))


def group_evaluations(rows: Sequence[dict[str, Any]]) -> list[Evaluation]:
    """Rows of ``evaluations.csv`` as one Evaluation per step and kind, in that order."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows:
        kind = GREEDY if float(row["epsilon"]) == 0 else SAMPLED
        groups.setdefault((int(row["step_global"]), kind), []).append(row)
    return [
        Evaluation(
            step, kind, _column(group, "milestones", int), _column(group, "badges", int),
            _column(group, "return_env", float), tuple(frozenset(_names(row["milestones_reached"])) for row in group),
        )
        for (step, kind), group in sorted(groups.items())
    ]  # fmt: skip


def evaluation_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of ``evaluations.csv`` of what an evaluate command printed with --json."""
    episodes = result["episodes"]
    return [e if "milestones_reached" in e else evaluation_row(result["step_global"], i, e)
            for i, e in enumerate(episodes)]  # fmt: skip


def _take_final(run: RunData, final: Path | None, notes: dict[str, Any]) -> None:
    """Let the final evaluation stand in for one that the run has played at its end; who learns nothing plays like that
    from step 0 on."""
    if notes.get("evaluation_error"):
        run.notes.append(f"final evaluation failed ({notes['evaluation_error']}); its own evaluations stand in")
    result = read_json(final) if final else {}
    if not result:
        return
    played, step = group_evaluations(evaluation_rows(result)), run.step if run.learns else 0
    if run.learns and played and played[0].step != run.step:
        run.notes.append(f"final evaluation is of step {played[0].step:,}, the run ended at {run.step:,}")
    for evaluation in played:
        run.evaluations = [e for e in run.evaluations if (e.step, e.kind) != (step, evaluation.kind)]
        run.evaluations.append(replace(evaluation, step=step))


def _phase(status: dict[str, Any], notes: dict[str, Any]) -> str:
    """The phase for people: what ended in bad order is no longer "training"."""
    if notes.get("ended") == "failed":
        return "failed"
    if not status:
        return "not started"
    if "pid" in notes and notes["pid"] is None and status.get("phase") not in schema.FINAL_PHASES:
        return "crashed"
    return state_of(status)[0]


def _clock(metrics: list[dict[str, str]], last: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps, seconds of training), both rising. A run without that metric is timed by steps and speed."""
    pairs = [(int(r["step_global"]), float(r["value"])) for r in metrics if r["tag"] == "time/train_seconds"]
    if not pairs:
        speeds = [(int(r["step_global"]), float(r["value"])) for r in metrics if r["tag"] == "charts/SPS"]
        pairs = [(step, step / speed) for step, speed in speeds if speed > 0]
    pairs = sorted({step: seconds for step, seconds in pairs if 0 < step <= max(last, 1)}.items())
    steps = np.array([step for step, _ in pairs], float)
    return steps, np.maximum.accumulate(np.array([seconds for _, seconds in pairs], float)) if pairs else np.array([])


def _metrics(path: Path) -> list[dict[str, str]]:
    wanted = ("charts/SPS", "time/train_seconds", "replay/ratio", "sys/rss_gib")
    return [row for row in read_rows(path, schema.METRICS) if row["tag"] in wanted]


def _last(metrics: list[dict[str, str]], tag: str) -> float | None:
    values = [float(row["value"]) for row in metrics if row["tag"] == tag]
    return values[-1] if values else None


def _env_facts(path: Path) -> dict[str, str]:
    """``name value`` lines of env.txt."""
    try:
        lines = (path / "env.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split(" ", 1) for line in lines if " " in line)


def _command(path: Path) -> str:
    try:
        lines = (path / "command.txt").read_text(encoding="utf-8").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def _column(rows: Sequence[dict[str, Any]], name: str, kind: type) -> np.ndarray:
    return np.array([kind(float(row[name])) for row in rows], kind)


def _names(text: str) -> list[str]:
    """Names of ``NAME;NAME`` or ``NAME@STEP;NAME@STEP``."""
    return [entry.split("@")[0] for entry in text.split(";") if entry]
