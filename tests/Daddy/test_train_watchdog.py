"""A run whose emulators are lost: it goes on, or saves and ends with the cause."""

import json
import os
import subprocess
import sys
from pathlib import Path

from Daddy.checkpoint import list_checkpoints, load_checkpoint

HELPERS = Path(__file__).parents[1] / "helpers"
SETTINGS = (
    "--num-envs 4 --num-workers 2 --total-steps 6000 --log-interval 200 --max-episode-steps 60 --learning-starts 120 "
    "--batch-size 4 --buffer-size 4000 --seq-len 8 --burn-in 4 --replay-ratio 0.2 --run-name run --eval-interval 0"
).split()


def train(folder: Path, *extra: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}{os.pathsep}{HELPERS}"}
    return subprocess.run(
        [sys.executable, "-m", "Daddy.train_slim", *SETTINGS, "--runs-dir", str(folder / "runs"), *extra],
        capture_output=True, text=True, timeout=100, cwd=folder, env=environment,
    )  # fmt: skip


def test_a_run_survives_lost_workers_and_gives_up_resumably(tmp_path):
    done = train(tmp_path, "--env-class", "stand_in_env:DyingEnv", "--max-restarts", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1 and "SIGKILL" in done.stderr and "2 restarts" in done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("[worker] worker 0 (envs 0-1) died: killed by SIGKILL") for line in lines) == 2
    (path,) = list_checkpoints(tmp_path / "runs/run/checkpoints")
    assert load_checkpoint(path)["step_global"] > 120 and any(path.name in line for line in lines)
    events = [json.loads(line) for line in (tmp_path / "runs/run/events.jsonl").read_text().splitlines()]
    assert [event["restarts"] for event in events if event["kind"] == "worker"] == [1, 2]
    assert json.loads((tmp_path / "runs/run/status.json").read_text())["phase"] == "failed"
