"""What a vector env has to tell beside its records: rare, plain values, drained by ``VectorEnv.events()``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerRestarted:
    """A worker raised, died or hung, and a new one has taken over its envs. ``restarts`` counts them in this run."""

    worker: int
    env_ids: tuple[int, ...]
    cause: str
    traceback: str
    restarts: int

    def __str__(self) -> str:
        envs = f"envs {self.env_ids[0]}-{self.env_ids[-1]}"
        return f"worker {self.worker} ({envs}) {self.cause}; restarted (restart {self.restarts} of this run)"


@dataclass(frozen=True)
class Captured:
    """A savestate was written. ``sha256`` and ``size`` are the file's; the rest is the record it belongs to.

    ``milestones`` are the packed bits as bytes; ``spawn_id`` is where that episode started (0: true start).
    """

    env_id: int
    path: str
    tag: str
    sha256: str
    size: int
    map_id: int
    x: int
    y: int
    badges: int
    milestones: bytes
    spawn_id: int
    episode_id: int
    episode_step: int

    def __str__(self) -> str:
        return f"env {self.env_id} saved {self.path} ({self.tag}, {self.size:,} bytes)"


@dataclass(frozen=True)
class CaptureFailed:
    """No savestate was written."""

    env_id: int
    path: str
    tag: str
    cause: str

    def __str__(self) -> str:
        return f"env {self.env_id} could not save {self.path}: {self.cause}"


@dataclass(frozen=True)
class SpawnFailed:
    """The env refused the savestate and took its true start instead."""

    env_id: int
    spawn_id: int
    cause: str

    def __str__(self) -> str:
        return f"env {self.env_id} could not start from savestate {self.spawn_id}: {self.cause}; took the true start"


VectorEvent = WorkerRestarted | Captured | CaptureFailed | SpawnFailed


def one_line(error: BaseException) -> str:
    """The error's text without line breaks, behind its class unless it is one that is meant for users."""
    text = " ".join(str(error).split())
    return text if hasattr(error, "exit_code") else f"{type(error).__name__}: {text}"
