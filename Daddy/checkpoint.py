"""Checkpoints that are either complete or absent.

``checkpoints/step_000000020000/`` holds ``tensors.safetensors`` (every tensor and array, keys joined by ``/``),
``state.json`` (every plain value) and ``MANIFEST.json`` (sizes and SHA-256 of both, written last). The directory is
written under a temporary name, synced and renamed; ``latest.json`` and ``best.json`` are replaced atomically
afterwards, and only then is anything pruned. No pickle. Only the process that holds ``run.lock`` writes here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from Daddy.errors import CheckpointError
from Daddy.tensor_file import check_file, read_tensors, write_tensors

FORMAT = 1
_TENSORS, _STATE, _MANIFEST, _LATEST, _BEST = (
    "tensors.safetensors", "state.json", "MANIFEST.json", "latest.json", "best.json"
)  # fmt: skip
_NAME = re.compile(r"step_(\d{12})")
_JSON_LIMIT = 256 * 2**20  # bytes; a state.json of ours has some hundred kB


@dataclass(frozen=True)
class Packed:
    """A state taken apart: copies, so that the run may go on while they are written."""

    tensors: dict[str, torch.Tensor]
    plain: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """The newest valid checkpoint (None if there is none) and why newer ones were skipped, newest first."""

    path: Path | None
    skipped: list[tuple[Path, str]] = field(default_factory=list)


def pack(state: dict[str, Any]) -> Packed:
    """Copy ``state`` (nested dicts of tensors, arrays and JSON values).

    Raises:
        CheckpointError: a key that is no string or holds a ``/``, or a value that JSON does not know.
    """
    tensors, plain = _split(state)
    try:
        json.dumps(plain)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the state holds what a checkpoint cannot: {error}") from None
    return Packed(tensors, plain)


def save_checkpoint(
    root: Path, step_global: int, state: dict[str, Any] | Packed, keep: int = 3, score: tuple[float, ...] | None = None
) -> Path:
    """Write ``state`` for ``step_global``; keep the newest ``keep`` and the one with the highest ``score``.

    Raises:
        CheckpointError: the disk refused; whatever was complete before is untouched.
    """
    final = root / f"step_{step_global:012d}"
    temporary = root / f".writing-{final.name}-{os.getpid()}"
    try:
        packed = state if isinstance(state, Packed) else pack(state)
        root.mkdir(parents=True, exist_ok=True)
        remove_leftovers(root)
        temporary.mkdir()
        _write_into(temporary, packed, step_global, score)
        _put_in_place(temporary, final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(f"checkpoint at step {step_global:,} not written to {root}: {error}") from error
    try:
        _point(root / _LATEST, {"checkpoint": final.name})
        _prune(root, final, keep)
    except OSError as error:
        raise CheckpointError(f"{final} is written, but not what points to it or the older ones: {error}") from error
    return final


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read one checkpoint back into the nested dict that was saved (arrays come back as tensors).

    Raises:
        CheckpointError: files missing, of another size or digest, or of another format.
    """
    manifest = check_checkpoint(path)
    return _join(read_tensors(path / _TENSORS, manifest["files"][_TENSORS]), _read_json(path / _STATE))


def check_checkpoint(path: Path) -> dict[str, Any]:
    """Verify every file against the manifest, which is returned.

    Raises:
        CheckpointError: saying what is wrong with it.
    """
    manifest = _read_json(path / _MANIFEST)
    if manifest.get("format") != FORMAT:
        raise CheckpointError(f"{path} has checkpoint format {manifest.get('format')!r}; this version reads {FORMAT}")
    files = manifest.get("files")
    if not isinstance(files, dict) or set(files) != {_TENSORS, _STATE}:
        raise CheckpointError(f"{path / _MANIFEST} does not list the files of a checkpoint")
    for name, expected in files.items():
        check_file(path / name, expected)
    return manifest


def find_checkpoint(root: Path) -> Found:
    """The newest checkpoint that passes ``check_checkpoint``.

    Raises:
        CheckpointError: there are checkpoints, and none of them is valid.
    """
    skipped: list[tuple[Path, str]] = []
    for path in reversed(_directories(root)):
        try:
            check_checkpoint(path)
            return Found(path, skipped)
        except CheckpointError as error:
            skipped.append((path, str(error)))
    if skipped:
        reasons = "; ".join(f"{path.name}: {reason}" for path, reason in skipped)
        raise CheckpointError(f"no checkpoint under {root} is valid ({reasons}); restore one, or start anew with "
                              "--on-exist restart or another --run-name")
    return Found(None)


