#!/usr/bin/env python3
"""Set up and run everything from a fresh clone, with nothing but Python 3.11 or 3.12.

    python3 dev.py setup                  create .venv and install (again only when the requirements changed)
    python3 dev.py train_big [flags...]   set up, then run python -m Daddy.train_big
    python3 dev.py test [pytest args...]  set up, then lint and run the tests

``python3 dev.py`` lists all verbs. Only the standard library is used here.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed-for"
PUFFER_BUILD = ROOT / "tools" / "puffer_build"
INPUTS = (ROOT / "pyproject.toml", PUFFER_BUILD / "puffer_build.py")

COMMANDS = {
    "train_big": (("-m", "Daddy.train_big"), "the large training run"),
    "train_slim": (("-m", "Daddy.train_slim"), "the same loop with the small preset"),
    "train_ppo": (("-m", "pokemonred_puffer.train", "train"), "the puffer PPO baseline"),
    "report": (("-m", "Daddy.report"), "summary of a run, alive or finished"),
    "compare": (("-m", "Daddy.compare"), "several agents on the same budget: table and plots"),
    "evaluate": (("-m", "Daddy.evaluate"), "play a trained run's episodes without training noise"),
    "alarm_study": (("-m", "Daddy.alarm_study"), "how often progress alarms are wrong and how early they are right"),
    "walkthrough": (("-m", "pokemonred_puffer.walkthrough"), "play the cartridge to its end with recorded keys"),
    "fuzz": (("-m", "tests.cartridge.fuzz"), "random play that checks the cartridge's invariants"),
    "rom": ((str(ROOT / "cartridge" / "build.py"),), "rebuild the cartridge (needs SDCC)"),
    "memory": (("-m", "benchmarks.memory_suite"), "published memory tasks beside RecurrentPPO (extra: bench)"),
    "bench": (("-m", "benchmarks.env_sps"), "env steps per second of the vector backends"),
    "bench_learner": (("-m", "benchmarks.learner"), "learned transitions per second, alone and in the training loop"),
}


class SetupError(Exception):
    """Something the user must fix; the message is one line that says how."""


def main(argv: list[str]) -> int:
    verb, args = (argv[0], argv[1:]) if argv else ("help", [])
    if verb in ("help", "-h", "--help"):
        print(usage())
        return 0
    try:
        return run(verb, args)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def run(verb: str, args: list[str]) -> int:
    """Run one verb after making sure that the environment is installed; returns the exit code."""
    if verb not in {"setup", "lint", "test", *COMMANDS}:
        print(f"error: unknown verb {verb!r}; python3 dev.py lists them", file=sys.stderr)
        return 2
    setup()
    if verb == "setup":
        return 0
    if verb == "lint":
        return lint()
    if verb == "test":
        style = lint()
        return subprocess.call([PYTHON, "-m", "pytest", *args], cwd=ROOT) or style
    search_path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))  # for tests.cartridge.fuzz
    os.execve(PYTHON, [str(PYTHON), *COMMANDS[verb][0], *args], os.environ | {"PYTHONPATH": search_path})


def lint() -> int:
    return subprocess.call([PYTHON, "-m", "ruff", "check", "--no-cache", "."], cwd=ROOT)


def usage() -> str:
    verbs = {"setup": "create .venv and install", "test": "lint and tests", "lint": "ruff only"}
    verbs |= {verb: text for verb, (_, text) in COMMANDS.items()}
    return "usage: python3 dev.py VERB [arguments]\n\n" + "\n".join(f"  {v:14} {t}" for v, t in verbs.items())


def setup() -> None:
    """Create ``.venv`` and install the project unless that was done for these very requirements.

    Raises:
        SetupError: wrong Python, no venv module, or pip failed (pip's own output stands above the line).
    """
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        raise SetupError(f"this is Python {sys.version.split()[0]}; run dev.py with Python 3.11 or 3.12")
    started = time.monotonic()
    create_venv()
    install()
    STAMP.write_text(wanted)
    say(f"ready in {time.monotonic() - started:.0f} s")


def fingerprint() -> str:
    """A hash of what the installation depends on."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in INPUTS:
        digest.update(path.read_bytes())
    for package in sorted(path.parent.name for path in ROOT.glob("*/__init__.py")):
        digest.update(package.encode())  # an editable install lists the packages it knows
    return digest.hexdigest()


def create_venv() -> None:
    if PYTHON.exists():
        return
    say(f"creating {VENV.name} with Python {sys.version.split()[0]}")
    try:
        venv.create(VENV, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"cannot create {VENV} ({error}); on Debian or Ubuntu: apt install python3-venv, then delete {VENV.name}"
        ) from error


def install() -> None:
    """Two pip calls, because pufferlib's setup.py imports torch and numpy without asking for them in time."""
    pip("torch and build tools", pinned("torch"), pinned("numpy"), "setuptools>=70.1,<81", "wheel")
    build_env = {"NO_OCEAN": "1", "NO_TRAIN": "1", "PYTHONPATH": str(PUFFER_BUILD)}
    pip("the project, pufferlib and tools", "--no-build-isolation", "--editable", f"{ROOT}[dev]", **build_env)


def pinned(name: str) -> str:
    """The requirement on ``name`` as pyproject.toml states it."""
    import tomllib

    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return next(r for r in requirements if r.startswith(name))


def pip(what: str, *arguments: str, **environment: str) -> None:
    say(f"installing {what}")
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    if subprocess.call(command, cwd=ROOT, env=os.environ | environment):
        raise SetupError(f"pip could not install {what}; its message is above. Fix that and run the same command again")


def say(text: str) -> None:
    print(f"[dev] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
