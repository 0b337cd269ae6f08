"""Savestate registry, sampler and triggers on made-up savestates; the game itself is in test_curriculum_on_the_game."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from Daddy.curriculum import Curriculum, CurriculumSettings
from Daddy.curriculum.memory import read_memory, write_memory
from Daddy.curriculum.registry import IN_ALL, PER_MILESTONE, Registry
from Daddy.curriculum.sampler import TIER_SHARE, Sampler
from Daddy.curriculum.savestates import Savestate, parse_entry
from Daddy.curriculum.triggers import Triggers
from Daddy.puffer_shim import MILESTONES, RECORD, Captured, CaptureFailed, SpawnFailed

ROOT = Path(__file__).parents[2]
ROM, PYBOY = "ab" * 20, "2.7.0"


def make(number: int, milestone="M", owned=(), tier="early", **changes) -> Savestate:
    data = state_of(number)
    values = dict(
        file=f"{milestone}_{number:06d}.state", milestone=milestone, owned=list(owned), tier=tier, map_id=1, x=2, y=3,
        badges=0, created_at_step=number, parent="", sha256=hashlib.sha256(data).hexdigest(), size=len(data),
        pyboy=PYBOY, rom_sha1=ROM,
    )  # fmt: skip
    return Savestate(**(values | changes))


def state_of(number: int) -> bytes:
    return f"state {number}".encode() * 20


def put(registry: Registry, number: int, *args, memory=None, **changes) -> int:
    """Do what a capture does: the worker's file, the memory, the entry."""
    entry = make(number, *args, **changes)
    registry.directory.mkdir(exist_ok=True)
    (registry.directory / entry.file).write_bytes(state_of(number))
    if memory is not None:
        write_memory(registry.directory, entry, memory)
    return registry.add(entry)


def fresh(directory: Path) -> Registry:
    registry = Registry(directory, ROM, PYBOY)
    registry.load()
    return registry


def files_of(registry: Registry) -> list[str]:
    return sorted(entry.file for _, entry in registry)


# --- registry


def test_what_was_added_is_there_again_with_its_counts(tmp_path):
    registry = fresh(tmp_path / "savestates")
    number = put(registry, 1, memory=np.arange(4, dtype=np.float16))
    put(registry, 2, "OTHER", ["M"], "mid", parent="M_000001")
    registry.get(number).credit(True)
    registry.get(number).credit(False)
    registry.save()
    again = fresh(tmp_path / "savestates")
    assert [dataclasses.asdict(e) for _, e in again] == [dataclasses.asdict(e) for _, e in registry]
    first = next(n for n, e in again if e.milestone == "M")
    assert (again.get(first).attempts, again.get(first).successes) == (2, 1)
    assert again.read(first) == state_of(1)
    assert read_memory(tmp_path / "savestates", again.get(first), 4).tolist() == [0, 1, 2, 3]
    moved = tmp_path / "elsewhere"
    os.rename(tmp_path / "savestates", moved)
    assert files_of(fresh(moved)) == files_of(registry), "paths are relative"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"savestates": 3}', "\0" * 100, "[" * 100_000, None])
def test_a_damaged_registry_is_made_anew_from_the_files(tmp_path, damage):
    registry = fresh(tmp_path)
    put(registry, 1)
    put(registry, 2, "OTHER")
    index = tmp_path / "registry.json"
    index.unlink() if damage is None else index.write_text(damage)
    again = fresh(tmp_path)
    assert files_of(again) == files_of(registry)
    assert any("cannot be read" in note for note in again.notes) == (damage is not None)
    again.save()
    assert len(json.loads(index.read_text())["savestates"]) == 2


@pytest.mark.parametrize(
    "field, value",
    [("file", "../../etc/passwd"), ("file", "x/y.state"), ("memory", "../m.safetensors"), ("size", -1), ("size", 1e9),
     ("size", True), ("attempts", "many"), ("successes", 7), ("alpha", float("nan")), ("alpha", 0), ("tier", "huge"),
     ("owned", "M"), ("owned", [3]), ("sha256", "0" * 64), ("map_id", None), ("x", 10**30)],
)  # fmt: skip
def test_an_entry_edited_by_hand_is_taken_from_its_own_file(tmp_path, field, value):
    registry = fresh(tmp_path)
    put(registry, 1)
    content = json.loads((tmp_path / "registry.json").read_text())
    content["savestates"][0][field] = value
    (tmp_path / "registry.json").write_text(json.dumps(content))
    again = fresh(tmp_path)
    assert [dataclasses.asdict(entry) for _, entry in again] == [dataclasses.asdict(make(1))]


