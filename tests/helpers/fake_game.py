"""A made-up Game Boy: memory to fill in, an emulator without a game, and a ROM of seven instructions."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.data.party import PARTY_DTYPE
from pokemonred_puffer.errors import StateError
from pokemonred_puffer.observation import PIXEL_VALUES, pack2bit
from pokemonred_puffer.ram_map import WramImage
from pokemonred_puffer.rom import Rom


def tiny_rom() -> bytes:
    """32 KiB that enable the VBlank interrupt and HALT for ever; no logo, correct header checksum."""
    rom = bytearray(0x8000)
    rom[0x40] = 0xD9  # reti
    rom[0x100:0x104] = bytes((0x00, 0xC3, 0x50, 0x01))  # jp 0150
    program = bytes((0x31, 0xFE, 0xFF, 0x3E, 0x01, 0xE0, 0xFF, 0xFB, 0x76, 0x00, 0x18, 0xFC))
    rom[0x150 : 0x150 + len(program)] = program
    checksum = 0
    for byte in rom[0x134:0x14D]:
        checksum = (checksum - byte - 1) & 0xFF
    rom[0x14D] = checksum
    return bytes(rom)


class FakeEmulator(WramImage):
    """An emulator whose game is a test's script: `on_tick(emulator)` runs at each tick."""

    def __init__(self) -> None:
        super().__init__()
        self.rom = Rom(Path("fake.gb"), b"", "0" * 40, "other")
        self.pressed: list[tuple[str, int]] = []
        self.frames = 0
        self.on_tick = None
        self.closed = False
        self.picture = PIXEL_VALUES[np.arange(144 * 160).reshape(144, 160) // 7 % 4]

    def tick(self, frames: int, render: bool = False) -> None:
        self.frames += frames
        if self.on_tick is not None:
            self.on_tick(self)

    def press(self, button: str, frames: int) -> None:
        self.pressed.append((button, frames))

    def screen_full(self) -> np.ndarray:
        return self.picture.copy()

    def screen_packed(self, out: np.ndarray | None = None) -> np.ndarray:
        packed = pack2bit(self.picture[::2, ::2] >> 6)
        if out is None:
            return packed
        out[:] = packed
        return out

    def save_state(self) -> bytes:
        return bytes(self.data)

    def load_state(self, data: bytes) -> None:
        if len(data) != len(self.data):
            raise StateError("junk")
        self.data[:] = data

    def close(self) -> None:
        self.closed = True


def put_party(image: WramImage, *members: dict) -> None:
    """Writes party members; keys as in PARTY_DTYPE."""
    structs = np.zeros(len(members), PARTY_DTYPE)
    for struct, member in zip(structs, members, strict=True):
        for key, value in member.items():
            struct[key] = value
    image.write(ram.wPartyCount, len(members))
    image.write(ram.wPartyMons, structs.tobytes())


def put_bag(image: WramImage, *items: tuple[int, int]) -> None:
    """Writes (id, quantity) pairs and the terminator."""
    image.write(ram.wNumBagItems, len(items))
    image.write(ram.wBagItems, bytes(b for item in items for b in item) + b"\xff")


def set_event(image: WramImage, index: int, value: bool = True) -> None:
    """Sets or clears flag `index` of wEventFlags."""
    address = ram.wEventFlags + (index >> 3)
    byte = image.read(address)
    image.write(address, byte | 1 << (index & 7) if value else byte & ~(1 << (index & 7)))


def move_to(image: WramImage, map_id: int, x: int, y: int) -> None:
    """Puts the player there."""
    image.write(ram.wCurMap, map_id)
    image.write(ram.wXCoord, x)
    image.write(ram.wYCoord, y)
