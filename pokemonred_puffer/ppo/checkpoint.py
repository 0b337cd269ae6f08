"""Checkpoints: a directory step_N with the tensors in safetensors and everything else in JSON, visible only when whole.
"""
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pokemonred_puffer.errors import PokemonRedError

_KEEP = 3
_TENSORS, _STATE = "tensors.safetensors", "state.json"


class CheckpointError(PokemonRedError):
    """There is no checkpoint, or it cannot be used."""

    exit_code = 4


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> Path:
    """Writes `folder`/step_N and keeps the newest three. OSError when the disk refuses: nothing half is left."""
    path = folder / f"step_{step:012d}"
    temporary = folder / f".{path.name}.new"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary / _TENSORS)
        (temporary / _STATE).write_text(json.dumps({"step_global": step, **state}) + "\n", encoding="utf-8")
        for file in temporary.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        if path.exists():  # the same step again: a run stopped before it learned anything more
            shutil.rmtree(path)
        os.replace(temporary, path)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for old in checkpoints(folder)[:-_KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """All checkpoints, oldest first."""
    return sorted(path for path in folder.glob("step_*") if path.is_dir())


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, state) of one checkpoint. Raises CheckpointError when it is damaged."""
    try:
        return load_file(path / _TENSORS), json.loads((path / _STATE).read_text(encoding="utf-8"))
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); delete it to use the one before") from error


def newest(folder: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint that can be read; None when there is none. Raises CheckpointError if all are damaged."""
    error: CheckpointError | None = None
    for path in reversed(checkpoints(folder)):
        try:
            return path, *load_checkpoint(path)
        except CheckpointError as damaged:
            error = error or damaged
    if error:
        raise error
    return None


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's moments and counts by parameter number."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{number}.{name}": value for number, entry in state.items() for name, value in entry.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Puts back what `optimizer_tensors` told; the parameters must be the same."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".")
            state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
