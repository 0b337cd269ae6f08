import threading
from dataclasses import replace

import numpy as np
import pytest
from replay_feeder import SPEC, Feeder

from Daddy.checkpoint import load_checkpoint
from Daddy.errors import CheckpointError
from Daddy.replay_buffer import ReplayBuffer
from Daddy.replay_store import ReplayStore
from Daddy.saver import Saver

FIELDS = ("screen", "structured", "action", "reward", "is_first", "is_last", "terminated", "state", "weights", "starts")


class Run:
    """A replay that is fed and saved as a run does it."""

    def __init__(self, root, spec=SPEC, limit=1e9, segment_rows=12):
        self.root, self.replay = root, ReplayBuffer(spec)
        self.store = ReplayStore(root / "replay", self.replay, limit, segment_rows)
        self.feeder = Feeder(self.replay)

    def play(self, calls):
        for _ in range(calls):
            self.feeder.run(1)
            self.write(self.store.take())

    def write(self, segments):
        for segment in segments:
            self.store.write(segment)

    def save(self):
        """The state as a checkpoint would hold it."""
        self.write(self.store.take(everything=True))
        return {**self.store.state_dict(), "segments": self.store.entries()}

    def resumed(self, state, **changes):
        other = Run(self.root, **changes)
        other.store.load_state_dict(state)
        other.feeder.rows = self.feeder.rows.copy()
        return other


def samples(replay, count=8):
    return replay.sample(count, np.random.default_rng(3))


def assert_alike(one, two):
    a, b = samples(one), samples(two)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    for name, value in one.index_state().items():
        np.testing.assert_array_equal(value, two.index_state()[name], err_msg=name)
    assert one.sequences == two.sequences and len(one) == len(two)


@pytest.mark.parametrize("calls", [9, 23, 40, 117])
def test_a_replay_comes_back_bit_for_bit_and_goes_on_alike(tmp_path, calls):
    run = Run(tmp_path)
    run.play(calls)
    if run.replay.sequences:
        batch = samples(run.replay)
        run.replay.update_priorities(batch.slots, batch.starts, batch.starts + 1.0, batch.starts + 0.5)
    other = run.resumed(run.save())
    assert_alike(run.replay, other.replay) if run.replay.sequences else None
    for each in (run, other):
        each.feeder.rng = np.random.default_rng(9)
        each.play(31)
    assert_alike(run.replay, other.replay)
    third = other.resumed(other.save())
    assert_alike(run.replay, third.replay)


def test_each_row_is_written_once_and_old_segments_go(tmp_path):
    run = Run(tmp_path)
    for _ in range(8):
        run.play(20)
        state = run.save()
        run.store.prune({entry["name"] for entry in state["segments"]})
    written = run.store._number
    extents = [np.array(entry["end"]) - entry["begin"] for entry in state["segments"]]
    assert all((a["end"] == b["begin"]) for a, b in zip(state["segments"], state["segments"][1:], strict=False))
    assert written * 12 <= run.feeder.rows.sum() + 12 * 8 * 2, "segments are full but for those cut by a save"
    assert sum(e.sum() for e in extents) < 2.5 * SPEC.ring * SPEC.num_envs
    assert {p.name for p in (tmp_path / "replay").iterdir()} == {entry["name"] for entry in state["segments"]}


