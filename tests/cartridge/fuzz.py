"""Random keys from random points of the walkthrough, with every invariant checked after every action.

`python -m tests.cartridge.fuzz --actions 1000000` prints progress and throughput and exits 1 at the first broken rule.
"""
import argparse
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from pokemonred_puffer.bot.game import KEYS, act
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import CARTRIDGE_DIR, resolve_rom
from pokemonred_puffer.walkthrough import Recording
from tests.cartridge.invariants import Invariants

EPISODE = 400
STATES = 24
# weights of down left right up a b start: a plain random agent, one that talks, one that wanders, one that loves menus
MIXES = ((1, 1, 1, 1, 1, 1, 1), (2, 2, 2, 2, 6, 1, 0), (6, 6, 6, 6, 1, 3, 0), (2, 1, 1, 2, 4, 1, 3))


@dataclass
class Report:
    """Actions done, those in fights, distinct (map, x, y) seen, and the first broken rule with how to get there."""

    actions: int = 0
    fighting: int = 0
    places: int = 0
    broken: str | None = None


def collect_states(emulator, keys, points):
    """{action number: savestate} at the given numbers of actions of the walkthrough."""
    wanted, states = set(points), {}
    for i, key in enumerate(keys, 1):
        act(emulator, key)
        if i in wanted:
            states[i] = emulator.save_state()
    return states


class Fuzzer:
    """One emulator, walkthrough states to start from, and a random source."""

    def __init__(self, seed):
        rom = resolve_rom(CARTRIDGE_DIR / "cartridge.gb")
        recording = Recording.load()
        recording.require(rom)
        keys = recording.keys
        self.random = random.Random(seed)
        self.emulator = Emulator(rom)
        self.invariants = Invariants(rom.world)
        points = self.random.sample(range(60, len(keys)), STATES)
        self.states = collect_states(self.emulator, keys, points)

    def run(self, actions):
        """Random episodes of up to `actions` actions in all; stops at the first broken rule."""
        report, seen = Report(), set()
        while report.actions < actions and report.broken is None:
            self._episode(min(EPISODE, actions - report.actions), report, seen)
        report.places = len(seen)
        return report

    def _episode(self, length, report, seen):
        point = self.random.choice(list(self.states))
        self.emulator.load_state(self.states[point])
        self.invariants.restart()
        weights = self.random.choice(MIXES)
        keys = self.random.choices(KEYS, weights, k=length)
        for i, key in enumerate(keys):
            act(self.emulator, key)
            report.actions += 1
            broken = self.invariants.check(self.emulator)
            if broken:
                report.broken = f"{broken}; walkthrough action {point}, then keys {''.join(keys[: i + 1])}"
                return
            seen.add((self.emulator.read(0xD35E), self.emulator.read(0xD362), self.emulator.read(0xD361)))
            report.fighting += self.emulator.read(0xD057) in (1, 2)

    def close(self):
        """Stops the emulator."""
        self.emulator.close()


def fuzz(seed, actions):
    """Report of `actions` random actions with a seed."""
    fuzzer = Fuzzer(seed)
    try:
        return fuzzer.run(actions)
    finally:
        fuzzer.close()


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.cartridge.fuzz", description=__doc__)
    parser.add_argument("--actions", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--chunk", type=int, default=25_000, help="actions per task, from fresh random states")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    chunks = max(1, options.actions // options.chunk)
    start, total, fighting = time.perf_counter(), 0, 0
    with ProcessPoolExecutor(options.processes) as pool:
        for report in pool.map(fuzz, range(options.seed, options.seed + chunks), [options.chunk] * chunks):
            total, fighting = total + report.actions, fighting + report.fighting
            rate = total / (time.perf_counter() - start)
            share = f"{fighting / total:3.0%} in fights"
            print(f"{total:9,d} actions  {rate:6.0f}/s  {share}  {report.places} cells in this chunk", flush=True)
            if report.broken:
                print(f"broken: {report.broken}", file=sys.stderr)
                pool.shutdown(cancel_futures=True)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
