"""How often alarms are wrong and how early they are right: `python -m Daddy.alarm_study [RUN_DIR] [--quick] [--json]`.

Without a run directory, on simulated runs: the product's rule and other detectors, each calibrated on one set of
healthy runs and measured on another. With one, the rule is replayed on the episodes of that run, and its posteriors
are checked by sampling.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich_argparse import RichHelpFormatter

from Daddy import alarm_detectors as detectors
from Daddy.alarm_forecasts import study_forecasts, study_pooling
from Daddy.alarm_replay import replay_run
from Daddy.alarm_streams import KINDS, Chain, Streams, healthy, stagnating
from Daddy.alarms import AlarmRule
from Daddy.errors import EXIT_OK, run_command

SHARE = 0.05  # of healthy runs that a calibrated detector may accuse
_CHAIN_MILESTONES = 6
_REFERENCES = ("deadline", "moving_average", "cusum")  # whom the lead is measured against


@dataclass(frozen=True)
class Size:
    """How much is simulated."""

    streams: int = 2_000
    chains: int = 500
    bootstrap: int = 2_000


FULL, QUICK = Size(), Size(streams=400, chains=150, bootstrap=500)


@dataclass(frozen=True)
class Detector:
    """A name and what gives the alarm times (R,) of streams."""

    name: str
    times: Callable[[np.ndarray], np.ndarray]


def make_detectors(calibration: np.ndarray, rule: AlarmRule) -> list[Detector]:
    """The product's rule as it ships, then detectors calibrated on healthy outcomes (R, H)."""

    def calibrated(name: str, scores: Callable[[np.ndarray], np.ndarray]) -> Detector:
        threshold = detectors.calibrate(scores(calibration), SHARE)
        return Detector(name, lambda outcomes: detectors.alarm_times(scores(outcomes), threshold))

    def shipped(level: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda outcomes: detectors.alarm_times(detectors.rule_scores(outcomes, rule)[0], level - 0.5)

    def below(outcomes: np.ndarray) -> np.ndarray:
        return detectors.rule_scores(outcomes, rule)[1]

    deadline = detectors.calibrate_deadline(calibration, rule, SHARE)
    return [
        Detector("warning", shipped(1)),
        Detector("critical", shipped(2)),
        Detector("beta_once", lambda outcomes: detectors.alarm_times(below(outcomes), rule.warning)),
        calibrated("beta", lambda outcomes: detectors.persistent(below(outcomes), 20)),
        calibrated("moving_average", lambda outcomes: detectors.average_scores(outcomes, rule)),
        calibrated("cusum", lambda outcomes: detectors.cusum_scores(outcomes, rule)),
        Detector(
            "deadline",
            lambda outcomes: detectors.alarm_times(detectors.deadline_scores(outcomes, rule, deadline), 0.0),
        ),
    ]


def bootstrap(values: np.ndarray, statistic: Callable[..., np.ndarray], draws: int, seed: int = 0) -> list[float]:
    """95% percentile interval of statistic(values, axis=1) over resampled runs."""
    rng = np.random.default_rng(seed)
    samples = statistic(values[rng.integers(len(values), size=(draws, len(values)))], axis=1)
    return [round(float(q), 4) for q in np.percentile(samples, [2.5, 97.5])]


class Comparison:
    """Alarm times of all detectors on the same healthy and stagnating streams."""

    def __init__(self, rows: list[Detector], good: Streams, bad: dict[str, Streams], draws: int) -> None:
        self.horizon, self.draws = good.outcomes.shape[1], draws
        self.false = {row.name: row.times(good.outcomes) < self.horizon for row in rows}
        self.times = {row.name: {kind: row.times(streams.outcomes) for kind, streams in bad.items()} for row in rows}
        self.onset = {kind: streams.onset for kind, streams in bad.items()}

    def measure(self, name: str) -> dict[str, Any]:
        """False alarms on the healthy streams; detection, delay after the onset and lead on the others.

        The lead is by how many episodes the alarm comes before a reference's; a run without an alarm counts as alarmed
        at its end. An alarm before the onset is a detection at delay 0.
        """
        times = self.times[name]
        delay = {kind: np.maximum(when - self.onset[kind], 0) for kind, when in times.items()}
        lead = {other: self._lead(name, other) for other in _REFERENCES}
        return {
            "detector": name, **self._share("fpr", self.false[name]),
            **self._share("detected", _joined(times) < self.horizon),
            "delay_median_episodes": float(np.median(_joined(delay))),
            "lead_median_episodes": lead["deadline"]["median"], "lead_ci95": lead["deadline"]["ci95"],
            "lead_over": lead,
            "delay_by_kind": {kind: float(np.median(values)) for kind, values in delay.items()},
            "detected_by_kind": {kind: round(float((t < self.horizon).mean()), 4) for kind, t in times.items()},
        }  # fmt: skip

    def _share(self, name: str, hits: np.ndarray) -> dict[str, Any]:
        return share(name, hits, self.draws)

    def _lead(self, name: str, other: str) -> dict[str, Any]:
        lead = _joined(self.times[other]) - _joined(self.times[name])
        return {"median": float(np.median(lead)), "ci95": bootstrap(lead, np.median, self.draws)}


def share(name: str, hits: np.ndarray, draws: int) -> dict[str, Any]:
    """The share of runs in bool (R,) with its interval, under the keys of a row."""
    key = "fpr_per_run" if name == "fpr" else name
    values = hits.astype(float)
    return {key: round(float(values.mean()), 4), f"{name}_ci95": bootstrap(values, np.mean, draws)}


def _joined(by_kind: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate(list(by_kind.values()))


def calibrated_others(rule: AlarmRule) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """The detectors beside ours, for streams of any length, calibrated on simulated healthy runs."""
    calibration = healthy(np.random.default_rng(0), QUICK.streams, int(2.5 * rule.patience), rule.patience)
    return {row.name: row.times for row in make_detectors(calibration.outcomes, rule) if row.name in _REFERENCES}


def study_streams(size: Size, rule: AlarmRule, seed: int = 0) -> list[dict[str, Any]]:
    """One row per detector: a milestone from the attempt on at which it becomes the frontier, for 2.5 patiences."""
    rng, horizon = np.random.default_rng(seed), int(2.5 * rule.patience)
    calibration = healthy(rng, size.streams, horizon, rule.patience)
    good = healthy(rng, size.streams, horizon, rule.patience)
    bad = {kind: stagnating(kind, rng, size.streams // len(KINDS), horizon, rule.patience) for kind in KINDS}
    rows = make_detectors(calibration.outcomes, rule)
    comparison = Comparison(rows, good, bad, size.bootstrap)
    return [comparison.measure(detector.name) for detector in rows]


def study_chains(size: Size, rule: AlarmRule, seed: int = 1) -> list[dict[str, Any]]:
    """The whole monitor on whole runs of six milestones and 6 patiences; in the bad ones the fourth is locked.

    The lead is over finding out at the end of the run.
    """
    horizon, runs = 6 * rule.patience, size.chains
    times = [
        detectors.first_alarms(
            Chain(np.random.default_rng(seed + locked), runs, _CHAIN_MILESTONES, rule.patience, locked),
            runs, _CHAIN_MILESTONES, horizon, rule,
        )
        for locked in (False, True)
    ]  # fmt: skip
    rows = []
    for level, name in enumerate(("run_warning", "run_critical")):
        false, found = (when[:, level] < horizon for when in times)
        saved = horizon - times[1][:, level]  # of the run's length
        rows.append({
            "detector": name, **share("fpr", false, size.bootstrap), **share("detected", found, size.bootstrap),
            "lead_median_episodes": float(np.median(saved)), "lead_ci95": bootstrap(saved, np.median, size.bootstrap),
        })  # fmt: skip
    return rows


def study_probabilities(size: Size, rule: AlarmRule, seed: int = 3) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Forecasts on healthy and stagnating streams alike, and rates of start states with few attempts."""
    rng, horizon = np.random.default_rng(seed), int(2.5 * rule.patience)
    each = size.streams // (1 + len(KINDS))
    streams = [healthy(rng, each, horizon, rule.patience)]
    streams += [stagnating(kind, rng, each, horizon, rule.patience) for kind in KINDS]
    return study_forecasts(np.concatenate([s.outcomes for s in streams])), study_pooling(rng, size.chains)


def as_text(forecasts: list[dict[str, Any]], pooling: dict[str, float]) -> str:
    """The forecasts as a table, the pooling as a line."""
    lines = ["", "", f"{'forecaster':20}{'Brier':>8}{'first 10':>10}{'calibration error':>19}"]
    for row in forecasts:
        lines.append(
            f"{row['forecaster']:20}{row['brier']:8.4f}{row['brier_first_10']:10.4f}{row['calibration_error']:19.4f}"
        )
    errors = ", ".join(f"{name} {value:.3f}" for name, value in pooling.items())
    return "\n".join([*lines, "", f"RMSE of the rates of 12 start states after 3 attempts each: {errors}"])


def as_table(rows: list[dict[str, Any]]) -> str:
    """Plain text, one line per detector."""
    lines = [f"{'detector':16}{'false alarms per run':>26}{'detected':>10}{'delay':>8}{'lead':>8}  lead 95%"]
    for row in rows:
        low, high = row["fpr_ci95"]
        lead = f"{row['lead_median_episodes']:8.0f}  {row['lead_ci95']}" if "lead_ci95" in row else ""
        delay = f"{row['delay_median_episodes']:8.0f}" if "delay_median_episodes" in row else ""
        share = f"{row['fpr_per_run']:.3f} ({low:.3f} to {high:.3f})"
        lines.append(f"{row['detector']:16}{share:>26}{row['detected']:10.3f}{delay}{lead}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the study; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m Daddy.alarm_study", description="False alarms, detection and lead time of the progress alarms.",
        formatter_class=RichHelpFormatter,
    )  # fmt: skip
    parser.add_argument("run_dir", nargs="?", type=Path, help="replay this run's episodes instead of simulating")
    parser.add_argument("--quick", action="store_true", help="fewer simulated runs: seconds instead of a minute")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    given = parser.parse_args(argv)
    return run_command(lambda: study(given.run_dir, FULL if not given.quick else QUICK, given.json))


def study(run_dir: Path | None, size: Size, as_json: bool) -> int:
    """Replay ``run_dir``, or compare the detectors on simulated runs."""
    if run_dir:
        replay = replay_run(run_dir, calibrated_others)
        print(json.dumps(replay.as_dict(), indent=1) if as_json else replay.text())
    else:
        rows = study_streams(size, AlarmRule()) + study_chains(size, AlarmRule())
        forecasts, pooling = study_probabilities(size, AlarmRule())
        everything = {"detectors": rows, "forecasts": forecasts, "rmse_of_12_starts_with_3_attempts": pooling}
        print(json.dumps(everything, indent=1) if as_json else as_table(rows) + as_text(forecasts, pooling))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
