"""The benchmarks run and print their tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    "name, flags, row",
    [
        ("env_sps.py", "--seconds 0.05 --envs 2 --only bare serial workers".split(), "puffer 2 workers 2"),
        ("learner_step.py", "--seconds 0.01".split(), "slim 16 x 20"),
    ],
)
def test_a_benchmark_prints_its_rows(tmp_path, name, flags, row):
    out = tmp_path / "rows.json"
    command = [sys.executable, BENCHMARKS / name, "--rounds", "1", *flags, "--json", out]
    result = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert result.returncode == 0, result.stderr
    assert row in result.stdout and row in out.read_text() and json.loads(out.read_text())
