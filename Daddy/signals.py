"""SIGINT and SIGTERM become one flag that the loop polls; a second SIGINT aborts at once."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from Daddy.errors import EXIT_INTERRUPTED, EXIT_TERMINATED


class StopSignals:
    """Context manager: inside it the first SIGINT or SIGTERM only sets ``requested``; handlers are restored on exit."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        return self.received is not None

    @property
    def exit_code(self) -> int:
        """130 after SIGINT, 143 after SIGTERM."""
        return EXIT_INTERRUPTED if self.received == signal.SIGINT else EXIT_TERMINATED

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            os._exit(EXIT_INTERRUPTED)
        self.received = number
        sys.stderr.write("\nstopping: saving a checkpoint (Ctrl-C again aborts without saving)\n")
