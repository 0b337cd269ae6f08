"""SIGINT and SIGTERM as a flag that the training loop polls; a second SIGINT aborts at once."""
from __future__ import annotations

import os
import signal
from types import FrameType


class Stop:
    """Context manager; `requested` after a first signal."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        return self.received is not None

    @property
    def exit_code(self) -> int:
        """130 after SIGINT, 143 after SIGTERM."""
        return 130 if self.received == signal.SIGINT else 143

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            os._exit(130)
        self.received = self.received or number
        os.write(2, b"\nstopping: saving a checkpoint (Ctrl-C again aborts without saving)\n")
