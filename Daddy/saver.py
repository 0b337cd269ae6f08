"""Writes checkpoints on a thread of its own, so that the loop only pays for copying the state."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from Daddy.checkpoint import pack, save_checkpoint
from Daddy.errors import CheckpointError, DaddyError


@dataclass(frozen=True)
class News:
    """What became of a save. ``path`` is None when it failed; ``text`` says why."""

    step_global: int
    text: str
    path: Path | None


class Saver:
    """One background writer for one run. All methods are called from the loop's thread."""

    def __init__(self, root: Path, keep: int = 3) -> None:
        """``root`` is the directory of checkpoints; the newest ``keep`` and the best are kept."""
        self._root, self._keep = root, keep
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: deque[Future[News]] = deque()
        self._news: list[News] = []

    @property
    def busy(self) -> bool:
        """A save is still being written; another one would wait for it."""
        return any(not job.done() for job in self._writing)

    def save(self, step_global: int, state: dict[str, Any], score: tuple[float, ...] | None) -> None:
        """Copy ``state`` now and write it in the background; ``news`` tells how it went."""
        try:
            packed = pack(state)
        except CheckpointError as error:
            self._news.append(News(step_global, str(error), None))
            return
        self._writing.append(self._thread.submit(self._write, step_global, packed, score))

    def news(self) -> list[News]:
        """Saves that ended since the last call, in order."""
        while self._writing and self._writing[0].done():
            self._news.append(self._writing.popleft().result())
        news, self._news = self._news, []
        return news

    def finish(self) -> list[News]:
        """Wait for everything that is being written.

        Raises:
            DaddyError: the last save failed: what was learned since the one before is not on disk.
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

    def _write(self, step_global: int, packed: Any, score: tuple[float, ...] | None) -> News:
        try:
            path = save_checkpoint(self._root, step_global, packed, self._keep, score)
        except CheckpointError as error:
            return News(step_global, str(error), None)
        return News(step_global, "", path)
