"""The agent's memory beside a savestate: what its network remembered when it came there, as one float16 row.

It is the memory *before* the observation that the savestate shows. An episode that starts there shows that observation
first and so goes on from the same belief; the older frames of the stack, the last action and the last reward are absent
on it, as on every first row, when acting and when learning. It was made by the weights of its time: a memory from long
ago may mean little to the weights of today.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from Daddy.curriculum.savestates import Savestate
from Daddy.errors import CheckpointError
from Daddy.tensor_file import read_tensors, write_tensors


def write_memory(directory: Path, entry: Savestate, memory: np.ndarray) -> None:
    """Write `memory` f2 (W,) beside the savestate and note it in its entry.

    Raises:
        OSError: the disk refused.
    """
    path = directory / f"{entry.name}.safetensors"
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        written = write_tensors(temporary, {"memory": memory})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    entry.memory, entry.memory_sha256, entry.memory_size = path.name, written["sha256"], written["bytes"]


def read_memory(directory: Path, entry: Savestate, width: int) -> np.ndarray:
    """The memory f2 (W,) that belongs to a savestate.

    Raises:
        ValueError: it is missing, damaged or of another network.
    """
    try:
        tensors = read_tensors(directory / entry.memory, {"bytes": entry.memory_size, "sha256": entry.memory_sha256})
    except CheckpointError as error:
        raise ValueError(str(error)) from None
    memory = tensors.get("memory")
    if memory is None or memory.dtype != torch.float16 or memory.shape != (width,) or not memory.isfinite().all():
        raise ValueError(f"{entry.memory} holds no memory of {width} finite numbers")
    return memory.numpy()
