"""Files that only grow: no record is ever torn by a full disk, and a resumed run cuts what it will tell again."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from Daddy.errors import DaddyError

_CHUNK = 1 << 20


class AppendFile:
    """Bytes appended to ``path``. What the disk refuses stays pending, in order, for the next ``flush``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._pending = bytearray()

    def write(self, data: bytes) -> int:
        """Queue ``data`` for the next ``flush``."""
        self._pending += data
        return len(data)

    def flush(self) -> None:
        """Hand everything pending to the system.

        Raises:
            OSError: the disk refused; what was not written is still pending.
        """
        while self._pending:
            written = os.write(self._descriptor, self._pending[:_CHUNK])
            del self._pending[:written]

    def close(self) -> None:
        """Close the file; what is pending is lost."""
        os.close(self._descriptor)


class CsvSink:
    """Rows (mappings) as lines of a CSV file with fixed ``columns``; a new file begins with its header."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.file = AppendFile(path)
        self._columns = columns
        if path.stat().st_size == 0:
            self.file.write((",".join(columns) + "\n").encode())

    def write(self, row: Mapping[str, object]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow([row.get(column, "") for column in self._columns])
        self.file.write(text.getvalue().encode())


class JsonLinesSink:
    """Records (mappings) as one JSON object per line; a number that is not finite becomes null."""

    def __init__(self, path: Path) -> None:
        self.file = AppendFile(path)

    def write(self, record: Mapping[str, object]) -> None:
        self.file.write((json.dumps(plain(record), separators=(",", ":")) + "\n").encode())


class TextSink:
    """Lines of text."""

    def __init__(self, path: Path) -> None:
        self.file = AppendFile(path)

    def write(self, line: str) -> None:
        self.file.write((line + "\n").encode(errors="backslashreplace"))


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: numpy numbers and arrays unpacked, tuples as lists, nan and inf as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def write_json_atomically(path: Path, content: object) -> None:
    """Replace ``path`` so that a reader sees the old content or the new one.

    Raises:
        OSError: the disk refused; the old content stands.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(plain(content), indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def cut_csv(path: Path, columns: Sequence[str], step_column: str, last_step: int) -> int:
    """Drop rows beyond ``last_step`` and a torn last line; returns how many rows went.

    Raises:
        DaddyError: the header is not ``columns``: another version wrote the file.
    """
    position = columns.index(step_column)

    def keep(line: str) -> bool:
        return int(next(csv.reader([line]))[position]) <= last_step

    if not path.exists():
        return 0
    with path.open(encoding="utf-8", newline="") as file:
        header = file.readline()
    if header.endswith("\n") and header.rstrip("\r\n") != ",".join(columns):
        raise DaddyError(f"{path} was written by another version; resume with that version or start a new run")
    return _rewrite(path, keep, has_header=True)


def cut_json_lines(path: Path, last_step: int) -> int:
    """Drop records beyond ``last_step`` and a torn last line; returns how many records went."""
    if not path.exists():
        return 0
    return _rewrite(path, lambda line: json.loads(line)["step_global"] <= last_step, has_header=False)


def _rewrite(path: Path, keep: Callable[[str], bool], has_header: bool) -> int:
    """Copy the lines worth keeping beside ``path``, then replace it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    dropped = 0
    with temporary.open("w", encoding="utf-8", newline="") as out:
        for number, line in enumerate(whole_lines(path)):
            if (has_header and number == 0) or _kept(keep, line):
                out.write(line)
            else:
                dropped += 1
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
    return dropped


def _kept(keep: Callable[[str], bool], line: str) -> bool:
    """Whether ``keep`` wants the line; one that cannot be read is not kept."""
    try:
        return keep(line)
    except (ValueError, KeyError, IndexError, TypeError, csv.Error, StopIteration):
        return False


def whole_lines(path: Path) -> Iterator[str]:
    """Lines of a file that may still grow: a last line without its newline is not told."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for line in file:
            if line.endswith("\n"):
                yield line
