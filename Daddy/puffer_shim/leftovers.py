"""Clears shared memory that a killed run could not clear itself.

pufferlib's arrays and our mailboxes are files in /dev/shm that lose their name a moment after they are made, so the
system frees them with the last process. Only a kill within that moment leaves one, under its maker's process id.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

_MADE_BY = re.compile(r"pym-(\d+)-")


def sweep(directory: Path = Path("/dev/shm")) -> list[Path]:
    """Remove this user's nameable shared memory of processes that are gone; returns what was removed."""
    removed = []
    with contextlib.suppress(OSError):  # no such directory, or not ours to list
        for path in directory.iterdir():
            made_by = _MADE_BY.match(path.name)
            if made_by and path.stat().st_uid == os.getuid() and not _alive(int(made_by[1])):
                path.unlink()
                removed.append(path)
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