def read_state(path: Path) -> dict[str, Any]:
    """The plain values of a checkpoint, unchecked; empty if they cannot be read."""
    try:
        return _read_json(path / _STATE)
    except CheckpointError:
        return {}


def list_checkpoints(root: Path) -> list[Path]:
    """Complete-looking checkpoints (a manifest exists), oldest first."""
    return [path for path in _directories(root) if (path / _MANIFEST).is_file()]


def checkpoint_step(path: Path) -> int:
    """``step_global`` of a checkpoint directory, from its name."""
    return int(_NAME.fullmatch(path.name)[1])


def set_aside(path: Path) -> Path:
    """Rename a damaged checkpoint so that it is neither loaded nor pruned nor counted; returns its new path."""
    aside = path.with_name(f"skipped-{path.name}-{time.time_ns()}")
    os.replace(path, aside)
    return aside


def remove_leftovers(root: Path) -> None:
    """Delete what a killed writer left behind."""
    for leftover in root.glob(".writing-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _directories(root: Path) -> list[Path]:
    """Directories with the name of a checkpoint, oldest first, valid or not."""
    return sorted(p for p in root.glob("step_*") if _NAME.fullmatch(p.name) and p.is_dir() and not p.is_symlink())


def _write_into(directory: Path, packed: Packed, step_global: int, score: tuple[float, ...] | None) -> None:
    """Both content files, then the manifest, each of them synced."""
    files = {
        _TENSORS: write_tensors(directory / _TENSORS, packed.tensors),
        _STATE: _write_json(directory / _STATE, packed.plain),
    }
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    manifest = {"format": FORMAT, "step_global": step_global, "created": created, "score": score, "files": files}
    _write_json(directory / _MANIFEST, manifest)
    _sync(directory)


def _put_in_place(temporary: Path, final: Path) -> None:
    """Rename; a damaged checkpoint of the same step makes way, a valid one stays."""
    old = final.with_name(f".writing-old-{final.name}")
    if final.exists():
        if _is_valid(final):  # the same step again: nothing was collected since
            shutil.rmtree(temporary)
            return
        os.replace(final, old)
    os.replace(temporary, final)
    _sync(final.parent)
    shutil.rmtree(old, ignore_errors=True)


def _is_valid(path: Path) -> bool:
    try:
        check_checkpoint(path)
    except CheckpointError:
        return False
    return True


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
            plain[key] = value.item() if isinstance(value, np.generic) else value
    return tensors, plain


def _join(tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> dict[str, Any]:
    for name, tensor in tensors.items():
        *parents, leaf = name.split("/")
        node = plain
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = tensor
    return plain


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _JSON_LIMIT:
            raise CheckpointError(f"{path} is larger than any file of ours")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path.name} is not a JSON object")
    return content


def _write_json(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Write and sync; returns ``{"bytes": size, "sha256": digest}``."""
    data = (json.dumps(content, indent=1) + "\n").encode()
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point(pointer: Path, content: dict[str, Any]) -> None:
    temporary = pointer.with_name(f".{pointer.name}-{os.getpid()}")
    try:
        _write_json(temporary, content)
        os.replace(temporary, pointer)
    finally:
        temporary.unlink(missing_ok=True)


def _prune(root: Path, written: Path, keep: int) -> None:
    """Keep the one just written, the newest ``keep`` and the best; ``best.json`` names the best."""
    present = list_checkpoints(root)
    rated = [(score, path.name, path) for path in present if (score := _score(path))]
    best = max(rated)[2] if rated else None
    if best is not None:
        _point(root / _BEST, {"checkpoint": best.name, "score": _score(best)})
    for old in present[:-keep]:
        if old not in (best, written):
            shutil.rmtree(old)


def _score(path: Path) -> list[float] | None:
    try:
        score = _read_json(path / _MANIFEST).get("score")
    except CheckpointError:
        return None
    return score if isinstance(score, list) and score else None
