"""StopSignals: Ctrl-C and SIGTERM become an exit code that the loop looks at; a second Ctrl-C ends the process."""

from __future__ import annotations

import os
import signal
from types import FrameType

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class StopSignals:
    """``code`` is 0 until a signal arrives inside the ``with``; before it, a signal ends the command at once."""

    def __init__(self) -> None:
        self.code = 0
        self._polled = False
        self._previous = {number: signal.signal(number, self._handle) for number in _CODES}

    def __enter__(self) -> StopSignals:
        self._polled = True
        return self

    def __exit__(self, *_: object) -> None:
        self._polled = False

    def restore(self) -> None:
        """Put the handlers back that were there before."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self._polled:
            raise SystemExit(_CODES[number])  # nothing to save yet, or all is saved
        if self.code and number == signal.SIGINT:
            os._exit(_CODES[signal.SIGINT])
        self.code = self.code or _CODES[number]
        os.write(2, b"stopping: saving a checkpoint (Ctrl-C again aborts without saving)\n")
