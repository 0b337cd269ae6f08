"""Finds and recognises the ROM: an argument, then POKEMON_RED_ROM, then the packaged cartridge."""
from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pokemonred_puffer.errors import RomError

RED_SHA1 = "ea9bcae617fdf159b045185467ae58b2e4a48b9a"
CARTRIDGE_DIR = Path(__file__).parent / "data" / "cartridge"
CARTRIDGE_PATH = CARTRIDGE_DIR / "cartridge.gb"
ROM_VARIABLE = "POKEMON_RED_ROM"
_BANK = 0x4000
_SIZE_BYTE = 0x148  # header: ROM size is 32 KiB << this byte
_MAX_SIZE = 8 * 1024 * 1024


@dataclass(frozen=True)
class Rom:
    """A ROM in memory. `kind` is "cartridge", "red" or "other" (only with allow_mismatch)."""

    path: Path
    data: bytes = field(repr=False)
    sha1: str
    kind: str

    @property
    def sym(self) -> Path | None:
        """The symbol file beside the ROM, if there is one."""
        path = self.path.with_suffix(".sym")
        return path if path.is_file() else None

    @cached_property
    def world(self) -> dict | None:
        """The cartridge's own map table (world.json, written by its build); None for other ROMs."""
        path = self.path.with_name("world.json")
        if self.kind != "cartridge" or not path.is_file():
            path = CARTRIDGE_DIR / "world.json"
        if self.kind != "cartridge" or not path.is_file():
            return None
        return json.loads(path.read_text(encoding="utf-8"))


def resolve_rom(path: str | os.PathLike | None = None, allow_mismatch: bool = False) -> Rom:
    """Loads the ROM at `path`, else at $POKEMON_RED_ROM, else the packaged cartridge.

    Raises RomError when there is none, when it cannot be read, is truncated, or has an unknown SHA-1 (the last can be
    overridden by `allow_mismatch`).
    """
    chosen, origin = _choose(path)
    data = _read(chosen, origin)
    _check_size(chosen, data)
    sha1 = hashlib.sha1(data).hexdigest()
    kind = _recognise(sha1)
    if kind == "other" and not allow_mismatch:
        raise RomError(
            f"{chosen}: unknown ROM: SHA-1 found {sha1}, expected {RED_SHA1} (Pokemon Red) or the packaged cartridge; "
            "pass --allow-rom-mismatch (env.allow_rom_mismatch: true) to use it anyway"
        )
    return Rom(chosen, data, sha1, kind)


def _choose(path: str | os.PathLike | None) -> tuple[Path, str]:
    if path:
        return Path(path).expanduser(), "given as the ROM"
    if os.environ.get(ROM_VARIABLE):
        return Path(os.environ[ROM_VARIABLE]).expanduser(), f"named by {ROM_VARIABLE}"
    return CARTRIDGE_PATH, "the packaged cartridge"


def _read(path: Path, origin: str) -> bytes:
    try:
        if path.stat().st_size > _MAX_SIZE:
            raise RomError(f"{path} ({origin}) is larger than any Game Boy ROM (8 MiB); pass the .gb file itself")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RomError(
            f"{path} ({origin}) cannot be read: {reason}; pass --rom FILE, set {ROM_VARIABLE}, or leave both out to "
            "play the packaged cartridge"
        ) from error


def _check_size(path: Path, data: bytes) -> None:
    if len(data) < 2 * _BANK:
        raise RomError(f"{path} has {len(data)} bytes, a Game Boy ROM has at least {2 * _BANK}: the file is truncated")
    code = data[_SIZE_BYTE]
    declared = 2 * _BANK << code if code <= 8 else None
    if declared is None or len(data) < declared:
        expected = f"{declared} bytes" if declared else "a valid size code"
        raise RomError(
            f"{path} has {len(data)} bytes but its header declares {expected}: the file is truncated or no Game Boy ROM"
        )


def _recognise(sha1: str) -> str:
    if sha1 == RED_SHA1:
        return "red"
    if CARTRIDGE_PATH.is_file() and sha1 == hashlib.sha1(CARTRIDGE_PATH.read_bytes()).hexdigest():
        return "cartridge"
    return "other"
