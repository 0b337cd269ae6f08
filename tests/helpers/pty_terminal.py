"""Programs on a pseudo-terminal, for tests of what they draw and what they leave behind."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """A child process on a pseudo-terminal and all that it has written."""

    def __init__(self, command: list[str], size: tuple[int, int], **env: str) -> None:
        self.master, slave = pty.openpty()
        self.resize(*size)
        base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLORTERM", "LC_ALL", "LANG", "LC_CTYPE")}
        env = {**base, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **env}
        self.child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
        os.close(slave)
        self.shown = ""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, text: str, seconds: float = 30.0) -> None:
        """Read on until ``text`` was written after this call."""
        start, end = len(self.shown), time.monotonic() + seconds
        while text not in self.shown[start:]:
            assert time.monotonic() < end, f"{text!r} did not come: {self.shown[-500:]!r}"
            if not self._read(0.2) and self.child.poll() is not None:
                raise AssertionError(f"ended without {text!r}: {self.shown[-2000:]!r}")

    def finish(self) -> int:
        """Wait for the end; returns the exit code."""
        end = time.monotonic() + 30
        while self.child.poll() is None and time.monotonic() < end:
            self._read(0.1)
        while self._read(0.1):
            pass
        os.close(self.master)
        return self.child.wait(1)

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the child has closed its side
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)


def assert_restored(shown: str) -> None:
    assert ENTER in shown
    for on, off in (("1049h", "1049l"), ("25l", "25h"), ("7l", "7h")):
        assert shown.rindex(f"\x1b[?{off}") > shown.rindex(f"\x1b[?{on}"), off
    after = shown[shown.rindex(LEAVE) :]
    assert "\x1b[?2026h" not in after, "nothing is drawn once the screen is left"
