import numpy as np
import pytest
from savestate_files import make

from Daddy.curriculum.memory import read_memory, write_memory


@pytest.mark.parametrize("memory", [np.zeros(5, np.float16), np.zeros(4, np.float32), np.full(4, np.nan, np.float16)])
def test_a_memory_of_another_network_is_refused(tmp_path, memory):
    entry = make(1)
    write_memory(tmp_path, entry, memory)
    with pytest.raises(ValueError, match="holds no memory of 4"):
        read_memory(tmp_path, entry, 4)
    (tmp_path / entry.memory).write_bytes(b"junk")
    with pytest.raises(ValueError, match="bytes instead of"):
        read_memory(tmp_path, entry, 4)
