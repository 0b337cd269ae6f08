"""Savestates into the workers and out of them."""

import hashlib
import multiprocessing

import numpy as np
import pytest
from stand_in_env import SIZE, make_stand_in

from Daddy.puffer_shim import RECORD, Captured, CaptureFailed, EpisodeRules, SpawnFailed, make_vector
from Daddy.puffer_shim import spawns as spawns_module
from Daddy.puffer_shim.desk import Spawn
from Daddy.puffer_shim.spawns import SpawnBook

LAYOUTS = [{"backend": "serial"}, {"backend": "serial", "batch_size": 2}, {"num_workers": 2},
           {"num_workers": 2, "batch_size": 2}]  # fmt: skip
STAY = 5


def stand_ins(env_config: dict | None = None, **settings):
    settings = {"num_envs": 4, "seed": 3, "max_episode_steps": 3, **settings}
    return make_vector(env_config or {}, env_factory=make_stand_in, **settings)


def rounds(vector, count: int) -> np.ndarray:
    """(count, num_envs) records, every env standing still; ``vector`` is between send and recv before and after."""
    seen = np.zeros((count, vector.num_envs), RECORD)
    for number in range(count):
        for _ in range(vector.num_envs // vector.batch_size):
            batch = vector.recv()
            seen[number, batch.env_ids] = batch.records
            vector.send(np.full(len(batch.env_ids), STAY, np.int32))
    return seen


@pytest.fixture(params=LAYOUTS, ids=str)
def vector(request):
    made = stand_ins(**request.param)
    yield made
    made.close()


def test_a_spawn_counts_for_the_next_reset_only(vector):
    vector.spawn(2, bytes((7, 8)), spawn_id=41)
    vector.spawn(3, bytes((1, 2)), spawn_id=5)
    vector.spawn(3, None, spawn_id=0)
    first = rounds(vector, 4)  # first record and the whole episode
    assert first["spawn_id"].tolist() == [[0, 0, 41, 0]] * 4
    assert (first["x"][0, 2], first["y"][0, 2]) == (7, 8)
    second = rounds(vector, 1)
    assert second["is_first"].all() and not second["spawn_id"].any()


@pytest.mark.parametrize("layout", [LAYOUTS[0], LAYOUTS[2]], ids=str)
def test_episodes_from_savestates_have_a_length_of_their_own(layout):
    vector = stand_ins(**layout, max_episode_steps=6, rules=EpisodeRules(spawn_steps=2))
    try:
        vector.spawn(1, bytes((7, 8)), spawn_id=4)
        seen = rounds(vector, 7)
    finally:
        vector.close()
    assert np.argwhere(seen["truncated"]).tolist() == [[2, 1], [6, 0], [6, 2], [6, 3]]


def test_a_spawn_at_the_last_record_reaches_the_reset_that_follows(vector):
    rounds(vector, 3)
    batch = vector.recv()
    assert batch.records["truncated"].all()
    env = int(batch.env_ids[1])
    vector.spawn(env, bytes((4, 6)), spawn_id=9)
    while True:
        vector.send(np.full(len(batch.env_ids), STAY, np.int32))
        batch = vector.recv()
        if env in batch.env_ids:
            break
    record = batch.records[batch.env_ids == env][0]
    assert (record["is_first"], record["spawn_id"], record["x"], record["y"]) == (1, 9, 4, 6)


def test_the_same_spawn_differs_by_the_episodes_seed(vector):
    vector.spawn(0, bytes((7, 8)), spawn_id=1)
    one = rounds(vector, 2)[0, 0]
    vector.spawn(0, bytes((7, 8)), spawn_id=1)
    two = rounds(vector, 3)[2, 0]
    assert one["spawn_id"] == two["spawn_id"] == two["is_first"] == 1 and (one["x"], one["y"]) == (two["x"], two["y"])
    assert one["screen"].tobytes() != two["screen"].tobytes()


def test_a_refused_state_leads_to_the_true_start_and_an_event(vector):
    expected = rounds(stand := stand_ins(backend="serial"), 1)[0, 1]
    stand.close()
    vector.spawn(1, b"junk", spawn_id=7)
    record = rounds(vector, 1)[0, 1]
    assert record["spawn_id"] == 0 and (record["x"], record["y"]) == (expected["x"], expected["y"])
    rounds(vector, 1)
    (event,) = vector.events()
    assert isinstance(event, SpawnFailed) and (event.env_id, event.spawn_id) == (1, 7)
    assert "ValueError" in event.cause and vector.events() == [] and vector.restarts == 0


def test_a_capture_is_the_state_of_the_record_just_received(vector, tmp_path):
    rounds(vector, 2)
    batch = vector.recv()
    env, path = int(batch.env_ids[0]), tmp_path / "a.state"
    record = batch.records[0].copy()
    vector.capture(env, path, tag="gym")
    while not (events := vector.events()):
        vector.send(np.zeros(len(batch.env_ids), np.int32))
        batch = vector.recv()
    (event,) = events
    data = path.read_bytes()
    assert isinstance(event, Captured) and data == bytes((record["x"], record["y"]))
    assert (event.env_id, event.path, event.tag) == (env, str(path), "gym")
    assert (event.sha256, event.size) == (hashlib.sha256(data).hexdigest(), len(data))
    for name in ("map_id", "x", "y", "badges", "spawn_id", "episode_id", "episode_step"):
        assert getattr(event, name) == record[name], name
    assert event.milestones == record["milestones"].tobytes()
    assert list(tmp_path.iterdir()) == [path]


def test_a_capture_that_cannot_be_written_is_an_event(vector, tmp_path):
    rounds(vector, 1)
    vector.capture(3, tmp_path / "missing" / "a.state", tag="t")
    rounds(vector, 2)
    (event,) = vector.events()
    assert isinstance(event, CaptureFailed) and (event.env_id, event.tag) == (3, "t")
    assert "FileNotFoundError" in event.cause and vector.restarts == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [((9, None, 0), "env 9"), ((0, b"xy", 0), "spawn_id is 0"), ((0, None, 3), "spawn_id is 3"),
     ((0, b"x" * (spawns_module.MAX_STATE_BYTES + 1), 3), "at most")],
)  # fmt: skip
def test_spawns_that_cannot_be_meant_are_refused(vector, arguments, word):
    with pytest.raises(ValueError, match=word):
        vector.spawn(*arguments)


