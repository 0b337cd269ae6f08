import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from Daddy import alarm_detectors as detectors
from Daddy.alarm_forecasts import (
    calibration_error,
    posterior_forecasts,
    study_forecasts,
    study_pooling,
    window_forecasts,
)
from Daddy.alarm_streams import KINDS, Chain, healthy, stagnating
from Daddy.alarm_study import SHARE, Size, as_table, main, study_chains, study_streams
from Daddy.alarms import AlarmRule
from Daddy.bayes_quests import BayesMonitor, Quest
from Daddy.first_times import NEVER
from Daddy.logs import schema

ROOT = Path(__file__).parents[2]
RULE = AlarmRule()
RNG = np.random.default_rng


def test_healthy_runs_learn_and_stagnating_ones_do_not():
    late = healthy(RNG(0), 300, 400, 200).outcomes[:, 300:].mean(axis=1)
    assert (late > 0.5).mean() > 0.99
    for kind in KINDS:
        streams = stagnating(kind, RNG(1), 300, 400, 200)
        after = [row[when:].mean() for row, when in zip(streams.outcomes, streams.onset, strict=True)]
        assert np.mean(after) < 0.35, kind


def test_scores_against_slow_references():
    outcomes = RNG(2).random((3, 260)) < 0.3
    average, cusum = detectors.moving_average(outcomes), detectors.cusum_scores(outcomes, RULE)
    need = detectors.demand(260, RULE)
    for run, row in enumerate(outcomes):
        total = 0.0
        for t, hit in enumerate(row):
            if need[t] > 0:
                total = max(0.0, total + (np.log(0.5) if hit else np.log((1 - need[t] / 2) / (1 - need[t]))))
            assert cusum[run, t] == pytest.approx(total)
            expected = row[t - 49 : t + 1].mean() if t >= 49 else 1.0
            assert average[run, t] == pytest.approx(expected)


def test_streams_shorter_than_a_window_alarm_nobody():
    outcomes = np.zeros((1, 10), bool)
    assert (detectors.average_scores(outcomes, RULE) <= 0).all()
    assert detectors.deadline_scores(outcomes, RULE, 200).max() == -np.inf


def test_persistence_is_the_smallest_of_the_last_scores():
    scores = np.array([[5.0, 4.0, 6.0, 1.0, 7.0]])
    assert detectors.persistent(scores, 3).tolist() == [[0, 0, 4, 1, 1]]
    assert detectors.alarm_times(scores, 5.5).tolist() == [2] and detectors.alarm_times(scores, 9).tolist() == [5]


def test_calibration_leaves_at_most_its_share():
    scores = RNG(3).normal(size=(500, 50))
    threshold = detectors.calibrate(scores, 0.05)
    assert 0.03 <= (scores.max(axis=1) > threshold).mean() <= 0.05
    outcomes = healthy(RNG(4), 400, 500, 200).outcomes
    deadline = detectors.calibrate_deadline(outcomes, RULE, 0.05)
    assert 100 < deadline < 300
    missed = detectors.deadline_scores(outcomes, RULE, deadline) > 0
    assert missed.any(axis=1).mean() <= 0.05
    assert (detectors.deadline_scores(outcomes, RULE, deadline - 2) > 0).any(axis=1).mean() > 0.04


def test_the_vectorised_runs_are_the_monitor():
    """One simulated run through BayesMonitor gives the very alarms of the vectorised study."""
    milestones, horizon, rule = 3, 260, AlarmRule(patience=60, warning_run=10, critical_run=30)
    times = detectors.first_alarms(Chain(RNG(5), 1, milestones, 60, True), 1, milestones, horizon, rule)
    chain = Chain(RNG(5), 1, milestones, 60, True)
    monitor = BayesMonitor([Quest(str(m), "") for m in range(milestones)], 1, np.ones(milestones), rule)
    first = [horizon, horizon]
    for t in range(horizon):
        outcome = chain.step((np.arange(milestones) == monitor.frontier)[None])[0]
        monitor.add_attempt(np.zeros(milestones, bool), np.where(outcome, 1, NEVER), 1, over=False)
        for level in (1, 2):
            if monitor.alarms.levels().max() >= level:
                first[level - 1] = min(first[level - 1], t)
    assert times[0].tolist() == first and first[0] < first[1] < horizon


@pytest.fixture(scope="module")
def rows():
    size = Size(streams=300, chains=60, bootstrap=200)
    return {row["detector"]: row for row in study_streams(size, RULE) + study_chains(size, RULE)}


def test_what_ships_rarely_accuses_and_finds_what_is_stuck(rows):
    assert rows["warning"]["fpr_per_run"] <= 0.03 and rows["warning"]["detected"] > 0.9
    assert rows["run_warning"]["fpr_per_run"] <= 0.12 and rows["run_warning"]["detected"] > 0.95
    assert rows["run_critical"]["fpr_per_run"] <= 0.02 and rows["run_critical"]["detected"] > 0.95


def test_persistence_is_needed_and_the_deadline_is_late(rows):
    assert rows["beta_once"]["fpr_per_run"] > rows["warning"]["fpr_per_run"]
    assert rows["deadline"]["lead_median_episodes"] == 0.0
    for name in ("beta", "moving_average", "cusum"):
        assert rows[name]["fpr_per_run"] <= 2.5 * SHARE and rows[name]["lead_median_episodes"] > 10, name
        low, high = rows[name]["lead_over"]["deadline"]["ci95"]
        assert low <= rows[name]["lead_median_episodes"] <= high
    assert "run_warning" in as_table(list(rows.values()))


