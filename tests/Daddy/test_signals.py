import os
import signal
import subprocess
import sys
import time

import pytest

from Daddy.errors import StoppedEarlyError, run_command
from Daddy.signals import OverdueStop, StopSignals


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_only_asks_to_stop(number, code, capfd):
    before = signal.getsignal(number)
    with StopSignals() as stop:
        stop.training_begins()
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested and stop.exit_code == code
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.exit_code == code, "a second SIGTERM changes nothing"
    assert signal.getsignal(number) is before
    assert capfd.readouterr().err.count("saving a checkpoint") == 1


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_before_training_a_signal_leaves_at_once(number, code, capsys):
    def command():
        with StopSignals():
            os.kill(os.getpid(), number)
            time.sleep(30)
        return 0

    assert run_command(command) == code
    assert "nothing to save" in capsys.readouterr().err
    assert not issubclass(StoppedEarlyError, Exception)


def test_a_wait_for_envs_that_do_not_answer_ends_but_nothing_else_does():
    with StopSignals(patience_s=0.2) as stop:
        stop.training_begins()
        with stop.interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)  # learning, saving: never interrupted
        with pytest.raises(OverdueStop), stop.interruptible():
            time.sleep(20)
        with stop.interruptible():
            time.sleep(0.8)  # told once
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0) and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_a_second_ctrl_c_aborts_whatever_is_going_on():
    code = """
import os, signal
from Daddy.signals import StopSignals
with StopSignals() as stop:
    stop.training_begins()
    for _ in range(2):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            print("still here", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (130, "still here\n")
