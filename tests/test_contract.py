"""The contract of what a run takes and tells: flags, schemas, line formats, documentation."""

import ast
import contextlib
import csv
import dataclasses
import errno
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from Daddy import train_slim
from Daddy.cli import build_parser
from Daddy.config import TrainConfig, preset
from Daddy.logging_utils import RunLogger
from Daddy.logs import schema
from Daddy.logs.reader import latest_metrics, read_events, read_rows, read_status, state_of

ROOT = Path(__file__).parents[1]
TINY = (
    "--backend serial --num-envs 2 --total-steps 200 --log-interval 50 --max-episode-steps 40 --learning-starts 60 "
    "--batch-size 4 --buffer-size 4000 --seq-len 8 --burn-in 4 --replay-ratio 2 --step-log-every 10 --dashboard plain"
).split()


def train(root: Path, *argv: str) -> str:
    """What a run in this process prints."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert train_slim.main([*TINY, "--runs-dir", str(root), *argv]) == 0
    return shown.getvalue()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(directory, output) of a small run on the cartridge with everything on that needs no second process."""
    root = tmp_path_factory.mktemp("runs")
    shown = train(root, "--run-name", "smoke", "--save-interval", "100", "--curriculum")
    return root / "smoke", shown


# --- schemas


def test_the_columns_are_those_of_the_contract():
    """Changing one of these breaks readers of old runs: raise schema.VERSION with it."""
    assert schema.VERSION == 1
    contract = {
        "episodes.csv": "episode_id env_id length_steps return_total return_total_with_intrinsic return_env return_rnd"
        " return_novel return_bayes milestones_reached posterior_summary alarm_triggered start_step_global"
        " end_step_global savestate_tag map badges tiles terminated truncated",
        "progress.csv": "step_global episode_id milestone alpha beta mean lo95 hi95 p_below_target alarm_level",
        "metrics.csv": "step_global unix_time tag value",
        "evaluations.csv": "step_global episode epsilon seed length_steps return_env milestones milestones_reached"
        " badges tiles map seconds",
    }
    assert {name: " ".join(columns) for name, columns in schema.CSV_COLUMNS.items()} == contract
    assert " ".join(schema.STEP_KEYS) == (
        "kind step_global unix_time episode_id env_id r_env r_rnd r_novel r_bayes r_total w_rnd w_novel w_bayes"
        " milestone_flags map_id city_id quest_id x y posterior_m alarm_score"
    )


def test_the_files_follow_the_schema(run):
    directory, _ = run
    assert json.loads((directory / "schema.json").read_text()) == schema.describe()
    for name, columns in schema.CSV_COLUMNS.items():
        with (directory / name).open(newline="") as file:
            header, *rows = csv.reader(file)
        assert tuple(header) == columns and all(len(row) == len(columns) for row in rows), name
    assert len(list(read_rows(directory, "episodes.csv"))) == 5, "2 envs of 100 steps end at 20, 60, 100 and at 40, 80"
    steps = list(read_events(directory, "step"))
    assert len(steps) == 20
    assert all(set(record) == set(schema.STEP_KEYS) for record in steps)
    for record in read_events(directory):
        assert set(record) >= set(schema.EVENT_KEYS) or record["kind"] == "step"


def test_a_steps_total_is_the_weighted_sum_of_its_terms(run):
    for row in read_events(run[0], "step"):
        parts = row["r_env"] + sum(row[f"w_{name}"] * row[f"r_{name}"] for name in ("rnd", "novel", "bayes"))
        assert row["r_total"] == pytest.approx(parts, abs=1e-4)


def test_the_games_reward_is_the_sum_of_its_parts(run):
    metrics = latest_metrics(run[0])
    parts = [value for tag, value in metrics.items() if tag.startswith("reward/env_")]
    assert len(parts) > 3 and sum(parts) == pytest.approx(metrics["reward/env"], abs=1e-5)


def test_the_status_says_how_it_ended(run):
    status = read_status(run[0])
    assert set(status) == set(schema.STATUS_KEYS)
    assert (status["step_global"], status["total_steps"], status["exit_code"]) == (200, 200, 0)
    assert status["last_checkpoint"]["step_global"] == 200 and status["episodes"] == 5
    assert state_of(status)[0] == "done"


# --- lines

