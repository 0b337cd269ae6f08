import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from Daddy.errors import CheckpointError
from Daddy.tensor_file import read_tensors, write_tensors


def some_tensors() -> dict:
    rng = np.random.default_rng(0)
    return {
        "f4": torch.randn(3, 5).t(), "bf16": torch.randn(4).bfloat16(),
        "f2": rng.normal(size=(2, 3)).astype(np.float16),
        "bool": torch.tensor([True, False]), "scalar": torch.tensor(7.0), "empty": np.zeros((0, 4), np.uint8),
        "i8": np.arange(5), "u4": np.arange(5, dtype=np.uint32), "cut": rng.integers(0, 9, (6, 6))[:, ::2],
    }  # fmt: skip


def test_files_are_what_safetensors_reads_and_the_digest_is_theirs(tmp_path):
    tensors = some_tensors()
    described = write_tensors(tmp_path / "t", tensors)
    assert described["sha256"] == hashlib.sha256((tmp_path / "t").read_bytes()).hexdigest()
    for loaded in (load_file(tmp_path / "t"), read_tensors(tmp_path / "t", described)):
        assert set(loaded) == set(tensors)
        for name, value in tensors.items():
            expected = torch.as_tensor(value.copy() if isinstance(value, np.ndarray) else value)
            assert loaded[name].dtype == expected.dtype and torch.equal(loaded[name], expected), name


def test_a_dtype_without_a_name_in_the_format_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="words"):
        write_tensors(tmp_path / "t", {"words": np.array(["a"])})


@pytest.mark.parametrize("shape", [[10**12], [-1], "many"])
def test_a_lying_header_is_refused_before_anything_is_allocated(tmp_path, shape):
    header = json.dumps({"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(CheckpointError, match="t cannot be read"):
        read_tensors(tmp_path / "t", {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
