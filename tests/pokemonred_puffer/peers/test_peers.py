"""Stable-Baselines3's agents on our env; what trains needs the extra bench."""
from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pokemonred_puffer.data.events import EVENTS_IDXS
from pokemonred_puffer.peers import settings
from pokemonred_puffer.peers.__main__ import main
from pokemonred_puffer.peers.envs import BESIDE, ImageAndVector, make_envs
from pokemonred_puffer.peers.settings import PEERS, PeerSettings
from pokemonred_puffer.policies.decoding import BitUnpacker

ROOT = Path(__file__).parents[3]


def test_a_missing_library_is_named_with_the_command(monkeypatch, capsys):
    monkeypatch.setattr(settings.importlib.util, "find_spec", lambda name: None)
    for peer in PEERS:
        assert main([peer]) == 2
        assert capsys.readouterr().err == (
            f"error: {peer} needs stable_baselines3, which is not installed: pip install -e '.[bench]'\n"
        )


@pytest.mark.parametrize("arguments, message", [
    (["sb3-dqn", "--total-stps", "5"], "--total-steps"), (["sb3-dqn", "--num-envs", "0"], "--num-envs is 0"),
    (["evaluate", "nowhere"], "no run of"), (["evaluate", "nowhere", "--episodes", "0"], "--episodes"),
    (["sb3-ppo"], "invalid choice"), (["sb3-dqn", "--run-name", "a/b"], "path separators"),
])  # fmt: skip
def test_errors_are_one_line(arguments, message, capsys):
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    err = capsys.readouterr().err
    assert code == 2 and message in err and err.count("\n") == 1


def test_observations_are_pictures_and_vectors_of_what_the_env_tells(make_fake_env):
    raw = make_fake_env()
    env = ImageAndVector(raw)
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    packed = raw._observe(raw.telemetry())
    assert observation["beside"].shape == (BESIDE,)
    assert observation["beside"][8:16] @ (1 << np.arange(8)) == packed["map_id"][0]
    events = BitUnpacker(EVENTS_IDXS)(torch.tensor(packed["events"])[None])[0].numpy()
    assert np.array_equal(observation["beside"][-len(events) :], events)
    levels = np.stack([packed["screen"][:, :, 0] >> shift & 3 for shift in (6, 4, 2, 0)], -1).reshape(72, 80)
    assert np.array_equal(observation["screen"][0], np.array([0, 85, 153, 255])[levels])


def test_first_episodes_are_staggered(monkeypatch):
    limits = []
    monkeypatch.setattr("pokemonred_puffer.peers.envs.EpisodeEndWrapper", lambda env, i, first: limits.append(first))
    monkeypatch.setattr("pokemonred_puffer.peers.envs.ImageAndVector", lambda env: env)
    monkeypatch.setattr("pokemonred_puffer.peers.envs.env_maker", lambda settings: lambda i: None)
    for stagger in (True, False):
        for make in make_envs(PeerSettings(num_envs=3, max_episode_steps=90), stagger):
            make()
    assert limits == [30, 60, 90, None, None, None]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("peer, kinds", [("sb3-dqn", ["0.0", "0.05"]), ("sb3-recurrent-ppo", ["0.0", "1.0"])])
def test_a_run_is_what_every_trainer_leaves(tmp_path, peer, kinds):
    pytest.importorskip("stable_baselines3")
    pytest.importorskip("sb3_contrib")
    environment = os.environ | {"PYTHONPATH": str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", "")}

    def command(*words: str) -> subprocess.CompletedProcess:
        whole = [sys.executable, "-m", "pokemonred_puffer.peers", *words]
        return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=250)

    flags = ("--total-steps 300 --num-envs 2 --seed 4 --max-episode-steps 50 --log-interval 100 --eval-interval 200 "
             "--eval-episodes 1").split()  # fmt: skip
    done = command(peer, "--runs-dir", str(tmp_path), "--run-name", "run", *flags)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    config, status = (json.loads((run / f"{name}.json").read_text()) for name in ("config", "status"))
    assert config["agent"] == peer and config["seed"] == 4 and config["action_freq"] == 24
    assert (status["phase"], status["exit_code"], status["step_global"]) == ("done", 0, 300)
    episodes = list(csv.DictReader((run / "episodes.csv").open()))
    assert sorted(int(row["length_steps"]) for row in episodes[:2]) == [25, 50] and len(episodes) >= 5
    rows = list(csv.DictReader((run / "evaluations.csv").open()))
    assert [(row["step_global"], row["epsilon"]) for row in rows[:2]] == [("200", kind) for kind in kinds]
    tags = {row["tag"] for row in csv.DictReader((run / "metrics.csv").open())}
    assert {"charts/SPS", "time/train_seconds"} <= tags
    again = json.loads(command("evaluate", str(run), "--episodes", "1", "--json").stdout)
    assert again["step_global"] == 300 and again["episodes"][0]["seed"] == 4 + 1_000_003
    assert command(peer, "--runs-dir", str(tmp_path), "--run-name", "run").returncode == 2
