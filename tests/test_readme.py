"""The README promises only what exists: its commands, flags, files and links."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

import dev
from Daddy import evaluate
from Daddy.cli import build_parser
from Daddy.compare import __main__ as compare
from Daddy.config import preset
from Final.epsilon.settings import parse_config
from pokemonred_puffer.ppo.cli import Cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TYPED = re.sub(r"(?m)^[│╰].*$", "", README)  # without the screen, which cuts its lines
COMMANDS = sorted(set(re.findall(r"(?:python3? (?:-m [\w.]+|dev\.py)|python benchmarks/\w+\.py)[^\n`|]*", TYPED)))


def test_the_readme_has_commands():
    assert len(COMMANDS) > 8


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists_with_its_flags(command):
    words = shlex.split(command.split("#")[0].replace("...", "").rstrip(",. "))
    if words[1] == "dev.py":
        if len(words) == 2:
            return
        assert words[2] in {"setup", "test", "lint", *dev.COMMANDS}
        module, flags = dev.COMMANDS.get(words[2], (("",), ""))[0][-1], words[3:]
    elif words[1] == "-m":
        module, flags = words[2], words[3:]
    else:
        assert (ROOT / words[1]).is_file()
        return
    if module in ("venv", ""):
        return
    assert Path(module).is_file() or importlib.util.find_spec(module), module
    if module == "Daddy.evaluate":
        evaluate.build_parser().parse_args(flags)
    elif module == "Daddy.compare":
        compare.build_parser().parse_args(flags)
    elif module.startswith("Daddy.train_"):
        build_parser("prog", "text", preset("big")).parse_args(flags)
    elif module == "pokemonred_puffer.train":
        Cli().parse(flags)
    elif module == "Final.epsilon.train":
        parse_config(flags)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_points_at_a_file(link):
    assert (ROOT / link).exists()


def test_flags_named_in_the_text_exist():
    parsers = (build_parser("p", "t", preset("big")), evaluate.build_parser(), compare.build_parser())
    known = {flag for parser in parsers for action in parser._actions for flag in action.option_strings}
    elsewhere = {"--states", "--extra", "--logdir", "--no-build-isolation", "--record", "--json", "--quick"}
    assert set(re.findall(r"--[a-z][a-z-]+", README)) <= known | elsewhere


@pytest.mark.parametrize("name", re.findall(r"\b(\w+\.py)\b", README.split("## The tree")[1]))
def test_every_file_of_the_tree_exists(name):
    assert (ROOT / name).exists() or (ROOT / "Daddy" / name).exists()
