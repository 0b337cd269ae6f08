"""Plays the cartridge from power-on to its last milestone with recorded keys, and records them anew after a rebuild.

`python -m pokemonred_puffer.walkthrough` replays data/cartridge/walkthrough.json and prints one line per milestone;
`--record` lets the scripted player in `pokemonred_puffer.bot` play and writes that file; `--states DIR` also saves one
savestate per milestone with a manifest.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.bot.game import KEYS, Game, StuckError, act
from pokemonred_puffer.bot.player import Player
from pokemonred_puffer.bot.story import Story
from pokemonred_puffer.bot.world import World
from pokemonred_puffer.emulator import PYBOY_VERSION, Emulator
from pokemonred_puffer.errors import PokemonRedError
from pokemonred_puffer.rom import CARTRIDGE_DIR, Rom, resolve_rom

WALKTHROUGH_PATH = CARTRIDGE_DIR / "walkthrough.json"
ATTEMPTS = 8  # recordings of which the shortest is kept
PAUSE = 6  # actions by which their starts differ
# name, where it shows: ("map", map name) the first visit, ("event", event name), ("badge", bit), ("party", size)
MILESTONES = (
    ("BEDROOM", "map", "REDS_HOUSE_2F"),
    ("DOWNSTAIRS", "map", "REDS_HOUSE_1F"),
    ("OUTSIDE", "map", "PALLET_TOWN"),
    ("EVENT_FOLLOWED_OAK_INTO_LAB", "event", "EVENT_FOLLOWED_OAK_INTO_LAB"),
    ("EVENT_OAK_ASKED_TO_CHOOSE_MON", "event", "EVENT_OAK_ASKED_TO_CHOOSE_MON"),
    ("EVENT_GOT_STARTER", "event", "EVENT_GOT_STARTER"),
    ("EVENT_BATTLED_RIVAL_IN_OAKS_LAB", "event", "EVENT_BATTLED_RIVAL_IN_OAKS_LAB"),
    ("ROUTE_1", "map", "ROUTE_1"),
    ("VIRIDIAN_CITY", "map", "VIRIDIAN_CITY"),
    ("EVENT_GOT_OAKS_PARCEL", "event", "EVENT_GOT_OAKS_PARCEL"),
    ("EVENT_OAK_GOT_PARCEL", "event", "EVENT_OAK_GOT_PARCEL"),
    ("EVENT_GOT_POKEDEX", "event", "EVENT_GOT_POKEDEX"),
    ("ROUTE_2", "map", "ROUTE_2"),
    ("SECOND_COMPANION", "party", 2),
    ("VIRIDIAN_FOREST", "map", "VIRIDIAN_FOREST"),
    ("EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_0", "event", "EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_0"),
    ("EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_2", "event", "EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_2"),
    ("PEWTER_CITY", "map", "PEWTER_CITY"),
    ("EVENT_BEAT_BROCK", "event", "EVENT_BEAT_BROCK"),
    ("BOULDER_BADGE", "badge", 0),
    ("ROUTE_3", "map", "ROUTE_3"),
    ("MT_MOON_1F", "map", "MT_MOON_1F"),
    ("EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD", "event", "EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD"),
    ("ROUTE_4", "map", "ROUTE_4"),
    ("CERULEAN_CITY", "map", "CERULEAN_CITY"),
    ("EVENT_BEAT_CERULEAN_RIVAL", "event", "EVENT_BEAT_CERULEAN_RIVAL"),
    ("EVENT_BEAT_MISTY", "event", "EVENT_BEAT_MISTY"),
    ("CASCADE_BADGE", "badge", 1),
    ("EVENT_GOT_HM01", "event", "EVENT_GOT_HM01"),
    ("SHORT_CUT", "event", "EVENT_GOT_ROUTE_2_CHARM"),
)


@dataclass
class Recording:
    """Keys of a whole game (one of KEYS each), the ROM they belong to, and {milestone: number of actions before it}."""

    rom_sha1: str
    keys: str
    milestones: dict[str, int]

    def save(self, path: Path) -> None:
        """Writes the file atomically."""
        content = {"rom_sha1": self.rom_sha1, "keys": KEYS, "milestones": self.milestones, "actions": self.keys}
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path = WALKTHROUGH_PATH) -> Recording:
        """Reads a file written by `save`; PokemonRedError when it is missing or not one."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(content["rom_sha1"], content["actions"], content["milestones"])
        except (OSError, ValueError, KeyError) as error:
            raise PokemonRedError(f"{path}: no walkthrough ({error}); record one with --record") from error

    def require(self, rom: Rom) -> None:
        """PokemonRedError when the keys belong to another ROM."""
        if self.rom_sha1 != rom.sha1:
            raise PokemonRedError(
                f"the walkthrough belongs to ROM {self.rom_sha1}, this is {rom.sha1}: "
                "python -m pokemonred_puffer.walkthrough --record"
            )


class MilestoneTracker:
    """Notes at which action each milestone was reached. `world` is the cartridge's world.json."""

    def __init__(self, world: dict, on_reach=None) -> None:
        self.reached: dict[str, int] = {}
        self._on_reach = on_reach
        self._tests = {name: _memory_test(world, kind, value) for name, kind, value in MILESTONES}

    def update(self, emulator: Emulator, actions: int) -> None:
        """Looks at memory after `actions` actions; calls `on_reach(name, actions)` for each new milestone."""
        for name, test in list(self._tests.items()):
            if test(emulator):
                del self._tests[name]
                self.reached[name] = actions
                if self._on_reach:
                    self._on_reach(name, actions)