NUMBER = r"-?[\d,]*\.?\d+"
INTERVAL = (
    rf"\[step {NUMBER}/{NUMBER}\] SPS={NUMBER} \(now {NUMBER}\) eps={NUMBER} avg_len=(-|{NUMBER}) avg_env=(-|{NUMBER}) "
    rf"avg_total=(-|{NUMBER}) \| r_env={NUMBER} r_rnd={NUMBER} r_novel={NUMBER} r_bayes={NUMBER} r_total={NUMBER} \| "
    rf"episodes=\d+ envs=\d+(/\d+)? .*left \w+"
)
EPISODE = (
    rf"\[EP \d+ env=\d+\] len=\d+  R_env={NUMBER}  R_total={NUMBER}  badges=\d  map=\w\S*  savestate_tag=\S+"
    rf"  theta_\w+=0\.\d\d  theta_\w+=0\.\d\d  tiles=\d+(  new=\S+)?( \(\+\d+ more in episodes.csv\))?"
)


def test_the_lines_have_their_form(run):
    lines = run[1].splitlines()
    intervals = [line for line in lines if line.startswith("[step ")]
    episodes = [line for line in lines if line.startswith("[EP ")]
    assert len(intervals) == 4 and len(episodes) >= 3
    assert [line for line in intervals if not re.fullmatch(INTERVAL, line)] == []
    assert [line for line in episodes if not re.fullmatch(EPISODE, line)] == []
    assert "\x1b" not in run[1]


def test_the_log_keeps_what_the_terminal_showed(run):
    directory, shown = run
    assert (directory / "train.log").read_text() == shown


# --- what goes wrong


@pytest.mark.parametrize("until", ["log_interval", "finish"])
def test_a_disk_that_is_full_for_a_while_stops_nothing_and_loses_nothing(until, tmp_path, monkeypatch):
    """The log files cannot be written until the run has told an interval, or its end; then there is room again."""
    write, told = os.write, threading.Event()

    def refuse(descriptor: int, data: bytes) -> int:
        if threading.current_thread().name == "log-writer" and not told.wait(0.01):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    method = getattr(RunLogger, until)

    def tell(self, *args) -> None:
        method(self, *args)
        if until == "finish" or args[-1] >= 150:
            told.set()

    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(RunLogger, until, tell)
    shown = train(tmp_path, "--run-name", "full")
    directory = tmp_path / "full"
    assert re.search(r"^\[alarm\] log files cannot be written \(No space left on device: .+\); training", shown, re.M)
    assert [int(row["episode_id"]) for row in read_rows(directory, "episodes.csv")] == [0, 1, 2, 3, 4]
    assert len(list(read_events(directory, "step"))) == 20 and (directory / "train.log").read_text() == shown
    assert state_of(read_status(directory))[0] == "done"


def test_a_kill_loses_at_most_the_last_second(tmp_path):
    """A process logs an episode every 5 ms and says each on a pipe until it is killed."""
    code = """
import itertools, sys, time
from tests.Daddy.test_logging_utils import FakeNames, RunLogger, episode
logger = RunLogger(__import__("pathlib").Path(sys.argv[1]), "plain", FakeNames(), "boot")
for i in itertools.count():
    logger.log_episode_summary(episode(i))
    print(i, file=sys.stderr, flush=True)
    time.sleep(0.005)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    told = [(int(line), time.monotonic()) for line, _ in zip(process.stderr, range(400), strict=False)]
    process.kill()
    killed = time.monotonic()
    process.wait()
    process.stderr.close()
    on_disk = [int(row["episode_id"]) for row in read_rows(tmp_path, "episodes.csv")]
    assert on_disk == list(range(len(on_disk))), "nothing is missing in between"
    older = [number for number, when in told if when < killed - 1.0]
    assert older and on_disk[-1] >= older[-1]


ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    "module, arguments, code, message",
    [
        ("train_slim", ["--run-name", "caf\u00e9"], 2, "must be printable"),
        ("train_slim", ["--run-name", "a/b"], 2, "without path separators"),
        ("train_slim", ["--run-name", "taken"], 2, "exists"),
        ("train_slim", ["--runs-dir", "/proc/nowhere"], 2, "choose another --runs-dir"),
        ("train_slim", ["--help"], 0, ""),
        ("report", ["caf\u00e9"], 2, "no run"),
        ("report", ["taken"], 2, "holds no run"),
    ],
)
def test_bad_input_is_one_line_even_where_only_ascii_can_be_shown(tmp_path, module, arguments, code, message):
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", f"Daddy.{module}", *arguments], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | ASCII | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code and message in done.stderr
    assert done.stderr.count("\n") == (1 if code else 0) and "Traceback" not in done.stderr


def test_a_report_is_readable_where_only_ascii_can_be_shown(run):
    command = [sys.executable, "-m", "Daddy.report", str(run[0])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env=os.environ | ASCII)
    assert done.returncode == 0 and b"200 of 200" in done.stdout and done.stdout.isascii()


# --- documentation


def documented(page: str) -> dict[str, set[str]]:
    """Section of docs/METRICS.md -> the names in backticks that begin its table rows."""
    sections = re.split(r"^## ", page, flags=re.M)[1:]
    return {section.split("\n")[0]: set(re.findall(r"^\| `([^`]+)` \|", section, re.M)) for section in sections}


def pattern(key: str) -> str:
    """A documented key as a regular expression; <words> stand for a name."""
    return re.sub(r"<\w+>", r"\\w+", key)


def test_every_key_is_documented_and_every_documented_key_is_emitted(run):
    evaluation = {"eval/greedy_" + name for name in evaluation_means()}
    emitted = set(latest_metrics(run[0])) | evaluation
    known = documented((ROOT / "docs/METRICS.md").read_text())["Interval numbers"]
    new = {tag for tag in emitted if not any(re.fullmatch(pattern(key), tag) for key in known)}
    assert new == set(), "say in docs/METRICS.md what these mean"
    gone = {key for key in known if not any(re.fullmatch(pattern(key), tag) for tag in emitted)}
    assert gone == set(), "docs/METRICS.md promises these"


def evaluation_means() -> set[str]:
    """Names of the numbers that one evaluation's summary has."""
    tree = ast.parse((ROOT / "Daddy/evaluation.py").read_text())
    return {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and str(node.value).endswith("_mean")
    }


