"""Lines for people: stdout, with the progress line refreshed in place on a terminal, and a copy for ``train.log``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable


class Console:
    """Writes to stdout and hands each line to ``keep``; when stdout goes away (closed pipe) training goes on."""

    def __init__(self, mode: str, keep: Callable[[str], None]) -> None:
        self._refresh = mode == "line"
        self._keep = keep
        self._open_line = False
        self._gone = False

    def print(self, text: str) -> None:
        """A line that stays on screen."""
        self._keep(text)
        self._show(("\n" if self._open_line else "") + text + "\n")
        self._open_line = False

    def progress(self, text: str) -> None:
        """The progress line: refreshed in place in ``line`` mode."""
        if not self._refresh:
            self.print(text)
            return
        self._keep(text)
        width = shutil.get_terminal_size().columns - 1
        self._show("\r\x1b[2K" + text[:width])
        self._open_line = True

    def close(self) -> None:
        """Leave the cursor on a line of its own."""
        if self._open_line:
            self._show("\n")
            self._open_line = False

    def _show(self, text: str) -> None:
        if self._gone:
            return
        encoding = sys.stdout.encoding or "ascii"
        try:
            sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            self._gone = True
            self._keep(f"[alarm] stdout is gone ({error}); lines go to train.log only")


def choose_dashboard(wanted: str) -> tuple[str, str]:
    """Resolve ``auto`` to (mode, reason)."""
    if wanted != "auto":
        return wanted, "as asked"
    return ("line", "stdout is a terminal") if sys.stdout.isatty() else ("plain", "stdout is not a terminal")
