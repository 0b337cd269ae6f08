"""Finding and recognising ROMs; every bad one gives one clear line."""
from __future__ import annotations

import hashlib

import pytest
from fake_game import tiny_rom

from pokemonred_puffer import rom as rom_module
from pokemonred_puffer.errors import PokemonRedError, RomError
from pokemonred_puffer.rom import RED_SHA1, resolve_rom


def refusal(*args, **kwargs) -> str:
    with pytest.raises(RomError) as caught:
        resolve_rom(*args, **kwargs)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 3
    return str(caught.value)


def test_unknown_rom_names_found_expected_and_the_override(rom_file):
    message = refusal(rom_file)
    assert hashlib.sha1(tiny_rom()).hexdigest() in message and RED_SHA1 in message and "--allow-rom-mismatch" in message
    rom = resolve_rom(rom_file, allow_mismatch=True)
    assert rom.kind == "other" and rom.data == tiny_rom() and rom.sym is None and rom.world is None


def test_missing_file_and_directory(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "no.gb")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("size", [0, 100, 0x7FFF])
def test_truncated_rom(tmp_path, size):
    path = tmp_path / "cut.gb"
    path.write_bytes(tiny_rom()[:size])
    assert "truncated" in refusal(path, allow_mismatch=True)


def test_header_that_declares_more_than_there_is(tmp_path):
    data = bytearray(tiny_rom())
    data[0x148] = 5
    path = tmp_path / "short.gb"
    path.write_bytes(data)
    assert "declares 1048576 bytes" in refusal(path, allow_mismatch=True)
    data[0x148] = 0x77
    path.write_bytes(data)
    assert "no Game Boy ROM" in refusal(path, allow_mismatch=True)


def test_order_argument_variable_package(rom_file, tmp_path, monkeypatch):
    other = tmp_path / "other.gb"
    other.write_bytes(tiny_rom())
    monkeypatch.setenv("POKEMON_RED_ROM", str(other))
    assert resolve_rom(None, True).path == other and resolve_rom(rom_file, True).path == rom_file
    monkeypatch.setenv("POKEMON_RED_ROM", str(tmp_path / "gone.gb"))
    assert "POKEMON_RED_ROM" in refusal()
    monkeypatch.delenv("POKEMON_RED_ROM")
    monkeypatch.setattr(rom_module, "CARTRIDGE_PATH", rom_file)
    rom = resolve_rom()
    assert rom.path == rom_file and rom.kind == "cartridge"


def test_huge_file_is_not_read(tmp_path):
    path = tmp_path / "huge.gb"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert "larger" in refusal(path)


def test_symbols_beside_the_rom(rom_file):
    rom_file.with_suffix(".sym").write_text("00:0150 start\n")
    assert resolve_rom(rom_file, True).sym == rom_file.with_suffix(".sym")


def test_all_errors_share_a_base():
    assert issubclass(RomError, PokemonRedError)
