"""The commands on the free cartridge: what they print, write, refuse, and how a stopped run goes on."""
from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pokemonred_puffer.factory import DEFAULT_REWARD
from pokemonred_puffer.ppo.checkpoint import CheckpointError, checkpoints, load_checkpoint, newest, save_checkpoint
from pokemonred_puffer.ppo.cli import Cli
from pokemonred_puffer.ppo.run_files import EVALUATION_COLUMNS
from pokemonred_puffer.ppo.settings import Settings, build_settings
from pokemonred_puffer.train import main

ROOT = Path(__file__).parents[3]
SMALL = (
    "train --preset cpu --vectorization serial --num-envs 2 --total-steps 256 --batch-size 128 --minibatch-size 64 "
    "--max-episode-steps 40 --log-interval 100 --dashboard plain"
).split()


def train(root: Path, *more: str) -> int:
    return main([*SMALL, "--runs-dir", str(root), *more])


def rows(run: Path, name: str) -> list[dict]:
    with (run / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small finished run with evaluations and TensorBoard files."""
    root = tmp_path_factory.mktemp("runs")
    assert train(root, "--run-name", "small", "--eval-interval", "128", "--eval-episodes", "1", "--track") == 0
    return root / "small"


def test_the_run_directory_has_what_runs_are_compared_by(run):
    config, status = (json.loads((run / name).read_text()) for name in ("config.json", "status.json"))
    assert config["agent"] == "puffer-ppo" and config["max_episode_steps"] == 40 and config["num_envs"] == 2
    assert {"seed", "total_steps", "reward", "rom", "rom_sha1", "action_freq"} <= set(config)
    assert status["phase"] == "done" and status["exit_code"] == 0 and status["step_global"] >= 256
    episodes = rows(run, "episodes.csv")
    assert [int(e["length_steps"]) for e in episodes[:3]] == [20, 40, 40], "the first episode of env 0 is shorter"
    assert all(e["truncated"] == "1" and e["map"] and int(e["tiles"]) >= 1 for e in episodes)
    assert all(int(e["end_step_global"]) - int(e["start_step_global"]) <= 2 * 40 for e in episodes)
    played = rows(run, "evaluations.csv")
    assert tuple(played[0]) == EVALUATION_COLUMNS
    assert {(p["epsilon"], p["length_steps"]) for p in played} == {("0.0", "40"), ("1.0", "40")}
    tags = {row["tag"] for row in rows(run, "metrics.csv")}
    assert {"charts/SPS", "time/train_seconds", "losses/policy_loss", "eval/greedy_milestones_mean"} <= tags
    assert list((run / "tb").iterdir()) and (run / "command.txt").read_text()
    assert "torch" in (run / "env.txt").read_text()


def test_evaluate_plays_the_checkpoint(run, capsys):
    assert main(["evaluate", str(run), "--episodes", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    inline = [row for row in rows(run, "evaluations.csv") if int(row["step_global"]) == told["step_global"]]
    assert [row["return_env"] for row in inline] == [str(e["return_env"]) for e in told["episodes"]]
    assert main(["evaluate", "--checkpoint-path", str(checkpoints(run / "checkpoints")[-1]), "--episodes", "1"]) == 0
    assert "greedy (1 episodes): milestones" in capsys.readouterr().out


def test_a_run_goes_on(run, capsys):
    assert train(run.parent, "--run-name", "small") == 2
    assert "--resume" in capsys.readouterr().err
    before = rows(run, "episodes.csv")
    going_on = ["--run-name", "small", "--resume", "--total-steps", "500"]
    assert main(["train", "--runs-dir", str(run.parent), *going_on]) == 0
    after = rows(run, "episodes.csv")
    assert after[: len(before)] == before and len(after) > len(before)
    assert [int(e["episode_id"]) for e in after] == list(range(len(after)))
    config = json.loads((run / "config.json").read_text())
    assert config["total_steps"] == 500 and config["num_envs"] == 2
    seconds = [float(r["value"]) for r in rows(run, "metrics.csv") if r["tag"] == "time/train_seconds"]
    assert seconds == sorted(seconds)


def test_the_same_seed_gives_the_same_run(tmp_path):
    for name, seed in (("one", "5"), ("same", "5"), ("other", "6")):
        assert train(tmp_path, "--run-name", name, "--seed", seed) == 0
    weights = [newest(tmp_path / name / "checkpoints")[1] for name in ("one", "same", "other")]
    equal = [all(torch.equal(weights[0][key], found[key]) for key in weights[0]) for found in weights[1:]]
    assert equal == [True, False]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_ends_with_its_code(tmp_path, number, code):
    command = [sys.executable, "-m", "pokemonred_puffer.train", *SMALL, "--vectorization", "multiprocessing",
               "--total-steps", "10_000_000", "--runs-dir", str(tmp_path), "--run-name", "stopped"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        for line in child.stdout:
            if line.startswith("[step"):
                break
        child.send_signal(number)
        child.communicate(timeout=60)
    assert child.returncode == code
    assert json.loads((tmp_path / "stopped" / "status.json").read_text())["phase"] == "stopped"
    assert newest(tmp_path / "stopped" / "checkpoints")


def test_workers_do_not_outlive_a_killed_trainer(tmp_path):
    command = [sys.executable, "-m", "pokemonred_puffer.train", *SMALL, "--vectorization", "multiprocessing",
               "--total-steps", "10_000_000", "--runs-dir", str(tmp_path), "--run-name", "killed"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        for line in child.stdout:
            if line.startswith("[step"):
                break
        workers = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        child.kill()
    assert workers
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            break
        time.sleep(0.1)
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["train", "--totl-steps", "5"], 2, 'did you mean "--total-steps"'),
        (["train", "--total-steps", "many"], 2, "not a number"),
        (["train", "--gamma", "2"], 2, "--gamma is 2.0"),
        (["train", "--preset", "cpu", "--batch-size", "8"], 2, "--bptt-horizon"),
        (["train", "--preset", "cpu", "--rom", "/nowhere.gb"], 3, "cannot be read"),
        (["train", "--preset", "cpu", "--policy", "cels.CellPolicy"], 2, 'did you mean "cells"'),
        (["train", "--preset", "cpu", "--policy", "cells.CelPolicy"], 2, 'did you mean "CellPolicy"'),
        (["train", "--preset", "cpu", "--reward", "baseline.Nothing"], 2, "no"),
        (["train", "--preset", "cpu", "--device", "cuda:99"], 2, "--device cuda:99"),
        (["train", "--resume"], 2, "--run-name"),
        (["evaluate", "/nowhere"], 2, "no run directory"),
        (["evaluate"], 2, "needs a run directory"),
        (["autotune", "--envs", "few"], 2, "--envs"),
    ],
)
def test_mistakes_are_one_line_with_their_code(tmp_path, monkeypatch, capsys, arguments, code, text):
    monkeypatch.chdir(tmp_path)
    try:
        found = main([*arguments, *(["--vectorization", "serial"] if arguments[0] == "train" else [])])
    except SystemExit as stop:
        found = stop.code
    error = capsys.readouterr().err
    assert found == code and text in error and len(error.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_upstreams_flags_and_configuration_are_understood(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("env: {max_steps: 77}\ntrain: {total_timesteps: 1e6, num_envs: 4, swarm: true, gamma: 0.9}\n"
                    "debug: {train: {bptt_horizon: 2}}\n")
    settings, notes = build_settings("upstream", str(file), True, {"gamma": 0.5})
    assert (settings.total_steps, settings.num_envs, settings.max_episode_steps) == (1_000_000, 1, 77)
    assert (settings.gamma, settings.bptt_horizon, settings.vectorization) == (0.5, 2, "serial")
    assert "train.swarm" in notes[0]
    parsed = Cli().parse("train --exp-name a --rom-path b -r c -w d -p e --lr 0.1 --no-track".split())
    assert [parsed.run_name, parsed.rom, parsed.reward, parsed.wrappers, parsed.policy] == list("abcde")


def test_the_defaults_are_upstreams():
    s = Settings()
    assert (s.num_envs, s.num_workers, s.env_batch_size, s.batch_size, s.minibatch_size) == (288, 24, 36, 65_536, 2_048)
    assert s.reward == DEFAULT_REWARD
    assert (s.update_epochs, s.bptt_horizon, s.clip_coef, round(s.gamma, 4)) == (3, 16, 0.1, 0.998)


def test_debug_and_autotune_tell_what_they_do(run, capsys):
    assert main(["debug", "--preset", "cpu", "--steps", "5", "--checkpoint", str(run)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("step 5: reward")
    assert main(["autotune", "--preset", "cpu", "--envs", "2", "--seconds", "0.1"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1].startswith("best: --") and len(out) >= 3
    Cli().parse(["train", *out[-1].removeprefix("best: ").split()])


def test_a_damaged_checkpoint_is_passed_over_and_only_three_stay(tmp_path):
    for step in (1, 2, 3, 4):
        save_checkpoint(tmp_path, step, {"policy.w": torch.full((2,), float(step))}, {"a": step})
    assert [path.name[-1] for path in checkpoints(tmp_path)] == ["2", "3", "4"]
    (tmp_path / "step_000000000004" / "tensors.safetensors").write_bytes(b"torn")
    path, tensors, state = newest(tmp_path)
    assert path.name.endswith("3") and tensors["policy.w"].tolist() == [3, 3] and state["a"] == 3
    with pytest.raises(CheckpointError, match="delete it"):
        load_checkpoint(tmp_path / "step_000000000004")