def test_the_quick_study_is_quick_and_tells_each_detectors_rates(capsys):
    begun = time.process_time()
    assert main(["--quick", "--json"]) == 0
    assert time.process_time() - begun < 60
    told = json.loads(capsys.readouterr().out)
    detectors_told = {row["detector"]: row for row in told["detectors"]}
    assert {"warning", "critical", "moving_average", "cusum", "deadline", "run_warning"} <= set(detectors_told)
    for row in detectors_told.values():
        assert 0 <= row["fpr_per_run"] <= 0.15 and 0.5 < row["detected"] <= 1 and "lead_median_episodes" in row
    assert told["forecasts"] and told["rmse_of_12_starts_with_3_attempts"]


def test_forecasts_see_only_the_past_and_match_slow_references():
    outcomes = RNG(6).random((2, 80)) < 0.4
    said = window_forecasts(outcomes, 20)
    assert said[:, 0].tolist() == [0.5, 0.5]
    for t in range(1, 80):
        assert said[:, t] == pytest.approx(outcomes[:, max(t - 20, 0) : t].mean(axis=1))
    changed = outcomes.copy()
    changed[:, 40:] = ~changed[:, 40:]
    for forecaster in (posterior_forecasts, lambda o: window_forecasts(o, 20)):
        assert (forecaster(outcomes)[:, :41] == forecaster(changed)[:, :41]).all()
        assert (forecaster(outcomes)[:, 41] != forecaster(changed)[:, 41]).all()


def test_calibration_error_is_zero_for_the_truth_and_large_for_a_boast():
    theta = RNG(7).random((1, 200_000))
    outcomes = RNG(8).random(theta.shape) < theta
    assert calibration_error(theta, outcomes) < 0.01
    assert calibration_error(np.full(theta.shape, 0.9), outcomes) == pytest.approx(0.4, abs=0.01)


def test_a_posterior_wins_where_data_are_few():
    rows = {row["forecaster"]: row for row in study_forecasts(healthy(RNG(9), 300, 300, 200).outcomes)}
    assert all(rows["posterior"]["brier_first_10"] < row["brier_first_10"] for name, row in rows.items()
               if name != "posterior")  # fmt: skip
    errors = study_pooling(RNG(10), 60)
    assert errors["pooled"] < 0.75 * errors["raw_share"] and errors["pooled"] < errors["own_posterior"]


def write_run(directory: Path, reached: list[str], tags: list[str] | None = None) -> Path:
    """A run directory with one episode per entry of `reached`, its milestones joined by ;."""
    settings = {"target_theta": 0.5, "alarm_patience": 60, "max_episode_steps": 100}
    (directory / "config.json").write_text(json.dumps(settings))
    (directory / "status.json").write_text("{}")
    (directory / "schema.json").write_text(json.dumps({"version": schema.VERSION}))
    progress = [f"0,0,{name},0.5,1.5,0.25,0,1,0.8,0" for name in ("A", "B", "C")]
    (directory / schema.PROGRESS).write_text("\n".join([",".join(schema.PROGRESS_COLUMNS), *progress]) + "\n")
    lines = [",".join(schema.EPISODE_COLUMNS)]
    for i, names in enumerate(reached):
        row = dict.fromkeys(schema.EPISODE_COLUMNS, "0")
        row |= {"episode_id": str(i), "length_steps": "100", "milestones_reached": names, "truncated": "1"}
        row["savestate_tag"] = tags[i] if tags else "boot"
        lines.append(",".join(row.values()))
    (directory / schema.EPISODES).write_text("\n".join(lines) + "\n")
    return directory


def test_a_run_with_a_locked_door_is_found_out_by_replay(tmp_path, capsys):
    directory = write_run(tmp_path, [""] * 5 + ["A"] * 175 + ["A;B"] * 5, ["boot"] * 180 + ["town"] * 5)
    assert main([str(directory), "--json"]) == 0
    replay = json.loads(capsys.readouterr().out)
    first, second, third = replay["verdicts"]
    assert (replay["episodes"], replay["skipped"]) == (185, 5)
    assert (first["label"], first["successes"], first["warning"]) == ("reliable", 175, None)
    assert second["label"] == "stagnated" and second["attempts"] == 180
    assert 60 < second["warning"] < second["critical"] < 180 and second["others"]["deadline"] is not None
    assert third["label"] == "open" and third["frontier_attempts"] == 0
    for verdict in replay["verdicts"]:
        assert verdict["smc_mean"] == pytest.approx(verdict["mean"], abs=0.02)
        assert verdict["gibbs_mean"] == pytest.approx(verdict["pooled_mean"], abs=0.02)
    assert main([str(directory)]) == 0
    assert "stagnated" in capsys.readouterr().out


def test_damaged_settings_are_one_line(tmp_path, capsys):
    (write_run(tmp_path, ["A"] * 3) / "config.json").write_text("{}")
    assert main([str(tmp_path)]) == 2
    assert "lacks the run's settings" in capsys.readouterr().err


def test_a_run_that_cannot_be_replayed_is_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "Daddy.alarm_study", str(tmp_path)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "holds no run" in done.stderr