def _memory_test(world: dict, kind: str, value):
    if kind == "map":
        map_id = next(area["id"] for area in world["maps"] if area["const"] == value)
        # before the first companion arrives the memory of a fresh boot reads as map 0
        return lambda emulator: emulator.read(ram.wCurMap) == map_id and emulator.read(ram.wCurMapWidth) > 0
    if kind == "party":
        return lambda emulator: emulator.read(ram.wPartyCount) >= value
    if kind == "badge":
        return lambda emulator: emulator.read(ram.wObtainedBadges) >> value & 1
    number = world["events"][value]
    return lambda emulator: emulator.read(ram.wEventFlags + number // 8) >> number % 8 & 1


def record(rom: Rom, pause: int = 0) -> Recording:
    """Lets the scripted player play the game to its end; StuckError when it cannot.

    `pause` actions are spent before the title screen is left: other luck, since the game's dice roll all the time.
    """
    emulator = Emulator(rom)
    try:
        tracker = MilestoneTracker(rom.world)
        game = Game(emulator, lambda g: tracker.update(emulator, len(g.keys)))
        for _ in range(pause):
            game.press("u")
        Story(Player(game, World(rom.world))).play()
        return Recording(rom.sha1, "".join(game.keys), tracker.reached)
    finally:
        emulator.close()


def replay(rom: Rom, recording: Recording, on_reach=None, on_action=None) -> dict[str, int]:
    """Presses the recorded keys on a fresh boot; {milestone: actions} as reached.

    `on_reach(name, actions)` and `on_action(emulator, actions)` are called on the way. PokemonRedError for another ROM.
    """
    recording.require(rom)
    emulator = Emulator(rom)
    try:
        tracker = MilestoneTracker(rom.world, on_reach and (lambda name, n: on_reach(emulator, name, n)))
        for i, key in enumerate(recording.keys, 1):
            act(emulator, key)
            tracker.update(emulator, i)
            if on_action:
                on_action(emulator, i)
        return tracker.reached
    finally:
        emulator.close()


class StateWriter:
    """Saves a savestate per milestone into a directory, with a manifest of what they are."""

    def __init__(self, directory: Path, rom: Rom) -> None:
        self.directory = directory
        self.entries: list[dict] = []
        self._rom = rom
        directory.mkdir(parents=True, exist_ok=True)

    def save(self, emulator: Emulator, name: str, actions: int) -> None:
        """Writes one state."""
        data = emulator.save_state()
        file = f"{len(self.entries):02d}_{name}.state"
        (self.directory / file).write_bytes(data)
        self.entries.append({
            "file": file, "milestone": name, "actions": actions, "map": emulator.read(ram.wCurMap),
            "sha256": hashlib.sha256(data).hexdigest(), "rom_sha1": self._rom.sha1, "pyboy": PYBOY_VERSION,
        })  # fmt: skip

    def finish(self) -> None:
        """Writes manifest.json."""
        text = json.dumps({"states": self.entries}, indent=1) + "\n"
        (self.directory / "manifest.json").write_text(text, encoding="utf-8")


def _print_milestone(name: str, actions: int) -> None:
    print(f"{actions:6d}  {name}", flush=True)


def _replay_and_check(rom: Rom, states: Path | None) -> int:
    recording = Recording.load()
    writer = StateWriter(states, rom) if states else None

    def on_reach(emulator: Emulator, name: str, actions: int) -> None:
        _print_milestone(name, actions)
        if writer:
            writer.save(emulator, name, actions)

    reached = replay(rom, recording, on_reach)
    if writer:
        writer.finish()
    missing = [name for name, _, _ in MILESTONES if name not in reached]
    if missing or reached != recording.milestones:
        print(f"milestones missed or moved: {', '.join(missing) or 'steps differ from the recording'}", file=sys.stderr)
        return 1
    return 0


def _attempt(rom: Rom, attempt: int) -> Recording | None:
    """One recording with its own luck; None when the player got stuck or missed a milestone."""
    try:
        recording = record(rom, pause=PAUSE * attempt)
    except StuckError as error:
        print(f"attempt {attempt + 1} of {ATTEMPTS}: {error}", flush=True)
        return None
    missing = [name for name, _, _ in MILESTONES if name not in recording.milestones]
    result = f"missed {', '.join(missing)}" if missing else f"{len(recording.keys)} actions"
    print(f"attempt {attempt + 1} of {ATTEMPTS}: {result}", flush=True)
    return None if missing else recording


def _record_and_save(rom: Rom) -> int:
    start = time.perf_counter()
    recordings = [recording for attempt in range(ATTEMPTS) if (recording := _attempt(rom, attempt))]
    if not recordings:
        print("no attempt reached every milestone: look at pokemonred_puffer/bot/story.py", file=sys.stderr)
        return 1
    recording = min(recordings, key=lambda r: len(r.keys))
    recording.save(WALKTHROUGH_PATH)
    for name, actions in recording.milestones.items():
        _print_milestone(name, actions)
    print(f"recorded {len(recording.keys)} actions in {time.perf_counter() - start:.0f} s to {WALKTHROUGH_PATH}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pokemonred_puffer.walkthrough", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--replay", action="store_true", help="replay the recorded keys (default)")
    mode.add_argument("--record", action="store_true", help="play anew and write the recording")
    parser.add_argument("--states", type=Path, metavar="DIR", help="while replaying, save one savestate per milestone")
    options = parser.parse_args(arguments)
    if options.record and options.states:
        parser.error("--states goes with --replay: record first")
    try:
        rom = resolve_rom(CARTRIDGE_DIR / "cartridge.gb")
        return _record_and_save(rom) if options.record else _replay_and_check(rom, options.states)
    except PokemonRedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
