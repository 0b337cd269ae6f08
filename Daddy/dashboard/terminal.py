"""The terminal's alternate screen: entered once, redrawn by rows that changed, left as it was found on every exit."""

from __future__ import annotations

import atexit
import os
import select
import weakref
from collections import deque
from collections.abc import Sequence
from typing import TextIO

# alternate screen, no cursor, no wrapping at the right edge; and back
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J", "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_SYNC, _END_SYNC = "\x1b[?2026h", "\x1b[?2026l"  # terminals that know it show the frame at once; others ignore it
_STALLED_S = 0.5

_active: weakref.WeakSet[Screen] = weakref.WeakSet()


class Screen:
    """Draws frames on ``stream``, which must be a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._shown, self._suspended = stream, None, False
        self.notices: deque[str] = deque()

    @property
    def entered(self) -> bool:
        return self in _active

    def enter(self) -> None:
        """Switch to the alternate screen; from here on every exit of the process leaves it."""
        _active.add(self)
        atexit.register(restore_terminals)
        self._write(_ENTER)

    def draw(self, rows: Sequence[str], repaint: bool = False) -> None:
        """Write the rows that differ from the last frame; all of them after a resize or with ``repaint``; none while
        suspended."""
        if self._suspended:
            return
        clear = "\x1b[2J" if self._shown is None else ""
        old = self._shown if self._shown and not repaint else [None] * len(rows)
        changed = [f"\x1b[{y + 1};1H{row}" for y, row in enumerate(rows) if row != old[y]]
        if changed:
            self._write(_SYNC + clear + "".join(changed) + _END_SYNC)
        self._shown = list(rows)

    def forget(self) -> None:
        """The terminal changed its size: the next frame is drawn from scratch."""
        self._shown = None

    def leave(self) -> None:
        """Back to the normal screen and cursor. Safe to call twice, from a signal handler and while drawing."""
        if self in _active:
            _active.discard(self)
            if not self._suspended:
                _write_or_give_up(self._stream, _LEAVE)

    def suspend(self) -> None:
        """Lend the terminal to the shell; from a signal handler."""
        if not self._suspended:
            self._suspended = True
            _write_or_give_up(self._stream, _LEAVE)

    def resume(self) -> None:
        """Take it back where this is the terminal's foreground process, and draw anew; from a signal handler."""
        if self._suspended and _in_foreground(self._stream):
            _write_or_give_up(self._stream, _ENTER)
            self._suspended = False
        self.forget()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def notice(text: str) -> bool:
    """Leave a line for the screens to show, from a signal handler if need be; False when none is entered."""
    for screen in list(_active):
        screen.notices.append(text)
    return bool(_active)


def suspend_terminals() -> None:
    """Lend the terminals to the shell, before the process stops."""
    for screen in list(_active):
        screen.suspend()


def resume_terminals() -> None:
    """Take them back when the process goes on."""
    for screen in list(_active):
        screen.resume()


def restore_terminals() -> None:
    """Leave every screen that is still entered; for exits that skip the usual way out."""
    for screen in list(_active):
        screen.leave()


def _in_foreground(stream: TextIO) -> bool:
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # not the terminal that controls this process: no shell waits there
        return True


def _write_or_give_up(stream: TextIO, text: str) -> None:
    """Past Python's buffer, and not at all when the terminal is stopped (Ctrl-S) or gone."""
    try:
        descriptor = stream.fileno()
        if select.select([], [descriptor], [], _STALLED_S)[1]:
            os.write(descriptor, text.encode())
    except (OSError, ValueError):
        pass  # the terminal is gone: nothing to restore
