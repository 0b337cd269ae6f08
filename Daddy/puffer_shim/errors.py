"""Errors of the shim; like the env's they carry the exit code of the command that meets them."""

from __future__ import annotations


class WorkerError(Exception):
    """A worker process raised, died or hangs. The message names the worker, its envs and the cause."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
