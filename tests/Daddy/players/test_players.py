"""Random play and the walkthrough leave the run directories that all agents leave."""

import csv
import json

import pytest

from Daddy.logs import schema
from Daddy.logs.reader import read_metrics, read_rows, read_status
from Daddy.players.__main__ import main

LENGTH = 120


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Directory with a run ``dice`` of random play and one ``story`` of the walkthrough."""
    root = tmp_path_factory.mktemp("runs")
    common = ["--runs-dir", str(root), "--max-episode-steps", str(LENGTH), "--seed", "3"]
    assert main(["random", *common, "--run-name", "dice", "--total-steps", "400", "--num-envs", "2",
                 "--log-interval", "100"]) == 0  # fmt: skip
    assert main(["walkthrough", *common, "--run-name", "story"]) == 0
    return root


def evaluated(run, capsys, *flags: str) -> dict:
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json", *flags]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_run_is_what_a_trainer_leaves(runs):
    for name, player in (("dice", "random"), ("story", "walkthrough")):
        config, status = json.loads((runs / name / "config.json").read_text()), read_status(runs / name)
        assert config["agent"] == player and len(config["rom_sha1"]) == 40 and config["action_freq"] == 24
        assert (config["seed"], config["max_episode_steps"]) == (3, LENGTH)
        assert (status["phase"], status["exit_code"]) == ("done", 0)
        for file, columns in schema.CSV_COLUMNS.items():
            assert tuple(next(csv.reader((runs / name / file).open()))) == columns


def test_random_play_is_counted_and_timed(runs):
    rows = list(read_rows(runs / "dice", schema.EPISODES))
    assert [int(row["length_steps"]) for row in rows] == [LENGTH // 2, LENGTH, LENGTH]
    steps, seconds = read_metrics(runs / "dice", "time/train_seconds")
    _, speeds = read_metrics(runs / "dice", "charts/SPS")
    assert read_status(runs / "dice")["step_global"] == steps[-1] >= 400
    assert speeds[-1] == pytest.approx(steps[-1] / seconds[-1], rel=0.01)


def test_the_walkthrough_reaches_what_is_recorded_and_no_more(runs, capsys):
    (row,) = read_rows(runs / "story", schema.EVALUATIONS)
    assert row["milestones_reached"].startswith("EVENT_FOLLOWED_OAK_INTO_LAB@64;EVENT_GOT_STARTER@71")
    assert (row["milestones"], row["length_steps"], row["epsilon"]) == ("3", str(LENGTH), "0.0")
    for seed in ("1", "2"):
        (episode,) = evaluated(runs / "story", capsys, "--episodes", "5", "--seed", seed)["episodes"]
        assert episode["milestones"]["EVENT_BATTLED_RIVAL_IN_OAKS_LAB"] == 81


def test_random_episodes_follow_their_seeds(runs, capsys):
    first, second, third = (evaluated(runs / "dice", capsys, "--episodes", "2", "--seed", s) for s in ("5", "5", "6"))
    names = ("seed", "return_env", "tiles", "epsilon")
    strip = [[tuple(e[name] for name in names) for e in played["episodes"]] for played in (first, second, third)]
    assert strip[0] == strip[1] != strip[2]
    assert [seed for seed, *_ in strip[0]] == [5, 6] and strip[0][0][3] == 1.0


@pytest.mark.parametrize("arguments, message", [
    (["random", "--total-stps", "5"], "did you mean --total-steps"), (["dice"], "invalid choice"),
    (["random", "--num-envs", "0"], "--num-envs"), (["evaluate", "nowhere"], "no run of python -m Daddy.players"),
    (["evaluate", "nowhere", "--episodes", "0"], "--episodes"),
])  # fmt: skip
def test_errors_are_one_line(arguments, message, capsys):
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    err = capsys.readouterr().err
    assert code == 2 and message in err and err.count("\n") == 1


def test_an_existing_run_is_not_overwritten(runs, capsys):
    assert main(["random", "--runs-dir", str(runs), "--run-name", "dice"]) == 2
    assert "exists" in capsys.readouterr().err
