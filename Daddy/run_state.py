"""What a checkpoint holds, and giving it back: the loop's counters, and every part that has a ``state_dict``."""

from __future__ import annotations

from typing import Any, Protocol

from Daddy.errors import CheckpointError, UsageError


class Part(Protocol):
    """Anything of a run that has a state: nested dicts of tensors, arrays and JSON values."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


def collect(counters: dict[str, Any], parts: dict[str, Part]) -> dict[str, Any]:
    """One nested dict; the arrays in it are still those of the parts."""
    return {**counters, **{name: part.state_dict() for name, part in parts.items()}}


def restore(saved: dict[str, Any], parts: dict[str, Part]) -> list[str]:
    """Give each part its saved state; returns a line for each part that the checkpoint does not know.

    Raises:
        CheckpointError: the state of a part does not fit it.
    """
    notes = []
    for name, part in parts.items():
        if name not in saved:
            notes.append(f"the checkpoint holds no {name} state: {name} starts fresh")
            continue
        try:
            part.load_state_dict(saved[name])
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"the saved {name} state does not fit this run ({error!r}); resume with the version "
                                  "and settings that wrote it") from error
    return notes


def check_rom(saved: dict[str, Any], rom_sha1: str) -> None:
    """A run continues on the ROM it began with, wherever that lies now.

    Raises:
        UsageError: the saved run played another ROM.
    """
    before = saved.get("rom_sha1", rom_sha1)
    if before != rom_sha1:
        raise UsageError(f"the run was trained on the ROM with SHA-1 {before} and this one has {rom_sha1}; pass the "
                         "same ROM with --rom, or start another --run-name")


def restore_run(
    saved: dict[str, Any], rom_sha1: str, parts: dict[str, Part]
) -> tuple[dict[str, Any], list[str]]:
    """The loop's counters, and lines to tell the user; ``saved`` is empty for a run that starts.

    Raises:
        UsageError: the saved run played another ROM.
        CheckpointError: the state of a part does not fit it.
    """
    check_rom(saved, rom_sha1)
    counters = {
        "rom_sha1": rom_sha1, "step_global": int(saved.get("step_global", 0)),
        "train_seconds": float(saved.get("train_seconds", 0.0)),
    }  # fmt: skip
    return counters, restore(saved, parts) if saved else []