def test_rings_of_another_length_take_what_fits(tmp_path):
    run = Run(tmp_path)
    run.play(117)
    state = run.save()
    for capacity in (SPEC.capacity * 3 // 4, SPEC.capacity * 2):
        spec = replace(SPEC, capacity=capacity)
        other = run.resumed(state, spec=spec)
        batch = samples(other.replay, 64)
        for i, start in enumerate(batch.starts):
            rows = start + np.arange(-SPEC.lead, SPEC.rows)
            assert rows[0] >= other.feeder.rows[int(batch.structured[i, 0, 1])] - min(spec.ring, SPEC.ring * 2)
            np.testing.assert_array_equal(batch.structured[i, :, 0], rows % 256)
            assert batch.state[i, 0] == start
        other.play(40)
        assert other.replay.sequences > 0


def test_a_limit_keeps_the_newest_and_zero_keeps_nothing(tmp_path):
    run = Run(tmp_path / "a")
    run.play(117)
    size = run.save()["segments"][-2]["bytes"]
    small = Run(tmp_path / "b", limit=3.5 * size)
    small.play(117)
    state = small.save()
    assert 0 < sum(entry["bytes"] for entry in state["segments"]) <= 3.5 * size
    other = small.resumed(state)
    assert 0 < other.replay.sequences < run.replay.sequences
    none = Run(tmp_path / "c", limit=0)
    none.play(117)
    state = none.save()
    assert state["segments"] == [] and not (tmp_path / "c" / "replay").exists()
    other = none.resumed(state)
    assert other.replay.sequences == 0 and "starts empty" in other.store.notes[0]


@pytest.mark.parametrize("which, left", [(0, True), (-1, False)])
def test_a_damaged_segment_cuts_the_replay_there_and_says_so(tmp_path, which, left):
    run = Run(tmp_path)
    run.play(40)
    state = run.save()
    path = tmp_path / "replay" / state["segments"][which]["name"]
    path.write_bytes(path.read_bytes()[:-1])
    other = run.resumed(state)
    assert path.name in other.store.notes[0] and (other.replay.sequences > 0) == left
    other.feeder.rows[:] = 0 if not left else other.feeder.rows
    other.play(60)
    assert other.replay.sequences > 0 and other.save()["segments"]


@pytest.mark.parametrize("change", [
    {"name": "../../etc/passwd"}, {"name": "other.bin"}, {"begin": [0, 0, 10**15]}, {"begin": [-5, 0, 0]}, {"end": [3]},
])  # fmt: skip
def test_lying_entries_are_refused_before_anything_is_allocated(tmp_path, change):
    run = Run(tmp_path)
    run.play(20)
    state = run.save()
    state["segments"][-1].update(change)
    other = run.resumed(state)
    assert len(other.replay) == 0 and other.store.notes[0].startswith("warning")


def test_another_shape_is_refused(tmp_path):
    run = Run(tmp_path)
    run.play(20)
    with pytest.raises(ValueError, match="shape"):
        Run(tmp_path, spec=replace(SPEC, stride=4)).store.load_state_dict(run.save())


def test_rows_that_a_full_disk_refused_are_written_later(tmp_path, monkeypatch):
    run = Run(tmp_path)
    run.play(20)
    with monkeypatch.context() as broken:
        broken.setattr("Daddy.replay_store.write_tensors", refuse)
        run.feeder.run(12)
        segments = run.store.take(everything=True)
        assert len(segments) > 1
        with pytest.raises(CheckpointError, match="No space left"):
            run.store.write(segments[0])
    run.write(segments[1:])  # taken before the failure was known: discarded, for they would leave a hole
    run.play(3)
    assert_alike(run.replay, run.resumed(run.save()).replay)


def test_too_little_disk_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("Daddy.replay_store._RESERVE", 1e18)
    run = Run(tmp_path)
    run.feeder.run(10)
    (segment, *_) = run.store.take(everything=True)
    with pytest.raises(CheckpointError, match="GiB free"):
        run.store.write(segment)


def test_the_saver_writes_segments_before_the_checkpoint_that_names_them(tmp_path):
    run = Run(tmp_path)
    with Saver(tmp_path / "checkpoints", run.store, keep=2) as saver:
        for step in range(1, 8):
            for _ in range(15):
                run.feeder.run(1)
                saver.collect()
            saver.save(step, {"replay": run.store.state_dict()}, None)
            path = saver.finish()[-1].path
    state = load_checkpoint(path)["replay"]
    assert_alike(run.replay, run.resumed(state).replay)
    on_disk = {p.name for p in (tmp_path / "replay").iterdir()}
    assert {entry["name"] for entry in state["segments"]} <= on_disk and len(on_disk) < run.store._number


def test_a_slow_disk_leaves_rows_in_the_ring(tmp_path, monkeypatch):
    disk = threading.Event()
    run = Run(tmp_path)
    write = run.store.write
    monkeypatch.setattr(run.store, "write", lambda segment: (disk.wait(10), write(segment)))
    with Saver(tmp_path / "checkpoints", run.store) as saver:
        for _ in range(200):
            run.feeder.run(1)
            saver.collect()
        assert len(saver._writing) <= 5
        disk.set()
        saver.save(1, {"replay": run.store.state_dict()}, None)
        path = saver.finish()[-1].path
    assert_alike(run.replay, run.resumed(load_checkpoint(path)["replay"]).replay)


def refuse(*_args, **_kwargs):
    raise OSError(28, "No space left on device")
