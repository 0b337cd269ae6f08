import os

import pytest


@pytest.fixture(autouse=True)
def shared_memory_stays_clean():
    """Every test leaves /dev/shm as it was."""
    before = _named()
    yield
    assert _named() == before


def _named() -> set[str]:
    """What lies in shared memory under a name and could have been left by us."""
    if not os.path.isdir("/dev/shm"):
        return set()
    return {name for name in os.listdir("/dev/shm") if name.startswith(("pym-", "sem.", "psm_"))}
