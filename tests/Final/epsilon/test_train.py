"""The commands as a person types them: what they leave behind, and their exit codes."""

import csv
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

from Daddy.logs import schema
from Final.epsilon import run_files
from Final.epsilon.run_files import load_run
from Final.epsilon.settings import OWN_MODULES, TrainConfig, parse_config, validate
from pokemonred_puffer.data.milestones import MILESTONES
from pokemonred_puffer.rom import resolve_rom

ROOT = Path(__file__).parents[3]
SMALL = ("--num-envs", "2", "--learning-starts", "100", "--max-episode-steps", "100", "--buffer-size", "2_000",
         "--eval-episodes", "2", "--log-interval", "200")  # fmt: skip


def start(module: str, *flags: str | Path) -> subprocess.Popen:
    command = [sys.executable, "-m", f"Final.epsilon.{module}", *map(str, flags)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)  # fmt: skip


def run(module: str, *flags: str | Path) -> tuple[int, str, str]:
    """The command in this process, which saves a start: (exit code, stdout, stderr)."""
    main = importlib.import_module(f"Final.epsilon.{module}").main
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            code = main([str(flag) for flag in flags])
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def weights(path: Path) -> dict[str, list]:
    return {name: value.tolist() for name, value in load_run(path)[2].items()}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Path:
    """A run of 600 steps with evaluations at 300 and 600."""
    runs = tmp_path_factory.mktemp("runs")
    flags = ("--runs-dir", runs, "--run-name", "smoke", "--total-steps", "6e2", "--eval-interval", "300", "--seed", "3")
    process = start("train", *SMALL, *flags, "--save-interval", "100")
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, ""), err
    assert "[eval] step 300, epsilon 0:" in out and "[eval] step 600, epsilon 0.05:" in out
    return runs / "smoke"


def test_a_run_leaves_what_all_trainers_leave(smoke):
    config = json.loads((smoke / "config.json").read_text())
    assert (config["agent"], config["seed"], config["total_steps"], config["num_envs"]) == ("epsilon", 3, 600, 2)
    assert (config["max_episode_steps"], config["action_freq"], config["rom"]) == (100, 24, "")
    assert config["rom_sha1"] == resolve_rom(None).sha1 and config["reward_modules"] == list(OWN_MODULES)
    assert "-m Final.epsilon.train" in (smoke / "command.txt").read_text()
    assert "torch" in (smoke / "env.txt").read_text()
    status = json.loads((smoke / "status.json").read_text())
    assert (status["phase"], status["step_global"], status["exit_code"], status["episodes"]) == ("done", 600, 0, 6)
    assert status["sps"] > 0 and abs(time.time() - status["heartbeat"]) < 1000
    assert status["last_checkpoint"]["step_global"] == 600


def test_its_columns_are_the_shared_ones(smoke):
    assert run_files.EPISODE_COLUMNS == schema.EPISODE_COLUMNS
    assert run_files.EVALUATION_COLUMNS == schema.EVALUATION_COLUMNS
    assert run_files.METRICS_COLUMNS == schema.METRICS_COLUMNS
    for name in (schema.EPISODES, schema.EVALUATIONS, schema.METRICS):
        assert (smoke / name).read_text().splitlines()[0] == ",".join(schema.CSV_COLUMNS[name])


