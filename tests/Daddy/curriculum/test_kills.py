"""Processes that die while they write savestates: what is left loads, and no half file counts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from savestate_files import files_of, fresh, make, put, state_of

from Daddy.curriculum.memory import read_memory, write_memory
from Daddy.puffer_shim.capture import write_atomically

ROOT = Path(__file__).parents[3]

WRITER = """
import sys
from pathlib import Path
import numpy as np
from savestate_files import fresh, put
registry = fresh(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    put(registry, number, f"K{number % 7}", memory=np.full(8, number % 100, np.float16))
    for _, entry in registry:
        entry.credit(took=50)
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


class Assassin:
    """Lets the process die by SIGKILL just before its `deadly`-th call that changes the disk.

    What would be synced then is half there: the file is cut in the middle.
    """

    def __init__(self, deadly: int):
        self.left = deadly
        for name in ("fsync", "replace", "unlink"):
            setattr(os, name, self.armed(getattr(os, name)))
        Path.replace, Path.unlink = self.armed(Path.replace), self.armed(Path.unlink)

    def armed(self, call):
        def wrapped(*args, **kwargs):
            self.left -= 1
            if self.left == 0:
                if isinstance(args[0], int) and os.path.isfile(f"/proc/self/fd/{args[0]}"):
                    os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapped


def take_savestate(directory: Path) -> None:
    """What a capture does from the worker's file to the index, with a credit and a pruned savestate on the way."""
    registry = fresh(directory)
    next(entry for _, entry in registry if entry.milestone == "OLD").credit(took=50)
    for number in (4, 5):
        entry = make(number, "OLD")
        write_atomically(directory / entry.file, state_of(number))
        write_memory(directory, entry, np.full(8, number, np.float16))
        registry.add(entry)
    registry.save()


def dies(directory: Path, deadly: int) -> bool:
    """Whether a process that takes a savestate there comes to its `deadly`-th call."""
    child = os.fork()
    if child == 0:
        Assassin(deadly)
        try:
            take_savestate(directory)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_kill_between_any_two_changes_of_the_disk_leaves_what_was_there(tmp_path):
    """Every place in turn: before and after each sync, rename and deletion of the capture, its memory and the index."""
    seen, deadly = set(), 0
    while True:
        deadly += 1
        directory = tmp_path / str(deadly)
        registry = fresh(directory)
        for number, milestone in ((1, "OLD"), (2, "OTHER"), (3, "OLD")):
            put(registry, number, milestone, memory=np.full(8, number, np.float16))
        killed = dies(directory, deadly)
        registry = fresh(directory)
        files = files_of(registry)
        assert "OTHER_000002.state" in files and sum(file.startswith("OLD") for file in files) >= 2
        assert not [note for note in registry.notes if "cannot be read" in note or "damaged" in note]
        for number, entry in registry:
            assert registry.read(number) == state_of(entry.created_at_step)
            if entry.memory:
                assert read_memory(directory, entry, 8).tolist() == [entry.created_at_step] * 8
            assert entry.attempts == entry.successes <= 1
        assert not list(directory.glob(".*.tmp"))
        seen.add((len(files), max(entry.created_at_step for _, entry in registry)))
        if not killed:
            break
    assert deadly > 20 and {newest for _, newest in seen} == {3, 4, 5}, "before, in between and after"
