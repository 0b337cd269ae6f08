import errno
import os
import threading
import time

import pytest

from Daddy.logs import writer
from Daddy.logs.files import TextSink
from Daddy.logs.writer import LogWriter


@pytest.fixture
def full(monkeypatch) -> set[str]:
    """Names of files whose disk is full."""
    names: set[str] = set()
    write = os.write

    def refuse(descriptor: int, data: bytes) -> int:
        if os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")) in names:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", refuse)
    return names


@pytest.fixture
def log(tmp_path):
    log = LogWriter({name: TextSink(tmp_path / name) for name in ("a", "b")})
    yield log
    log.close()


def wait_for(condition, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_what_is_put_is_on_disk_within_a_second_and_in_order(tmp_path, log):
    for i in range(1000):
        log.put("a", str(i))
    wait_for(lambda: (tmp_path / "a").read_text().split() == [str(i) for i in range(1000)], 1.0)


def test_a_barrier_waits_for_what_was_put_before_it(tmp_path, log):
    log.put("a", "one")
    log.put("b", "two")
    assert log.barrier(5)
    assert (tmp_path / "a").read_text() == "one\n" and (tmp_path / "b").read_text() == "two\n"


def test_closing_writes_the_rest_and_ends_the_thread(tmp_path):
    log = LogWriter({"a": TextSink(tmp_path / "a")})
    log.put("a", "last words")
    log.close()
    assert (tmp_path / "a").read_text() == "last words\n"
    assert "log-writer" not in {thread.name for thread in threading.enumerate()}


def test_a_full_disk_holds_up_neither_the_caller_nor_other_files_and_loses_nothing(tmp_path, log, full):
    full.add("a")
    for i in range(100):
        log.put("a", str(i))
        log.put("b", str(i))
    wait_for(lambda: log.refused == ("a",))
    assert (tmp_path / "b").read_text().count("\n") == 100
    assert not log.barrier(0.05), "what cannot be written is not there"
    (message,) = log.messages
    assert message.startswith("log files cannot be written (No space left on device: a); training goes on")
    log.put("a", "100")
    full.clear()
    wait_for(lambda: not log.refused)
    assert log.barrier(5)
    assert (tmp_path / "a").read_text().split() == [str(i) for i in range(101)]
    assert "written again" in log.messages[-1] and "nothing is lost" in log.messages[-1] and len(log.messages) == 2


def test_only_droppable_records_go_under_pressure_and_they_are_counted(tmp_path, log, full, monkeypatch):
    monkeypatch.setattr(writer, "DROPPABLE_CAPACITY", 10)
    full.add("a")
    log.put("a", "stuck")
    wait_for(lambda: log.refused == ("a",))
    for i in range(50):
        log.put("a", f"step {i}", droppable=True)
        log.put("a", f"episode {i}")
    full.clear()
    assert log.barrier(5)
    lines = (tmp_path / "a").read_text().splitlines()
    assert [line for line in lines if "episode" in line] == [f"episode {i}" for i in range(50)]
    assert log.dropped["a"] == 50 - sum("step" in line for line in lines) > 40


def test_memory_is_bounded_even_if_the_disk_stays_full(tmp_path, log, full, monkeypatch):
    monkeypatch.setattr(writer, "CAPACITY", 20)
    full.add("a")
    log.put("a", "stuck")
    wait_for(lambda: log.refused == ("a",))
    for i in range(100):
        log.put("a", str(i))
    assert log.dropped["a"] == 80
    full.clear()
    assert log.barrier(5) or log.barrier(5)
    assert (tmp_path / "a").read_text().split() == ["stuck", *map(str, range(20))]


def test_what_is_lost_at_the_end_is_said(tmp_path, full):
    log = LogWriter({"a": TextSink(tmp_path / "a")})
    full.add("a")
    log.put("a", "x")
    log.close()
    assert "a could not be written to the end; records are lost" in log.messages[-1]


def test_a_disk_that_hangs_does_not_hang_the_end(tmp_path, monkeypatch):
    answered, write = threading.Event(), os.write
    log = LogWriter({"a": TextSink(tmp_path / "a")})
    monkeypatch.setattr(os, "write", lambda *args: answered.wait(10) and write(*args))
    log.put("a", "x")
    log.close(timeout_s=0.05)
    assert "did not answer" in log.messages[-1]
    answered.set()
    wait_for(lambda: (tmp_path / "a").read_text() == "x\n")


def test_a_status_that_cannot_be_written_is_said_once(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device")
    log = LogWriter({"a": TextSink(tmp_path / "a")}, each_second=lambda: error)
    wait_for(lambda: log.messages)
    log.close()
    assert [message.split(";")[0] for message in log.messages] == [
        "log files cannot be written (No space left on device: the status)"
    ]


def test_a_bug_in_the_thread_is_raised_in_the_loop(tmp_path):
    log = LogWriter({"a": TextSink(tmp_path / "a")}, each_second=lambda: 1 / 0)
    with pytest.raises(RuntimeError, match="log writer") as error:
        wait_for(lambda: log.raise_bug())
    assert isinstance(error.value.__cause__, ZeroDivisionError)
    log.close()


def test_putting_costs_microseconds(log):
    started = time.perf_counter()
    for _ in range(10_000):
        log.put("a", "x" * 100)
    assert (time.perf_counter() - started) / 10_000 < 100e-6
