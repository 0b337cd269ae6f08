"""Writes the savestate of a running env to a file, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from Daddy.puffer_shim.events import Captured

if TYPE_CHECKING:
    from Daddy.puffer_shim.record_env import RecordEnv


def capture(env: RecordEnv, path: str, tag: str) -> Captured:
    """Write the state behind the env's last record to ``path`` and describe it.

    Raises:
        OSError: the file cannot be written. Whatever the env raises passes through.
    """
    state, record = savestate_of(env.env.unwrapped), env.record
    write_atomically(Path(path), state)
    return Captured(
        env.env_id, path, tag, hashlib.sha256(state).hexdigest(), len(state),
        *(int(record[name]) for name in ("map_id", "x", "y", "badges")), record["milestones"].tobytes(),
        *(int(record[name]) for name in ("spawn_id", "episode_id", "episode_step")),
    )  # fmt: skip


def savestate_of(env: Any) -> bytes:
    """``save_state()`` of envs that have it (upstream's attribute of that name is a setting), else PyBoy's own."""
    save = getattr(env, "save_state", None)
    if callable(save):
        return save()
    buffer = io.BytesIO()
    env.pyboy.save_state(buffer)
    return buffer.getvalue()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file: after a kill or a power cut it has its old content, if any, or all of the new.

    Raises:
        OSError: the disk refused; the old content stands.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
