"""Writes checkpoints and replay segments on a thread of its own, so that the loop only pays for copying."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from Daddy.checkpoint import Packed, list_checkpoints, pack, read_state, save_checkpoint
from Daddy.errors import CheckpointError, DaddyError
from Daddy.replay_store import ReplayStore, Segment

_QUEUE = 4  # segments that may wait for a slow disk; then the rows wait in the ring


@dataclass(frozen=True)
class News:
    """What became of a save. ``path`` is None when something could not be written; ``text`` says why."""

    step_global: int
    text: str
    path: Path | None


class Saver:
    """One background writer for one run. All methods are called from the loop's thread."""

    def __init__(self, root: Path, store: ReplayStore, keep: int = 3) -> None:
        """``root`` is the directory of checkpoints; the newest ``keep`` and the best are kept."""
        self._root, self._store, self._keep = root, store, keep
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: deque[Future[News | None]] = deque()
        self._news: list[News] = []
        self._step = 0
        self._replay_refused = False

    @property
    def busy(self) -> bool:
        """Something is still being written; a save would wait for it."""
        return any(not job.done() for job in self._writing)

    def collect(self) -> None:
        """Hand new replay rows to the writer once a segment is full; call in every iteration."""
        if len(self._writing) < _QUEUE:
            self._submit_segments(everything=False)

    def save(self, step_global: int, state: dict[str, Any], score: tuple[float, ...] | None) -> None:
        """Copy ``state`` now and write it in the background; ``news`` tells how it went."""
        self._step = step_global
        try:
            packed = pack(state)
        except CheckpointError as error:
            failed = News(step_global, str(error), None)
            self._writing.append(self._thread.submit(lambda: failed))
            return
        self._submit_segments(everything=True)
        self._writing.append(self._thread.submit(self._write, step_global, packed, score))

    def news(self) -> list[News]:
        """What ended since the last call, in order: checkpoints, and failures of any kind."""
        while self._writing and self._writing[0].done():
            told = self._writing.popleft().result()
            if told is not None:
                self._news.append(told)
        news, self._news = self._news, []
        return news

    def finish(self) -> list[News]:
        """Wait for everything that is being written.

        Raises:
            DaddyError: the last checkpoint failed: what was learned since the one before is not on disk.
        """
        for job in self._writing:
            job.exception()
        news = self.news()
        if news and news[-1].path is None:
            raise DaddyError(f"{news[-1].text}; the checkpoint before it is unharmed")
        return news

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait and stop the thread."""
        self._thread.shutdown()

    def _submit_segments(self, everything: bool) -> None:
        for segment in self._store.take(everything):
            self._writing.append(self._thread.submit(self._write_segment, segment))

    def _write_segment(self, segment: Segment) -> News | None:
        """One alarm for a disk that refuses, not one per segment."""
        try:
            self._store.write(segment)
        except CheckpointError as error:
            told, self._replay_refused = self._replay_refused, True
            return None if told else News(self._step, str(error), None)
        self._replay_refused = False
        return None

    def _write(self, step_global: int, packed: Packed, score: tuple[float, ...] | None) -> News:
        try:
            if "replay" in packed.plain:
                packed.plain["replay"]["segments"] = self._store.entries()
            path = save_checkpoint(self._root, step_global, packed, self._keep, score)
        except CheckpointError as error:
            return News(step_global, str(error), None)
        with suppress(OSError):  # what cannot be deleted now is tried again after the next one
            self._store.prune(self._named_segments())
        return News(step_global, "", path)

    def _named_segments(self) -> set[str]:
        """Segments of the newest checkpoints. The best one, if older, keeps its weights but not its replay."""
        states = [read_state(path) for path in list_checkpoints(self._root)[-self._keep :]]
        return {entry["name"] for state in states for entry in state.get("replay", {}).get("segments", [])}
