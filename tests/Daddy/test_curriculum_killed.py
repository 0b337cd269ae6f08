"""kill -9 of a whole training run while it takes savestates: what is left can be used, and the run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from curriculum_run import SMALL, recorded_states, registry_of, train

from Daddy.curriculum.memory import read_memory
from Daddy.logs.reader import read_rows
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import resolve_rom

ROOT = Path(__file__).parents[2]
# Every first time is a capture, not only the first few of a kind: the run is never long between two of them.
RUN = """
import sys
from Daddy import curriculum, train_slim
curriculum.PER_MILESTONE = 10**9
sys.exit(train_slim.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """In front of a door: a good place to enter maps for the first time."""
    return str(recorded_states(tmp_path_factory.mktemp("recorded"))["OUTSIDE"])


def start(root: Path, out: Path, init_state: str) -> subprocess.Popen:
    argv = [*SMALL, "--backend", "puffer", "--num-workers", "2", "--runs-dir", str(root), "--total-steps", "1e7",
            "--save-interval", "200", "--init-state", init_state, "--max-episode-steps", "40"]  # fmt: skip
    with out.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-c", RUN, *argv], stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip


def wait_for(condition, seconds: float = 100.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def kill(process: subprocess.Popen, whole_group: bool) -> None:
    """SIGKILL to all of the run, or to its parent process alone; returns when nothing of it is left."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) >= 3, "two workers"
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait(timeout=20)
    _, alive = psutil.wait_procs(family[1:], timeout=20)
    assert not alive, "the workers of a parent that is gone end too"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("whole_group", [True, False], ids=["all of it", "the parent alone"])
def test_a_run_that_is_killed_while_it_captures_goes_on_from_its_savestates(whole_group, outside, tmp_path):
    root, out = tmp_path / "runs", tmp_path / "out.txt"
    directory = root / "run" / "savestates"
    process = start(root, out, outside)
    try:
        wait_for(lambda: out.read_text().count("[checkpoint]") and (directory / "registry.json").exists())
        before = len(list(directory.glob("*.state")))
        wait_for(lambda: len(list(directory.glob("*.state"))) != before)
    finally:
        kill(process, whole_group)
    in_the_index = {row["file"] for row in json.loads((directory / "registry.json").read_text())["savestates"]}
    left = {path.name for path in directory.glob("*.state")}
    registry = registry_of(directory)
    usable = {entry.file for _, entry in registry}
    assert usable and usable >= in_the_index & left and not any("cannot be read" in note for note in registry.notes)
    loads(registry)
    assert not list(directory.glob(".*.tmp")) and {path.name for path in directory.glob("*.state")} == usable
    shown = train(root, "--resume", "--total-steps", str(resumed_steps(root) + 400))
    assert "resuming from" in shown and f"{len(usable)} savestates in" in shown and "is not used" not in shown
    tags = {row["savestate_tag"] for row in read_rows(root / "run", "episodes.csv")}
    assert tags & {file.removesuffix(".state") for file in usable}, "episodes start from what was left"


def loads(registry) -> None:
    """Every savestate is one that the emulator takes, and has its memory."""
    emulator = Emulator(resolve_rom())
    try:
        for number, entry in list(registry):
            emulator.load_state(registry.read(number))
            assert (emulator.read(0xD35E), emulator.read(0xD362), emulator.read(0xD361)) == (
                entry.map_id, entry.x, entry.y,
            )  # fmt: skip
            assert read_memory(registry.directory, entry, 640).any()
    finally:
        emulator.close()


def resumed_steps(root: Path) -> int:
    name = json.loads((root / "run" / "checkpoints" / "latest.json").read_text())["checkpoint"]
    return int(name.removeprefix("step_"))
