#!/usr/bin/env python3
"""Guards against wrong code from the compiler: builds the game with four sets of flags, plays the same keys on all
of them and compares memory and picture after every action that leaves all of them waiting for a key.
Needs sdcc, pyboy and numpy.

    python3 cartridge/tools/difftest.py --actions 2000 --seed 1            # random keys from a new game
    python3 cartridge/tools/difftest.py --recorded 3000 --actions 2000     # the first 3000 recorded keys before
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
from pathlib import Path

import numpy as np
from pyboy import PyBoy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import build
import rom
from textfile import BuildError

FLAG_SETS = [rom.FLAGS, ["--opt-code-speed"], ["--nogcse"], ["--max-allocs-per-node", "1000"]]
KEYS = ("down", "left", "right", "up", "a", "b", "start")
WEIGHTS = (3, 3, 3, 3, 6, 2, 1)
WALKTHROUGH = build.OUT / "walkthrough.json"
BOOT_FRAMES = 120
READY, LCDC = 0xDEF0, 0xFF40
ACTION_FRAMES, HOLD_FRAMES, SETTLED_FRAMES = 24, 8, 2
# Red's layout up to the end of the event flags and parties; own variables lie elsewhere in each build.
COMPARED = ((0xC100, 0xC508), (0xCC26, 0xD8C6), (0xDEF0, 0xDEF1))


def start(image: bytes) -> PyBoy:
    """A running emulator whose screen has just come on: where the walkthrough's keys begin."""
    pyboy = PyBoy(io.BytesIO(image), window="null", sound_emulated=False, log_level="ERROR")
    pyboy.set_emulation_speed(0)
    while not pyboy.memory[LCDC] & 0x80:
        pyboy.tick(1, True)
    pyboy.tick(1, True)
    return pyboy


def recorded_keys(count: int) -> list[str]:
    """The first keys of the recorded walkthrough."""
    if not count:
        return []
    recording = json.loads(WALKTHROUGH.read_text("ascii"))
    return [KEYS[recording["keys"].index(key)] for key in recording["actions"][:count]]


def snapshot(pyboy: PyBoy) -> tuple[bytes, np.ndarray]:
    """(compared memory, picture)."""
    memory = b"".join(bytes(pyboy.memory[a:b]) for a, b in COMPARED)
    return memory, pyboy.screen.ndarray[:, :, 0].copy()


def first_difference(a: bytes, b: bytes) -> int:
    """Address of the first byte that differs."""
    at = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
    for low, high in COMPARED:
        if at < high - low:
            return low + at
        at -= high - low
    return 0


def compare(snaps: list[tuple[bytes, np.ndarray]]) -> str | None:
    """What differs between the builds, or None."""
    for n, (memory, picture) in enumerate(snaps[1:], 1):
        if memory != snaps[0][0]:
            return f"{FLAG_SETS[n]} differs from {FLAG_SETS[0]} at 0x{first_difference(snaps[0][0], memory):04X}"
        if not np.array_equal(picture, snaps[0][1]):
            return f"{FLAG_SETS[n]} shows another picture than {FLAG_SETS[0]}"
    return None


def play(actions: int, seed: int, recorded: int) -> int:
    """Plays; exit status."""
    prepared = build.prepare()
    images = [build.build(prepared, flags)["cartridge.gb"] for flags in FLAG_SETS]
    games = [start(image) for image in images]
    rng = random.Random(seed)
    keys = recorded_keys(recorded)
    if not keys:
        for game in games:
            game.tick(BOOT_FRAMES, False)
    keys += rng.choices(KEYS, WEIGHTS, k=actions)
    compared = 0
    for n, key in enumerate(keys):
        for game in games:
            game.button(key, HOLD_FRAMES)
            game.tick(ACTION_FRAMES - SETTLED_FRAMES, False)
        settled = all(game.memory[READY] for game in games)
        for game in games:
            game.tick(SETTLED_FRAMES, True)
        if not settled:
            continue  # one may be a frame ahead in the middle of drawing
        compared += 1
        difference = compare([snapshot(game) for game in games])
        if difference:
            print(f"error: action {n} ({key}), seed {seed}: {difference}", file=sys.stderr)
            return 1
    for game in games:
        game.stop(save=False)
    print(f"{len(FLAG_SETS)} builds alike after {compared} of {len(keys)} actions (the rest end busy), seed {seed}")
    return 0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=2000)
    parser.add_argument("--recorded", type=int, default=0, help="how many keys of the walkthrough come first")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        return play(args.actions, args.seed, args.recorded)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
