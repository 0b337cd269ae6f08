"""A real run on a real (pseudo-)terminal."""

import re
import signal
import sys

import psutil
from pty_terminal import LEAVE, Terminal, assert_restored

FLAGS = (
    "--num-envs 4 --num-workers 2 --total-steps 500_000 --save-interval 200 --max-episode-steps 60 --batch-size 4 "
    "--learning-starts 120 --buffer-size 4000 --seq-len 8 --burn-in 4 --replay-ratio 0.2 --run-name shown"
).split()


def test_a_run_is_shown_survives_a_lost_worker_and_leaves_the_terminal_clean(tmp_path):
    command = [sys.executable, "-m", "Daddy.train_slim", *FLAGS, "--runs-dir", str(tmp_path)]
    terminal = Terminal(command, size=(150, 45))
    terminal.read_until("saved step", 90)
    children = psutil.Process(terminal.child.pid).children()
    max(children, key=lambda process: process.cpu_times().user).kill()  # the busiest is a worker
    terminal.read_until("1 restart", 60)
    if "tiles" not in terminal.shown:  # the world's panel comes with the first map, late on a busy machine
        terminal.read_until("tiles", 60)
    terminal.child.send_signal(signal.SIGINT)
    assert terminal.finish() == 130
    assert_restored(terminal.shown)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.shown)
    assert "output full (a terminal of 150x45)" in text[:2000]
    for word in ("training", "td_loss", "FOLLOWED_OAK_INTO_LAB", "badges 00000000", "Your room", "rnd", "tiles"):
        assert word in text, word
    left = terminal.shown[terminal.shown.rindex(LEAVE) :]
    assert "stopped" in left
    assert f"python -m Daddy.train_slim --run-name shown --resume --runs-dir {tmp_path}" in left
