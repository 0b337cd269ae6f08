"""The real thing: random play, PPO and the DQN, a few hundred steps each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FLAGS = ("--steps 400 --seeds 1 --num-envs 2 --max-episode-steps 60 --eval-episodes 2 --eval-interval 400 --json "
         "--jobs 2").split()  # fmt: skip
EXTRA = ("dqn-slim: --learning-starts 100 --batch-size 4 --buffer-size 4000 --backend serial;"
         "puffer-ppo: --batch-size 128 --bptt-horizon 16 --minibatch-size 64 --vectorization serial")  # fmt: skip


def compare(out: Path, *flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "Daddy.compare", *FLAGS, "--extra", EXTRA, "--out", str(out), *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", "")}
    return subprocess.run(command, cwd=out.parent, env=environment, capture_output=True, text=True, timeout=400)


@pytest.mark.timeout(500)
def test_three_agents_become_three_rows_and_are_not_run_again(tmp_path):
    out = tmp_path / "out"
    done = compare(out, "--agents", "random,puffer-ppo,dqn-slim")
    assert done.returncode == 0, done.stderr
    rows = {row["agent"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert list(rows) == ["random", "puffer-ppo", "dqn-slim"]
    for name, row in rows.items():
        assert row["status"] == "ok" and row["seeds"] == [1] and not row["notes"], row
        assert row["steps"]["iqm"] >= 400 and row["minutes"]["iqm"] > 0 and row["sps"]["iqm"] > 0
        assert row["milestones_sampled"]["lo95"] is None, "one seed has no interval"
        assert (row["milestones_greedy"] is None) == (name == "random")
        assert row["peak_memory_bytes"]["iqm"] > 50e6 and row["milestones_training"] is not None
        (run,) = row["runs"]
        assert len(run["rom_sha1"]) == 40 and run["action_freq"] == 24 and run["max_episode_steps"] == 60
    assert rows["dqn-slim"]["learned_per_collected"]["iqm"] > 0
    assert rows["dqn-slim"]["equal_steps"]["steps"] >= 400
    for name in rows:
        evaluation = json.loads((out / f"runs/{name}_seed1.evaluation.json").read_text())
        assert [e["seed"] for e in evaluation["episodes"]][:2] == [1_000_004, 1_000_005]
    again = compare(out, "--agents", "random,puffer-ppo,dqn-slim")
    assert again.returncode == 0 and again.stderr.count("finished before") == 3
    assert again.stdout == done.stdout
