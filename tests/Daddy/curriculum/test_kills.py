"""Processes that die while they write savestates: what is left loads, and no half file counts."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from savestate_files import files_of, fresh, make, put, state_of

from Daddy.curriculum.memory import read_memory, write_memory

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
