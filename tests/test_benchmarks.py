"""The benchmarks run and print their tables."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import dashboard_cost, env_sps
from benchmarks.env_loops import costs_in_one_process

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "name, flags, row",
    [
        ("env_sps", "--seconds 0.05 --envs 2 --sections layouts share".split(), "puffer 2, 2 batches"),
        ("learner", "--seconds 0.01 --sections alone steps --only 16 straight".split(), "slim 16 x 20"),
    ],
)
def test_a_benchmark_prints_its_rows(tmp_path, name, flags, row):
    out = tmp_path / "rows.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--rounds", "1", *flags, "--json", out]
    result = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert row in result.stdout and row in out.read_text() and json.loads(out.read_text())


def test_the_dashboard_costs_little(capsys):
    assert dashboard_cost.main(["--seconds", "1", "--envs", "4"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split(":")[0] for row in rows] == ["draw 80x24", "draw 120x40", "draw 200x60", "watch"]
    assert "us per batch of 4" in rows[-1]


def test_the_headline_divides_round_by_round_and_says_null_for_absent_peers():
    bare, puffer = (100.0, 10.0, 50.0), (90.0, 5.0, 49.0)
    rounds = {"bare": [(rate, 1.0) for rate in bare], "puffer 8, 2 batches": [(rate, 1.0) for rate in puffer]}
    found = env_sps.headline(rounds, 8)
    assert (found["bare_sps"], found["puffer_sps"], found["puffer_over_bare"], found["rounds"]) == (50.0, 49.0, 0.9, 3)
    for key in ("serial_sps", "gym_async_sps", "sb3_subproc_sps", "stock_sps", "puffer_over_sb3_subproc"):
        assert found[key] is None


def test_rounds_are_interleaved_and_stop_at_the_limit():
    order = []

    def slow(name: str):
        return lambda seconds: (order.append(name), time.sleep(0.02), (1.0, seconds))[-1]

    runs = {"a": slow("a"), "b": slow("b")}
    assert env_sps.measure(runs, 2, 0.5) == {"a": [(1.0, 0.5)] * 2, "b": [(1.0, 0.5)] * 2} and order == list("abab")
    assert len(env_sps.measure(runs, 1_000, 0.5, limit_s=0.2)["a"]) < 10


def test_everybody_emulates_the_same_frames_in_the_share():
    costs = costs_in_one_process({}, rounds=2, steps=40)
    assert all(len(values) == 2 and min(values) > 0 for values in costs.values())
    assert min(costs["record env"]) > min(costs["frames"])


def test_quick_is_one_env_count_and_two_sections():
    args = env_sps.parse(["--quick", "--json"])
    assert (args.envs, args.json, args.sections) == ([16], "-", ["layouts", "share"]) and args.limit_s < 60
