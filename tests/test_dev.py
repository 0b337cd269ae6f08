import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dev

ROOT = Path(__file__).parents[1]
HELPER = "import builtins, shutil; print(hasattr(builtins, 'c_extension_paths'), shutil.which('nvcc'))"


@pytest.fixture
def bare(tmp_path, monkeypatch) -> list[tuple]:
    """dev.py with an empty place for its environment, and with pip replaced by a note of what was asked for."""
    monkeypatch.setattr(dev, "VENV", tmp_path)
    monkeypatch.setattr(dev, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(dev, "STAMP", tmp_path / "stamp")
    (tmp_path / "python").touch()
    asked = []
    monkeypatch.setattr(dev, "pip", lambda what, *arguments, **env: asked.append((what, arguments, env)))
    return asked


def test_every_verb_is_listed_and_points_at_something():
    for verb, (command, _) in dev.COMMANDS.items():
        assert f"\n  {verb} " in dev.usage()
        module = command[1].replace(".", "/") if command[0] == "-m" else command[0].removesuffix(".py")
        assert (ROOT / f"{module}.py").is_file() or (ROOT / module / "__main__.py").is_file(), verb


def test_torch_comes_before_the_project_and_only_once(bare):
    dev.setup()
    dev.setup()
    (_, first, _), (_, second, build) = bare
    assert "torch==2.13.0" in first and "numpy<2" in first
    assert "--no-build-isolation" in second and build["NO_OCEAN"] == build["NO_TRAIN"] == "1"


def test_changed_requirements_install_again(bare, tmp_path, monkeypatch):
    dev.setup()
    changed = tmp_path / "pyproject.toml"
    changed.write_text((ROOT / "pyproject.toml").read_text() + "# more\n")
    monkeypatch.setattr(dev, "INPUTS", (changed,))
    dev.setup()
    assert len(bare) == 4


def test_an_unknown_verb_and_a_wrong_python_are_one_line(bare, monkeypatch, capsys):
    assert dev.main(["trian_big"]) == 2
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert dev.main(["setup"]) == 1
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["error:", "error:"]
    assert not bare


@pytest.mark.parametrize("no_ocean", ["0", "1"])
def test_the_build_helper_acts_only_in_pufferlibs_build(no_ocean, tmp_path):
    nvcc = tmp_path / "nvcc"
    nvcc.touch(mode=0o755)
    environment = os.environ | {"PYTHONPATH": str(dev.PUFFER_BUILD), "NO_OCEAN": no_ocean, "PATH": str(tmp_path)}
    out = subprocess.run([sys.executable, "-c", HELPER], env=environment, capture_output=True, text=True).stdout
    assert out.split() == (["True", "None"] if no_ocean == "1" else ["False", str(nvcc)])


def test_the_lock_holds_the_public_index_only_and_the_pinned_versions():
    text = (ROOT / "uv.lock").read_text()
    assert set(re.findall(r"https?://([^/\"]+)", text)) <= {"pypi.org", "files.pythonhosted.org"}
    locked = {package["name"]: package.get("version") for package in tomllib.loads(text)["package"]}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = dict(requirement.split("==") for requirement in wanted if "==" in requirement)
    assert pinned == {name: locked[name] for name in pinned} and len(pinned) == 4
