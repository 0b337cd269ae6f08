"""The alarm rule and the other detectors on the episodes of a real run, as its files tell them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from Daddy.alarms import AlarmRule
from Daddy.bayes_offline import gibbs, sequential_monte_carlo
from Daddy.bayes_quests import BayesMonitor, Quest
from Daddy.beta import mean, pool
from Daddy.errors import UsageError
from Daddy.first_times import NEVER
from Daddy.logs import schema
from Daddy.logs.reader import check_run, read_rows


@dataclass(frozen=True)
class Verdict:
    """One milestone in hindsight; alarms are episode ids, None where there was none.

    `mean` is the monitor's own; `smc_mean` is the same by sequential Monte Carlo. `pooled_mean` lets the milestones
    lean on each other and forgets nothing; `gibbs_mean` is the same by sampling.

    `label`: stagnated (the frontier for a whole patience and unreliable at the end), reliable at the end, or open.
    """

    milestone: str
    attempts: int
    successes: int
    frontier_attempts: int
    mean: float
    smc_mean: float
    pooled_mean: float
    gibbs_mean: float
    label: str
    warning: int | None
    critical: int | None
    others: dict[str, int | None]


@dataclass(frozen=True)
class Replay:
    """What `replay_run` found; `skipped` episodes began elsewhere, and the files do not say what those owned."""

    verdicts: list[Verdict]
    episodes: int
    skipped: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def text(self) -> str:
        """A table for a person; alarms are told by episode id."""
        others = list(self.verdicts[0].others) if self.verdicts else []
        head = f"{'milestone':40}{'reached':>12}{'theta':>7}{'SMC':>7}{'pooled':>8}{'Gibbs':>7}  {'label':10}"
        head += f"{'warning':>9}{'critical':>9}" + "".join(f"{name:>16}" for name in others)
        lines = [f"{self.episodes} episodes, {self.skipped} from other starts left out", head]
        for v in self.verdicts:
            cells = [v.warning, v.critical, *v.others.values()]
            shown = ["-" if cell is None else str(cell) for cell in cells]
            means = f"{v.mean:7.3f}{v.smc_mean:7.3f}{v.pooled_mean:8.3f}{v.gibbs_mean:7.3f}"
            line = f"{v.milestone:40}{f'{v.successes}/{v.attempts}':>12}{means}  {v.label:10}"
            lines.append(line + f"{shown[0]:>9}{shown[1]:>9}" + "".join(f"{cell:>16}" for cell in shown[2:]))
        return "\n".join(lines)


class _History:
    """What each milestone's stream was, attempt by attempt, and when its level rose."""

    def __init__(self) -> None:
        self.frontier: dict[int, list[tuple[int, bool]]] = defaultdict(list)  # (episode id, success) at the frontier
        self.outcomes: dict[int, list[bool]] = defaultdict(list)
        self.first: dict[tuple[int, int], int] = {}  # (milestone, level) -> episode id

    def add(self, monitor: BayesMonitor, before: np.ndarray, frontier: int, reached: np.ndarray, episode: int) -> None:
        for m in np.flatnonzero(monitor.attempts > before):
            self.outcomes[m].append(bool(reached[m]))
            if m == frontier:
                self.frontier[m].append((episode, bool(reached[m])))
        levels = monitor.alarms.levels()
        for m in np.flatnonzero(levels):
            for level in range(1, levels[m] + 1):
                self.first.setdefault((int(m), level), episode)


