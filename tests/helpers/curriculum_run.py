"""Small training runs on the cartridge with a curriculum, and savestates of the recorded game for them."""

import contextlib
import io
from pathlib import Path

from Daddy import train_slim
from Daddy.curriculum.registry import Registry
from Daddy.puffer_shim import rom_sha1
from pokemonred_puffer import walkthrough
from pokemonred_puffer.bot.game import act
from pokemonred_puffer.emulator import PYBOY_VERSION, Emulator
from pokemonred_puffer.rom import resolve_rom

SMALL = (
    "--num-envs 2 --log-interval 200 --max-episode-steps 12 --learning-starts 4000 --batch-size 4 --buffer-size 8000 "
    "--seq-len 8 --burn-in 4 --dashboard plain --curriculum --run-name run"
).split()


def train(root: Path, *argv: str, backend: str = "serial") -> str:
    """What a run in this process prints; nothing is learned in its first 4,000 steps."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert train_slim.main([*SMALL, "--backend", backend, "--runs-dir", str(root), *argv]) == 0
    return shown.getvalue()


def recorded_states(directory: Path) -> dict[str, Path]:
    """milestone or place -> savestate there, of the recorded game; with the manifest that --savestates-from takes."""
    with contextlib.redirect_stdout(io.StringIO()):
        assert walkthrough.main(["--states", str(directory)]) == 0
    return {path.stem.split("_", 1)[1]: path for path in directory.glob("*.state")}


def registry_of(directory: Path) -> Registry:
    """The registry of a run on the cartridge."""
    registry = Registry(directory, rom_sha1("", False), PYBOY_VERSION)
    registry.load()
    return registry


def recorded_state(path: Path, actions: int) -> Path:
    """Writes the savestate of the recorded game after so many actions."""
    emulator, recording = Emulator(resolve_rom()), walkthrough.Recording.load()
    try:
        for key in recording.keys[:actions]:
            act(emulator, key)
        path.write_bytes(emulator.save_state())
    finally:
        emulator.close()
    return path
