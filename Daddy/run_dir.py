"""The run directory: claimed before training starts, described by ``config.json``, ``command.txt`` and ``env.txt``.

``claim_run_dir`` looks, refuses and takes the lock, but changes nothing; ``RunDir.begin`` writes, once the env and the
networks have been built and the checkpoint has been read.
"""

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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from Daddy.checkpoint import checkpoint_step, find_checkpoint, load_checkpoint, set_aside
from Daddy.config import TrainConfig
from Daddy.errors import UsageError
from Daddy.resume import describe_changes, run_path, wants_resume

_LIBRARIES = ("torch", "numpy", "pyboy", "pufferlib", "gymnasium")
_OURS = ("config.json", "episodes.csv", "run.lock")


def default_run_name(preset_name: str) -> str:
    """``big_20261122-203000``: preset and local time."""
    return f"{preset_name}_{time.strftime('%Y%m%d-%H%M%S')}"


class RunDir:
    """A run directory that this process may write to; ``continued`` when what is in it stays."""

    def __init__(self, path: Path, lock: FileLock | None, resume: bool) -> None:
        """``lock`` is held already where the directory exists.

        Raises:
            CheckpointError: to be resumed, but no checkpoint of several is valid.
        """
        self.path, self.checkpoints = path, path / "checkpoints"
        self._lock, self.continued = lock, resume
        found = find_checkpoint(self.checkpoints) if resume else None
        self._checkpoint = found.path if found else None
        self._skipped = found.skipped if found else []

    @property
    def resumed_step(self) -> int | None:
        """``step_global`` of the checkpoint to go on from; None if there is none."""
        return checkpoint_step(self._checkpoint) if self._checkpoint else None

    def load(self) -> dict[str, Any]:
        """The state to go on from; empty for a run that starts."""
        return load_checkpoint(self._checkpoint) if self._checkpoint else {}

    def begin(self, config: TrainConfig, facts: Mapping[str, object] | None = None) -> list[str]:
        """Create, empty (``--on-exist restart``) or continue the directory; returns what to tell the user.

        ``facts`` join the versions in ``env.txt``.
        """
        notes = self._resume_notes(config) if self.continued else []
        if self._lock is None:
            self._create()
        elif self.continued:
            notes += self._set_damaged_aside()
        else:
            _empty(self.path)
        _write(self.path / "config.json", json.dumps(dataclasses.asdict(config), indent=2) + "\n")
        with (self.path / "command.txt").open("a", encoding="utf-8") as file:
            file.write(shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]) + "\n")
        _write(self.path / "env.txt", _versions(facts or {}))
        return notes

    def release(self) -> None:
        """Let another process have the run."""
        if self._lock is not None:
            self._lock.release()

    def _create(self) -> None:
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            raise UsageError(f"run directory {self.path} has just been created by another process; choose another "
                             "--run-name") from None
        self._lock = _take_lock(self.path)

    def _resume_notes(self, config: TrainConfig) -> list[str]:
        if self._checkpoint is None:
            notes = [f"nothing to resume: {self.path} has no checkpoint yet, so it starts at step 0"]
        else:
            notes = [f"resuming from {self._checkpoint}; the episodes that were running are cut, their envs restart"]
        if (self.path / "config.json").is_file():
            notes += describe_changes(self.path, config)
        return notes

    def _set_damaged_aside(self) -> list[str]:
        return [
            f"warning: skipped {path.name}, kept as {set_aside(path).name}: {reason}" for path, reason in self._skipped
        ]


def claim_run_dir(config: TrainConfig) -> RunDir:
    """Find out what is there and lock it, after making sure that the run can be written; nothing else changes on disk.

    Raises:
        UsageError: it exists under ``--on-exist error``, is no run of ours, is in use or cannot be written.
        CheckpointError: it is to be resumed, but no checkpoint of several is valid.
    """
    path = run_path(config)
    if not (path.exists() or path.is_symlink()):
        _check_writable(path.parent)
        return RunDir(path, None, resume=False)
    if config.on_exist == "error" and not config.resume:
        raise UsageError(f"run directory {path} exists; pass --resume to go on with it, --on-exist restart to delete "
                         "it, or choose another --run-name")
    _check_ours(path)
    _check_writable(path)
    lock = _take_lock(path)
    try:
        return RunDir(path, lock, wants_resume(config))
    except BaseException:
        lock.release()
        raise


def _take_lock(path: Path) -> FileLock:
    """The operating system drops the lock of a process that died, so a left-over file is no obstacle."""
    lock = FileLock(path / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{path} is in use by a running training; stop it or choose another --run-name") from None
    return lock


def _check_ours(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        raise UsageError(f"{path} is not a directory; choose another --run-name")
    if any(path.iterdir()) and not any((path / name).exists() for name in _OURS):
        raise UsageError(f"{path} holds no run of ours, so it is left alone; choose another --run-name")


def _check_writable(root: Path) -> None:
    """Probe with a temporary directory inside the nearest existing parent."""
    parent = root.absolute()
    while not parent.exists():
        parent = parent.parent
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".probe-", dir=parent))
    except OSError as error:
        raise UsageError(f"cannot write runs under {root}: {error.strerror}; choose another --runs-dir") from None


def _empty(path: Path) -> None:
    """Delete everything but the lock that we hold."""
    for item in path.iterdir():
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        elif item.name != "run.lock":
            item.unlink()


def _write(path: Path, text: str) -> None:
    """Replace a small file in one go."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _versions(facts: Mapping[str, object]) -> str:
    lines = [f"python {platform.python_version()}", f"platform {platform.platform()}", f"cores {os.cpu_count()}"]
    lines += [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    lines += [f"{name} {value}" for name, value in facts.items()]
    return "\n".join(lines) + "\n"