@pytest.mark.parametrize("what", ["flip", "cut", "grow", "gone", "link", "rom", "pyboy", "unknown"])
def test_a_savestate_that_cannot_be_trusted_is_set_aside_with_a_line(tmp_path, what):
    registry = fresh(tmp_path)
    put(registry, 1)
    put(registry, 2, "BAD", **{"rom": {"rom_sha1": "cd" * 20}, "pyboy": {"pyboy": "1.0.0"}}.get(what, {}))
    path = tmp_path / "BAD_000002.state"
    data = path.read_bytes()
    if what == "flip":
        path.write_bytes(data[:-1] + b"?")
    elif what in ("cut", "grow"):
        path.write_bytes(data[:9] if what == "cut" else data + b"more")
    elif what in ("gone", "link"):
        path.unlink()
    if what == "link":
        path.symlink_to(tmp_path / "M_000001.state")
    if what == "unknown":
        path.with_suffix(".json").unlink()
        (tmp_path / "registry.json").unlink()
    again = fresh(tmp_path)
    assert files_of(again) == ["M_000001.state"]
    if what != "gone":
        assert [note for note in again.notes if note.startswith("savestate BAD_000002.state is not used: ")]
        assert os.path.lexists(tmp_path / "quarantine" / path.name) and not os.path.lexists(path)


def test_a_savestate_that_is_damaged_while_running_is_set_aside_when_it_is_needed(tmp_path):
    registry = fresh(tmp_path)
    number = put(registry, 1)
    (tmp_path / "M_000001.state").write_bytes(b"junk")
    assert registry.read(number) is None and registry.get(number) is None
    assert "damaged" in registry.notes[-1]
    assert json.loads((tmp_path / "registry.json").read_text())["savestates"] == []


def test_caps_hold_and_the_only_path_to_a_milestone_stays(tmp_path):
    registry = fresh(tmp_path)
    hard = put(registry, 0, alpha=500.0, beta=500.0)
    for number in range(1, 9):
        put(registry, number, alpha=1.0, beta=50.0 + number)
    assert registry.count("M") == PER_MILESTONE
    assert registry.get(hard), "the most learnable one stays"
    only = put(registry, 20, "M", ["RARE"], alpha=1.0, beta=900.0)
    for number in range(21, 25):
        put(registry, number)
    assert registry.get(only), "nobody else owns RARE, however dull it is"
    for number in range(100, 100 + IN_ALL):
        put(registry, number, f"K{number}")
    covered = set().union(*(entry.covers() for _, entry in registry))
    assert covered >= {"M", "RARE", *(f"K{n}" for n in range(100, 100 + IN_ALL))}
    assert registry.count("M") == 1, "what others cover too goes first"
    assert sorted(p.name for p in tmp_path.glob("*.state")) == files_of(registry)
    assert len(list(tmp_path.glob("*.json"))) == len(registry) + 1


def test_a_disk_that_refuses_is_the_callers_to_tell_and_harms_nothing(tmp_path, monkeypatch):
    registry = fresh(tmp_path)
    put(registry, 1)
    before = (tmp_path / "registry.json").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        registry.save()
    with pytest.raises(OSError):
        registry.add(make(2))
    monkeypatch.undo()
    assert (tmp_path / "registry.json").read_bytes() == before and not list(tmp_path.glob(".*"))
    assert files_of(registry) == ["M_000001.state"]


