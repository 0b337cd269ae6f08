"""The dashboard on a real pseudo-terminal: whatever ends the process, the terminal is as it was found."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dashboard_scene import snapshot
from pty_terminal import ENTER, LEAVE, Terminal, assert_restored

from Daddy.dashboard import Dashboard, choose_dashboard
from Daddy.dashboard.look import Look, detect_look

ROOT = Path(__file__).parents[2]
CHILD = ROOT / "tests" / "helpers" / "dashboard_child.py"


def show(how: str, mode: str = "full", size: tuple[int, int] = (100, 30), **env: str) -> Terminal:
    return Terminal([sys.executable, str(CHILD), how, mode], size, **env)


@pytest.mark.parametrize("how, signals, code", [
    ("returns", [], 0), ("raises", [], 1), ("forgets", [], 3),
    ("waits", [signal.SIGINT], 130), ("waits", [signal.SIGTERM], 143), ("hangs", [signal.SIGINT, signal.SIGINT], 130),
])  # fmt: skip
def test_every_exit_restores_the_terminal(how, signals, code):
    terminal = show(how)
    terminal.read_until("big_run_01")
    for number in signals[:1]:
        terminal.child.send_signal(number)
        terminal.read_until("stopping: saving")
    for number in signals[1:]:
        terminal.child.send_signal(number)
    assert terminal.finish() == code
    assert_restored(terminal.shown)
    if how != "hangs" and how != "forgets":
        left = terminal.shown[terminal.shown.rindex(LEAVE) :]
        assert "big_run_01" in left, "the last frame stays on the normal screen"


def test_ctrl_z_lends_the_terminal_to_the_shell_until_fg():
    terminal = show("waits")
    terminal.read_until("big_run_01")
    for _ in range(2):
        terminal.child.send_signal(signal.SIGTSTP)
        terminal.read_until(LEAVE)
        assert os.waitid(os.P_PID, terminal.child.pid, os.WSTOPPED | os.WNOWAIT).si_status == signal.SIGSTOP
        assert_restored(terminal.shown)
        terminal.child.send_signal(signal.SIGCONT)
        terminal.read_until(ENTER)
        terminal.read_until("big_run_01")
    terminal.child.send_signal(signal.SIGTSTP)
    terminal.read_until(LEAVE)
    for number in (signal.SIGTERM, signal.SIGCONT):
        terminal.child.send_signal(number)
    assert terminal.finish() == 143
    assert_restored(terminal.shown)


def test_a_resize_to_20x5_and_back_is_followed():
    terminal = show("waits", size=(120, 40))
    terminal.read_until("Milestones")
    terminal.resize(20, 5)
    terminal.read_until("1,234/s")
    tiny = terminal.shown[terminal.shown.rindex("\x1b[2J") :]
    assert "\x1b[6;" not in tiny
    terminal.resize(120, 40)
    terminal.read_until("Milestones")
    terminal.child.send_signal(signal.SIGINT)
    assert terminal.finish() == 130
    assert_restored(terminal.shown)


def test_locale_c_and_no_color_are_honoured_on_a_terminal():
    terminal = show("returns", LC_ALL="C", NO_COLOR="1")
    assert terminal.finish() == 0
    assert_restored(terminal.shown)
    assert terminal.shown.isascii()
    assert set(re.findall(r"\x1b\[([0-9;]*)m", terminal.shown)) <= {"0", "1"}, "bold may stay"


def test_line_mode_refreshes_one_line_below_what_was_printed():
    terminal = show("returns", "line")
    assert terminal.finish() == 0
    assert ENTER not in terminal.shown
    assert "\r\x1b[2Kbig_run_01 0.0%" in terminal.shown
    assert "[EP 0] a line\r\n" in terminal.shown
    assert terminal.shown.endswith("\r\n")


def test_nothing_but_plain_lines_goes_into_a_pipe():
    env = os.environ | {"PYTHONPATH": str(ROOT), "FORCE_COLOR": "1"}
    done = subprocess.run([sys.executable, str(CHILD), "returns", "plain"], capture_output=True, env=env, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b" not in done.stdout and b"\r" not in done.stdout
    assert done.stdout.splitlines() == [f"[EP {n}] a line".encode() for n in range(13)]


class FakeTerminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize("wanted, env, size, mode, reason", [
    ("auto", {"TERM": "xterm"}, (80, 24), "full", "a terminal of 80x24"),
    ("auto", {"TERM": "xterm"}, (39, 24), "line", "full needs 40x10"),
    ("auto", {"TERM": "xterm"}, (80, 9), "line", "full needs 40x10"),
    ("auto", {"TERM": "dumb"}, (80, 24), "plain", "dumb"), ("full", {}, (80, 24), "plain", "dumb"),
    ("line", {"TERM": "xterm"}, (80, 24), "line", "as asked"), ("plain", {"TERM": "xterm"}, (80, 24), "plain", "asked"),
])  # fmt: skip
def test_the_mode_is_chosen_with_a_reason(wanted, env, size, mode, reason):
    chosen, why = choose_dashboard(wanted, FakeTerminal(), env, size)
    assert chosen == mode
    assert reason in why


@pytest.mark.parametrize("wanted", ["auto", "full", "line", "plain"])
def test_without_a_terminal_everything_is_plain(wanted):
    assert choose_dashboard(wanted, io.StringIO(), {"TERM": "xterm"})[0] == "plain"


@pytest.mark.parametrize("env, look", [
    ({"TERM": "xterm-256color", "LANG": "en_US.UTF-8"}, Look("256", True)),
    ({"TERM": "xterm", "COLORTERM": "truecolor"}, Look("true", True)),
    ({"TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C"}, Look("none", False)),
    ({"TERM": "xterm", "LANG": "C", "LC_CTYPE": "C.UTF-8"}, Look("16", False)),
    ({"TERM": "linux"}, Look("16", False)),
])  # fmt: skip
def test_the_look_follows_the_environment(env, look):
    assert detect_look(FakeTerminal(), env) == look


class Stalled(FakeTerminal):
    """A terminal after Ctrl-S: a write does not return."""

    def write(self, text):
        time.sleep(60)


def test_a_stopped_terminal_never_holds_the_loop_up():
    board, moment = Dashboard("full", Stalled(), Look()), snapshot()
    board.start()
    start = time.perf_counter()
    for n in range(20_000):
        board.update(moment)
        board.print(f"line {n}")
    assert time.perf_counter() - start < 2.0
    board.close()
    assert time.perf_counter() - start < 10.0, "nor its end"


def test_a_broken_terminal_is_told_once_and_ends_nothing():
    class Broken(FakeTerminal):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    told = []
    board = Dashboard("plain", Broken(), on_gone=told.append)
    board.start()
    for _ in range(3):
        board.print("line")
        time.sleep(0.05)
    board.close()
    board.close()
    assert len(told) == 1 and "Broken pipe" in told[0]


def test_a_mistake_in_a_picture_ends_the_dashboard_and_nothing_else():
    told, terminal = [], FakeTerminal()
    board = Dashboard("full", terminal, Look(), on_gone=told.append)
    board.start()
    board.update(snapshot(step="seven"))
    end = time.monotonic() + 10
    while not told and time.monotonic() < end:
        time.sleep(0.05)
    board.print("training goes on")
    board.close()
    assert len(told) == 1 and "Error" in told[0]


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="full, line, plain"):
        Dashboard("loud")
