"""Load of the machine and of this run's processes."""

from __future__ import annotations

import math
import time

import psutil
import torch

from Daddy.snapshot import Usage

_PERIOD_S = 2.0


class UsageMeter:
    """``read`` asks the system at most every two seconds; it costs about a millisecond."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        self._process = psutil.Process()
        self._read_at, self._usage = -math.inf, Usage()
        self._gpu_tells = True
        psutil.cpu_percent()  # percentages count from the call before

    def read(self) -> Usage:
        """The newest numbers."""
        now = time.monotonic()
        if now - self._read_at >= _PERIOD_S:
            self._read_at = now
            gpu, vram = self._gpu()
            self._usage = Usage(psutil.cpu_percent(), psutil.virtual_memory().percent, self._rss_gib(), gpu, vram)
        return self._usage

    def _rss_gib(self) -> float:
        total = 0
        for process in [self._process, *self._process.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue  # it has ended in the meantime
        return total / 2**30

    def _gpu(self) -> tuple[float | None, float | None]:
        if self._cuda is None:
            return None, None
        free, total = torch.cuda.mem_get_info(self._cuda)
        return self._gpu_busy(), 100.0 * (total - free) / total

    def _gpu_busy(self) -> float | None:
        if self._gpu_tells:
            try:
                return float(torch.cuda.utilization(self._cuda))
            except Exception:  # no pynvml, a driver that does not tell, a MIG slice: each has its own error class
                self._gpu_tells = False
        return None
