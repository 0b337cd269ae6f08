#!/usr/bin/env python3
"""Plays random keys on the built game and checks after every action that its memory makes sense.

    python3 cartridge/tools/soak.py --actions 50000 --seed 1 [STATE ...]

STATE: PyBoy savestates of this ROM to start from in turn (default: a new game). Needs pyboy.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
from pathlib import Path

from pyboy import PyBoy

DATA = Path(__file__).resolve().parents[2] / "pokemonred_puffer" / "data" / "cartridge"
KEYS = ("down", "left", "right", "up", "a", "b", "start")
WEIGHTS = (4, 4, 4, 4, 6, 3, 1)
BOOT_FRAMES, ACTION_FRAMES, HOLD_FRAMES = 120, 24, 8
STUCK_EVERY, STUCK_LIMIT = 2500, 300
STACK_LOW, STACK_HIGH, CANARY = 0xDEF1, 0xDF10, 0


class Broken(Exception):
    """An invariant does not hold."""


def need(ok: bool, what: str) -> None:
    """Raises Broken unless ok."""
    if not ok:
        raise Broken(what)


class Soak:
    """One running game with its checks."""

    def __init__(self, image: bytes, world: dict, seed: int) -> None:
        self.pyboy = PyBoy(io.BytesIO(image), window="null", sound_emulated=False, log_level="ERROR")
        self.pyboy.set_emulation_speed(0)
        self.pyboy.tick(BOOT_FRAMES, False)
        self.maps = {m["id"]: m for m in world["maps"]}
        self.items = {int(i) for i in world["items"]}
        self.rng = random.Random(seed)
        self.seen: set[int] = set()

    def press(self, key: str) -> None:
        """One action."""
        self.pyboy.button(key, HOLD_FRAMES)
        self.pyboy.tick(ACTION_FRAMES, False)

    def word(self, at: int) -> int:
        """Big-endian word."""
        return self.pyboy.memory[at] << 8 | self.pyboy.memory[at + 1]

    def check(self) -> None:
        """Every invariant."""
        m = self.pyboy.memory
        here = self.maps.get(m[0xD35E])
        if here is None:
            raise Broken(f"map id {m[0xD35E]}")
        self.seen.add(here["id"])
        started = m[0xD369] != 0
        need(not started or (m[0xD362] < here["width"] and m[0xD361] < here["height"]), "coordinates out of bounds")
        need(m[0xD057] in (0, 1, 2, 0xFF), f"wIsInBattle {m[0xD057]}")
        need(m[STACK_LOW] == CANARY and m[STACK_LOW + 1] == CANARY, "the stack reached the ready byte")
        self.check_party()
        self.check_bag()
        for byte in m[0xD347:0xD34A]:
            need(byte >> 4 <= 9 and byte & 15 <= 9, "money is not BCD")

    def check_party(self) -> None:
        """Counts, lists, HP and levels."""
        m = self.pyboy.memory
        count = m[0xD163]
        need(count <= 6, f"party of {count}")
        need(not m[0xD369] or m[0xD164 + count] == 0xFF, "the species list has no end")
        for i in range(count):
            at = 0xD16B + 44 * i
            need(m[at] == m[0xD164 + i], "species list and member differ")
            need(self.word(at + 1) <= self.word(at + 34), "HP above maximum")
            need(1 <= m[at + 33] <= 100, f"level {m[at + 33]}")
        if m[0xD057] in (1, 2):
            need(self.word(0xCFE6) <= self.word(0xCFF4), "the enemy's HP above maximum")

    def check_bag(self) -> None:
        """Known items once each, an end mark."""
        m = self.pyboy.memory
        count = m[0xD31D]
        need(count <= 20, f"bag of {count}")
        need(not m[0xD369] or m[0xD31E + 2 * count] == 0xFF, "the bag has no end")
        ids = [m[0xD31E + 2 * i] for i in range(count)]
        need(len(set(ids)) == count and set(ids) <= self.items, "strange items in the bag")
        need(all(1 <= m[0xD31F + 2 * i] <= 99 for i in range(count)), "strange quantity in the bag")

    def check_not_stuck(self) -> None:
        """Pressing A and B must close any text box; plays on a copy."""
        kept = io.BytesIO()
        self.pyboy.save_state(kept)
        for _ in range(STUCK_LIMIT):
            if not self.pyboy.memory[0xCFC4] & 1:
                break
            self.press(self.rng.choice(("a", "b", "b")))
        else:
            raise Broken(f"a text box stays open over {STUCK_LIMIT} presses of A and B")
        kept.seek(0)
        self.pyboy.load_state(kept)

    def run(self, actions: int) -> None:
        """Random play."""
        for n in range(actions):
            key = self.rng.choices(KEYS, WEIGHTS)[0]
            self.press(key)
            try:
                self.check()
                if n % STUCK_EVERY == 0:
                    self.check_not_stuck()
            except Broken as error:
                raise Broken(f"action {n} ({key}): {error}") from None


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("states", nargs="*", type=Path)
    args = parser.parse_args()
    image = (DATA / "cartridge.gb").read_bytes()
    world = json.loads((DATA / "world.json").read_text("ascii"))
    for state in args.states or [None]:
        soak = Soak(image, world, args.seed)
        if state:
            soak.pyboy.load_state(io.BytesIO(state.read_bytes()))
        try:
            soak.run(args.actions)
        except Broken as error:
            print(f"error: {state or 'new game'}, seed {args.seed}, {error}", file=sys.stderr)
            return 1
        print(f"{state or 'new game'}: {args.actions} actions, {len(soak.seen)} maps seen, all is well")
        soak.pyboy.stop(save=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
