"""Workers that raise, are killed or hang, in reset and in step, and parents that are killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from stand_in_env import make_stand_in

from Daddy.puffer_shim import SpawnFailed, WatchdogSettings, WorkerError, WorkerRestarted, make_vector
from Daddy.puffer_shim import watchdog as watchdog_module
from Daddy.puffer_shim.watchdog import RestartBudget, Watch

ROOT = Path(__file__).parents[3]
HELPERS = ROOT / "tests" / "helpers"
STAY = 5
CAUSES = {"raise": "ValueError: the stand-in was told to fail", "kill": "SIGKILL (out of memory?)",
          "stop": "made no progress"}  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """A hang is noticed after 0.3 s, even in a new process."""
    monkeypatch.setattr(watchdog_module, "START_S", 5.0)
    monkeypatch.setattr(watchdog_module, "LATE_S", 0.1)
    return WatchdogSettings(hang_s=0.3)


def stand_ins(env_config: dict | None = None, **settings):
    settings = {"num_envs": 4, "num_workers": 2, "seed": 3, "max_episode_steps": 50, **settings}
    return make_vector(env_config or {}, env_factory=make_stand_in, **settings)


def play_until(vector, done, limit_s: float = 20.0) -> list[list]:
    """The records of each env until ``done(records)``, every env standing still."""
    seen: list[list] = [[] for _ in range(vector.num_envs)]
    started = time.monotonic()
    while not done(seen):
        assert time.monotonic() - started < limit_s, "nothing came of it"
        batch = vector.recv()
        for record, env in zip(batch.records.copy(), batch.env_ids, strict=True):
            seen[env].append(record)
        vector.send(np.full(len(batch.env_ids), STAY, np.int32))
        time.sleep(0.001)
    return seen


@pytest.mark.parametrize("at", [0, 5], ids=["in reset", "in step"])
@pytest.mark.parametrize("trouble", CAUSES)
def test_a_lost_worker_is_replaced_while_the_others_go_on(trouble, at, quick, tmp_path):
    config = {"trouble": trouble, "at": at, "troubled_env": 3, "once": str(tmp_path / "once")}
    vector = stand_ins(config, watchdog=quick)
    try:
        played = play_until(vector, lambda seen: len(seen[3]) > 9 and seen[3][-1]["episode_step"] > 5)
        seen = [np.array(records) for records in played]
        (event,) = vector.events()
        assert isinstance(event, WorkerRestarted) and vector.restarts == event.restarts == 1
        assert (event.worker, event.env_ids) == (1, (2, 3)) and CAUSES[trouble] in event.cause
        assert ("_trouble" in event.traceback) == (trouble == "raise")
        lost = 1 if at else 0
        for records in seen[2:]:
            assert records["is_first"].sum() == 1 + lost, "one more start, with no end before it"
            assert not records["truncated"].any()
            assert records["episode_id"][-1] > lost
        for records in seen[:2]:
            assert records["episode_id"].tolist()[:40] == [1] * len(records[:40])
            assert records["episode_step"].tolist()[:40] == list(range(len(records[:40]))), "nothing was lost here"
        if trouble == "stop" and at:
            assert len(seen[0]) > len(seen[3]) + 20
    finally:
        vector.close()


def test_a_restarted_env_begins_with_its_spawn_and_a_seed_of_its_own(quick, tmp_path):
    config = {"trouble": "kill", "at": 5, "troubled_env": 2, "once": str(tmp_path / "once")}
    vector = stand_ins(config, watchdog=quick)
    try:
        vector.spawn(2, bytes((4, 7)), spawn_id=12)
        seen = play_until(vector, lambda seen: len(seen[2]) > 9)
        starts = [record for record in seen[2] if record["is_first"]]
        assert [(s["spawn_id"], s["x"], s["y"]) for s in starts] == [(12, 4, 7)] * 2
        assert starts[0]["screen"].tobytes() != starts[1]["screen"].tobytes()
        assert [record["spawn_id"] for record in seen[3] if record["is_first"]] == [0, 0]
        later = play_until(vector, lambda seen: sum(r["is_first"] for r in seen[2]) == 1)
        assert later[2][-1]["spawn_id"] == 0, "a spawn is for one episode"
        vector.spawn(2, bytes((4, 7)), spawn_id=12)
        again = play_until(vector, lambda seen: sum(r["is_first"] for r in seen[2]) == 1)
        assert again[2][-1]["spawn_id"] == 12, "the new worker was sent the state again"
    finally:
        vector.close()


def test_a_savestate_that_kills_the_emulator_is_given_up(quick):
    vector = stand_ins(watchdog=quick)
    try:
        vector.spawn(1, bytes((99, 99)), spawn_id=6)
        seen = play_until(vector, lambda seen: len(seen[1]) > 0)
        assert seen[1][0]["spawn_id"] == 0
        first, second, third = vector.events()
        assert isinstance(first, WorkerRestarted) and isinstance(second, WorkerRestarted)
        assert isinstance(third, SpawnFailed) and (third.env_id, third.spawn_id) == (1, 6)
    finally:
        vector.close()


def test_a_worker_that_dies_while_nobody_waits_is_noticed(quick):
    vector = stand_ins(watchdog=quick, batch_size=2)
    try:
        batch = vector.recv()
        time.sleep(0.2)
        os.kill(vector._pool.processes[1].pid, signal.SIGKILL)  # its record lies there, nobody has asked for it yet
        time.sleep(0.2)
        vector.send(np.zeros(2, np.int32))
        play_until(vector, lambda seen: len(seen[3]) > 2)
        assert batch.env_ids.tolist() == [0, 1] and vector.restarts == 1
    finally:
        vector.close()


def run_until_error(vector, limit_s: float = 20.0) -> WorkerError:
    try:
        with pytest.raises(WorkerError) as caught:
            play_until(vector, lambda seen: False, limit_s)
    finally:
        vector.close()
    return caught.value


def test_too_many_restarts_end_the_run_with_the_cause(quick):
    settings = WatchdogSettings(hang_s=quick.hang_s, max_restarts=2)
    vector = stand_ins({"trouble": "raise", "at": 3}, watchdog=settings)
    error = run_until_error(vector)
    assert "worker 0 (envs 0-1)" in str(error) and CAUSES["raise"] in str(error) and "2 restarts" in str(error)
    assert error.exit_code == 1 and "_trouble" in error.__notes__[0] and vector.restarts == 2


def test_without_restarts_the_first_loss_ends_the_run():
    error = run_until_error(stand_ins({"trouble": "kill", "at": 5}, watchdog=WatchdogSettings(max_restarts=0)))
    assert str(error) == "worker 0 (envs 0-1) died: killed by SIGKILL (out of memory?)"


def test_what_the_user_must_mend_fails_at_once_with_its_own_code():
    vector = stand_ins({"bad_rom_in_env": 2})
    error = run_until_error(vector)
    assert "unknown ROM" in str(error) and error.exit_code == 3 and vector.restarts == 0


@pytest.mark.timeout(600)  # 15 s on an idle machine
def test_two_hundred_restarts_leave_nothing_behind():
    vector = stand_ins({"trouble": "kill", "at": 2}, num_envs=2, watchdog=WatchdogSettings(max_restarts=1000))
    me = psutil.Process()

    def play_on(restarts: int) -> None:
        while vector.restarts < restarts:
            vector.send(np.zeros(len(vector.recv().env_ids), np.int32))
            vector.events()

    try:
        play_on(20)
        fds, memory = me.num_fds(), me.memory_info().rss
        play_on(200)
        assert me.num_fds() <= fds + 2
        assert me.memory_info().rss < memory + 2 * 2**20
        assert len([child for child in me.children(recursive=True) if child.status() == "zombie"]) <= 1
    finally:
        vector.close()


PARENT = """
import os, signal, sys, time, numpy as np
from Daddy.puffer_shim import WatchdogSettings, make_vector
from stand_in_env import make_stand_in
if __name__ == "__main__":
    vector = make_vector({}, num_envs=4, num_workers=2, max_episode_steps=9, env_factory=make_stand_in)
    batch = vector.recv()
    if sys.argv[1] == "replaced":
        os.kill(vector._pool.processes[0].pid, signal.SIGKILL)
        while not vector.restarts or len(batch.env_ids) < 4:
            vector.send(np.zeros(len(batch.env_ids), np.int32))
            batch = vector.recv()
    if sys.argv[1] == "stopped":
        os.kill(vector._pool.processes[0].pid, signal.SIGSTOP)
    print(*[process.pid for process in vector._pool.processes], flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("case", ["waiting", "stopped", "replaced"])
def test_a_killed_parent_leaves_no_process(case, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HELPERS)))}
    parent = subprocess.Popen(
        [sys.executable, str(script), case], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=environment,
    )  # fmt: skip
    workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    family = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.communicate()
    assert len(workers) == 2 and not psutil.wait_procs(workers + family, timeout=8)[1]


def test_lateness_and_hanging_are_told_by_progress_not_by_the_clock():
    watch = Watch()
    watch.seen(1, 200.0)
    assert not watch.hung(60) and not watch.late, "the first reset is waited for"
    watch.seen(1, watchdog_module.START_S + 1)
    assert watch.hung(60)
    watch.asked()
    watch.seen(1, 0.9 * watchdog_module.LATE_S)
    assert not watch.late
    watch.seen(1, 0.2 * watchdog_module.LATE_S)
    assert watch.late and not watch.hung(60)
    watch.seen(2, 59.0)
    assert not watch.late
    watch.seen(2, 61.0)
    assert watch.hung(60)


def test_the_budget_forgets_old_restarts(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(watchdog_module.time, "monotonic", lambda: now[0])
    budget = RestartBudget(WatchdogSettings(max_restarts=2, window_s=10))
    assert budget.spend() and budget.spend() and not budget.spend()
    now[0] = 11.0
    assert budget.spend() and budget.total == 3
