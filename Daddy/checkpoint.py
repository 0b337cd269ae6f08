"""Checkpoints that are either complete or absent.

``checkpoints/step_000000020000/`` holds ``tensors.safetensors`` (every tensor and array, keys joined by ``/``),
``state.json`` (every plain value) and ``MANIFEST.json`` (sizes and SHA-256 of both, written last). The directory is
written under a temporary name, synced and renamed; ``latest.json`` is replaced atomically afterwards. No pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from Daddy.errors import CheckpointError

FORMAT = 1
_TENSORS, _STATE, _MANIFEST, _LATEST = "tensors.safetensors", "state.json", "MANIFEST.json", "latest.json"


def save_checkpoint(root: Path, step_global: int, state: dict[str, Any], keep: int = 3) -> Path:
    """Write ``state`` (nested dicts of tensors, arrays and JSON values) for ``step_global``; keep the newest ``keep``.

    Raises:
        CheckpointError: the disk refused; whatever was complete before is untouched.
    """
    final = root / f"step_{step_global:012d}"
    temporary = root / f".writing-{final.name}-{os.getpid()}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(root)
        temporary.mkdir()
        tensors, plain = _split(state)
        save_file(tensors, str(temporary / _TENSORS))
        _write_json(temporary / _STATE, plain)
        _write_json(temporary / _MANIFEST, _manifest(temporary, step_global))
        for name in (_TENSORS, _STATE, _MANIFEST):
            _sync(temporary / name)
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
        _sync(root)
        _point_latest(root, final.name)
        _prune(root, keep)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(f"checkpoint at step {step_global} not written to {root}: {error}") from error
    return final


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read one checkpoint back into the nested dict that was saved (arrays come back as tensors).

    Raises:
        CheckpointError: files missing, of another size or digest, or of another format.
    """
    manifest = _read_json(path / _MANIFEST)
    if manifest.get("format") != FORMAT:
        raise CheckpointError(f"{path} has checkpoint format {manifest.get('format')!r}; this version reads {FORMAT}")
    for name, expected in manifest.get("files", {}).items():
        file = path / name
        if not file.is_file() or file.stat().st_size != expected["bytes"] or _sha256(file) != expected["sha256"]:
            raise CheckpointError(f"{file} is damaged or missing; use an older checkpoint beside it")
    if set(manifest.get("files", {})) != {_TENSORS, _STATE}:
        raise CheckpointError(f"{path / _MANIFEST} does not list the files of a checkpoint")
    return _join(load_file(str(path / _TENSORS)), _read_json(path / _STATE))


def list_checkpoints(root: Path) -> list[Path]:
    """Complete-looking checkpoints (a manifest exists), oldest first."""
    return sorted(path.parent for path in root.glob(f"step_*/{_MANIFEST}"))


def _split(state: dict[str, Any], prefix: str = "") -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors flattened under ``a/b/c`` keys; everything else keeps its nesting."""
    tensors: dict[str, torch.Tensor] = {}
    plain: dict[str, Any] = {}
    for key, value in state.items():
        if not isinstance(key, str) or "/" in key:
            raise CheckpointError(f"state key {prefix}{key!r} must be a string without '/'")
        if isinstance(value, torch.Tensor | np.ndarray):
            tensor = torch.as_tensor(value).detach().cpu()
            tensors[prefix + key] = tensor.clone(memory_format=torch.contiguous_format)
        elif isinstance(value, dict):
            inner_tensors, plain[key] = _split(value, f"{prefix}{key}/")
            tensors.update(inner_tensors)
        else:
            plain[key] = value
    return tensors, plain


def _join(tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> dict[str, Any]:
    for name, tensor in tensors.items():
        *parents, leaf = name.split("/")
        node = plain
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = tensor
    return plain


def _manifest(directory: Path, step_global: int) -> dict[str, Any]:
    files = {
        name: {"bytes": (directory / name).stat().st_size, "sha256": _sha256(directory / name)}
        for name in (_TENSORS, _STATE)
    }
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"format": FORMAT, "step_global": step_global, "created": created, "files": files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not a JSON object")
    return content


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point_latest(root: Path, name: str) -> None:
    temporary = root / f".{_LATEST}-{os.getpid()}"
    _write_json(temporary, {"checkpoint": name})
    _sync(temporary)
    os.replace(temporary, root / _LATEST)


def _prune(root: Path, keep: int) -> None:
    for old in list_checkpoints(root)[:-keep]:
        shutil.rmtree(old)


def _remove_leftovers(root: Path) -> None:
    for leftover in root.glob(".writing-*"):
        shutil.rmtree(leftover, ignore_errors=True)