WRITER = """
import sys
from pathlib import Path
import numpy as np
from tests.Daddy.test_curriculum import fresh, put
registry = fresh(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    put(registry, number, f"K{number % 7}", memory=np.full(8, number % 100, np.float16))
    for _, entry in registry:
        entry.credit(True)
    registry.save()
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_registry_that_loads(tmp_path):
    directory, begin, rng = tmp_path / "savestates", 0, np.random.default_rng(0)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory), str(begin)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests/helpers'}"},
        )  # fmt: skip
        begin = int(process.stdout.readline())
        time.sleep(float(rng.uniform(0.0, 0.15)))
        process.kill()
        begin = max([begin, *(int(line) for line in process.stdout.read().split())])
        process.stdout.close()
        process.wait()
        registry = fresh(directory)
        assert not [note for note in registry.notes if "cannot be read" in note]
        newest = max(entry.created_at_step for _, entry in registry)
        assert newest >= begin, "what was told to be entered is there"
        for number, entry in registry:
            assert registry.read(number) == state_of(entry.created_at_step)
            assert read_memory(directory, entry, 8)[0] == entry.created_at_step % 100
            assert entry.attempts == entry.successes
        assert not list(directory.glob(".*.tmp"))
        begin += 2


def test_a_capture_that_was_killed_halfway_leaves_nothing_that_counts(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1)
    (tmp_path / ".NEW_000002.state.123.tmp").write_bytes(b"half")
    (tmp_path / "NEW_000003.state").write_bytes(state_of(3))
    write_memory(tmp_path, make(4, "NEW"), np.zeros(3, np.float16))
    again = fresh(tmp_path)
    assert files_of(again) == ["M_000001.state"]
    assert {p.name for p in tmp_path.iterdir()} == {"M_000001.state", "M_000001.json", "registry.json", "quarantine"}
    assert [p.name for p in (tmp_path / "quarantine").iterdir()] == ["NEW_000003.state"]


@pytest.mark.parametrize("memory", [np.zeros(5, np.float16), np.zeros(4, np.float32), np.full(4, np.nan, np.float16)])
def test_a_memory_of_another_network_is_refused(tmp_path, memory):
    entry = make(1)
    write_memory(tmp_path, entry, memory)
    with pytest.raises(ValueError, match="holds no memory of 4"):
        read_memory(tmp_path, entry, 4)
    (tmp_path / entry.memory).write_bytes(b"junk")
    with pytest.raises(ValueError, match="bytes instead of"):
        read_memory(tmp_path, entry, 4)


def test_an_entry_that_lacks_a_field_or_is_none_is_refused():
    good = dataclasses.asdict(make(1))
    assert parse_entry(good) == make(1)
    for name in good:
        with pytest.raises(ValueError):
            parse_entry({key: value for key, value in good.items() if key != name})
    for junk in (None, [], "x", 3):
        with pytest.raises(ValueError):
            parse_entry(junk)


# --- posterior and sampler


def test_credit_moves_theta_and_forgets():
    entry = make(1)
    for _ in range(200):
        entry.credit(False)
    assert entry.alpha == pytest.approx(0.5) and entry.learnability < 0.02
    for _ in range(20):
        entry.credit(True)
    assert (entry.attempts, entry.successes) == (220, 20)
    assert entry.alpha / (entry.alpha + entry.beta) > 0.4, "old failures fade"


def starts(sampler: Sampler, entries: list[Savestate], count: int) -> list[int]:
    return [sampler.choose(list(enumerate(entries, 1))) for _ in range(count)]


def test_without_savestates_every_start_is_a_true_one():
    assert set(starts(Sampler(0, 0.3), [], 50)) == {0}


@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
def test_true_starts_and_tiers_get_their_shares_in_every_window(share):
    entries = [make(n, tier=tier) for n, tier in enumerate(("early", "mid", "late", "early"))]
    entries[0].alpha = entries[0].beta = 50.0  # would win nearly every draw
    entries[1].alpha = entries[2].alpha = entries[3].alpha = 1e-3
    told = starts(Sampler(1, share), entries, 1000)
    for begin in range(0, 1000, 100):
        window = Counter(told[begin : begin + 100])
        assert window[0] >= 100 * share - 2
        if share < 0.6:
            assert window[2] >= 100 * TIER_SHARE - 2 and window[3] >= 100 * TIER_SHARE - 2
            assert window[1] >= 15


def test_what_is_learnable_or_new_is_preferred():
    mastered, hopeless, learnable, new = (make(n) for n in range(4))
    for entry, alpha, beta in ((mastered, 40, 0.5), (hopeless, 0.5, 40), (learnable, 20, 20)):
        entry.alpha, entry.beta, entry.attempts = alpha, beta, 1000
    told = Counter(starts(Sampler(2, 0.3), [mastered, hopeless, learnable, new], 2000))
    assert told[3] > 5 * (told[1] + told[2]) and told[4] > 5 * (told[1] + told[2])


def test_the_sampler_goes_on_where_it_was_saved():
    entries = [make(n, tier=("early", "mid")[n % 2]) for n in range(6)]
    sampler, twin = Sampler(3, 0.3), Sampler(4, 0.3)
    starts(sampler, entries, 33)
    twin.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert starts(twin, entries, 50) == starts(sampler, entries, 50)


# --- triggers


def record(**fields) -> np.ndarray:
    rows = np.zeros(1, RECORD)
    for name, value in fields.items():
        rows[name] = value
    return rows


def bits(*indices: int) -> np.ndarray:
    packed = np.zeros(16, np.uint8)
    for index in indices:
        packed[index // 8] |= 1 << index % 8
    return packed


ENV = np.array([1])
NAMES = list(MILESTONES)


def test_first_times_of_an_episode_trigger_once_and_what_it_began_with_never():
    triggers = Triggers(2)
    brock = NAMES.index("EVENT_BEAT_BROCK")
    assert triggers.update(record(is_first=1, map_id=0, milestones=bits(0)), ENV) == []
    assert triggers.update(record(map_id=0, milestones=bits(0)), ENV) == []
    assert not triggers.progressed(1)
    (town,) = triggers.update(record(map_id=1, milestones=bits(0)), ENV)
    assert (town.env_id, town.row, town.name, town.tier, town.owned) == (1, 0, "CITY_VIRIDIAN", "early", (NAMES[0],))
    assert not triggers.progressed(1), "a town is no milestone"
    (leader,) = triggers.update(record(map_id=2, badges=1, milestones=bits(0, brock)), ENV)
    assert leader.name == "EVENT_BEAT_BROCK", "the most telling of badge, town and milestone"
    assert triggers.progressed(1)
    assert triggers.update(record(map_id=2, badges=1, milestones=bits(0, brock)), ENV) == []
    assert triggers.update(record(is_first=1, map_id=2, milestones=bits(0, brock)), ENV) == []
    assert not triggers.progressed(1)
    (cave,) = triggers.update(record(map_id=59, milestones=bits(0, brock + 1)), ENV)
    assert cave.tier == "mid" and triggers.seen["CITY_VIRIDIAN"] == 1


# --- the whole, with a made-up vector env


class FakeVector:
    num_envs = 2

    def __init__(self):
        self.captures, self.spawns = [], []

    def capture(self, env_id, path, tag):
        self.captures.append((env_id, path, tag))

    def spawn(self, env_id, state, spawn_id):
        self.spawns.append((env_id, state, spawn_id))


class FakeMemories:
    def __init__(self):
        self.begun = []

    def memory(self, env_id):
        return np.full(4, env_id + 1, np.float16)

    def begin_with(self, env_id, memory):
        self.begun.append((env_id, memory.tolist()))


class Play:
    def __init__(self, directory, **settings):
        self.vector, self.memories = FakeVector(), FakeMemories()
        self.told, self.tags, self.step = [], {}, 0
        registry = Registry(directory, ROM, PYBOY)
        self.curriculum = Curriculum(CurriculumSettings(**settings), registry, self.vector, self.memories)
        self.curriculum.open(self)

    def log_event(self, kind, text):
        self.told.append((kind, text))

    def row(self, env=1, **fields):
        self.step += 1
        self.curriculum.look(record(**fields), np.array([env]), self.step)

    def written(self, spawn_id=0, episode_step=0):
        """The worker has done the last capture."""
        env, path, tag = self.vector.captures[-1]
        path.write_bytes(state_of(7))
        digest = hashlib.sha256(state_of(7)).hexdigest()
        event = Captured(env, str(path), tag, digest, len(state_of(7)), 3, 4, 5, 0, bytes(16), spawn_id, 0,
                         episode_step)  # fmt: skip
        self.curriculum.hear([event])
        assert not [e for _, e in self.curriculum.registry if e.file == path.name], "nothing counts before its turn"
        for _ in range(2):
            self.row(env, spawn_id=spawn_id)

    def reach(self, milestone=0, env=1, spawn_id=0):
        self.row(env, is_first=1, spawn_id=spawn_id)
        self.row(env, milestones=bits(milestone), spawn_id=spawn_id)


def test_a_capture_becomes_an_entry_and_the_next_start(tmp_path):
    play = Play(tmp_path / "savestates")
    play.reach()
    (env, path, tag), = play.vector.captures
    assert (env, tag, path.parent) == (1, NAMES[0], tmp_path / "savestates")
    play.written()
    ((number, entry),) = play.curriculum.registry
    assert (entry.milestone, entry.tier, entry.map_id, entry.owned) == (NAMES[0], "early", 3, [NAMES[0]])
    assert play.tags == {number: entry.name}
    play.row(truncated=1, milestones=bits(0))
    assert play.vector.spawns == [(1, state_of(7), number)]
    play.row(is_first=1, spawn_id=number, milestones=bits(0))
    assert play.memories.begun == [(1, [2.0] * 4)]
    play.row(milestones=bits(0, 1), spawn_id=number)
    play.written(spawn_id=number)
    assert [e.parent for _, e in play.curriculum.registry] == ["", entry.name]
    play.row(terminated=1, milestones=bits(0, 1), spawn_id=number)
    assert (entry.attempts, entry.successes) == (1, 1), "credit goes to where the episode began"
    play.row(is_first=1, spawn_id=number, milestones=bits(0))
    play.row(truncated=1, spawn_id=number, milestones=bits(0))
    assert (entry.attempts, entry.successes) == (2, 1)


def test_a_savestate_of_another_moment_than_the_one_asked_for_does_not_count(tmp_path):
    """A replaced worker takes it from the episode that its env has just begun."""
    play = Play(tmp_path / "s")
    play.reach()
    play.written(episode_step=3)
    assert len(play.curriculum.registry) == 0 and len(list((tmp_path / "s" / "quarantine").iterdir())) == 1
    assert "was lost and replaced" in play.told[-1][1]


def test_an_index_that_cannot_be_written_does_not_undo_an_entry(tmp_path, monkeypatch):
    play = Play(tmp_path / "s")
    play.reach()
    monkeypatch.setattr(Registry, "save", lambda self: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    play.written()
    ((number, entry),) = play.curriculum.registry
    assert play.tags == {number: entry.name} and "registry.json not written" in play.told[-1][1]
    monkeypatch.undo()
    assert files_of(fresh(tmp_path / "s")) == [entry.file]


def test_a_frozen_curriculum_changes_nothing(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    play = Play(tmp_path, frozen=True)
    play.reach()
    play.row(truncated=1, milestones=bits(0), spawn_id=1)
    assert play.vector.captures == [] and play.vector.spawns == [(1, state_of(1), 1)]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert play.curriculum.registry.get(1).attempts == 0


def test_captures_of_one_kind_become_rarer(tmp_path):
    play = Play(tmp_path / "s")
    taken = []
    for n in range(1, 21):
        before = len(play.vector.captures)
        play.reach()
        if len(play.vector.captures) > before:
            taken.append(n)
            play.written()
    assert taken == [1, 2, 3, 4, 8, 16]
    assert len(play.curriculum.registry) == PER_MILESTONE


def test_the_swarm_sends_every_env_once_to_a_savestate_of_a_new_kind(tmp_path):
    play = Play(tmp_path / "s", swarm=True, true_share=1.0)
    play.reach()
    play.written()
    for _ in range(2):
        for env in (0, 1):
            play.row(env, truncated=1)
    assert [spawn_id for _, _, spawn_id in play.vector.spawns] == [1, 1, 0, 0]


def test_a_disk_that_refuses_captures_is_an_alarm_and_a_pause(tmp_path):
    play = Play(tmp_path / "s")
    play.reach()
    env, path, tag = play.vector.captures[-1]
    play.curriculum.hear([CaptureFailed(env, str(path), tag, "OSError: No space left on device")])
    assert [kind for kind, _ in play.told] == ["alarm"] and "training goes on" in play.told[0][1]
    play.reach()
    assert len(play.vector.captures) == 1
    play.step += 5_000
    play.reach()
    assert len(play.vector.captures) == 2
    play.row(truncated=1)
    assert play.vector.spawns == [(1, None, 0)]


def test_a_place_that_cannot_be_written_is_an_alarm_too(tmp_path, monkeypatch):
    (tmp_path / "s").write_text("a file where the directory should be")
    play = Play(tmp_path / "s")
    play.reach()
    assert play.vector.captures == [] and play.told[0][0] == "alarm"
    other = Play(tmp_path / "t")
    other.reach()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    other.written()
    assert other.told[-1][0] == "alarm" and len(other.curriculum.registry) == 0
    other.row(truncated=1)
    assert other.vector.spawns == [(1, None, 0)]


def test_a_savestate_that_the_env_refuses_is_used_no_more(tmp_path):
    put(fresh(tmp_path), 1)
    play = Play(tmp_path)
    play.curriculum.hear([SpawnFailed(0, 1, "StateError: junk")])
    assert len(play.curriculum.registry) == 0 and ("curriculum", "StateError: junk") != play.told[-1]
    assert "is not used: StateError: junk" in play.told[-1][1]
    play.row(truncated=1)
    assert play.vector.spawns == [(1, None, 0)]


def test_a_damaged_memory_means_an_empty_one(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1, memory=np.ones(4, np.float16))
    (tmp_path / "M_000001.safetensors").write_bytes(b"junk")
    play = Play(tmp_path)
    play.row(is_first=1, spawn_id=1)
    play.row(is_first=1, spawn_id=1)
    assert play.memories.begun == []
    assert sum("empty memory" in text for _, text in play.told) == 1


def test_a_resumed_curriculum_has_the_counts_of_the_checkpoint(tmp_path):
    play = Play(tmp_path / "s")
    play.reach()
    play.written()
    play.row(is_first=1, spawn_id=1)
    play.row(truncated=1, spawn_id=1)
    saved = json.loads(json.dumps(play.curriculum.state_dict()))
    twin = Play(tmp_path / "none")
    twin.curriculum.registry.directory = tmp_path / "s"
    twin.curriculum.load_state_dict(saved)
    twin.curriculum.open(SimpleNamespace(tags={}, log_event=lambda *_: None))
    ((_, entry),) = twin.curriculum.registry
    assert entry.attempts == 1 and twin.curriculum.state_dict() == saved
    twin.curriculum.load_state_dict({})


def test_before_anything_happened_all_are_true_starts(tmp_path):
    scalars = Play(tmp_path / "s").curriculum.scalars()
    assert scalars["curriculum/true_pct"] == 100.0 and scalars["curriculum/savestates"] == 0.0


# --- savestates to begin with


def test_savestates_of_another_run_are_taken_over_with_fresh_counts(tmp_path):
    donor = fresh(tmp_path / "donor")
    put(donor, 1, "EVENT_GOT_STARTER", memory=np.ones(4, np.float16), attempts=9, successes=3, alpha=4.0)
    put(donor, 2, "FOREIGN", rom_sha1="cd" * 20)
    put(donor, 3, "WITHOUT", memory=np.ones(4, np.float16))
    (tmp_path / "donor" / "WITHOUT_000003.safetensors").unlink()
    before = {path.name: path.read_bytes() for path in (tmp_path / "donor").iterdir()}
    play = Play(tmp_path / "s", source=tmp_path / "donor")
    (number, entry), (_, without) = play.curriculum.registry
    assert (without.milestone, without.memory) == ("WITHOUT", "")
    assert play.curriculum.registry.read(number) == state_of(1) and entry.name != "EVENT_GOT_STARTER_000001"
    assert (entry.attempts, entry.successes, entry.alpha) == (0, 0, 0.5)
    assert read_memory(tmp_path / "s", entry, 4).tolist() == [1.0] * 4
    assert any("FOREIGN_000002.state" in text and "ROM" in text for _, text in play.told)
    assert {path.name: path.read_bytes() for path in (tmp_path / "donor").iterdir()} == before
    again = Play(tmp_path / "s", source=tmp_path / "donor")
    assert files_of(again.curriculum.registry) == files_of(play.curriculum.registry), "once is enough"


def test_states_of_the_walkthrough_are_taken_over(tmp_path):
    rows = []
    for number, name in enumerate(["BEDROOM", NAMES[0], NAMES[1], "EVENT_BEAT_MISTY"]):
        (tmp_path / f"{number:02d}_{name}.state").write_bytes(state_of(number))
        digest = hashlib.sha256(state_of(number)).hexdigest()
        rows.append({"file": f"{number:02d}_{name}.state", "milestone": name, "actions": 9 * number, "map": 3,
                     "sha256": digest, "rom_sha1": ROM, "pyboy": PYBOY})  # fmt: skip
    rows[2]["sha256"] = "0" * 64
    rows += [None, {"milestone": NAMES[2], "file": "../../x.state"}]
    (tmp_path / "manifest.json").write_text(json.dumps({"states": rows}))
    play = Play(tmp_path / "s", source=tmp_path)
    found = {entry.milestone: (entry.tier, entry.owned) for _, entry in play.curriculum.registry}
    assert found == {NAMES[0]: ("early", NAMES[:1]), "EVENT_BEAT_MISTY": ("mid", [*NAMES[:2], "EVENT_BEAT_MISTY"])}
    assert any(f"02_{NAMES[1]}.state" in text and "damaged" in text for _, text in play.told)
