"""Who may import whom, and that importing anything does nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("Daddy", "pokemonred_puffer", "Final")
ENV_AND_SHIM = ("pokemonred_puffer", "pufferlib", "pyboy", "gymnasium", "gym", "Daddy.puffer_shim")
CORE = (
    "actor", "agent", "alarms", "averaging", "bayes_quests", "beta", "diagnostics", "first_times", "frames", "learner",
    "masked_loops", "networks", "novelty", "nstep", "pacing", "recurrent", "replay_buffer", "rnd", "schedules", "ssm",
    "state", "sum_tree",
)  # fmt: skip
READERS_OF_FILES = ("dashboard", "visuals", "compare", "report")


def imports_of(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports anywhere; ``from a import b`` counts as a and a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write absolute imports"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def reaches(path: Path, *packages: str) -> set[str]:
    """The imports of a file that lie in one of ``packages``."""
    return {name for name in imports_of(path) for p in packages if name == p or name.startswith(p + ".")}


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def assert_none(paths: list[Path], *packages: str) -> None:
    offenders = {str(path.relative_to(ROOT)): reached for path in paths if (reached := reaches(path, *packages))}
    assert not offenders


def test_the_checker_sees_every_kind_of_import(tmp_path):
    source = tmp_path / "example.py"
    source.write_text("import a.b as c\ndef f():\n    from d.e import g\n")
    assert imports_of(source) == {"a.b", "d.e", "d.e.g"}
    assert reaches(source, "a") == {"a.b"}
    assert reaches(source, "d.e.g") == {"d.e.g"}
    assert not reaches(source, "aa", "d.x")


def test_the_env_knows_nothing_of_the_trainer():
    assert_none(sources("pokemonred_puffer"), "Daddy", "Final")


def test_the_trainer_reaches_the_env_only_through_the_shim():
    shim = ROOT / "Daddy" / "puffer_shim"
    outside = [path for path in sources("Daddy") if shim not in path.parents]
    assert outside
    assert_none(outside, "pokemonred_puffer", "pufferlib", "pyboy", "gymnasium", "gym")


def test_the_shim_knows_nothing_of_the_trainer():
    for path in sources("Daddy/puffer_shim"):
        assert all(name.startswith("Daddy.puffer_shim") for name in reaches(path, "Daddy")), path
        assert not reaches(path, "torch", "pyboy"), path


def test_pyboy_is_imported_in_one_file():
    users = [path.relative_to(ROOT).as_posix() for path in sources(*PACKAGES) if reaches(path, "pyboy")]
    assert users == ["pokemonred_puffer/emulator.py"]


def test_pufferlib_is_imported_in_one_file():
    users = [path.relative_to(ROOT).as_posix() for path in sources(*PACKAGES) if reaches(path, "pufferlib")]
    assert users == ["pokemonred_puffer/quiet_pufferlib.py"]


@pytest.mark.parametrize("name", CORE)
def test_the_learner_core_runs_without_env_and_shim(name):
    path = ROOT / "Daddy" / f"{name}.py"
    assert path.is_file(), f"{path.name} is gone: update CORE"
    assert_none([path], *ENV_AND_SHIM)


def test_what_reads_runs_from_files_imports_neither_env_nor_learner():
    folder = ROOT / "Daddy"
    top = {path: path.relative_to(folder).parts[0].removesuffix(".py") for path in sources("Daddy")}
    readers = [path for path in top if top[path] in READERS_OF_FILES]
    assert_none(readers, *ENV_AND_SHIM, "Daddy.agent", "Daddy.loop")


def test_comparing_imports_nothing_of_the_trainers_but_settings_errors_and_readers():
    allowed = ("Daddy.compare", "Daddy.cli", "Daddy.config", "Daddy.errors", "Daddy.logs")
    for path in sources("Daddy/compare"):
        ours = reaches(path, *PACKAGES, "torch")
        assert not {name for name in ours if not any(f"{name}.".startswith(f"{a}.") for a in allowed)}, path


def test_the_frozen_baseline_stands_alone():
    assert_none(sources("Final"), "Daddy")


def modules() -> list[str]:
    paths = (path.relative_to(ROOT) for path in sources(*PACKAGES))
    names = (".".join(path.with_suffix("").parts) for path in paths if path.name not in ("__init__.py", "__main__.py"))
    return sorted(names)


def run_python(code: str, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100)


def test_importing_everything_prints_nothing_and_writes_nothing(tmp_path):
    code = f"""
import importlib, threading
for name in {modules()!r}:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
"""
    done = run_python(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "module",
    ["pokemonred_puffer.environment", "Daddy.puffer_shim", "Daddy.train_big", "pokemonred_puffer.train",
     "Daddy.compare.__main__", "Daddy.players.__main__", "pokemonred_puffer.peers.__main__"],
)  # fmt: skip
def test_an_entry_module_alone_is_quiet_too(tmp_path, module):
    done = run_python(f"import {module}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_the_shim_works_where_nothing_can_be_written(tmp_path):
    done = run_python("import os; os.symlink = None; import Daddy.puffer_shim; assert os.symlink is None", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "module",
    ["Daddy.train_big", "pokemonred_puffer.train", "Daddy.compare.__main__", "Daddy.players.__main__",
     "pokemonred_puffer.peers.__main__"],
)  # fmt: skip
def test_help_needs_no_heavy_import(tmp_path, module):
    done = run_python(f"import {module}; print({{'torch', 'pufferlib', 'pyboy'}} & set(sys.modules))", tmp_path)
    assert done.stdout.strip() == "set()"
