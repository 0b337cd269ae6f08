"""Every recipe is a set of known settings that a run can start with."""

import re
import shlex
from pathlib import Path

import pytest

from Daddy import train_slim
from Daddy.cli import build_parser, load_settings
from Daddy.config import preset

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").iterdir())
SHORT = (
    "--backend serial --num-envs 2 --total-steps 150 --learning-starts 60 --batch-size 4 --seq-len 8 --burn-in 4 "
    "--buffer-size 4000 --max-episode-steps 40 --dashboard plain --run-name short --runs-dir"
).split()


def test_there_are_recipes():
    assert {path.suffix for path in RECIPES} == {".yaml"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_its_own_command_starts_a_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = shlex.split(re.search(r"python -m .*", path.read_text())[0])
    flags = command[3:]
    assert command[2] == "Daddy.train_slim" and build_parser("p", "t", preset("slim")).parse_args(flags).config
    assert train_slim.main([*flags, *SHORT, str(tmp_path)]) == 0
    written = load_settings(str(tmp_path / "short" / "config.json"), "config.json")
    given = load_settings(str(path), path.name)
    kept = {name: value for name, value in given.items() if f"--{name.replace('_', '-')}" not in SHORT}
    assert len(kept) >= 5 and {name: written[name] for name in kept} == kept
