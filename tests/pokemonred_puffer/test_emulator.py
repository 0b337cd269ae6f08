"""The emulator: states travel safely, and nothing is read from or written to the disk."""
from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from fake_game import tiny_rom

from pokemonred_puffer import emulator as emulator_module
from pokemonred_puffer.emulator import STATE_MAGIC, Emulator, unpack_state
from pokemonred_puffer.errors import ConfigError, StateError
from pokemonred_puffer.rom import Rom, resolve_rom


@pytest.fixture
def emulator(rom_file):
    emulator = Emulator(resolve_rom(rom_file, allow_mismatch=True))
    emulator.tick(5)
    yield emulator
    emulator.close()


def refusal(emulator, data) -> str:
    with pytest.raises(StateError) as caught:
        emulator.load_state(data)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 3
    return str(caught.value)


def test_reads_and_writes(emulator):
    emulator.write(0xD000, 7)
    emulator.write(0xD001, bytes([8, 9]))
    assert emulator.read(0xD000) == 7 and emulator.read_range(0xD000, 3) == bytes([7, 8, 9])


def test_pictures(emulator):
    emulator.tick(1, True)
    assert emulator.screen_gray().shape == (72, 80) and emulator.screen_full().shape == (144, 160)
    assert emulator.screen_packed().shape == (72, 20) and emulator.screen_gray().max() <= 3
    copy = emulator.screen_full()
    copy[:] = 1
    assert not np.array_equal(copy, emulator.screen_full())


def test_state_round_trip(emulator):
    emulator.write(0xD123, 42)
    state = emulator.save_state()
    emulator.write(0xD123, 1)
    emulator.load_state(state)
    assert emulator.read(0xD123) == 42 and state.startswith(STATE_MAGIC)
    assert len(state) < 20_000


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 500, STATE_MAGIC, STATE_MAGIC + b"\0" * 100, None, 3])
def test_junk_states(emulator, data):
    refusal(emulator, data)


def test_damaged_states(emulator):
    state = emulator.save_state()
    assert "damaged" in refusal(emulator, state[:-20])
    flipped = bytearray(state)
    flipped[len(state) // 2] ^= 0xFF
    assert "damaged" in refusal(emulator, bytes(flipped))


def test_state_with_an_absurd_size_is_not_unpacked(emulator):
    state = bytearray(emulator.save_state())
    header = emulator_module._STATE_HEADER
    fields = list(header.unpack_from(state))
    fields[-1] = 2**31
    state[: header.size] = header.pack(*fields)
    assert "damaged" in refusal(emulator, bytes(state))


def test_state_of_another_version_or_rom(emulator, monkeypatch):
    state = emulator.save_state()
    with pytest.raises(StateError, match="ROM with SHA-1"):
        unpack_state(state, Rom(Path("x.gb"), b"", "ab" * 20, "other"))
    monkeypatch.setattr(emulator_module, "PYBOY_VERSION", "2.8.1")
    assert "PyBoy 2.7.0, this is 2.8.1" in refusal(emulator, state)


def test_plain_pyboy_states_load_for_own_roms_but_not_for_the_cartridge(emulator):
    buffer = io.BytesIO()
    emulator.write(0xD200, 5)
    emulator.pyboy.save_state(buffer)
    emulator.write(0xD200, 6)
    emulator.load_state(buffer.getvalue())
    assert emulator.read(0xD200) == 5
    with pytest.raises(StateError, match="not a savestate"):
        unpack_state(buffer.getvalue(), Rom(Path("c.gb"), b"", "ab" * 20, "cartridge"))


def test_wrong_pyboy_is_refused(rom_file, monkeypatch):
    monkeypatch.setattr(emulator_module, "PYBOY_VERSION", "2.8.1")
    with pytest.raises(ConfigError, match=r"pip install pyboy==2\.7\.0"):
        Emulator(resolve_rom(rom_file, allow_mismatch=True))


def battery_rom() -> bytes:
    rom = bytearray(tiny_rom())
    rom[0x147], rom[0x149] = 0x1B, 0x02  # MBC5 with 8 KiB of battery-backed RAM
    checksum = 0
    for byte in rom[0x134:0x14D]:
        checksum = (checksum - byte - 1) & 0xFF
    rom[0x14D] = checksum
    return bytes(rom)


def test_no_stray_save_file_is_read_or_written(tmp_path):
    path = tmp_path / "battery.gb"
    path.write_bytes(battery_rom())
    stray = tmp_path / "battery.gb.ram"
    stray.write_bytes(b"\x5a" * 0x2000)
    emulator = Emulator(resolve_rom(path, allow_mismatch=True))
    emulator.tick(5)
    emulator.write(0x0000, 0x0A)  # enable cartridge RAM
    assert emulator.read(0xA000) != 0x5A
    emulator.write(0xA000, 0x77)
    emulator.close()
    assert stray.read_bytes() == b"\x5a" * 0x2000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["battery.gb", "battery.gb.ram"]


def test_work_memory_is_read_through_a_view_that_follows_writes_frames_and_savestates(emulator):
    assert emulator._work_ram is not None, "this PyBoy keeps its memory elsewhere: steps are 10 us slower"
    state = emulator.save_state()
    emulator.write(0xD000, bytes(range(50)))
    emulator.tick(3)
    assert emulator.read_range(0xD000, 50) == bytes(range(50))
    emulator.load_state(state)
    for address, length in ((0xC000, 0x2000), (0xBFFF, 2), (0xDFFF, 2), (0xFF80, 16)):
        assert emulator.read_range(address, length) == bytes(emulator.memory[address : address + length])


def test_a_pyboy_that_hides_its_memory_is_read_in_slices(rom_file, monkeypatch):
    monkeypatch.setattr(emulator_module, "_work_ram", lambda *_: None)
    emulator = Emulator(resolve_rom(rom_file, allow_mismatch=True))
    emulator.write(0xD000, bytes(range(50)))
    assert emulator.read_range(0xD000, 50) == bytes(range(50))
    emulator.close()
