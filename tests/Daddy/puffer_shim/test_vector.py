import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from stand_in_env import make_stand_in
from vector_play import play

from Daddy.puffer_shim import make_vector
from Daddy.puffer_shim.creator import EnvCreator
from Daddy.puffer_shim.layout import choose_batches, choose_workers, plan_layout
from pokemonred_puffer.errors import ConfigError, RomError

ROOT = Path(__file__).parents[3]
HELPERS = ROOT / "tests" / "helpers"


def stand_ins(env_config: dict | None = None, **settings):
    settings = {"num_envs": 4, "seed": 3, "max_episode_steps": 9, "backend": "puffer", **settings}
    return make_vector(env_config or {}, env_factory=make_stand_in, **settings)


def play_stand_ins(steps: int = 40, **settings) -> list[np.ndarray]:
    """The records of each env over ``steps`` receptions."""
    return play(stand_ins(**settings), steps)


@pytest.fixture(scope="module")
def expected() -> list[np.ndarray]:
    return play_stand_ins(backend="serial")


@pytest.mark.parametrize(
    "layout",
    [
        {"backend": "serial", "batch_size": 2},
        {"num_workers": 1},
        {"num_workers": 2},
        {"num_workers": 4, "batch_size": 2},
        {"num_workers": 2, "batch_size": 2},
    ],
    ids=str,
)
def test_every_layout_gives_the_same_trajectories(expected, layout):
    for mine, theirs in zip(play_stand_ins(**layout), expected, strict=True):
        assert mine.tobytes() == theirs.tobytes()


def test_envs_differ_and_env_i_is_env_0_of_seed_plus_i(expected):
    assert len({records.tobytes() for records in expected}) == len(expected)
    alone = play_stand_ins(backend="serial", num_envs=1, seed=5)[0]
    first_episode = expected[2]["episode_id"] == 1
    # The actions differ from env 2's, but a start depends on the seed alone.
    assert (alone["x"][0], alone["y"][0]) == (expected[2]["x"][0], expected[2]["y"][0])
    assert first_episode.sum() == 10


def test_the_last_observation_arrives_before_the_next_first_one(expected):
    for records in expected:
        ends = np.flatnonzero(records["truncated"] | records["terminated"])
        assert len(ends) >= 3
        assert records["is_first"][ends[ends + 1 < len(records)] + 1].all()
        assert (records["r_env"][records["is_first"] == 1] == 0).all()
        assert not records["is_first"][ends].any()


def test_staggered_episodes_end_one_by_one_at_first():
    records = play_stand_ins(backend="serial", num_envs=4, max_episode_steps=8, steps=20, stagger=True)
    ends = [[int(step) for step in env["episode_step"][env["truncated"] > 0]] for env in records]
    assert ends == [[2, 8], [4, 8], [6, 8], [8, 8]]


def test_reset_starts_the_same_story_again():
    vector = stand_ins(num_workers=2)
    try:
        starts = []
        for _ in range(2):
            vector.reset(seed=11)
            starts.append(vector.recv().records.copy())
            vector.send(np.zeros(4, np.int32))
        assert (starts[0]["screen"] == starts[1]["screen"]).all()
        assert starts[1]["episode_id"].tolist() == [2] * 4
    finally:
        vector.close()


@pytest.mark.parametrize("layout", [{"num_workers": 2}, {"num_workers": 2, "batch_size": 2}], ids=str)
def test_records_are_views_that_hold_until_their_own_send(layout):
    vector = stand_ins(**layout)
    try:
        batches = [vector.recv()]
        kept = batches[0].records.copy()
        if vector.batch_size < vector.num_envs:  # the other batch in flight does not touch this one
            vector.send(np.zeros(2, np.int32))
            first_again = vector.recv(), vector.send(np.zeros(2, np.int32)), vector.recv()
            batches.append(first_again[2])
            assert first_again[0].env_ids.tolist() == [2, 3]
        else:
            time.sleep(0.05)
            assert batches[0].records.tobytes() == kept.tobytes()
            vector.send(np.zeros(4, np.int32))
            batches.append(vector.recv())
        assert np.shares_memory(batches[0].records, batches[1].records)
        assert (batches[0].records["episode_step"] == 1).all() and (kept["episode_step"] == 0).all()
    finally:
        vector.close()


@pytest.mark.parametrize("backend", ["serial", "puffer"])
def test_a_wrong_rom_is_one_error_in_the_parent(backend):
    with pytest.raises(RomError, match=r"stand-in\.gb"):
        stand_ins({"bad_rom": True}, backend=backend)


