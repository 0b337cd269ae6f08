"""The thread that writes: the loop only appends to queues in memory and never waits for a disk.

Each file has a queue of its own, so that one that cannot be written holds up no other. Under pressure only droppable
records (sampled step rows) go; anything else is kept until the disk takes it again, up to ``CAPACITY`` records a file.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from Daddy.logs.files import AppendFile

CAPACITY = 65_536  # records of one file that may wait
DROPPABLE_CAPACITY = 4_096  # beyond so many waiting records, droppable ones are dropped
_PERIOD_S = 0.25
_REMIND_S = 60.0


class Sink(Protocol):
    """Encodes records into its ``file``; ``write`` touches memory only."""

    file: AppendFile

    def write(self, record: Any) -> None: ...


class _Channel:
    """One file: its sink and the records that wait for it."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self.waiting = sink, deque()

    def drain(self) -> OSError | None:
        """Write what waits; returns the error when the disk refused (nothing is lost then)."""
        try:
            self.sink.file.flush()  # first what a full disk left over, so that memory does not grow twice
            for _ in range(len(self.waiting)):
                self.sink.write(self.waiting.popleft())
            self.sink.file.flush()
        except OSError as error:
            return error
        return None


class LogWriter:
    """``put`` from the loop, everything else on one thread. ``each_second`` runs there too and may return an error.

    ``messages`` collects what a person should see (the loop prints it); ``dropped`` counts lost records per file;
    ``refused`` names the files that cannot be written now.
    """

    def __init__(self, sinks: dict[str, Sink], each_second: Callable[[], OSError | None] = lambda: None) -> None:
        self._channels = {name: _Channel(sink) for name, sink in sinks.items()}
        self._each_second = each_second
        self.refused: tuple[str, ...] = ()
        self._second = self._last_alarm = 0.0
        self._refused_since: float | None = None
        self._status_error: OSError | None = None
        self._barriers: deque[threading.Event] = deque()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._bug: BaseException | None = None
        self.messages: deque[str] = deque()
        self.dropped: dict[str, int] = dict.fromkeys(sinks, 0)
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def put(self, name: str, record: Any, droppable: bool = False) -> None:
        """Queue ``record`` for file ``name``; a droppable one is dropped and counted when too many wait."""
        waiting = self._channels[name].waiting
        if len(waiting) >= (DROPPABLE_CAPACITY if droppable else CAPACITY):
            self.dropped[name] += 1
        else:
            waiting.append(record)

    def raise_bug(self) -> None:
        """Re-raise what ended the thread, if anything did: logs must not stop in silence."""
        if self._bug is not None:
            raise RuntimeError("the log writer stopped") from self._bug

    def barrier(self, timeout_s: float) -> bool:
        """Wait until all that was put before is in the system's files; False when that took too long."""
        done = threading.Event()
        self._barriers.append(done)
        self._wake.set()
        return done.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Write the rest and end the thread; what the disk still refuses is lost and said in ``messages``."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self.messages.append(f"the disk did not answer for {timeout_s:.0f} s; the last records may be lost")
            return
        if self.refused:
            self.messages.append(f"{', '.join(self.refused)} could not be written to the end; records are lost")
        for channel in self._channels.values():
            channel.sink.file.close()

    def _run(self) -> None:
        try:
            stopping = False
            while not stopping:
                self._wake.wait(_PERIOD_S)
                self._wake.clear()
                stopping = self._stop.is_set()
                self._pass()
        except Exception as error:
            self._bug = error

    def _pass(self) -> None:
        barriers = [self._barriers.popleft() for _ in range(len(self._barriers))]
        errors = {name: error for name, channel in self._channels.items() if (error := channel.drain())}
        now = time.monotonic()
        if now - self._second >= 1.0 or self._stop.is_set():
            self._second, self._status_error = now, self._each_second()
        self.refused = tuple(errors)
        self._report(list(errors.values()) or ([self._status_error] if self._status_error else []), now)
        if errors:
            self._barriers.extend(barriers)
        else:
            for done in barriers:
                done.set()

    def _report(self, errors: list[OSError], now: float) -> None:
        """Say when the disk begins to refuse, once a minute while it does, and when it takes everything again."""
        if not errors:
            if self._refused_since is not None:
                lost = sum(self.dropped.values())
                self.messages.append(
                    f"log files are written again after {now - self._refused_since:.0f} s; "
                    + (f"{lost:,} records were dropped so far" if lost else "nothing is lost")
                )
                self._refused_since = None
            return
        if self._refused_since is None:
            self._refused_since = now
        elif now - self._last_alarm < _REMIND_S:
            return
        self._last_alarm = now
        what = ", ".join(self.refused) or "the status"
        self.messages.append(
            f"log files cannot be written ({errors[0].strerror}: {what}); training goes on and they "
            "are kept in memory: make room on the disk"
        )
