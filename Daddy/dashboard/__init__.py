"""Live output of a run, in three modes.

full: the whole screen, redrawn up to twice a second; line: one refreshing line below what was printed; plain: printed
lines only, no escape codes. One thread does all the writing, so a slow, stopped or closed terminal never holds up
training.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TextIO

from Daddy.dashboard.layout import one_line, render
from Daddy.dashboard.look import Look, choose_dashboard, detect_look, terminal_size
from Daddy.dashboard.terminal import Screen, restore_terminals
from Daddy.snapshot import Snapshot

__all__ = ["Dashboard", "choose_dashboard", "restore_terminals"]

MODES = ("full", "line", "plain")
_PERIOD_S = 0.5  # between two frames, or longer:
_SHARE = 0.015  # of a core that drawing may take; on a slow machine or a huge screen frames come more rarely
_REPAINT_S = 5.0  # a full repaint wipes what another program wrote over the frame
_CLOSE_S = 2.0  # longest wait for a terminal that takes no output
_KEPT_LINES = 200
_WAITING_LINES = 10_000


class Dashboard:
    """``update`` hands over a snapshot, ``print`` a line; both return at once and may come from any thread."""

    def __init__(
        self, mode: str, stream: TextIO | None = None, look: Look | None = None,
        on_gone: Callable[[str], None] = lambda reason: None,
    ) -> None:  # fmt: skip
        """``on_gone`` is told, from the writing thread, why nothing can be written any more.

        Raises:
            ValueError: unknown mode.
        """
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}; it must be one of {', '.join(MODES)}")
        self.mode = mode
        self._given = stream
        self._look = look or detect_look(self._stream)
        self._screen = Screen(self._stream)
        self._snapshot: Snapshot | None = None
        self._recent: deque[str] = deque(maxlen=_KEPT_LINES)
        self._waiting: deque[str] = deque(maxlen=_WAITING_LINES)
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._line_open = False
        self._size, self._repainted = (0, 0), 0.0
        self._phase, self._on_gone = "", on_gone

    @property
    def _stream(self) -> TextIO:
        return self._given or sys.stdout

    def start(self) -> None:
        """Begin to write. The full screen is entered with the first snapshot."""
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)
        self._thread.start()

    def update(self, snapshot: Snapshot) -> None:
        """Show ``snapshot`` from the next frame on."""
        self._snapshot = snapshot

    def say_phase(self, phase: str) -> None:
        """Show ``phase`` instead of the snapshot's while the loop is too busy for snapshots; "" ends that."""
        self._phase = phase

    def print(self, line: str) -> None:
        """Show a line: in the log panel (full), above the refreshing line (line) or as it is (plain)."""
        self._take_notices()  # they came before
        self._recent.extend(line.splitlines())
        self._waiting.append(line)
        self._wake.set()

    def close(self) -> None:
        """Write what is waiting, restore the terminal and leave the last frame behind. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        self._wake.set()
        thread.join(_CLOSE_S)
        self._screen.leave()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._wake.wait(_PERIOD_S)
                self._wake.clear()
                before = time.thread_time()
                self._write()
                if self.mode != "plain":
                    self._stop.wait(max(_PERIOD_S, (time.thread_time() - before) / _SHARE))
            self._finish()
        except OSError as error:
            self._on_gone(str(error))
        except Exception as error:  # a mistake in a picture must not end a run, nor leave a frozen screen
            self._screen.leave()
            self._on_gone(f"{type(error).__name__}: {error}")

    def _write(self) -> None:
        if self.mode == "full":
            self._draw()
            return
        self._print_waiting()
        if self.mode == "line" and self._snapshot:
            self._put("\r\x1b[2K" + one_line(self._now(), terminal_size(self._stream)[0] - 1))
            self._line_open = True
        self._stream.flush()

    def _draw(self) -> None:
        """Until the first snapshot, lines go to the normal screen, where they stay."""
        if self._snapshot is None:
            self._print_waiting()
            self._stream.flush()
            return
        if not self._screen.entered:
            self._screen.enter()
        size, now = terminal_size(self._stream), time.monotonic()
        if size != self._size:
            self._screen.forget()
        repaint = now - self._repainted >= _REPAINT_S
        if repaint:
            self._repainted = now
        self._size = size
        self._waiting.clear()
        self._take_notices()
        canvas = render(self._now(), tuple(self._recent), *size, self._look)
        self._screen.draw(canvas.rows(self._look), repaint)

    def _take_notices(self) -> None:
        with suppress(IndexError):  # none left; another thread may have taken the last one
            while True:
                self._recent.append(self._screen.notices.popleft())

    def _print_waiting(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if lines and self._line_open:
            self._put("\r\x1b[2K")
            self._line_open = False
        self._put("".join(line + "\n" for line in lines))

    def _finish(self) -> None:
        """The normal screen keeps the last frame and the newest lines."""
        if self.mode == "full" and self._snapshot:
            self._draw()
            canvas = render(self._now(), tuple(self._recent), *self._size, self._look)
            self._screen.leave()
            self._put("\n".join(canvas.rows(self._look)) + "\n")
            if self._recent and not any(self._recent[-1] in row for row in canvas.text()):
                self._put(self._recent[-1] + "\n")  # the last word, whole
        self._print_waiting()
        if self._line_open:
            self._put("\n")
        self._stream.flush()

    def _now(self) -> Snapshot:
        assert self._snapshot is not None
        return replace(self._snapshot, phase=self._phase) if self._phase else self._snapshot

    def _put(self, text: str) -> None:
        encoding = self._stream.encoding or "ascii"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
