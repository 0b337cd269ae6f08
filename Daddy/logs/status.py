"""``status.json``: where a run stands, replaced once a second so that a reader never sees half of it.

``heartbeat`` is the writer thread's clock, ``loop_heartbeat`` the training loop's: the first says that the process
lives, the second that it moves. Times are seconds since 1970.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import psutil

from Daddy.logs.files import write_json_atomically
from Daddy.logs.schema import STATUS, STATUS_KEYS


class StatusFile:
    """Keeps the newest values; ``write`` may run on another thread than ``update``."""

    def __init__(self, directory: Path, total_steps: int) -> None:
        self._path = directory / STATUS
        self._values: dict[str, Any] = dict.fromkeys(STATUS_KEYS)
        self.update(
            run_name=directory.name, phase="starting", pid=os.getpid(), host=socket.gethostname(),
            process_started=psutil.Process().create_time(), loop_heartbeat=time.time(), step_global=0,
            total_steps=total_steps, sps=0.0, episodes=0, dropped_step_rows=0, alarms=[],
        )  # fmt: skip

    @property
    def phase(self) -> str:
        return self._values["phase"]

    def update(self, **values: Any) -> None:
        """Set some of STATUS_KEYS; they reach the file within a second."""
        self._values.update(values)

    def write(self) -> OSError | None:
        """Replace the file; returns the error when the disk refused (the old file stands)."""
        self._values["heartbeat"] = time.time()
        try:
            write_json_atomically(self._path, self._values.copy())
        except OSError as error:
            return error
        return None
