"""SIGINT and SIGTERM: an immediate stop before training begins, then one flag that the loop polls.

A second SIGINT aborts at once: a checkpoint that is being written stays invisible, and the one before it stays valid.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from Daddy.dashboard.terminal import notice, restore_terminals
from Daddy.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, StoppedEarlyError


class StopSignals:
    """Context manager. Until ``training_begins`` a signal raises; afterwards the first only sets ``requested``.

    Handlers are restored on exit. A SIGTERM after the first signal changes nothing, a SIGINT aborts.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._polled = False
        self._previous: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        return self.received is not None

    @property
    def exit_code(self) -> int:
        """130 after SIGINT, 143 after SIGTERM."""
        return EXIT_INTERRUPTED if self.received == signal.SIGINT else EXIT_TERMINATED

    def training_begins(self) -> None:
        """From here on there is something to save, and somebody who looks at ``requested``."""
        self._polled = True

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested:
            if number == signal.SIGINT:
                restore_terminals()
                os._exit(EXIT_INTERRUPTED)
            return
        self.received = number
        if not self._polled:
            raise StoppedEarlyError(self.exit_code)
        text = "stopping: saving a checkpoint (Ctrl-C again aborts without saving)"
        if not notice(text):
            os.write(2, f"\n{text}\n".encode())  # no print: a signal may arrive inside one
