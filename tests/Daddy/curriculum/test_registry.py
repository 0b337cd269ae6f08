import dataclasses
import json
import os

import numpy as np
import pytest
from savestate_files import files_of, fresh, make, put, state_of

from Daddy.beta import FORGETTING
from Daddy.curriculum import registry as registry_module
from Daddy.curriculum.memory import read_memory
from Daddy.curriculum.registry import IN_ALL, PER_MILESTONE


def test_what_was_added_is_there_again_with_its_counts(tmp_path):
    registry = fresh(tmp_path / "savestates")
    number = put(registry, 1, memory=np.arange(4, dtype=np.float16))
    put(registry, 2, "OTHER", ["M"], "mid", parent="M_000001")
    registry.get(number).credit(took=50)
    registry.get(number).credit(took=0)
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
    assert len(json.loads(index.read_text())["savestates"]) == 2, "written anew at once"


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
        registry.get(put(registry, number)).alpha = 0.01
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


def test_stepping_stones_at_the_frontier_stay_though_nothing_succeeds_there(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1, "DEX", ["A", "DEX"])
    ahead = put(registry, 2, "MAP_FOREST_AFTER_DEX", ["A", "DEX"], alpha=0.5, beta=90.0)
    for number in range(100, 100 + 2 * IN_ALL):
        put(registry, number, f"MAP_{number}_AFTER_A", ["A"])
    assert registry.get(ahead) and len(registry) == IN_ALL


def test_of_one_kind_the_strongest_stay(tmp_path):
    registry = fresh(tmp_path)
    assert registry.weakest("M") == float("inf")
    for number, strength in enumerate((5.0, 3.0, 8.0, 6.0, 7.0)):
        put(registry, number, strength=strength)
    assert sorted(entry.strength for _, entry in registry) == [6.0, 7.0, 8.0] and registry.weakest("M") == 6.0
    assert sorted(entry.strength for _, entry in fresh(tmp_path)) == [6.0, 7.0, 8.0], "and on disk"


def test_entries_of_before_they_had_a_strength_are_read(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1, strength=5.0)
    for path in tmp_path.glob("*.json"):
        path.write_text(path.read_text().replace('"strength": 5.0', '"weight": 5.0'))
    ((_, entry),) = fresh(tmp_path)
    assert entry.strength == 0.0


def test_counts_come_back_also_those_of_before_they_told_what_successes_took(tmp_path):
    registry = fresh(tmp_path)
    entry = registry.get(put(registry, 1))
    entry.credit(took=80)
    saved = registry.counts()
    entry.credit(took=0)
    registry.set_counts(saved)
    assert (entry.attempts, entry.successes, entry.took) == (1, 1, 80.0)
    registry.set_counts({name: [7, 3, 2.0, 5.0] for name in saved})
    assert (entry.attempts, entry.successes, entry.alpha, entry.beta, entry.took) == (7, 3, 2.0, 5.0, 80.0)


def test_what_never_succeeds_stays_and_what_is_mastered_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(registry_module, "IN_ALL", 6)
    registry = fresh(tmp_path)
    put(registry, 1, "DEX", ["A", "DEX"])
    bottleneck = put(registry, 2, "MAP_LAB_AFTER_A", ["A"])
    mastered = [put(registry, n, f"MAP_{n}_AFTER_A", ["A"]) for n in range(3, 7)]
    registry.get(bottleneck).alpha, registry.get(bottleneck).beta = 0.5, 90.0
    for n in mastered:
        registry.get(n).alpha, registry.get(n).beta = 60.0, 2.0
    for number in range(10, 13):
        put(registry, number, f"MAP_{number}_AFTER_DEX", ["A", "DEX"])
    assert registry.get(bottleneck) and len(registry) == 6
    assert sum(registry.get(n) is not None for n in mastered) == 1


def test_in_a_full_registry_copies_go_before_the_last_of_a_kind(tmp_path, monkeypatch):
    """The only kind from which something had ever succeeded went first of those where hardly anything does."""
    monkeypatch.setattr(registry_module, "IN_ALL", 7)
    registry = fresh(tmp_path)
    put(registry, 1, "DEX", ["A", "DEX"])
    lab = put(registry, 2, "MAP_LAB_AFTER_A", ["A"])
    registry.get(lab).led_on()
    for number in range(10, 16):
        put(registry, number, f"MAP_{number % 2}_AFTER_A", ["A"])
    put(registry, 20, "MAP_2_AFTER_A", ["A"])
    assert registry.get(lab) and len(registry) == 7
    assert sorted(registry.count(f"MAP_{n}_AFTER_A") for n in range(3)) == [1, 2, 2]


def test_a_new_savestate_begins_with_what_is_known_of_its_kind(tmp_path):
    registry = fresh(tmp_path)
    first = registry.get(put(registry, 1))
    prior = make(2)
    assert (first.alpha, first.beta) == (prior.alpha, prior.beta), "nothing yet"
    for _ in range(40):
        first.credit(took=0)
    first.credit(took=50)
    second = registry.get(put(registry, 2))
    assert second.attempts == 0 and (second.alpha, second.beta) == pytest.approx((first.alpha, first.beta))
    third = registry.get(put(registry, 3))
    assert third.evidence == pytest.approx(1 / (1 - FORGETTING)), "no more than one savestate remembers"
    assert third.success_rate == pytest.approx(first.success_rate, abs=0.02)
    other = registry.get(put(registry, 4, "OTHER"))
    assert (other.alpha, other.beta) == (prior.alpha, prior.beta)


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


def test_stepping_stones_go_first_and_may_go_altogether(tmp_path, monkeypatch):
    cap, registry = 12, fresh(tmp_path)
    monkeypatch.setattr(registry_module, "IN_ALL", cap)
    for number in range(cap):
        put(registry, number, f"MAP_{number}_AFTER_M", ["M"], alpha=50.0, beta=50.0)
    kept = put(registry, 500, "M", alpha=1.0, beta=900.0)
    assert registry.get(kept) and len(registry) == cap, "a dull milestone stays, a learnable stepping stone goes"
    for number in range(600, 600 + cap - 1):
        put(registry, number, f"K{number}")
    assert {entry.milestone for _, entry in registry} == {"M", *(f"K{n}" for n in range(600, 600 + cap - 1))}
    put(registry, 900, "LEVEL_08", ["M"])
    assert registry.count("LEVEL_08") == 1, "the newest is never dropped, whatever the cap"
    put(registry, 901, "LEVEL_10", ["M"])
    assert [registry.count(name) for name in ("LEVEL_08", "LEVEL_10")] == [0, 1]


def test_a_stepping_stone_that_is_the_only_way_behind_a_milestone_stays(tmp_path, monkeypatch):
    """The milestone itself was never captured: its env was lost."""
    cap, registry = 12, fresh(tmp_path)
    monkeypatch.setattr(registry_module, "IN_ALL", cap)
    only = put(registry, 0, "MAP_ROUTE_2_AFTER_RARE", ["RARE"], alpha=1.0, beta=900.0)
    for number in range(1, cap + 20):
        put(registry, number, f"MAP_{number}_AFTER_M", ["M"])
    assert registry.get(only) and len(registry) == cap
    put(registry, 700, "RARE")
    put(registry, 701, "LEVEL_06", ["M"])
    assert registry.get(only) is None, "now there is another way"
