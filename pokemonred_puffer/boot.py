"""The state that an episode starts from: a savestate file, or power-on played to the first moment of control."""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.config import EnvConfig
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.errors import StateError
from pokemonred_puffer.rom import Rom

BOOT = "boot"
READY_ADDRESS = 0xDEF0  # the cartridge's own byte: 1 while it waits for a key
_SETTLE_FRAMES = 60
_BOOT_TRIES = 200
_OWN_RNG_ADDRESS = 0xFF90  # the cartridge's generator, two bytes


def initial_state(emulator, config: EnvConfig) -> bytes:
    """Leaves `emulator` in the configured start and returns that state as `save_state` bytes. Raises StateError."""
    if config.init_state == BOOT:
        emulator.load_state(_boot_state(emulator.rom, emulator.__class__))
    else:
        load_file(emulator, state_path(config))
    return emulator.save_state()


def state_path(config: EnvConfig) -> Path:
    """The file that `init_state` names: itself if it ends in .state, else <state_dir>/<init_state>.state."""
    if config.init_state.endswith(".state"):
        return Path(config.init_state).expanduser()
    return Path(config.state_dir).expanduser() / f"{config.init_state}.state"


def load_file(emulator, path: Path) -> None:
    """Loads a savestate file; StateError when it cannot be read or does not fit."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}; set env.state_dir and env.init_state") from error
    try:
        emulator.load_state(data)
    except StateError as error:
        raise StateError(f"{path}: {error}") from error


@lru_cache(maxsize=4)
def _boot_state(rom: Rom, emulator_class: type[Emulator]) -> bytes:
    """The boot state of `rom`, made once per process."""
    if rom.kind == "red":
        raise StateError(
            "Pokemon Red has no built-in start: set env.init_state to a savestate "
            "(play to the start with `python -m pyboy ROM` of PyBoy 2.7.0 and press Z)"
        )
    emulator = emulator_class(rom)
    try:
        emulator.tick(_SETTLE_FRAMES)
        if rom.kind == "cartridge":
            _pass_title(emulator)
        emulator.tick(1, True)  # a state holds the last picture drawn
        return emulator.save_state()
    finally:
        emulator.close()


def _pass_title(emulator) -> None:
    """Presses A until the player stands in the first map and the game waits for a key."""
    for _ in range(_BOOT_TRIES):
        if in_control(emulator):
            return
        emulator.press("a", 8)
        emulator.tick(24)
    raise StateError("the cartridge did not reach its first map after power-on: rebuild it")


def in_control(emulator) -> bool:
    """Whether the cartridge's player stands in a map, no text is open, and the game waits for a key."""
    return bool(
        emulator.read(READY_ADDRESS) == 1
        and emulator.read(ram.wCurMapWidth)
        and not emulator.read(ram.wFontLoaded) & 1
        and not emulator.read(ram.wJoyIgnore)
    )


def stir(emulator, rng, frames: int) -> None:
    """Makes the game's luck depend on `rng`: writes its random bytes and lets `frames` frames pass."""
    kind = emulator.rom.kind
    if kind != "other":
        emulator.write(ram.hRandomAdd, rng.bytes(2))
    if kind == "cartridge":
        emulator.write(_OWN_RNG_ADDRESS, bytes((int(rng.integers(1, 256)), int(rng.integers(1, 256)))))
    if frames:
        emulator.tick(frames, True)
