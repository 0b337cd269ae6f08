"""The recorded walkthrough on the real emulator: every milestone shows in memory, in order, at its recorded action."""
import json
import shutil
import subprocess
import sys

import pytest

from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.errors import PokemonRedError
from pokemonred_puffer.rom import CARTRIDGE_DIR, resolve_rom
from pokemonred_puffer.walkthrough import MILESTONES, Recording, main, replay
from tests.cartridge.fuzz import fuzz
from tests.cartridge.invariants import Invariants
from tests.cartridge.worldtext import ROOT, read_events

pytestmark = pytest.mark.skipif(not (CARTRIDGE_DIR / "walkthrough.json").is_file(), reason="no recorded walkthrough")
WORLD_EVENTS = read_events()


@pytest.fixture(scope="module")
def rom():
    return resolve_rom(CARTRIDGE_DIR / "cartridge.gb")


@pytest.fixture(scope="module")
def recording():
    return Recording.load()


@pytest.fixture(scope="module")
def played(rom, recording):
    """({milestone: actions}, {milestone: (event bytes, badges, map, party size) there}, broken invariants)."""
    invariants, seen, broken = Invariants(rom.world), {}, []

    def on_reach(emulator, name, actions):
        flags = emulator.read_range(0xD747, 320)
        seen[name] = (flags, emulator.read(0xD356), emulator.read(0xD35E), emulator.read(0xD163))

    def on_action(emulator, actions):
        problem = invariants.check(emulator) if actions >= recording.milestones["BEDROOM"] else None
        if problem:
            broken.append((actions, problem))

    return replay(rom, recording, on_reach, on_action), seen, broken


def test_recording_belongs_to_the_packaged_rom(rom, recording):
    assert recording.rom_sha1 == rom.sha1
    assert set(recording.keys) <= set(KEYS)


def test_all_milestones_are_reached_in_order_at_their_actions(played, recording):
    reached = played[0]
    assert list(reached) == [name for name, _, _ in MILESTONES]
    assert reached == recording.milestones
    assert list(reached.values()) == sorted(reached.values())


def test_each_milestone_shows_in_memory(played, rom):
    seen = played[1]
    for name, kind, value in MILESTONES:
        flags, badges, area, party = seen[name]
        if kind == "event":
            number = WORLD_EVENTS[value]
            assert flags[number // 8] >> number % 8 & 1, name
        elif kind == "badge":
            assert badges >> value & 1, name
        elif kind == "party":
            assert party >= value, name
        else:
            assert area == next(entry["id"] for entry in rom.world["maps"] if entry["const"] == value), name


def test_invariants_hold_all_the_way(played):
    assert played[2] == []


def test_length_is_as_designed(recording):
    assert 1_000 <= recording.milestones["EVENT_BEAT_BROCK"] <= 5_000
    assert recording.milestones["EVENT_GOT_STARTER"] <= 200


def test_command_prints_one_line_per_milestone_and_writes_states(tmp_path, capsys, recording):
    assert main(["--states", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [[str(n), name] for name, n in recording.milestones.items()]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert [entry["milestone"] for entry in manifest["states"]] == list(recording.milestones)
    assert all((tmp_path / entry["file"]).is_file() for entry in manifest["states"])


def test_another_rom_is_refused(rom, recording):
    with pytest.raises(PokemonRedError, match="--record"):
        replay(rom, Recording("0" * 40, recording.keys, recording.milestones))


def test_random_keys_break_no_invariant():
    report = fuzz(1, 10_000)
    assert report.broken is None
    assert report.places > 150 and report.fighting > 800


def test_rebuild_is_bit_identical():
    if shutil.which("sdcc") is None:
        pytest.skip("no SDCC here")
    command = [sys.executable, str(ROOT / "build.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert result.returncode == 0, result.stdout + result.stderr
