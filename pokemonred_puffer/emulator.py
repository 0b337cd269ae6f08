"""The emulator: the only file that imports pyboy.

The ROM is opened from memory, so PyBoy neither reads nor writes a `.ram` file beside it. Sound is off, there is no
window unless asked for, and only the last frame of a tick is drawn.
"""
from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import struct
import warnings
import zlib
from array import array
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from pokemonred_puffer.errors import ConfigError, StateError
from pokemonred_puffer.rom import Rom

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pysdl2 warns about its bundled library, which a headless run never uses
    from pyboy import PyBoy
    from pyboy.core import ram as pyboy_ram

PYBOY_VERSION = version("pyboy")
SUPPORTED_PYBOY = "2.7.0"
BUTTONS = ("down", "left", "right", "up", "a", "b", "start")
STATE_MAGIC = b"PRDSTATE\x01"
_STATE_HEADER = struct.Struct(">9s16s20s16sI")  # magic, PyBoy version, ROM SHA-1, payload MD5, payload bytes unpacked
_LCDC = 0xFF40  # bit 7: the screen is on
_BOOT_FRAMES = 30
_MAX_STATE = 4 * 1024 * 1024
_WORK_RAM, _WORK_RAM_SIZE = 0xC000, 0x2000
_PACK = np.uint32(0x40100401)  # see screen_packed


class _RomFile(io.BytesIO):
    """A ROM in memory. PyBoy derives the names of its save files from `name`, which a plain BytesIO lacks."""


class Emulator:
    """One Game Boy with a ROM in it.

    Reads and writes take CPU addresses (0x0000-0xFFFF). Call `close()` when done; it never writes a file.
    """

    def __init__(self, rom: Rom, headless: bool = True) -> None:
        """Boots `rom`; `headless=False` opens an SDL window. ConfigError when another PyBoy version is installed."""
        if PYBOY_VERSION != SUPPORTED_PYBOY:
            raise ConfigError(
                f"pyboy {PYBOY_VERSION} is installed, savestates need {SUPPORTED_PYBOY}: "
                f"pip install pyboy=={SUPPORTED_PYBOY}"
            )
        self.rom = rom
        logging.getLogger("pyboy").setLevel(logging.CRITICAL)
        with _noted_arrays() as arrays:
            self.pyboy = PyBoy(
                _RomFile(rom.data),
                window="null" if headless else "SDL2",
                sound_emulated=False,
                no_input=headless,
                log_level="CRITICAL",
            )
        self._work_ram = _work_ram(self.pyboy.memory, arrays)
        self.pyboy.set_emulation_speed(0 if headless else 6)
        self.memory = self.pyboy.memory
        self.screen = self.pyboy.screen
        self._pixels = self.screen.ndarray  # (144, 160, 4) uint8, updated in place
        self._half = self._pixels[::2, ::2, 0]  # (72, 80) view
        self._levels = np.empty((72, 80), np.uint8)
        self._words = self._levels.view("<u4")  # (72, 20) view, four pixels in each
        self._top_bytes = self._levels.reshape(72, 20, 4)[:, :, 3]  # (72, 20) view
        self._draw_first_frame()

    def _draw_first_frame(self) -> None:
        """Draws once with the screen on: PyBoy puts the window layer a line off in the first picture of its life."""
        for _ in range(_BOOT_FRAMES):
            self.tick(1, True)
            if self.memory[_LCDC] & 0x80:
                break
        self.tick(1, True)

    def tick(self, frames: int, render: bool = False) -> None:
        """Runs `frames` frames; with `render` the last one is drawn (costs as much as five others)."""
        self.pyboy.tick(frames, render, False)

    def press(self, button: str, frames: int) -> None:
        """Holds `button` (one of BUTTONS) for `frames` frames from the next tick on, then lets it go."""
        self.pyboy.button(button, frames)

    def read(self, address: int) -> int:
        """One byte."""
        return self.memory[address]

    def read_range(self, address: int, length: int) -> bytes:
        """`length` bytes from `address` on."""
        start = address - _WORK_RAM
        if self._work_ram is not None and 0 <= start <= _WORK_RAM_SIZE - length:
            return bytes(self._work_ram[start : start + length])
        return bytes(self.memory[address : address + length])

    def write(self, address: int, data: int | bytes) -> None:
        """Writes one byte, or several consecutive ones."""
        if isinstance(data, int):
            self.memory[address] = data
        else:
            self.memory[address : address + len(data)] = list(data)

    def screen_full(self) -> np.ndarray:
        """(144, 160) uint8 copy of the picture, grey in {0, 85, 153, 255}."""
        return self._pixels[:, :, 0].copy()

    def screen_gray(self) -> np.ndarray:
        """(72, 80) uint8, every second pixel, levels 0 (black) to 3 (white)."""
        return self._half >> 6

    def screen_packed(self, out: np.ndarray | None = None) -> np.ndarray:
        """(72, 20) uint8: `screen_gray` with four pixels to a byte, the leftmost in bits 7-6; in `out` if given."""
        np.right_shift(self._half, 6, out=self._levels)
        # The product moves byte k's two bits to bits 30-2k of the word, so that its top byte is the packed byte.
        np.multiply(self._words, _PACK, out=self._words)
        if out is None:
            return self._top_bytes.copy()
        out[:] = self._top_bytes
        return out

    def save_state(self) -> bytes:
        """The machine's state, compressed, behind a header with PyBoy's version and the ROM's SHA-1 (4 KiB, 20 ms)."""
        buffer = io.BytesIO()
        self.pyboy.save_state(buffer)
        raw = buffer.getvalue()
        header = _STATE_HEADER.pack(
            STATE_MAGIC, PYBOY_VERSION.encode(), bytes.fromhex(self.rom.sha1), hashlib.md5(raw).digest(), len(raw)
        )
        return header + zlib.compress(raw, 1)

    def load_state(self, data: bytes) -> None:
        """Restores `save_state` bytes (6 ms). Plain PyBoy state files are accepted for Pokemon Red and other own ROMs.

        Raises StateError for junk and for states of another ROM or PyBoy version.
        """
        raw = unpack_state(data, self.rom)
        try:
            self.pyboy.load_state(io.BytesIO(raw))
        except Exception as error:  # PyBoy raises whatever its parser trips over
            raise StateError(f"PyBoy {PYBOY_VERSION} cannot load this savestate ({error}); record it again") from error

    def close(self) -> None:
        """Stops the emulator without saving anything."""
        self.pyboy.stop(save=False)


