"""A run that is made to stagnate by a locked door, and the same run with the door open."""

import json
import re

import pytest
from curriculum_run import recorded_state, train
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from Daddy import alarm_study
from Daddy.logs.reader import latest_metrics, read_events, read_rows, read_status

PARCEL = "EVENT_GOT_OAKS_PARCEL"
BEFORE_THE_SHOP = 220  # recorded actions


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """wrapper set -> (directory, output) of 85 episodes of random play that begin in front of the shop's door."""
    root = tmp_path_factory.mktemp("runs")
    state = recorded_state(root / "door.state", BEFORE_THE_SHOP)
    argv = (
        f"--no-curriculum --init-state {state} --num-envs 8 --max-episode-steps 40 --total-steps 3400 --log-interval "
        "1000 --learning-starts 8000 --buffer-size 16000 --epsilon-schedule linear --epsilon-min 1 --rnd-weight 0 "
        "--alarm-patience 20 --target-theta 0.1 --ablate gru,lstm"
    ).split()
    return {
        name: (root / name / "run", train(root / name, *argv, "--wrappers", name)) for name in ("empty", "locked_door")
    }  # fmt: skip


def alarms(shown: str) -> list[str]:
    return re.findall(r"^\[alarm\] (\w+ (?:is warning|is critical|has recovered)): ", shown, re.M)


def test_a_locked_door_is_an_alarm_with_its_evidence_and_an_open_one_is_not(runs):
    locked, told = runs["locked_door"]
    assert alarms(told)[0] == f"{PARCEL} is warning"
    evidence = r"reached within 40 steps in \d% of episodes \(0% to \d+%, \d+ attempts\)"
    assert re.search(rf"{PARCEL} is warning: {evidence}", told)
    assert PARCEL not in " ".join(row["milestones_reached"] for row in read_rows(locked, "episodes.csv"))
    reached = [PARCEL in row["milestones_reached"] for row in read_rows(runs["empty"][0], "episodes.csv")]
    assert sum(reached) > 10 and PARCEL not in " ".join(alarms(runs["empty"][1]))


def test_the_alarm_reaches_the_files(runs):
    directory, _ = runs["locked_door"]
    (first, *_) = [record for record in read_events(directory, "alarm") if PARCEL in record["text"]]
    levels = [int(row["alarm_level"]) for row in read_rows(directory, "progress.csv") if row["milestone"] == PARCEL]
    assert levels[0] == 0 and levels[-1] >= 1 and levels == sorted(levels)
    warned = [int(row["alarm_triggered"]) for row in read_rows(directory, "episodes.csv")]
    assert warned[0] == 0 and warned[-1] == levels[-1] and first["step_global"] > 1000
    assert read_status(directory)["phase"] == "done"


def test_the_posteriors_reach_progress_metrics_and_tensorboard(runs):
    for directory, _ in runs.values():
        metrics, board = latest_metrics(directory), EventAccumulator(str(directory / "tb"))
        board.Reload()
        rows = [row for row in read_rows(directory, "progress.csv") if row["milestone"] == PARCEL]
        tags = [tag for tag in metrics if tag.startswith("posterior/")]
        assert f"posterior/{PARCEL}" in tags and len(rows) > 70
        for tag in tags:
            assert board.Scalars(tag)[-1].value == pytest.approx(metrics[tag], rel=1e-4)
        for row in rows:
            alpha, beta, mean, low, high = (float(row[name]) for name in ("alpha", "beta", "mean", "lo95", "hi95"))
            assert mean == pytest.approx(alpha / (alpha + beta), rel=1e-3) and low <= mean <= high


def test_stuck_the_scale_of_curiosity_is_high_and_falls_as_the_door_is_passed(runs):
    scale = {name: latest_metrics(directory)["intrinsic/scale"] for name, (directory, _) in runs.items()}
    assert scale["locked_door"] > 1.3
    frontier = {name: latest_metrics(directory)["posterior/frontier"] for name, (directory, _) in runs.items()}
    assert frontier["empty"] >= frontier["locked_door"]


def test_the_replay_of_the_files_comes_to_the_same_verdict(runs, capsys):
    verdicts = {}
    for name, (directory, _) in runs.items():
        assert alarm_study.main([str(directory), "--json"]) == 0
        verdicts[name] = {verdict["milestone"]: verdict for verdict in json.loads(capsys.readouterr().out)["verdicts"]}
        assert next(iter(verdicts[name])) == PARCEL, "what the start owns is no quest"
    locked, free = (verdicts[name][PARCEL] for name in ("locked_door", "empty"))
    assert (locked["label"], locked["successes"], free["label"]) == ("stagnated", 0, "reliable")
    told = [row for row in read_rows(runs["locked_door"][0], "progress.csv") if row["milestone"] == PARCEL]
    first = next(int(row["episode_id"]) for row in told if int(row["alarm_level"]))
    assert locked["warning"] == first and free["warning"] is None
