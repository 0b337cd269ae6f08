"""The commands themselves, as a person runs them: in a process of their own, on the cartridge, piped."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from Daddy.checkpoint import list_checkpoints, load_checkpoint
from Daddy.config import preset
from pokemonred_puffer.emulator import PYBOY_VERSION, Emulator
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.rom import resolve_rom

TINY = (
    "--num-envs 2 --total-steps 400 --log-interval 100 --max-episode-steps 60 --learning-starts 120 --batch-size 4 "
    "--buffer-size 4000 --seq-len 8 --burn-in 4 --replay-ratio 0.2 --run-name run"
).split()


def command(module: str, root: Path, *extra: str) -> list[str]:
    return [sys.executable, "-m", f"Daddy.{module}", *TINY, "--runs-dir", str(root), *extra]


def run(module: str, root: Path, *extra: str, **options) -> subprocess.CompletedProcess:
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        command(module, root, *extra), capture_output=True, text=True, timeout=120, env=environment, cwd=root.parent
    )


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    root = tmp_path_factory.mktemp("work") / "runs"
    result = run("train_slim", root, "--backend", "puffer")
    assert result.returncode == 0, result.stderr
    return root / "run", result


def test_a_run_prints_its_lines_and_leaves_its_files(finished_run):
    directory, result = finished_run
    lines = result.stdout.splitlines()
    assert sum(line.startswith("[step ") for line in lines) == 4
    assert any(line.startswith("[EP 0 env=") for line in lines)
    assert "\x1b" not in result.stdout, "piped output is plain"
    for name in ("config.json", "command.txt", "env.txt", "train.log", "episodes.csv"):
        assert (directory / name).stat().st_size > 0, name
    assert list((directory / "tb").glob("events.out.tfevents.*"))
    rows = episode_rows(directory)
    lengths = [int(row["length_steps"]) for row in rows]
    assert lengths == [30, 60, 60, 60, 60, 60], "2 envs of 200 steps in episodes of 60, the very first one of 30"
    assert {row["truncated"] for row in rows} == {"1"}


def test_the_last_checkpoint_holds_the_counters(finished_run):
    directory, _ = finished_run
    (path,) = list_checkpoints(directory / "checkpoints")
    state = load_checkpoint(path)
    assert state["step_global"] == 400 and state["pacer"]["learned"] > 0 and state["train_seconds"] > 0
    assert re.search(r"rom_sha1 [0-9a-f]{40}\naction_freq 24\n", (directory / "env.txt").read_text())
    assert json.loads((directory / "checkpoints" / "latest.json").read_text())["checkpoint"] == path.name


def test_a_cooled_run_is_told_its_learning_rate_and_learns_less(finished_run, tmp_path):
    plain = load_checkpoint(list_checkpoints(finished_run[0] / "checkpoints")[-1])
    root = tmp_path / "runs"
    assert run("train_slim", root, "--backend", "serial", "--lr-cooldown", "1").returncode == 0
    with (root / "run" / "metrics.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["tag"] == "charts/lr"]
    rates = {int(row["step_global"]): float(row["value"]) for row in rows}
    assert len(rates) == 4 and rates[400] == 0.0
    assert rates == pytest.approx({step: preset("slim").lr * (1 - step / 400) for step in rates})
    cooled = load_checkpoint(list_checkpoints(root / "run" / "checkpoints")[-1])
    online, other = (state["agent"]["learner"]["online"]["base.weight"] for state in (plain, cooled))
    assert plain["agent"]["learner"]["updates"] == cooled["agent"]["learner"]["updates"] > 0
    assert not torch.equal(online, other)


def test_the_same_seed_gives_the_same_run_on_both_backends(finished_run, tmp_path):
    directory, _ = finished_run
    assert run("train_slim", tmp_path / "runs", "--backend", "serial").returncode == 0
    assert (tmp_path / "runs/run/episodes.csv").read_text() == (directory / "episodes.csv").read_text()


@pytest.mark.timeout(400)  # four processes: a minute on a busy machine
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_leaves_and_the_run_resumes(tmp_path, number, code):
    root, out = tmp_path / "runs", tmp_path / "out.txt"
    process = start(root, out, "--total-steps", "1e7")
    _wait_for(lambda: "[step " in out.read_text(), 120)
    refused = run("train_slim", root, "--resume")
    assert refused.returncode == 2 and "in use by a running training" in refused.stderr
    process.send_signal(number)
    assert process.wait(timeout=20) == code
    (path,) = list_checkpoints(root / "run" / "checkpoints")
    step = load_checkpoint(path)["step_global"]
    assert step > 0 and "saving a checkpoint" in out.read_text()
    command_line = "python -m Daddy.train_slim --run-name run --resume"
    assert f"stopped at step {step:,}; go on with: {command_line}" in out.read_text()
    more = resume(root, "--total-steps", str(step + 100))
    assert more.returncode == 0, more.stderr
    assert f"resuming from {path}" in more.stdout and f"--total-steps 10000000 -> {step + 100}" in more.stdout
    assert 0 < sps_of(more.stdout) < 50_000, "speed is that of this process alone"
    rows = episode_rows(root / "run")
    assert_told_once(rows)
    assert int(rows[-1]["end_step_global"]) > step
    again = resume(root)
    assert again.returncode == 0 and "has its" in again.stdout and "already" in again.stdout


@pytest.mark.timeout(400)
def test_a_run_killed_at_any_moment_resumes(tmp_path):
    root, out = tmp_path / "runs", tmp_path / "out.txt"
    often = ("--total-steps", "1e7", "--save-interval", "60")
    process = start(root, out, *often)
    steps = [0]
    for pause in (0.35, 0.0):
        _wait_for(lambda: out.read_text().count("[checkpoint]") >= 2, 120)
        time.sleep(pause)
        process.kill()
        process.wait(timeout=20)
        process = start(root, out, *often, "--on-exist", "resume")
        _wait_for(lambda: "resuming from" in out.read_text(), 120)
        steps.append(int(re.search(r"resuming from \S+/step_(\d+);", out.read_text())[1]))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    assert steps == sorted(set(steps)), "every life goes on later than the one before"
    rows = episode_rows(root / "run")
    assert_told_once(rows)


def test_sigterm_while_starting_leaves_nothing_behind(tmp_path):
    process = start(tmp_path / "runs", tmp_path / "out.txt")
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) in (143, -signal.SIGTERM), "the latter before Python has come to our code"
    assert "Traceback" not in (tmp_path / "out.txt").read_text()
    assert not (tmp_path / "runs").exists()


def start(root: Path, out: Path, *extra: str) -> subprocess.Popen:
    with out.open("w") as file:
        return subprocess.Popen(command("train_slim", root, *extra), stdout=file, stderr=subprocess.STDOUT)


def resume(root: Path, *extra: str) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", "Daddy.train_slim", "--run-name", "run", "--runs-dir", str(root), "--resume", *extra]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def episode_rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "episodes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_told_once(rows: list[dict[str, str]]) -> None:
    """Ids go on after a resume (those of the episodes it cut are skipped), and steps never run backwards."""
    ids, ends = ([int(row[name]) for row in rows] for name in ("episode_id", "end_step_global"))
    assert len(set(ids)) == len(ids) and ends == sorted(ends)


def sps_of(output: str) -> float:
    return float(re.findall(r"SPS=([\d,]+)", output)[-1].replace(",", ""))


def _wait_for(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def state_of_another_pyboy() -> bytes:
    """A good savestate of the cartridge whose header names an older PyBoy."""
    emulator = Emulator(resolve_rom())
    try:
        return emulator.save_state().replace(PYBOY_VERSION.encode(), b"2.6.0")
    finally:
        emulator.close()


def test_a_run_can_start_from_a_savestate(tmp_path):
    env = RedGymEnv({"log_frequency": 0})
    env.reset(seed=0)
    path = write(tmp_path / "bedroom.state", env.save_state())
    env.close()
    assert run("train_slim", tmp_path / "runs", "--init-state", path).returncode == 0
    assert "bedroom" in (tmp_path / "runs/run/episodes.csv").read_text()


@pytest.mark.parametrize(
    "extra, code, message",
    [
        (["--num-envs", "0"], 2, "--num-envs is 0"),
        (["--num-env", "2"], 2, "did you mean --num-envs?"),
        (["--rom", "nowhere.gb"], 3, "nowhere.gb"),
        (["--rom", "{truncated}"], 3, ""),
        (["--rom", "{unknown}"], 3, "--allow-rom-mismatch"),
        (["--init-state", "nowhere.state"], 3, "nowhere.state cannot be read"),
        (["--init-state", "{junk}"], 3, "junk.state"),
        (["--init-state", "{older}"], 3, "PyBoy 2.6.0"),
        (["--reward", "baseline.Nothing"], 2, "no class Nothing"),
        (["--num-workers", "3"], 2, "num_workers is 3"),
        (["--runs-dir", "{file}"], 2, "choose another --runs-dir"),
        (["--device", "tpu"], 2, "--device"),
        (["--buffer-size", "10"], 2, "--buffer-size 10 is too small"),
        (["--buffer-size", "1e12"], 2, "use at most"),
    ],
)
def test_bad_input_is_one_line_one_code_and_no_run_directory(tmp_path, extra, code, message):
    places = {
        "truncated": write(tmp_path / "t.gb", bytes(1000)),
        "unknown": write(tmp_path / "u.gb", bytes(32768)),
        "file": write(tmp_path / "file", b""),
        "junk": write(tmp_path / "junk.state", b"not a savestate"),
        "older": write(tmp_path / "older.state", state_of_another_pyboy()),
    }
    result = run("train_slim", tmp_path / "runs", *[part.format(**places) for part in extra])
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert result.stderr.strip().count("\n") == 0 and "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_an_existing_run_needs_a_word(finished_run):
    directory, _ = finished_run
    before = (directory / "episodes.csv").read_text()
    result = run("train_slim", directory.parent)
    assert result.returncode == 2 and "--on-exist restart" in result.stderr
    assert (directory / "episodes.csv").read_text() == before


def test_train_big_is_the_large_preset_of_the_same_loop(tmp_path):
    result = run("train_big", tmp_path / "runs", "--total-steps", "150")
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "runs/run/config.json").read_text())["model_size"] == "large"
    assert "network large" in result.stdout
