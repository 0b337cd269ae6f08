"""One safetensors file: written in one pass that also digests it, read back only after its size was checked.

``safetensors.save_file`` builds the whole file in memory and holds the interpreter while it writes; this writer streams
the arrays themselves, so that a background thread does not stop the training loop.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from Daddy.errors import CheckpointError

_LABELS = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
    "uint64": "U64", "int64": "I64", "float16": "F16", "float32": "F32", "float64": "F64",
}  # fmt: skip


def write_tensors(path: Path, tensors: dict[str, torch.Tensor | np.ndarray]) -> dict[str, Any]:
    """Write tensors (on the CPU) to a new file and sync it; returns ``{"bytes": size, "sha256": digest}``.

    Raises:
        OSError: the disk refused.
        CheckpointError: a dtype that the format does not know.
    """
    header: dict[str, Any] = {}
    blocks, offset = [], 0
    for name, tensor in sorted(tensors.items()):
        label, array = _as_array(name, tensor)
        header[name] = {"dtype": label, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        blocks.append(array)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the data
    digest = hashlib.sha256()
    with path.open("wb", buffering=0) as file:
        for block in (len(text).to_bytes(8, "little") + text, *map(_bytes_of, blocks)):
            digest.update(block)
            _write_all(file, block)
        os.fsync(file.fileno())
    return {"bytes": 8 + len(text) + offset, "sha256": digest.hexdigest()}


def read_tensors(path: Path, expected: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Read a file that ``write_tensors`` described as ``expected``.

    Raises:
        CheckpointError: it is missing, a link, of another size or digest, or no safetensors file.
    """
    check_file(path, expected)
    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None


def check_file(path: Path, expected: dict[str, Any]) -> None:
    """Compare size, then digest.

    Raises:
        CheckpointError: the file is missing, a link, or not the one described.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise CheckpointError(f"{path.name} is missing")
        size = path.stat().st_size
        if size != expected["bytes"]:
            raise CheckpointError(f"{path.name} has {size:,} bytes instead of {expected['bytes']:,}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != expected["sha256"]:
                raise CheckpointError(f"{path.name} is damaged (its SHA-256 is another one)")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be checked: {error!r}") from None


def _as_array(name: str, tensor: torch.Tensor | np.ndarray) -> tuple[str, np.ndarray]:
    """The format's name of the dtype and a contiguous array of the same bytes."""
    if isinstance(tensor, torch.Tensor):
        tensor = tensor.detach()
        if tensor.dtype == torch.bfloat16:
            return "BF16", np.ascontiguousarray(tensor.view(torch.int16).numpy())
        tensor = tensor.numpy()
    label = _LABELS.get(tensor.dtype.name)
    if label is None:
        raise CheckpointError(f"{name} has dtype {tensor.dtype}, which a checkpoint cannot hold")
    return label, tensor if tensor.flags.c_contiguous else np.ascontiguousarray(tensor)


def _bytes_of(array: np.ndarray) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8))


def _write_all(file: Any, block: bytes | memoryview) -> None:
    """An unbuffered write may take a part only."""
    rest = memoryview(block)
    while len(rest):
        rest = rest[file.write(rest) :]