@contextlib.contextmanager
def _noted_arrays() -> Iterator[list[array]]:
    """Collects the arrays that PyBoy makes for its memory meanwhile."""
    made: list[array] = []

    def note(*arguments: object) -> array:
        made.append(array(*arguments))
        return made[-1]

    pyboy_ram.array = note
    try:
        yield made
    finally:
        pyboy_ram.array = array


def _work_ram(memory, arrays: list[array]) -> memoryview | None:
    """0xC000-0xDFFF as a read-only view, or None when none of `arrays` is it (memory is then read in slices).

    PyBoy offers no buffer over its memory, and its slices cost 27 ns a byte: 10 us a step, against 0.2 us this way.
    """
    probe = memory[_WORK_RAM] ^ 0xFF
    for candidate in arrays:
        if len(candidate) == _WORK_RAM_SIZE and candidate[0] != probe:
            memory[_WORK_RAM] = probe
            found = candidate[0] == probe
            memory[_WORK_RAM] = probe ^ 0xFF
            if found:
                return memoryview(candidate).toreadonly()
    return None


def unpack_state(data: bytes, rom: Rom) -> bytes:
    """PyBoy's own bytes out of `save_state` output, checked against `rom`; raw PyBoy files pass for other ROMs."""
    if not isinstance(data, bytes | bytearray | memoryview) or len(data) < _STATE_HEADER.size:
        raise StateError("not a savestate (too short, or no bytes); pass the bytes that save_state() returned")
    data = bytes(data)
    if not data.startswith(STATE_MAGIC):
        return _check_raw(data, rom)
    _, made_by, sha1, digest, size = _STATE_HEADER.unpack_from(data)
    made_by = made_by.rstrip(b"\0").decode("ascii", "replace")
    if made_by != PYBOY_VERSION:
        raise StateError(f"savestate of PyBoy {made_by}, this is {PYBOY_VERSION}: record it again with this version")
    if sha1.hex() != rom.sha1:
        raise StateError(f"savestate of the ROM with SHA-1 {sha1.hex()}, running is {rom.sha1}: use the state's ROM")
    return _inflate(data[_STATE_HEADER.size :], size, digest)


def _inflate(payload: bytes, size: int, digest: bytes) -> bytes:
    problem = "savestate is damaged (size or checksum is wrong): restore it from a copy or record it again"
    if not 0 < size <= _MAX_STATE:
        raise StateError(problem)
    try:
        raw = zlib.decompressobj().decompress(payload, size + 1)
    except zlib.error as error:
        raise StateError(problem) from error
    if len(raw) != size or hashlib.md5(raw).digest() != digest:
        raise StateError(problem)
    return raw


def _check_raw(data: bytes, rom: Rom) -> bytes:
    if rom.kind == "cartridge":
        raise StateError("not a savestate of this environment; pass the bytes that save_state() returned")
    if not (100_000 <= len(data) <= _MAX_STATE and 1 <= data[0] <= 15):
        raise StateError("neither a savestate of this environment nor a PyBoy state file (versions 1-15)")
    return data
