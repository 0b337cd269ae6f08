import psutil
import pytest
import torch

from Daddy.watch import usage
from Daddy.watch.usage import UsageMeter


class NotSupportedError(Exception):
    """As pynvml's errors: a class of their own."""


def test_a_machine_without_gpu_is_measured():
    read = UsageMeter(torch.device("cpu")).read()
    assert 0 <= read.cpu <= 100 and 0 < read.ram <= 100
    assert read.rss_gib == pytest.approx(psutil.Process().memory_info().rss / 2**30, rel=0.5)
    assert read.gpu is None and read.vram is None


@pytest.mark.parametrize("error", [None, ModuleNotFoundError, RuntimeError, NotSupportedError])
def test_a_gpu_that_does_not_tell_its_load_is_no_crash_and_asked_once(monkeypatch, error):
    asked = []

    def utilization(device):
        asked.append(device)
        if error:
            raise error("no")
        return 70

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (25, 100))
    monkeypatch.setattr(torch.cuda, "utilization", utilization)
    monkeypatch.setattr(usage, "_PERIOD_S", 0.0)
    meter = UsageMeter(torch.device("cuda"))
    reads = [meter.read(), meter.read()]
    assert [read.gpu for read in reads] == ([None, None] if error else [70.0, 70.0])
    assert len(asked) == (1 if error else 2)
    assert reads[0].vram == 75.0
