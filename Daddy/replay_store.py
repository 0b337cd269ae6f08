"""The replay on disk: append-only segments, so that each transition is written once however often a run is saved.

``replay/segment_00000007.safetensors`` holds consecutive rows of every env. A checkpoint lists the segments that make
up its replay, with sizes and SHA-256. The loop's thread copies rows (``take``), the saver's thread writes them.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from Daddy.errors import CheckpointError
from Daddy.replay_buffer import ReplayBuffer
from Daddy.tensor_file import read_tensors, write_tensors

SEGMENT_ROWS = 16_384  # 28 MB: a copy of ten milliseconds
_RESERVE = 2**30  # bytes of the disk that are left to checkpoints and logs
_NAME = re.compile(r"segment_\d{8}\.safetensors")


@dataclass(frozen=True)
class Segment:
    """Copied rows begin..end-1 of each env (num_envs,), on their way to disk."""

    begin: np.ndarray
    end: np.ndarray
    rows: dict[str, np.ndarray]
    attempt: int


class ReplayStore:
    """Saves and restores one replay buffer; at most the newest ``limit_bytes`` of it, nothing if that is 0."""

    def __init__(self, root: Path, replay: ReplayBuffer, limit_bytes: float, segment_rows: int = SEGMENT_ROWS) -> None:
        """``root`` is created when the first segment is written."""
        self._root, self._replay, self._limit, self._segment_rows = root, replay, limit_bytes, segment_rows
        self._taken = replay.cursor  # rows handed out for writing
        self._written = replay.cursor  # rows on disk; the writer's
        self._entries: list[dict[str, Any]] = []  # oldest first; the writer's
        self._attempt = self._failures = 0  # a failed write discards what was taken after it
        self._retry_at = 0
        self._number = 1 + max((int(path.stem[-8:]) for path in self._files()), default=-1)
        self.notes: list[str] = []  # of the last `load_state_dict`

    # --- the loop's thread

    def take(self, everything: bool = False) -> list[Segment]:
        """Copies of the rows that came since the last call, by full segments; with ``everything`` also the rest."""
        if self._limit <= 0:
            return []
        if self._attempt != self._failures:
            self._attempt, self._taken = self._failures, self._written.copy()
            self._retry_at = int(self._replay.cursor.sum()) + self._segment_rows
        cursor, segments = self._replay.cursor, []
        if not everything and cursor.sum() < self._retry_at:
            return []
        self._taken = np.maximum(self._taken, cursor - self._replay.spec.ring)
        per_env = max(self._segment_rows // len(cursor), 1)
        while (cursor - self._taken).sum() >= (1 if everything else self._segment_rows):
            end = np.minimum(self._taken + per_env, cursor)
            rows = self._replay.export_rows(self._taken, end)
            segments.append(Segment(self._taken, end, rows, self._attempt))
            self._taken = end
        return segments

    # --- the saver's thread

    def write(self, segment: Segment) -> None:
        """Append a segment; after a failure the rows come again later, from the ring.

        Raises:
            CheckpointError: the disk refused or is too full.
        """
        if segment.attempt != self._failures:
            return
        path = self._root / f"segment_{self._number:08d}.safetensors"
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._check_space(sum(array.nbytes for array in segment.rows.values()))
            described = write_tensors(path, segment.rows)
        except OSError as error:
            self._failures += 1
            path.unlink(missing_ok=True)
            raise CheckpointError(f"replay not saved ({error}); a resumed run would have to do without its newest "
                                  "part") from error
        self._number += 1
        if (segment.begin > self._written).any():  # what lies between was overwritten before it could be saved
            self._entries.clear()
        self._written = segment.end
        extent = {"begin": segment.begin.tolist(), "end": segment.end.tolist()}
        self._entries.append({"name": path.name, **described, **extent})

    def entries(self) -> list[dict[str, Any]]:
        """What a checkpoint that is written now lists: segments still in the ring, within the limit."""
        left, first = self._limit, len(self._entries)
        oldest = self._written - self._replay.spec.ring
        while first and left >= self._entries[first - 1]["bytes"] and (self._entries[first - 1]["end"] > oldest).any():
            first -= 1
            left -= self._entries[first]["bytes"]
        self._entries = self._entries[first:]
        return list(self._entries)

    def prune(self, named: set[str]) -> None:
        """Delete all segments but those ``named`` by a checkpoint that is kept and those of the next one."""
        named = named | {entry["name"] for entry in self._entries}
        for path in self._files():
            if path.name not in named:
                path.unlink()

    def _files(self) -> list[Path]:
        return [path for path in self._root.glob("segment_*") if _NAME.fullmatch(path.name)]

    def _check_space(self, need: int) -> None:
        free = shutil.disk_usage(self._root).free
        if free < need + _RESERVE:
            raise OSError(f"{free / 2**30:.1f} GiB free at {self._root}, {_RESERVE / 2**30:.0f} of them kept for "
                          "checkpoints")

    # --- as a part of a checkpoint

    def state_dict(self) -> dict[str, Any]:
        """Sequence starts and weights; the saver adds ``entries`` when the segments are on disk."""
        return {**self._replay.index_state(), "shape": self._shape(), "segments": []}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Fill the replay from its segments, as far back as they are whole; ``notes`` say what is missing."""
        self.notes = []
        if list(state["shape"]) != self._shape():
            raise ValueError(f"replay shape {state['shape']}, this run has {self._shape()}")
        usable: list[tuple[dict[str, Any], dict[str, np.ndarray]]] = []
        for entry in reversed(state["segments"]):
            if usable and not self._reaches(entry, usable):
                break
            try:
                usable.append((entry, self._read(entry)))
            except CheckpointError as error:
                self.notes.append(f"warning: replay of the checkpoint cut: {error}")
                break
        if not usable:
            self.notes.append("the replay starts empty: learning goes on once it has collected anew")
            return
        cursor, oldest = np.array(usable[0][0]["end"]), np.array(usable[-1][0]["begin"])
        for entry, rows in usable:
            self._replay.import_rows(np.array(entry["begin"]), np.array(entry["end"]), rows, cursor)
        self._replay.restore_index(state, oldest, cursor)
        self._entries = [entry for entry, _ in reversed(usable)]
        self._taken, self._written = cursor, cursor
        self.notes.append(f"replay restored: {len(self._replay):,} transitions")

    def _reaches(self, entry: dict[str, Any], newer: list[tuple[dict[str, Any], Any]]) -> bool:
        """Whether a segment joins the newer ones and has rows that still fit into the ring."""
        cursor = np.array(newer[0][0]["end"])
        return entry["end"] == newer[-1][0]["begin"] and bool(
            (np.array(entry["end"]) > cursor - self._replay.spec.ring).any()
        )

    def _read(self, entry: dict[str, Any]) -> dict[str, np.ndarray]:
        """The rows of one segment.

        Raises:
            CheckpointError: it is missing, damaged, or not of this replay's shape.
        """
        if not _NAME.fullmatch(str(entry.get("name"))):
            raise CheckpointError(f"{entry.get('name')!r} is no name of a segment")
        begin, end = np.array(entry["begin"]), np.array(entry["end"])
        envs = self._replay.spec.num_envs
        if begin.shape != (envs,) or end.shape != (envs,) or (begin < 0).any() or (begin > end).any():
            raise CheckpointError(f"{entry['name']} has an impossible extent")
        tensors = read_tensors(self._root / entry["name"], entry)
        rows = {name: tensor.numpy() for name, tensor in tensors.items()}
        nothing = self._replay.export_rows(np.zeros(envs, np.int64), np.zeros(envs, np.int64))
        stride = self._replay.spec.stride
        starts = int((-(-end // stride) + (-begin // stride)).sum())
        for name, like in nothing.items():
            count = starts if name == "state" else int((end - begin).sum())
            if name not in rows or rows[name].shape != (count, *like.shape[1:]) or rows[name].dtype != like.dtype:
                raise CheckpointError(f"{entry['name']} does not hold the rows of this run's replay")
        return rows

    def _shape(self) -> list[Any]:
        """What rows and sequence starts must have in common; the length of the rings may differ."""
        spec = self._replay.spec
        return [spec.num_envs, spec.structured_dim, spec.structured_dtype, spec.state_width, spec.stride]
