import os
from pathlib import Path

import psutil
import pytest


@pytest.fixture(autouse=True)
def shared_memory_stays_clean():
    """Every test leaves /dev/shm as it was."""
    before = _named()
    yield
    left = _named() - before
    assert not (left and left - _of_others())


def _named() -> set[str]:
    """What lies in shared memory under a name and could have been left by us."""
    if not os.path.isdir("/dev/shm"):
        return set()
    return {name for name in os.listdir("/dev/shm") if name.startswith(("pym-", "sem.", "psm_"))}


def _of_others() -> set[str]:
    """Names that living processes outside this test run have mapped."""
    me = psutil.Process()
    ours = {me.pid, *(child.pid for child in me.children(recursive=True))}
    found = set()
    for pid in set(psutil.pids()) - ours:
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            continue  # gone, or not ours to read
        found |= {line.rpartition("/dev/shm/")[2].split()[0] for line in maps.splitlines() if "/dev/shm/" in line}
    return found