def replay_run(directory: Path, make_others: Callable[[AlarmRule], dict[str, Callable[[np.ndarray], np.ndarray]]]
               ) -> Replay:
    """Judge the run's episodes again, in order; `make_others` gives detectors by name, outcomes (1, H) -> times (1,).

    The files tell that a milestone was reached, not at which step, so the budget of all of them is a whole episode.

    Raises:
        UsageError: no run, or one without the files this needs.
    """
    check_run(directory)
    progress = list(read_rows(directory, schema.PROGRESS))
    names = list(dict.fromkeys(row["milestone"] for row in progress))
    episodes = list(read_rows(directory, schema.EPISODES))
    if not names or not episodes:
        raise UsageError(f"{directory} has no finished episode or no {schema.PROGRESS}; nothing to replay")
    rule, budget = _settings(directory)
    monitor = BayesMonitor([Quest(name, "") for name in names], 1, np.full(len(names), budget), rule)
    history, same_start = _History(), [row for row in episodes if row["savestate_tag"] == episodes[0]["savestate_tag"]]
    owned = _owned_at_start(progress, names, monitor)
    for row in same_start:
        _add(monitor, history, names, owned, row)
    others, tried = make_others(rule), np.flatnonzero(monitor.attempts)
    means = _means(monitor, history, tried)
    verdicts = [_verdict(int(m), monitor, history, rule, others, means[i]) for i, m in enumerate(tried)]
    return Replay(verdicts, len(episodes), len(episodes) - len(same_start))


def _settings(directory: Path) -> tuple[AlarmRule, int]:
    try:
        settings = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        rule = AlarmRule(target=float(settings["target_theta"]), patience=int(settings["alarm_patience"]))
        return rule, int(settings["max_episode_steps"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{directory / 'config.json'} lacks the run's settings ({error!r}); restore it") from None


def _owned_at_start(progress: list[dict[str, str]], names: list[str], monitor: BayesMonitor) -> np.ndarray:
    """bool (M,): what the run's first state owned (--init-state) was never an attempt, so it stayed at its prior."""
    prior = (monitor.prior.alpha, monitor.prior.beta)
    moved = {row["milestone"] for row in progress if (float(row["alpha"]), float(row["beta"])) != prior}
    return np.array([bool(moved) and name not in moved for name in names])


def _add(
    monitor: BayesMonitor, history: _History, names: list[str], owned: np.ndarray, row: dict[str, str]
) -> None:
    told = set(row["milestones_reached"].split(";"))
    reached = np.array([name in told for name in names])
    before, frontier = monitor.attempts.copy(), monitor.frontier
    step = np.where(reached, 1, NEVER)
    monitor.add_attempt(owned, step, int(row["length_steps"]), row["terminated"] == "1")
    history.add(monitor, before, frontier, reached, int(row["episode_id"]))


def _means(monitor: BayesMonitor, history: _History, tried: np.ndarray) -> np.ndarray:
    """(len(tried), 4): posterior means of the monitor, by SMC, pooled and by Gibbs."""
    rng = np.random.default_rng(0)
    hits = np.array([sum(history.outcomes[m]) for m in tried])
    misses = np.array([len(history.outcomes[m]) for m in tried]) - hits
    smc = [sequential_monte_carlo(np.array(history.outcomes[m]), rng).mean() for m in tried]
    sampled = gibbs(hits, misses, rng).mean(axis=0)
    return np.stack((monitor.mean[tried], smc, mean(*pool(hits, misses)), sampled), axis=1)


def _verdict(m: int, monitor: BayesMonitor, history: _History, rule: AlarmRule,
             others: dict[str, Callable[[np.ndarray], np.ndarray]], means: np.ndarray) -> Verdict:
    stream, reliable = history.frontier[m], monitor.mean[m] >= rule.target
    stuck = len(stream) >= rule.patience and not reliable
    return Verdict(
        monitor.quests[m].name, int(monitor.attempts[m]), sum(history.outcomes[m]), len(stream),
        *(round(float(value), 4) for value in means), "stagnated" if stuck else "reliable" if reliable else "open",
        history.first.get((m, 1)), history.first.get((m, 2)),
        {name: _first_alarm(times, stream) for name, times in others.items()},
    )  # fmt: skip


def _first_alarm(times: Callable[[np.ndarray], np.ndarray], stream: list[tuple[int, bool]]) -> int | None:
    if not stream:
        return None
    when = int(times(np.array([[success for _, success in stream]]))[0])
    return stream[when][0] if when < len(stream) else None
