"""Keeps freed memory in the process: a learner on a CPU spends half its time on page faults otherwise."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Tell glibc to reuse big freed blocks instead of returning them to the kernel; False where there is no glibc.

    Batches of megabytes are allocated and freed in every update; fetched anew each time, every page of them faults.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 2**26))
    return all([mallopt(option, value) == 1 for option, value in settings])
