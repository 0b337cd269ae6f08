"""Fixtures: a made-up memory, an environment without a game, and a ROM of seven instructions."""
from __future__ import annotations

from pathlib import Path

import pytest
from fake_game import FakeEmulator, move_to, tiny_rom

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.ram_map import WramImage


@pytest.fixture
def image() -> WramImage:
    """64 KiB of zeros, the player in map 0x26 at (3, 6)."""
    image = WramImage()
    move_to(image, 0x26, 3, 6)
    image.write(ram.wDestinationWarpID, 0xFF)
    return image


@pytest.fixture
def fake() -> FakeEmulator:
    """A FakeEmulator with the player in map 0x26 at (3, 6)."""
    emulator = FakeEmulator()
    move_to(emulator, 0x26, 3, 6)
    emulator.write(ram.wDestinationWarpID, 0xFF)
    return emulator


@pytest.fixture
def make_fake_env(fake, tmp_path):
    """Builds an environment on the fake emulator: `make_fake_env(max_steps=10)`; also takes a class and weights."""
    start = tmp_path / "start.state"

    def make(env_class=RedGymEnv, weights=None, **settings):
        start.write_bytes(bytes(fake.data))
        return env_class({"init_state": str(start), "noop_max": 0, **settings}, weights, emulator=fake)

    return make


@pytest.fixture
def rom_file(tmp_path) -> Path:
    """The tiny ROM as a file."""
    path = tmp_path / "tiny.gb"
    path.write_bytes(tiny_rom())
    return path


@pytest.fixture
def tiny_settings(rom_file) -> dict:
    """Settings of an environment on the tiny ROM."""
    return {"gb_path": str(rom_file), "allow_rom_mismatch": True, "log_frequency": 0}
