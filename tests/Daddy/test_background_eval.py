"""Evaluation beside training: it comes, it disturbs nothing, and its death is one line."""

import csv
import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from Daddy.agent import build_network
from Daddy.background_eval import BackgroundEvaluator
from Daddy.build import agent_settings, build_mixer
from Daddy.checkpoint import list_checkpoints, load_checkpoint
from Daddy.config import preset
from Daddy.logs import schema
from Daddy.loop import run_training
from Daddy.puffer_shim import STRUCTURED_DIM

CONFIG = replace(preset("slim"), max_episode_steps=10, eval_interval=100, eval_episodes=2)
TINY = {
    "num_envs": 2, "total_steps": 300, "log_interval": 100, "max_episode_steps": 40, "learning_starts": 100,
    "batch_size": 4, "buffer_size": 4_000, "seq_len": 8, "burn_in": 4, "replay_ratio": 0.5, "backend": "serial",
    "dashboard": "plain",
}  # fmt: skip


class Stage:
    """A run directory with an evaluator, and the log that it writes to."""

    def __init__(self, directory, config=CONFIG):
        self.lines, self.rows, self.scalars = [], [], {}
        self.network = build_network(agent_settings(config), 7, STRUCTURED_DIM)
        self.mixer = build_mixer(config, torch.device("cpu"))
        self.directory = directory
        (directory / "config.json").write_text(json.dumps(config.__dict__))
        self.evaluator = BackgroundEvaluator(config, directory, self)

    def tick(self, step):
        self.evaluator.tick(step, self.network, self.mixer)

    def log_event(self, kind, text):
        self.lines.append(f"[{kind}] {text}")

    def log_evaluation(self, text, rows, scalars, step_global):
        self.log_event("eval", text)
        self.rows += rows
        self.scalars[step_global] = scalars


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    with stage.evaluator:
        yield stage


def test_an_evaluation_arrives_as_rows_scalars_and_one_line(stage):
    stage.tick(99)
    assert stage.evaluator._process is None, "not due yet"
    stage.tick(100)
    stage.evaluator.finish(lambda: False)
    assert {tuple(sorted(row)) for row in stage.rows} == {tuple(sorted(schema.EVALUATION_COLUMNS))}
    assert [(row["step_global"], row["epsilon"], row["length_steps"]) for row in stage.rows] == [
        (100, 0.0, 10), (100, 0.0, 10), (100, 0.05, 10), (100, 0.05, 10),
    ]  # fmt: skip
    assert set(stage.scalars) == {100} and "eval/greedy_milestones_mean" in stage.scalars[100]
    assert sum(line.startswith("[eval] step 100 greedy") for line in stage.lines) == 1
    assert not any(line.startswith("[alarm]") for line in stage.lines)


def test_at_most_one_runs_and_the_next_takes_the_weights_of_its_moment(stage, monkeypatch):
    started = []
    sleeper = ["sleep", "0.3"]
    monkeypatch.setattr(stage.evaluator, "_launch", lambda path, out, err: started.append(path.name) or
                        subprocess.Popen(sleeper, stdout=out, stderr=err))  # fmt: skip
    for step in (100, 200, 250):
        stage.tick(step)
    assert started == ["step_000000000100"]
    stage.evaluator._process.wait()
    stage.tick(270)
    assert started == ["step_000000000100", "step_000000000270"]


@pytest.mark.parametrize("death", ["killed", "usage error", "not json"])
def test_a_failed_evaluation_is_one_alarm_and_the_next_one_is_tried(stage, monkeypatch, death):
    if death == "usage error":
        (stage.directory / "config.json").unlink()
    if death == "not json":
        monkeypatch.setattr(stage.evaluator, "_launch", lambda path, out, err: subprocess.Popen(["true"]))
    stage.tick(100)
    if death == "killed":
        stage.evaluator._process.kill()
    stage.evaluator._process.wait()
    stage.tick(150)
    assert len(stage.lines) == 1 and stage.lines[0].startswith("[alarm] evaluation of step 100")
    assert "\n" not in stage.lines[0]
    stage.tick(200)
    assert stage.evaluator._process is not None


def test_weights_that_a_killed_process_left_are_not_in_the_way(stage, monkeypatch):
    monkeypatch.setattr(stage.evaluator, "_launch", lambda path, out, err: subprocess.Popen(["test", "-d", path]))
    stage.tick(900)
    stage.evaluator._process.wait()
    resumed = BackgroundEvaluator(CONFIG, stage.directory, stage)
    monkeypatch.setattr(resumed, "_launch", stage.evaluator._launch)
    with resumed:
        resumed.tick(500, stage.network, stage.mixer)
        assert resumed._process.wait() == 0
        assert [path.name for path in (stage.directory / "evaluation").glob("step_*")] == ["step_000000000500"]


def test_an_unwritable_place_is_an_alarm_too(stage):
    (stage.directory / "evaluation").write_text("in the way")
    stage.tick(100)
    assert [line.split(":")[0] for line in stage.lines] == ["[alarm] evaluation of step 100 could not start"]


@pytest.mark.parametrize("reason", ["time is up", "Ctrl-C"])
def test_what_is_not_ready_at_the_end_is_dropped_and_said_so(stage, monkeypatch, reason):
    monkeypatch.setattr(stage.evaluator, "_launch", lambda path, out, err: subprocess.Popen(["sleep", "60"]))
    stage.tick(100)
    process, begun = stage.evaluator._process, time.monotonic()
    stage.evaluator.finish(lambda: reason == "Ctrl-C", wait_s=0.1 if reason == "time is up" else 60)
    assert time.monotonic() - begun < 5 and "dropped" in stage.lines[-1]
    stage.evaluator.__exit__()
    assert process.poll() is not None
    assert not (stage.directory / "evaluation").exists()


def test_the_evaluator_leaves_when_the_trainer_is_gone(stage):
    stage.tick(100)
    running = stage.evaluator._process
    orphan = [str(os.getppid()) if word == str(os.getpid()) else word for word in running.args]
    assert orphan != running.args
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([*orphan, "--max-episode-steps", "10000000"], env=environment, timeout=60)
    assert done.returncode == 1


def train(root, **changes):
    config = replace(preset("slim"), **{**TINY, "runs_dir": str(root), "run_name": "run", **changes})
    assert run_training(config) == 0
    (path,) = list_checkpoints(root / "run" / "checkpoints")
    return (root / "run" / "episodes.csv").read_text(), load_checkpoint(path)


def flat(state, prefix=""):
    for key, value in state.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def test_training_is_the_same_with_and_without_evaluation(tmp_path, capsys):
    episodes, state = train(tmp_path / "a")
    watched_episodes, watched = train(tmp_path / "b", eval_interval=100, eval_episodes=1)
    assert watched_episodes == episodes
    state, watched = dict(flat(state)), dict(flat(watched))
    assert state.pop("train_seconds") > 0 and watched.pop("train_seconds") > 0, "the clock's, not the seed's"
    assert state.keys() == watched.keys() and state["agent/learner/updates"] > 0
    for key, value in state.items():
        same = torch.equal(value, watched[key]) if isinstance(value, torch.Tensor) else value == watched[key]
        assert same, key
    assert "[eval] step" in capsys.readouterr().out
    with (tmp_path / "b/run/evaluations.csv").open(newline="") as file:
        assert {int(row["step_global"]) for row in csv.DictReader(file)} == {100}
    assert not (tmp_path / "b/run/evaluation").exists()
