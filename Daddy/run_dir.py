"""The run directory: claimed before training starts, described by ``config.json``, ``command.txt`` and ``env.txt``."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

from Daddy.config import TrainConfig
from Daddy.errors import UsageError

_LIBRARIES = ("torch", "numpy", "pyboy", "pufferlib", "gymnasium")
_OURS = ("config.json", "episodes.csv", "run.lock")


def default_run_name(preset_name: str) -> str:
    """``big_20261122-203000``: preset and local time."""
    return f"{preset_name}_{time.strftime('%Y%m%d-%H%M%S')}"


def check_run_dir(config: TrainConfig) -> Path:
    """The path of the run directory, after making sure that it can be created; nothing is left on disk.

    Raises:
        UsageError: the directory exists under ``--on-exist error``, is no run of ours, is in use or cannot be written.
    """
    root = Path(config.runs_dir)
    path = root / config.run_name
    if path.exists() or path.is_symlink():
        if config.on_exist == "error":
            raise UsageError(f"run directory {path} exists; choose another --run-name or pass --on-exist restart")
        _check_replaceable(path)
    _check_writable(root)
    return path


def create_run_dir(path: Path, config: TrainConfig) -> FileLock:
    """Create (or, under ``--on-exist restart``, replace) the run directory, take its lock and describe the run."""
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    lock = FileLock(path / "run.lock")
    lock.acquire(timeout=0)
    (path / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")
    (path / "command.txt").write_text(shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]) + "\n")
    (path / "env.txt").write_text(_versions())
    return lock


def _check_replaceable(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        raise UsageError(f"{path} is not a directory; choose another --run-name")
    if any(path.iterdir()) and not any((path / name).exists() for name in _OURS):
        raise UsageError(f"{path} holds no run of ours, so restart does not delete it; choose another --run-name")
    if (path / "run.lock").exists():
        try:
            FileLock(path / "run.lock").acquire(timeout=0).lock.release()
        except Timeout:
            raise UsageError(f"{path} is in use by a running training; stop it or choose another --run-name") from None


def _check_writable(root: Path) -> None:
    """Probe with a temporary directory inside the nearest existing parent."""
    parent = root.absolute()
    while not parent.exists():
        parent = parent.parent
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".probe-", dir=parent))
    except OSError as error:
        raise UsageError(f"cannot write runs under {root}: {error.strerror}; choose another --runs-dir") from None


def _versions() -> str:
    lines = [f"python {platform.python_version()}", f"platform {platform.platform()}", f"cores {os.cpu_count()}"]
    lines += [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return "\n".join(lines) + "\n"
