"""Savestates without a game: their files, entries and registries."""

import hashlib
from pathlib import Path

from Daddy.curriculum.memory import write_memory
from Daddy.curriculum.registry import Registry
from Daddy.curriculum.savestates import Savestate

ROM, PYBOY = "ab" * 20, "2.7.0"


def make(number: int, milestone="M", owned=(), tier="early", **changes) -> Savestate:
    data = state_of(number)
    values = dict(
        file=f"{milestone}_{number:06d}.state", milestone=milestone, owned=list(owned), tier=tier, map_id=1, x=2, y=3,
        badges=0, created_at_step=number, parent="", sha256=hashlib.sha256(data).hexdigest(), size=len(data),
        pyboy=PYBOY, rom_sha1=ROM,
    )  # fmt: skip
    return Savestate(**(values | changes))


def state_of(number: int) -> bytes:
    return f"state {number}".encode() * 20


def put(registry: Registry, number: int, *args, memory=None, **changes) -> int:
    """Do what a capture does: the worker's file, the memory, the entry."""
    entry = make(number, *args, **changes)
    registry.directory.mkdir(exist_ok=True)
    (registry.directory / entry.file).write_bytes(state_of(number))
    if memory is not None:
        write_memory(registry.directory, entry, memory)
    return registry.add(entry)


def fresh(directory: Path) -> Registry:
    registry = Registry(directory, ROM, PYBOY)
    registry.load()
    return registry


def files_of(registry: Registry) -> list[str]:
    return sorted(entry.file for _, entry in registry)
