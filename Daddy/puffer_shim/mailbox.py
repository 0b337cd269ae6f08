"""What parent and worker share beside pufferlib's arrays: bells to wake each other and mailboxes for rare messages.

Bells are pipes and mailboxes are unlinked files in memory, so nothing has a name that a killed process could leave.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import select
import struct
import threading
from multiprocessing.heap import BufferWrapper
from multiprocessing.sharedctypes import RawArray
from typing import Any

INBOX_BYTES = 5 * 2**20  # holds any savestate; untouched pages cost nothing
OUTBOX_BYTES = 2**20
_LENGTH = struct.Struct("<Q")


class Bell:
    """Wakes one sleeper in another process. Rings may be missed or stale: who wakes up must look for itself."""

    def __init__(self) -> None:
        self._listener, self._button = multiprocessing.Pipe(duplex=False)
        for end in (self._listener, self._button):
            os.set_blocking(end.fileno(), False)

    def ring(self) -> None:
        try:
            os.write(self._button.fileno(), b"!")
        except BlockingIOError:
            pass  # thousands of rings wait there already

    def sleep(self, seconds: float, *others: int) -> bool:
        """Sleep until a ring; False when none came in time, or one of the files ``others`` woke the sleeper."""
        poll, listener = select.poll(), self._listener.fileno()
        for file in (listener, *others):
            poll.register(file, select.POLLIN)
        if not any(file == listener for file, _ in poll.poll(1000 * seconds)):
            return False
        self.forget()
        return True

    def forget(self) -> None:
        """Take back the rings that nobody slept for."""
        try:
            os.read(self._listener.fileno(), 4096)
        except BlockingIOError:
            pass  # there were none


class Mailbox:
    """A few pickled messages in shared memory.

    It has no lock: the worker's state byte says whose turn it is, and only that side may touch the mailbox.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._memory = BufferWrapper(_LENGTH.size + capacity)
        self.clear()

    def clear(self) -> None:
        _LENGTH.pack_into(self._memory.create_memoryview(), 0, 0)

    def put(self, messages: list[Any]) -> list[Any]:
        """Replace the content by as many messages as fit; returns the rest."""
        packed, used = [], 0
        for message in messages:
            data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
            if used + _LENGTH.size + len(data) > self.capacity:
                break
            packed += [_LENGTH.pack(len(data)), data]
            used += _LENGTH.size + len(data)
        view = self._memory.create_memoryview()
        view[_LENGTH.size : _LENGTH.size + used] = b"".join(packed)
        _LENGTH.pack_into(view, 0, used)
        return messages[len(packed) // 2 :]

    def take(self) -> list[Any]:
        """The messages, in order; leaves the mailbox empty."""
        view = self._memory.create_memoryview()
        (end,) = _LENGTH.unpack_from(view)
        if not end:
            return []
        messages, at, end = [], _LENGTH.size, _LENGTH.size + end
        while at < end:
            (length,) = _LENGTH.unpack_from(view, at)
            at += _LENGTH.size
            messages.append(pickle.loads(view[at : at + length]))
            at += length
        self.clear()
        return messages


class WorkerLink:
    """All that one worker and the parent share; outlives the worker, whose successor takes it over.

    ``work`` wakes the worker, ``done`` the parent; commands arrive in ``inbox``, events leave through ``outbox``;
    ``progress[0]`` counts the envs made, reset and stepped, so that it stands still when the worker hangs.
    """

    def __init__(self) -> None:
        self.work, self.done = Bell(), Bell()
        self.inbox, self.outbox = Mailbox(INBOX_BYTES), Mailbox(OUTBOX_BYTES)
        self.progress = RawArray("Q", 1)
        self.by_main_thread = threading.current_thread() is threading.main_thread()