def test_its_episodes(smoke):
    rows = table(smoke / "episodes.csv")
    assert [(r["episode_id"], r["env_id"], r["length_steps"]) for r in rows] == [
        (str(i), str(i % 2), "100") for i in range(6)
    ]  # fmt: skip
    assert [(r["start_step_global"], r["end_step_global"]) for r in rows] == [
        (str(i // 2 * 200), str(i // 2 * 200 + 200)) for i in range(6)
    ]  # fmt: skip
    for row in rows:
        assert (row["savestate_tag"], row["terminated"], row["truncated"]) == ("boot", "0", "1")
        assert int(row["tiles"]) >= 1 and row["map"] == "Your room" and row["badges"] == "0"
        assert float(row["return_total_with_intrinsic"]) > float(row["return_env"]), "it learns from its own modules"


def test_its_evaluations(smoke):
    rows = table(smoke / "evaluations.csv")
    assert [(r["step_global"], r["episode"], r["epsilon"]) for r in rows] == [
        (step, str(i), epsilon) for step in ("300", "600") for i, epsilon in enumerate(["0.0"] * 2 + ["0.05"] * 2)
    ]
    assert [r["seed"] for r in rows] == ["1000006", "1000007"] * 4
    for row in rows:
        reached = [entry.split("@") for entry in row["milestones_reached"].split(";") if entry]
        assert int(row["milestones"]) == len(reached) and all(name in MILESTONES for name, _ in reached)
        assert row["length_steps"] == "100" and float(row["seconds"]) > 0


def test_its_metrics(smoke):
    rows = table(smoke / "metrics.csv")
    assert {int(r["step_global"]) for r in rows if r["tag"] == "charts/SPS"} == {200, 400, 600}
    by_tag = {r["tag"]: float(r["value"]) for r in rows}
    assert by_tag["charts/SPS"] * by_tag["time/train_seconds"] == pytest.approx(600, rel=0.02)
    started, ended = (float(rows[i]["unix_time"]) for i in (0, -1))
    evaluating = sum(float(r["seconds"]) for r in table(smoke / "evaluations.csv")[1:4:2])
    assert by_tag["time/train_seconds"] < ended - started + 20 - evaluating, "the clock stands during evaluations"
    assert by_tag["replay/ratio"] == pytest.approx(2 * 500 / 600, abs=0.15)
    assert by_tag["charts/epsilon"] == pytest.approx(0.1) and "eval/greedy_milestones_mean" in by_tag


def test_the_newest_three_checkpoints_stay(smoke):
    names = sorted(path.name for path in (smoke / "checkpoints").iterdir())
    assert names == [f"step_{step:012d}.safetensors" for step in (400, 500, 600)]
    early, late = (weights(smoke / "checkpoints" / name) for name in (names[0], names[2]))
    assert all(early[name] != late[name] for name in early), "everything learns"


def test_the_same_seed_gives_the_same_run(smoke):
    again = ("--runs-dir", smoke.parent, "--run-name", "again", "--total-steps", "600", "--seed", "3")
    assert run("train", *SMALL, *again, "--num-workers", "1")[0] == 0
    assert weights(smoke.parent / "again") == weights(smoke), "evaluations and workers change nothing"
    assert table(smoke.parent / "again" / "episodes.csv") == table(smoke / "episodes.csv")


def test_evaluate_plays_a_run_as_training_did(smoke):
    code, out, err = run("evaluate", smoke, "--episodes", "2", "--epsilon", "0", "0.05", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["step_global"] == 600 and [s["epsilon"] for s in result["summaries"]] == [0, 0.05]
    inline = table(smoke / "evaluations.csv")[4:]
    for ours, theirs in zip(result["episodes"], inline, strict=True):
        assert {k: str(v) for k, v in ours.items() if k not in ("seconds", "epsilon")} == {
            k: v for k, v in theirs.items() if k not in ("seconds", "epsilon")
        }


def test_evaluate_prints_lines_of_an_older_checkpoint_too(smoke):
    checkpoint = smoke / "checkpoints" / "step_000000000400.safetensors"
    code, out, _ = run("evaluate", checkpoint, "--episodes", "1", "--epsilon", "1", "--seed", "5",
                       "--max-episode-steps", "20")  # fmt: skip
    assert code == 0 and out.startswith("step 400, epsilon 1: 1 episodes, milestones 0.00")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_ends(tmp_path, number, code):
    flags = ("--runs-dir", tmp_path, "--run-name", "long", "--reward-modules", "env", "--quantile")
    process = start("train", *SMALL, *flags)
    while "step 200/" not in (line := process.stdout.readline()):
        assert process.poll() is None, line
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code and "saving" in err and "Traceback" not in err
    status = json.loads((tmp_path / "long" / "status.json").read_text())
    assert (status["phase"], status["exit_code"]) == ("stopped", code)
    config, step, saved = load_run(tmp_path / "long")
    assert config.quantile and step == status["step_global"] >= 200
    assert saved["value.bias"].shape == (51,) and all(torch.isfinite(value).all() for value in saved.values())


@pytest.mark.parametrize(
    ("flags", "code", "word"),
    [
        (["--total-stepz", "5"], 2, "did you mean --total-steps"),
        (["--total-steps", "many"], 2, "not a number"),
        (["--gamma", "1.5"], 2, "between 0 and 1"),
        (["--reward-modules", "bagde"], 2, "badge"),
        (["--reward", "baseline.Nothing"], 2, "unknown reward"),
        (["--rom", "missing.gb"], 3, "cannot be read"),
        (["--init-state", "nowhere"], 3, "nowhere"),
    ],
)
def test_what_cannot_work_ends_with_one_line(tmp_path, flags, code, word):
    got, out, err = run("train", "--runs-dir", tmp_path, "--run-name", "no", *flags)
    assert (got, out) == (code, "") and word in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_existing_run_is_left_alone(smoke):
    code, _, err = run("train", *SMALL, "--runs-dir", smoke.parent, "--run-name", "smoke")
    assert code == 2 and "choose another --run-name" in err
    assert json.loads((smoke / "status.json").read_text())["step_global"] == 600


def test_evaluate_refuses_what_is_no_run(tmp_path, smoke):
    assert run("evaluate", tmp_path)[0] == 2
    assert run("evaluate", smoke, "--epsilon", "2")[0] == 2
    broken = tmp_path / "run" / "checkpoints" / "step_000000000001.safetensors"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"\0" * 64)
    (tmp_path / "run" / "config.json").write_text((smoke / "config.json").read_text())
    code, _, err = run("evaluate", tmp_path / "run")
    assert code == 1 and "damaged" in err and err.count("\n") == 1


def test_help_names_every_flag_and_needs_no_torch():
    code, out, _ = run("train", "--help")
    assert code == 0 and all("--" + name.replace("_", "-") in out for name in vars(TrainConfig()))
    quiet = "import sys, Final.epsilon.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", quiet], cwd=ROOT, timeout=60).returncode == 0


def test_the_schedules_are_straight_lines():
    config = parse_config(["--total-steps", "1000", "--epsilon-decay", "0.5", "--epsilon-min", "0.1"])
    assert [config.epsilon(step) for step in (0, 250, 500, 1000)] == pytest.approx([1.0, 0.55, 0.1, 0.1])
    assert [config.beta(step) for step in (0, 500, 1000)] == pytest.approx([0.4, 0.7, 1.0])
    assert validate(config) is config