def test_a_state_travels_once_and_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(spawns_module, "CACHED_STATES", 2)
    book = SpawnBook(num_workers=1)
    order = lambda spawn_id, state: book.order(0, 0, 0, spawn_id, state)  # noqa: E731
    assert order(1, b"a") == Spawn(0, 1, b"a") and order(1, b"a") == Spawn(0, 1, None)
    assert order(2, b"b") == Spawn(0, 2, b"b") and order(1, b"a").state is None
    assert order(3, b"c") == Spawn(0, 3, b"c", forget=(2,))
    assert order(2, b"b") == Spawn(0, 2, b"b", forget=(1,))
    assert order(2, b"other") == Spawn(0, 2, b"other")
    assert book.order(0, 0, 0, 2, b"other", 0.5) == Spawn(0, 2, None, patience=0.5)
    assert book.order(0, 1, 1, 0, None, 0.25) == Spawn(1, 0, None, patience=0.25)
    assert book.again(0, 0) == (2, b"other", 0.5), "after a restart as well"


def test_states_larger_than_a_pipe_reach_a_busy_worker_without_blocking():
    big = bytes((7, 8)) + bytes(3_000_000)
    vector = stand_ins({"slow_s": 0.05, "long_states": True}, num_workers=2)
    try:
        vector.recv()
        vector.send(np.zeros(4, np.int32))
        for env in range(4):
            vector.spawn(env, big, spawn_id=1 + env)  # two of them do not fit at once
        seen = [record["spawn_id"].tolist() for record in rounds(vector, 12)]
        assert [1, 2, 3, 4] in seen
    finally:
        vector.close()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_side_channel_works_under_other_start_methods(method, tmp_path):
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(method, force=True)
    try:
        vector = stand_ins(num_workers=2)
        vector.spawn(2, bytes((SIZE - 3, 8)), spawn_id=41)
        assert rounds(vector, 1)["spawn_id"].tolist() == [[0, 0, 41, 0]]
        vector.capture(0, tmp_path / "a.state", "t")
        assert rounds(vector, 2)["spawn_id"].tolist() == [[0, 0, 41, 0]] * 2
        vector.close()
        assert (tmp_path / "a.state").stat().st_size == 2
    finally:
        multiprocessing.set_start_method(before, force=True)
