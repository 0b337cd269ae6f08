"""Savestates to begin with: those of another run, or those that the walkthrough writes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from Daddy.curriculum.registry import Registry
from Daddy.curriculum.savestates import Savestate, parse_entry, read_checked, read_limited
from Daddy.puffer_shim import MILESTONE_TABLE, MILESTONES
from Daddy.puffer_shim.capture import write_atomically

_TIERS = {milestone.name: milestone.tier for milestone in MILESTONE_TABLE}
_MAX_MANIFEST_BYTES = 2**20


def adopt(registry: Registry, source: Path) -> None:
    """Copy what can be used of `source` into `registry`, with fresh counts; `source` stays as it is.

    Notes say what was left out, and why.

    Raises:
        OSError, ValueError: the registry's directory cannot be written, or a file has just changed.
    """
    donor = Registry(source, registry.rom_sha1, registry.pyboy)
    known, reasons = donor.survey(_of_walkthrough(source))
    registry.notes += donor.notes
    registry.notes += [f"{file} of {source} is not used: {reason}" for file, reason in reasons.items()]
    registry.directory.mkdir(exist_ok=True)
    try:
        for entry in sorted(known.values(), key=lambda e: (e.created_at_step, e.file)):
            _copy(registry, source, entry)
    finally:
        registry.list_all()
    registry.notes.append(f"{len(registry)} savestates taken over from {source}")


def _copy(registry: Registry, source: Path, entry: Savestate) -> None:
    name = f"{entry.milestone}_{datetime.now(UTC):%Y%m%dT%H%M%S_%fZ}"
    memory = f"{name}.safetensors" if entry.memory else ""
    if memory:
        try:
            data = read_checked(source / entry.memory, entry.memory_size, entry.memory_sha256)
            write_atomically(registry.directory / memory, data)
        except ValueError as error:
            registry.notes.append(f"{name} comes with an empty memory: {error}")
            memory = ""
    state = read_checked(source / entry.file, entry.size, entry.sha256)
    write_atomically(registry.directory / f"{name}.state", state)
    registry.add_unlisted(dataclasses.replace(
        entry, file=f"{name}.state", memory=memory, parent="", created_at_step=0, **_NO_COUNTS,
    ))  # fmt: skip


_NO_COUNTS = {
    spec.name: spec.default
    for spec in dataclasses.fields(Savestate) if spec.name in ("attempts", "successes", "alpha", "beta")
}  # fmt: skip


def _of_walkthrough(source: Path) -> Iterator[Savestate]:
    """Entries made of the manifest of ``pokemonred_puffer.walkthrough --states``; its places are left out."""
    try:
        rows = json.loads(read_limited(source / "manifest.json", _MAX_MANIFEST_BYTES))["states"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    owned: list[str] = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("milestone") in MILESTONES:
            owned = [*owned, row["milestone"]]
            try:
                yield parse_entry(_entry_fields(row, source, owned))
            except (ValueError, OSError):
                continue


def _entry_fields(row: dict[str, Any], source: Path, owned: list[str]) -> dict[str, Any]:
    fields = {name: row.get(name) for name in ("file", "milestone", "sha256", "rom_sha1", "pyboy")}
    size = (source / str(row.get("file"))).stat().st_size
    unknown = {"x": 0, "y": 0, "badges": 0, "parent": "", "memory": "", "memory_sha256": "", "memory_size": 0}
    return {
        **fields, **unknown, **_NO_COUNTS, "owned": owned, "tier": _TIERS[row["milestone"]], "map_id": row.get("map"),
        "created_at_step": row.get("actions"), "size": size,
    }  # fmt: skip
