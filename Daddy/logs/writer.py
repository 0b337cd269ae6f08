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
    """One file: its sink, the records that wait for it and, while it cannot be written, since when."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self.waiting = sink, deque()
        self.refused_since: float | None = None
        self.last_alarm = 0.0

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
    """``put`` from the loop, everything else on one thread. ``each_second`` runs on that thread.

    ``messages`` collects what a person should see (the loop prints it); ``dropped`` counts lost records per file.
    """

    def __init__(self, sinks: dict[str, Sink], each_second: Callable[[], None] = lambda: None) -> None:
        self._channels = {name: _Channel(sink) for name, sink in sinks.items()}
        self._each_second = each_second
        self._second = 0.0
        self._barriers: deque[threading.Event] = deque()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._bug: BaseException | None = None
        self.messages: deque[str] = deque()
        self.dropped: dict[str, int] = dict.fromkeys(sinks, 0)
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Records that are not yet handed to the system's files."""
        return sum(len(channel.waiting) for channel in self._channels.values())

    @property
    def refused(self) -> list[str]:
        """Files that cannot be written now."""
        return [name for name, channel in self._channels.items() if channel.refused_since is not None]

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
        for name in self.refused:
            self.messages.append(f"{name} could not be written to its end; its last records are lost")
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
        for name, channel in self._channels.items():
            self._report(name, channel, channel.drain())
        if self.refused:
            self._barriers.extend(barriers)
        else:
            for done in barriers:
                done.set()
        now = time.monotonic()
        if now - self._second >= 1.0 or self._stop.is_set():
            self._second = now
            self._each_second()

    def _report(self, name: str, channel: _Channel, error: OSError | None) -> None:
        now = time.monotonic()
        if error is None:
            if channel.refused_since is not None:
                seconds, channel.refused_since = now - channel.refused_since, None
                self.messages.append(f"{name} is written again after {seconds:.0f} s")
            return
        if channel.refused_since is None:
            channel.refused_since = now
        elif now - channel.last_alarm < _REMIND_S:
            return
        channel.last_alarm = now
        self.messages.append(
            f"{name} cannot be written ({error.strerror}); training goes on, {len(channel.waiting)} records wait: "
            "make room on the disk"
        )
