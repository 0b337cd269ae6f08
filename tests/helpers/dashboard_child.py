"""A run in miniature for the terminal tests: shows the scene until it is told to end in one of several ways."""

import sys
import time

from dashboard_scene import snapshot

from Daddy.dashboard import Dashboard
from Daddy.signals import StopSignals


def show(how: str, mode: str) -> int:
    board = Dashboard(mode)
    board.start()
    with StopSignals() as stop:
        if hasattr(stop, "training_begins"):
            stop.training_begins()
        try:
            for n in range(10_000):
                board.update(snapshot(step=n))
                board.print(f"[EP {n}] a line")
                time.sleep(0.1)
                if how == "returns" and n == 12:
                    return 0
                if how == "raises" and n == 12:
                    raise RuntimeError("a bug")
                if how == "forgets" and n == 12:
                    sys.exit(3)
                if stop.requested and how == "hangs":
                    time.sleep(60)
                if stop.requested:
                    return stop.exit_code
        finally:
            if how != "forgets":
                board.close()
    return 1


if __name__ == "__main__":
    sys.exit(show(*sys.argv[1:]))