def test_every_column_is_documented():
    sections = documented((ROOT / "docs/METRICS.md").read_text())
    for name, columns in schema.CSV_COLUMNS.items():
        (section,) = (names for title, names in sections.items() if title.startswith(f"`{name}`"))
        assert section == set(columns), name
    (events,) = (names for title, names in sections.items() if title.startswith("`events.jsonl`"))
    assert events == {*schema.STEP_KEYS, *schema.EVENT_KEYS, *kinds_in_the_code()}, "docs/METRICS.md, the code"
    (status,) = (names for title, names in sections.items() if title.startswith("`status.json`"))
    assert status == set(schema.STATUS_KEYS)
    assert f"Schema version {schema.VERSION} " in (ROOT / "docs/METRICS.md").read_text()


def kinds_in_the_code() -> set[str]:
    """First arguments of all log_event calls in the trainer: literals, or looked up in a table _KINDS of them."""
    nodes = [node for tree in trees() for node in ast.walk(tree)]
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "log_event"]
    tables = [node.value for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_KINDS"]
    kinds = [call.args[0] for call in calls] + [value for table in tables for value in table.values]
    looked_up = [kind for kind in kinds if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "_KINDS"]
    assert all(isinstance(kind, ast.Constant) for kind in kinds if kind not in looked_up), "event kinds are written out"
    return {kind.value for kind in kinds if kind not in looked_up}


# --- settings


def trees() -> list[ast.Module]:
    paths = [path for path in (ROOT / "Daddy").rglob("*.py") if path.name not in ("config.py", "cli.py")]
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


def test_every_setting_is_read_somewhere():
    nodes = [node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    read = {node.attr for node in nodes if is_config(node)}
    assert {spec.name for spec in dataclasses.fields(TrainConfig)} - read == set()


def is_config(node: ast.Attribute) -> bool:
    """Whether the attribute is taken from something called config, self.config or self._config (or settings)."""
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return name.lstrip("_") in ("config", "settings")


def test_the_resolved_settings_are_written_down(run):
    written = json.loads((run[0] / "config.json").read_text())
    assert set(written) >= {spec.name for spec in dataclasses.fields(TrainConfig)}
    assert (written["total_steps"], written["model_size"], written["run_name"]) == (200, "slim", "smoke")


def test_the_flags_of_the_contract_that_work_exist():
    flags = {flag for action in build_parser("p", "t", preset("big"))._actions for flag in action.option_strings}
    wanted = (
        "--backend --num-envs --num-workers --total-steps --batch-size --model-size --run-name --log-interval "
        "--eval-interval --save-interval --rom --allow-rom-mismatch --seed --device --precision --buffer-size "
        "--learning-starts --replay-ratio --seq-len --burn-in --n-step --gamma --lr --target-update --epsilon-start "
        "--epsilon-min --epsilon-schedule --rnd-weight --novelty-weight --bayes-weight --reward --wrappers "
        "--max-episode-steps --curriculum --no-curriculum --freeze-curriculum "
        "--ablate --on-exist --resume --dashboard --runs-dir --config"
    )
    assert set(wanted.split()) <= flags
