#!/usr/bin/env python3
"""Replays the walkthrough and pastes real screens of the game into docs/cartridge.png: the picture in the README.

Needs the installed project (PyBoy) and Pillow: `python cartridge/tools/screenshots.py [OUT.png]`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import Rom, resolve_rom
from pokemonred_puffer.walkthrough import Recording, replay

COLUMNS, GAP, WIDTH, HEIGHT = 4, 6, 160, 144
TITLE_FRAMES = 120


@dataclass(frozen=True)
class Scene:
    """The ``nth`` action with the player on ``place`` ("" is anywhere), this wIsInBattle and this text-box state."""

    place: str
    nth: int
    battle: int = 0
    text: int = 0


SCENES = (
    Scene("PALLET_TOWN", 12), Scene("OAKS_LAB", 3, text=1), Scene("ROUTE_1", 18),
    Scene("", 90, battle=1, text=1), Scene("VIRIDIAN_CITY", 40), Scene("VIRIDIAN_FOREST", 20),
    Scene("PEWTER_GYM", 8), Scene("PEWTER_GYM", 30, battle=2, text=1), Scene("MT_MOON_1F", 40),
    Scene("CERULEAN_CITY", 30), Scene("CERULEAN_GYM", 8),
)  # fmt: skip


class Photographer:
    """Takes the picture of each scene when its moment comes, without disturbing the replay."""

    def __init__(self, rom: Rom) -> None:
        self._ids = {area["const"]: area["id"] for area in rom.world["maps"]}
        self._seen = dict.fromkeys(SCENES, 0)
        self.pictures: dict[Scene, Image.Image] = {}

    def look(self, emulator: Emulator, _actions: int) -> None:
        if not emulator.read(ram.wCurMapWidth):
            return  # the title screen: memory reads as map 0
        place = emulator.read(ram.wCurMap)
        now = (emulator.read(ram.wIsInBattle), emulator.read(ram.wFontLoaded) & 1)
        for scene in SCENES:
            if now == (scene.battle, scene.text) and (not scene.place or place == self._ids[scene.place]):
                self._seen[scene] += 1
                if self._seen[scene] == scene.nth:
                    self.pictures[scene] = shoot(emulator)


def shoot(emulator: Emulator) -> Image.Image:
    """The screen as it would be drawn next; the emulator is left as it was."""
    state = emulator.save_state()
    emulator.tick(1, render=True)
    picture = Image.fromarray(emulator.screen_full().copy())
    emulator.load_state(state)
    return picture


def title(rom: Rom) -> Image.Image:
    """The title screen."""
    emulator = Emulator(rom)
    try:
        emulator.tick(TITLE_FRAMES)
        return shoot(emulator)
    finally:
        emulator.close()


def paste(pictures: list[Image.Image]) -> Image.Image:
    """All pictures on one grey sheet."""
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("L", (COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP), 96)
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (GAP + i % COLUMNS * (WIDTH + GAP), GAP + i // COLUMNS * (HEIGHT + GAP)))
    return sheet


def main(out: Path) -> int:
    rom = resolve_rom()
    photographer = Photographer(rom)
    replay(rom, Recording.load(), on_action=photographer.look)
    missing = [scene for scene in SCENES if scene not in photographer.pictures]
    if missing:
        print(f"error: the walkthrough never showed {missing} that way; change SCENES", file=sys.stderr)
        return 1
    paste([title(rom), *(photographer.pictures[scene] for scene in SCENES)]).save(out, optimize=True)
    print(f"{out}: {1 + len(SCENES)} screens")
    return 0


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[2] / "docs" / "cartridge.png"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
