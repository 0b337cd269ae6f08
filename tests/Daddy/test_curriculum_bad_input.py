"""What is wrong with savestates on disk never stops a run: real runs on the cartridge."""

import errno
import hashlib
import json
import os
import re
import shutil

import pytest
from curriculum_run import recorded_states, registry_of, train

from Daddy import curriculum as curriculum_module
from Daddy.curriculum import Curriculum
from Daddy.curriculum.registry import Registry
from Daddy.logs.reader import read_events, read_rows
from Daddy.puffer_shim import capture as capture_module
from pokemonred_puffer.emulator import PYBOY_VERSION

PLENTY = ("--resume", "--total-steps", "900")


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return recorded_states(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def begun(tmp_path_factory, states):
    """A run of 100 steps whose registry holds savestates of six milestones of the recorded game."""
    source = tmp_path_factory.mktemp("source")
    kept = ("EVENT_GOT_STARTER", "EVENT_GOT_OAKS_PARCEL", "EVENT_GOT_POKEDEX", "EVENT_BEAT_BROCK", "EVENT_BEAT_MISTY",
            "EVENT_GOT_HM01")  # fmt: skip
    for name in kept:
        shutil.copy(states[name], source)
    shutil.copy(states[kept[0]].with_name("manifest.json"), source)
    root = tmp_path_factory.mktemp("begun")
    shown = train(root, "--total-steps", "100", "--freeze-curriculum", "--savestates-from", str(source))
    assert f"6 savestates taken over from {source}" in shown
    return root


@pytest.fixture
def run(begun, tmp_path):
    """(root, savestates directory, {milestone: entry}) of a copy of that run."""
    shutil.copytree(begun, tmp_path / "runs")
    directory = tmp_path / "runs" / "run" / "savestates"
    return tmp_path / "runs", directory, {entry.milestone: entry for _, entry in registry_of(directory)}


def rewrite(directory, entry, data: bytes | None = None, **fields) -> None:
    """Another content of a savestate, or other fields of its entry, of which registry.json and its own file agree."""
    path = directory / entry.file
    if data is not None:
        path.write_bytes(data)
        fields |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    beside, index = path.with_suffix(".json"), directory / "registry.json"
    beside.write_text(json.dumps(json.loads(beside.read_text()) | fields))
    content = json.loads(index.read_text())
    for row in content["savestates"]:
        row.update(fields if row["file"] == entry.file else {})
    index.write_text(json.dumps(content))


def test_bad_savestates_are_set_aside_each_with_a_line_and_the_run_goes_on(run):
    root, directory, entries = run
    good, flipped, cut, pyboy, rom, unreadable = entries.values()
    data = {entry.file: (directory / entry.file).read_bytes() for entry in entries.values()}
    (directory / flipped.file).write_bytes(data[flipped.file][:-9] + b"corrupted")
    (directory / cut.file).write_bytes(data[cut.file][:100])
    rewrite(directory, pyboy, pyboy="2.6.0")
    rewrite(directory, rom, rom_sha1="ab" * 20)
    rewrite(directory, unreadable, data[unreadable.file].replace(PYBOY_VERSION.encode(), b"2.6.0"))
    (directory / "UNKNOWN.state").write_bytes(data[good.file])
    shown = train(root, *PLENTY, "--freeze-curriculum")
    reasons = {
        flipped.file: "damaged", cut.file: "damaged", pyboy.file: "it is of PyBoy 2.6.0", rom.file: "ab" * 20,
        unreadable.file: "savestate of PyBoy 2.6.0", "UNKNOWN.state": "no entry",
    }  # fmt: skip
    for file, reason in reasons.items():
        (line,) = re.findall(rf"^\[curriculum\] savestate {file} is not used: .*$", shown, re.M)
        assert reason in line
        assert (directory / "quarantine" / file).exists() and not (directory / file).exists()
    tags = [row["savestate_tag"] for row in read_rows(root / "run", "episodes.csv")]
    assert tags.count(good.name) >= 10 and {*tags[-20:]} <= {"boot", good.name}
    told = [record["text"] for record in read_events(root / "run", "curriculum")]
    assert sum("is not used" in text for text in told) == len(reasons), "each once"
    assert [entry.file for _, entry in registry_of(directory)] == [good.file]


def test_a_savestate_of_another_rom_whose_entry_lies_is_refused_by_the_env(run):
    root, directory, entries = run
    good, lying, *rest = entries.values()
    for entry in rest:
        (directory / entry.file).unlink()
        (directory / entry.file).with_suffix(".json").unlink()
    data = bytearray((directory / lying.file).read_bytes())
    data[9 + 16 : 9 + 16 + 20] = bytes(20)  # the header's SHA-1
    rewrite(directory, lying, bytes(data))
    shown = train(root, *PLENTY, "--freeze-curriculum")
    assert f"savestate {lying.file} is not used: savestate of the ROM with SHA-1 {'00' * 20}" in shown
    assert (directory / "quarantine" / lying.file).exists()
    assert [row["savestate_tag"] for row in read_rows(root / "run", "episodes.csv")].count(good.name) >= 10


@pytest.mark.parametrize("damage", ["half", "gone", "junk", "an entry"])
def test_a_damaged_registry_is_made_anew_and_used(run, damage):
    root, directory, entries = run
    index = directory / "registry.json"
    whole = index.read_text()
    if damage == "gone":
        index.unlink()
    elif damage == "an entry":
        content = json.loads(whole)
        content["savestates"][2]["file"] = "../../config.json"
        content["savestates"][3]["alpha"] = -4
        index.write_text(json.dumps(content))
    else:
        index.write_text(whole[: len(whole) // 2] if damage == "half" else "junk")
    shown = train(root, *PLENTY)
    assert ("registry.json cannot be read" in shown) == (damage in ("half", "junk"))
    assert shown.count("an entry of registry.json is not used: ") == (2 if damage == "an entry" else 0)
    assert "6 savestates in" in shown and "quarantine" not in os.listdir(directory)
    tags = [row["savestate_tag"] for row in read_rows(root / "run", "episodes.csv")]
    useful = [entry for entry in entries.values() if entry.milestone != "EVENT_GOT_HM01"]  # there all is done
    assert len(useful) == 5 and {*tags} == {"boot", *(entry.name for entry in useful)}
    assert tags.count("boot") >= 0.3 * len(tags) > 15, "the share of true starts"
    listed = {row["file"] for row in json.loads(index.read_text())["savestates"]}
    assert listed == {entry.file for entry in entries.values()}, "written anew"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
def test_a_disk_that_takes_no_savestates_is_an_alarm_and_captures_work_again_when_it_does(
    number, states, tmp_path, monkeypatch
):
    directory, real, failures = tmp_path / "run" / "savestates", capture_module.write_atomically, []
    monkeypatch.setattr(curriculum_module, "_PAUSE_STEPS", 300)

    def write(path, data):
        if len(failures) < 2:
            failures.append(path)
            raise OSError(number, os.strerror(number), str(path))
        real(path, data)

    monkeypatch.setattr(capture_module, "write_atomically", write)
    places = ("--total-steps", "1400", "--max-episode-steps", "40", "--init-state", str(states["OUTSIDE"]))
    shown = train(tmp_path, *places)
    alarms = re.findall(r"^\[alarm\] no savestate written \(OSError: .*$", shown, re.M)
    assert len(alarms) == 2 and all(os.strerror(number) in line for line in alarms)
    assert all("training goes on, the next is tried in 300 steps" in line for line in alarms)
    assert [r["kind"] for r in read_events(tmp_path / "run", "alarm")] == ["alarm"] * 2
    entries = [entry for _, entry in registry_of(directory)]
    assert entries and not (directory / "quarantine").exists()
    assert min(entry.created_at_step for entry in entries) >= 600
    assert not [path for path in failures if path.exists()]


def test_a_registry_that_cannot_be_written_is_an_alarm_and_its_counts_follow_later(run, monkeypatch):
    root, directory, _ = run
    monkeypatch.setattr(curriculum_module, "_SAVE_S", 0.0)
    monkeypatch.setattr(Curriculum, "_wants", lambda *_: False)
    real, refused = Registry.save, []

    def save(self):
        if len(refused) < 3:
            refused.append(self.directory)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self)

    monkeypatch.setattr(Registry, "save", save)
    shown = train(root, *PLENTY, "--no-freeze-curriculum")
    assert len(re.findall(r"^\[alarm\] registry.json not written \(.*No space left", shown, re.M)) == 3
    rows = json.loads((directory / "registry.json").read_text())["savestates"]
    episodes = read_rows(root / "run", "episodes.csv")
    credited = [e for e in episodes if e["savestate_tag"] != "boot" and int(e["end_step_global"]) > 100]
    assert sum(row["attempts"] for row in rows) == len(credited) > 10