def test_workers_ignore_interrupts_and_close_leaves_none():
    others = psutil.Process().children()
    vector = stand_ins(num_workers=2)
    children = [child for child in psutil.Process().children() if child not in others]
    try:
        vector.recv()
        for child in children:
            os.kill(child.pid, signal.SIGINT)
            os.kill(child.pid, signal.SIGTERM)
        vector.send(np.zeros(4, np.int32))
        vector.recv()
    finally:
        vector.close()
        vector.close()
    assert len(children) == 2 and not any(child.is_running() for child in children)


PARENT = """
import sys, time, psutil, numpy as np
import multiprocessing
from Daddy.puffer_shim import make_vector
from stand_in_env import make_stand_in
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    vector = make_vector({}, num_envs=4, num_workers=2, max_episode_steps=9, env_factory=make_stand_in)
    records = vector.recv().records
    print(*[child.pid for child in psutil.Process().children()], flush=True)
    if sys.argv[2] == "wait":
        time.sleep(60)
"""


def start_parent(tmp_path: Path, method: str, ending: str) -> subprocess.Popen:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    paths = os.pathsep.join((str(ROOT), str(HELPERS)))
    return subprocess.Popen(
        [sys.executable, str(script), method, ending], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip


def test_no_worker_outlives_a_killed_parent(tmp_path):
    parent = start_parent(tmp_path, "fork", "wait")
    workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.communicate()
    gone, alive = psutil.wait_procs(workers, timeout=5)
    assert len(gone) == 2 and not alive


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_forgetting_close_ends_cleanly_and_quietly(tmp_path, method):
    parent = start_parent(tmp_path, method, "end")
    out, err = parent.communicate(timeout=60)
    assert (parent.returncode, err) == (0, "")
    assert out.strip() and list(tmp_path.iterdir()) == [tmp_path / "parent.py"]


def test_creators_pickle():
    creator = EnvCreator(make_stand_in, {"slow_s": 0}, None, 9, num_actions=7, env_id=2)
    assert pickle.loads(pickle.dumps(creator)) == creator


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"num_envs": 0}, "num_envs is 0"),
        ({"num_envs": 6, "batch_size": 4}, "batch_size is 4"),
        ({"num_envs": 6, "num_workers": 4}, "1, 2, 3, 6"),
        ({"num_envs": 6, "batch_size": 2, "num_workers": 2}, "3, 6"),
        ({"backend": "ray"}, "ray"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_with_what_would(settings, word):
    settings = {"backend": "puffer", "num_envs": 4, "num_workers": "auto", "batch_size": None, **settings}
    with pytest.raises(ConfigError, match=word) as caught:
        plan_layout(**settings)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("envs", "batch", "cores", "workers"),
    [(32, 32, 2, 2), (7, 7, 2, 1), (32, 16, 3, 2), (6, 2, 2, 3), (32, 32, 64, 32)],
)
def test_auto_workers(envs, batch, cores, workers):
    assert choose_workers(envs, batch, cores)[0] == workers


@pytest.mark.parametrize(
    ("envs", "workers", "cores", "batches"),
    [(8, "auto", 2, 1), (16, "auto", 2, 2), (32, "auto", 16, 2), (32, "auto", 1, 1), (33, "auto", 4, 1), (32, 2, 4, 2),
     (32, 1, 4, 1)],
)  # fmt: skip
def test_auto_batches(envs, workers, cores, batches):
    assert choose_batches(envs, workers, cores)[0] == batches


def test_the_choice_is_told_with_its_reason():
    line = plan_layout("puffer", 8, 2, "auto").describe()
    assert line == "puffer backend: 8 envs in 2 workers (as set), 8 to a batch (auto: one batch below 16 envs)"
    assert plan_layout("serial", 8, "auto", None).describe() == "serial backend: 8 envs, 8 to a batch"


def test_more_envs_than_a_batch_work_while_the_trainer_does():
    """Each recv waits only for what is left of its own batch's turn."""
    vector = stand_ins({"slow_s": 0.1}, num_workers=2, batch_size=2)
    try:
        for _ in range(2):
            vector.recv()
            vector.send(np.zeros(2, np.int32))
        waited, started = 0.0, time.monotonic()
        for _ in range(6):
            asked = time.monotonic()
            batch = vector.recv()
            waited += time.monotonic() - asked
            time.sleep(0.15)  # the trainer acts, and learns
            vector.send(np.zeros(len(batch.env_ids), np.int32))
        assert waited < 0.5 and time.monotonic() - started < 6 * 0.3, "a turn of two envs takes 0.2 s"
    finally:
        vector.close()
