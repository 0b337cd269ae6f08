"""Runs as processes, with a trainer that takes a fraction of a second (tests/helpers/fake_trainer.py)."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_directories import write_run

from Daddy.compare import __main__ as command
from Daddy.compare import agents
from Daddy.compare.agents import Base
from Daddy.logs.files import write_json_atomically

ROOT, HELPERS = Path(__file__).parents[3], Path(__file__).parents[2] / "helpers"
FAKE = Base(("fake_trainer", "train"), ("fake_trainer", "evaluate"), resume=("--resume",), inline=False)
STUBBORN = Base(("fake_trainer", "train"), ("fake_trainer", "evaluate"), inline=False)


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Runs ``Daddy.compare`` with the fake agents in this process; returns its exit code."""
    monkeypatch.setenv("PYTHONPATH", f"{HELPERS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setitem(agents.BASES, "fake", FAKE)
    monkeypatch.setitem(agents.BASES, "stubborn", STUBBORN)

    def run(*flags: str, names: str = "fake") -> int:
        return command.main(["--agents", names, "--steps", "500", "--out", str(tmp_path / "out"), *flags])

    return run


def notes(tmp_path, name: str) -> dict:
    return json.loads((tmp_path / "out" / "runs" / f"{name}.compare.json").read_text())


def test_two_seeds_become_a_row_and_the_same_command_does_nothing_twice(fake, tmp_path, capfd):
    assert fake("--seeds", "2", "--jobs", "2", "--eval-episodes", "3", "--json") == 0
    first = capfd.readouterr()
    (row,) = [json.loads(line) for line in first.out.splitlines()]
    assert row["agent"] == "fake" and row["seeds"] == [1, 2] and row["steps"]["values"] == [500.0, 500.0]
    assert row["milestones_greedy"] == {"iqm": 1.0, "lo95": 1.0, "hi95": 1.0, "values": [1.0, 1.0]}
    assert row["peak_memory_bytes"]["iqm"] > 1e6 and row["sps"]["iqm"] == pytest.approx(10.0)
    assert "2 runs, 2 at a time (as asked)" in first.err
    assert {"table.md", "table.csv", "table.json"} <= {path.name for path in (tmp_path / "out").iterdir()}
    evaluation = json.loads((tmp_path / "out/runs/fake_seed1.evaluation.json").read_text())
    assert len(evaluation["episodes"]) == 2 * 3
    before = notes(tmp_path, "fake_seed1")
    assert fake("--seeds", "2", "--eval-episodes", "3") == 0
    again = capfd.readouterr()
    assert again.err.count("finished before") == 2 and "starts" not in again.err and "| fake " in again.out
    assert notes(tmp_path, "fake_seed1") == before
    assert fake("--seeds", "3", "--eval-episodes", "3") == 0
    assert capfd.readouterr().err.count("finished before") == 2 and notes(tmp_path, "fake_seed3")["ended"] == "done"


def test_another_number_of_evaluation_episodes_evaluates_again_only(fake, tmp_path, capfd):
    assert fake("--seeds", "1") == 0 and fake("--seeds", "1", "--eval-episodes", "2") == 0
    assert capfd.readouterr().err.count(": starts:") == 1
    evaluation = json.loads((tmp_path / "out/runs/fake_seed1.evaluation.json").read_text())
    assert len(evaluation["episodes"]) == 2 * 2


def test_a_crashed_run_says_so_and_the_rest_stands(fake, tmp_path, capfd):
    assert fake("--seeds", "1", "--extra", "stubborn: --crash-at 300", "--json", names="fake,stubborn") == 0
    out, err = capfd.readouterr()
    good, bad = map(json.loads, out.splitlines())
    assert good["status"] == "ok" and bad["status"] == "failed"
    (failure,) = bad["failures"]
    assert failure["last_line"] == "boom: the fake has crashed"
    assert (failure["phase"], failure["step"]) == ("failed", 200)
    assert "not in the table: stubborn_seed1: failed" in err and "exit code 1" in err
    assert notes(tmp_path, "stubborn_seed1")["exit_code"] == 1


def test_nothing_that_stands_is_a_failure(fake):
    assert fake("--seeds", "1", "--extra", "stubborn: --crash-at 300", names="stubborn") == 1


@pytest.mark.parametrize("name, words", [("fake", "goes on"), ("stubborn", "starts")])
def test_a_half_run_goes_on_where_its_trainer_can_and_else_starts_anew(fake, tmp_path, capfd, name, words):
    """Minutes end the run half way; without them it is completed."""
    assert fake("--seeds", "1", "--minutes", "0.3", "--extra", f"{name}: --pace 4", names=name) == 0
    half = notes(tmp_path, f"{name}_seed1")
    assert half["ended"] == "minutes" and half["exit_code"] == 143
    row = json.loads((tmp_path / "out/table.json").read_text())["agents"][0]
    assert row["status"] == "ok" and 180 <= row["steps"]["iqm"] < 500, "0.3 minutes are 180 steps of the fake"
    capfd.readouterr()
    assert fake("--seeds", "1", "--minutes", "0.3", "--extra", f"{name}: --pace 4", names=name) == 0
    assert "finished before" in capfd.readouterr().err
    if name == "stubborn":  # its work is not thrown away
        assert fake("--seeds", "1", "--extra", f"{name}: --pace 4", names=name) == 2
        assert "cannot go on" in capfd.readouterr().err
        write_json_atomically(tmp_path / "out/runs/stubborn_seed1.compare.json", half | {"ended": "stopped"})
    assert fake("--seeds", "1", "--extra", f"{name}: --pace 4", names=name) == 0
    assert f"{name}_seed1: {words}" in capfd.readouterr().err
    assert notes(tmp_path, f"{name}_seed1")["ended"] == "done"


@pytest.mark.parametrize("flags, message", [
    (("--steps", "600"), "--steps 500, not 600"), (("--num-envs", "4"), "--num-envs auto, not 4"),
    (("--reward", "baseline.Other"), "--reward"), (("--max-episode-steps", "9"), "--max-episode-steps"),
    (("--extra", "fake: --pace 3"), "--flags"), (("--rom", "x.gb"), "--rom"),
    (("--allow-rom-mismatch",), "--allow-rom-mismatch"),
])  # fmt: skip
def test_runs_made_with_other_settings_are_not_mixed_in(fake, flags, message, capfd):
    assert fake("--seeds", "1") == 0
    assert fake("--seeds", "1", *flags) == 2
    assert message in capfd.readouterr().err


def test_a_foreign_directory_is_left_alone(fake, tmp_path, capfd):
    write_run(tmp_path / "out/runs/fake_seed1")
    assert fake("--seeds", "1") == 2
    assert "no run of this comparison" in capfd.readouterr().err


def test_existing_runs_are_collected_and_not_written_to(fake, tmp_path, capfd):
    played = [(1000, 0.0, [["A", "B"]])]
    for seed in (1, 2):
        config = {"seed": seed, "max_episode_steps": 2048}
        write_run(tmp_path / f"runs/old_seed{seed}", config=config, evaluations=played)
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    paths = ",".join(str(tmp_path / f"runs/old_seed{seed}") for seed in (1, 2))
    assert fake("--json", names=paths) == 0
    (row,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert row["agent"] == "old" and row["seeds"] == [1, 2] and row["milestones_greedy"]["values"] == [2.0, 2.0]
    assert {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()} == before


def test_a_collected_run_with_a_checkpoint_is_evaluated_too(fake, tmp_path, monkeypatch, capfd):
    path = write_run(tmp_path / "old_seed1", config={"agent": "fake"}, evaluations=[(1000, 0.0, [["A", "B", "C"]])])
    (path / "checkpoints").mkdir()
    assert fake("--json", names=str(path)) == 0
    (row,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert row["milestones_greedy"]["values"] == [1.0] and not (path / "evaluation.json").exists()
    broken = Base(FAKE.train, ("fake_trainer", "evaluate", "--no-such-command-line", "nowhere"))
    monkeypatch.setitem(agents.BASES, "fake", broken)
    assert fake("--json", "--eval-episodes", "2", names=str(path)) == 0
    (row,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert row["milestones_greedy"]["values"] == [3.0] and "final evaluation failed" in row["notes"][0]


def test_a_run_that_died_is_told_with_its_last_words(fake, tmp_path, capfd):
    status = {"phase": "training", "exit_code": None, "step_global": 70, "pid": 2**22 + 1}
    path = write_run(tmp_path / "dead", status=status)
    (path / "train.log").write_text("fine\nRuntimeError: no more\n")
    assert fake("--json", names=str(path)) == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["failures"][0]["step"] == 70 and "RuntimeError: no more" in err


def test_mixed_units_are_refused_before_anything_is_run(fake, tmp_path, capfd):
    path = write_run(tmp_path / "old", config={"max_episode_steps": 50})
    assert fake("--seeds", "1", names=f"fake,{path}") == 2
    assert "episode length" in capfd.readouterr().err and not (tmp_path / "out/runs/fake_seed1").exists()
    assert fake("--seeds", "1", "--force", names=f"fake,{path}") == 0
    assert "**Warning:** the runs differ in" in (tmp_path / "out/table.md").read_text()


def test_a_second_comparison_in_the_same_place_is_refused(fake, tmp_path, capfd):
    lock = command._take(tmp_path / "out")
    try:
        assert fake() == 2
    finally:
        lock.release()
    assert "in use by another comparison" in capfd.readouterr().err


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_runs_in_good_order_and_the_command_goes_on(tmp_path, number, code):
    script = f"""
import sys
sys.path.insert(0, {str(HELPERS)!r})
from Daddy.compare import __main__ as command, agents
agents.BASES["fake"] = agents.Base(("fake_trainer", "train"), ("fake_trainer", "evaluate"), resume=("--resume",),
                                   inline=False)
sys.exit(command.main(["--agents", "fake", "--steps", "4000", "--seeds", "2", "--out", sys.argv[1], "--extra",
                       "fake: --pace 10"]))
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HELPERS)))}
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=environment, stderr=subprocess.PIPE)
    status = tmp_path / "runs/fake_seed1/status.json"
    deadline = time.monotonic() + 60
    while not (status.exists() and json.loads(status.read_text())["step_global"] > 0):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err.decode()
    assert b"the same command goes on" in err
    told = json.loads(status.read_text())
    assert told["phase"] == "stopped" and 0 < told["step_global"] < 4000
    assert json.loads((tmp_path / "runs/fake_seed1.compare.json").read_text())["ended"] == "stopped"
    assert not (tmp_path / "runs/fake_seed2").exists()
