import json
import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from Daddy.errors import UsageError
from Daddy.logs import schema
from Daddy.logs.reader import check_run, latest_metrics, read_events, read_metrics, read_rows, read_status, state_of
from Daddy.logs.status import StatusFile


def status(**changes) -> dict:
    now = time.time()
    me = {"pid": os.getpid(), "host": socket.gethostname(), "process_started": psutil.Process().create_time()}
    return {"phase": "training", "heartbeat": now, "loop_heartbeat": now, **me, **changes}


def test_a_torn_last_line_is_not_told(tmp_path):
    (tmp_path / "metrics.csv").write_text("step_global,unix_time,tag,value\n1,0,a/b,2\n2,0,a/b,3\n3,0,a/")
    assert read_metrics(tmp_path, "a/b") == ([1, 2], [2.0, 3.0])
    assert latest_metrics(tmp_path) == {"a/b": 3.0}
    (tmp_path / "events.jsonl").write_text('{"kind":"a","n":1}\n{"kind":"b"}\nrubbish\n{"kind":"a","n":')
    assert [event.get("n") for event in read_events(tmp_path, "a")] == [1]
    assert len(list(read_events(tmp_path))) == 2


def test_missing_files_are_empty(tmp_path):
    assert list(read_rows(tmp_path, "episodes.csv")) == list(read_events(tmp_path)) == []
    assert read_status(tmp_path) == {}


def test_what_is_no_run_and_what_is_too_new_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        check_run(tmp_path)
    StatusFile(tmp_path, 10).write()
    check_run(tmp_path)
    (tmp_path / "schema.json").write_text(json.dumps({"version": schema.VERSION + 1}))
    with pytest.raises(UsageError, match="newer version"):
        check_run(tmp_path)


def test_this_very_process_is_running():
    assert state_of(status())[0] == "running"


def test_a_status_file_says_the_same(tmp_path):
    file = StatusFile(tmp_path, 100)
    assert file.write() is None
    assert state_of(read_status(tmp_path))[0] == "running"


def test_a_dead_process_that_says_training_has_crashed():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    word, meaning = state_of(status(pid=gone.pid))
    assert word == "crashed" and str(gone.pid) in meaning


def test_a_zombie_has_crashed_too():
    zombie = subprocess.Popen([sys.executable, "-c", "pass"])
    deadline = time.monotonic() + 10
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    started = psutil.Process(zombie.pid).create_time()
    assert state_of(status(pid=zombie.pid, process_started=started))[0] == "crashed"
    zombie.wait()


def test_another_process_with_the_same_number_is_not_the_run():
    assert state_of(status(process_started=time.time() - 1e6))[0] == "crashed"


def test_a_loop_that_hangs_is_stalled():
    assert state_of(status(loop_heartbeat=time.time() - 120))[0] == "stalled"


def test_on_another_machine_only_the_heartbeat_counts():
    assert state_of(status(host="elsewhere", pid=1))[0] == "running"
    assert state_of(status(host="elsewhere", heartbeat=time.time() - 120))[0] == "silent"


@pytest.mark.parametrize("phase, code", [("done", 0), ("stopped", 130), ("failed", 1)])
def test_an_ended_run_says_how(phase, code):
    assert state_of(status(phase=phase, exit_code=code, pid=2**22)) == (phase, f"ended with exit code {code}")
