"""The benchmarks run and print their tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "name, flags, row",
    [
        ("env_sps", "--seconds 0.05 --envs 2 --sections layouts share".split(), "puffer 2, 2 batches"),
        ("learner_step", "--seconds 0.01".split(), "slim 16 x 20"),
    ],
)
def test_a_benchmark_prints_its_rows(tmp_path, name, flags, row):
    out = tmp_path / "rows.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--rounds", "1", *flags, "--json", out]
    result = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert row in result.stdout and row in out.read_text() and json.loads(out.read_text())
