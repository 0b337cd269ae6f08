import resource
import sys

import pytest
import torch

from Daddy.allocator import keep_freed_memory


def faults_of(elements):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(elements)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_freed_memory_is_reused_without_page_faults():
    if not keep_freed_memory():
        pytest.skip("the C library has no mallopt")
    for _ in range(4):
        faults_of(20 * 2**20)
    assert min(faults_of(10 * 2**20) for _ in range(3)) < 100  # fresh memory would fault 10,240 times
