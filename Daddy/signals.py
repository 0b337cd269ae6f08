"""SIGINT and SIGTERM: an immediate stop before training begins, then one flag that the loop polls.

A second SIGINT aborts at once: a checkpoint that is being written stays invisible, and the one before it stays valid.
SIGTSTP (Ctrl-Z) gives the terminal back to the shell until SIGCONT (fg).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from Daddy.dashboard.terminal import notice, restore_terminals, resume_terminals, suspend_terminals
from Daddy.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, StoppedEarlyError


class OverdueStop(Exception):
    """A stop was requested some seconds ago, and the loop still waits for envs that do not answer."""


class StopSignals:
    """Context manager. Until ``training_begins`` a signal raises; afterwards the first only sets ``requested``.

    Handlers are restored on exit. A SIGTERM after the first signal changes nothing, a SIGINT aborts.
    """

    def __init__(self, patience_s: float = 4.0) -> None:
        """``patience_s`` seconds after a signal, ``interruptible`` waiting ends."""
        self.received: int | None = None
        self._patience_s, self._waiting = patience_s, False
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

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Around a wait for others, at a point where the state of the run is whole.

        Raises:
            OverdueStop: a stop was requested ``patience_s`` seconds ago.
        """
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._handle)
        self._previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._overdue)
        if signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN:
            self._previous[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, _suspend)
            self._previous[signal.SIGCONT] = signal.signal(signal.SIGCONT, _resume)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
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
        signal.setitimer(signal.ITIMER_REAL, self._patience_s, 0.5)
        text = "stopping: saving a checkpoint (Ctrl-C again aborts without saving)"
        if not notice(text):
            os.write(2, f"\n{text}\n".encode())  # no print: a signal may arrive inside one

    def _overdue(self, _number: int, _frame: FrameType | None) -> None:
        if self._waiting:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise OverdueStop


def _suspend(_number: int, _frame: FrameType | None) -> None:
    suspend_terminals()
    os.kill(os.getpid(), signal.SIGSTOP)


def _resume(_number: int, _frame: FrameType | None) -> None:
    resume_terminals()
