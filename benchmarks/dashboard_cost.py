#!/usr/bin/env python3
"""What the dashboard takes from the training: processor time per second, as a share of one core.

    python benchmarks/dashboard_cost.py --envs 32

A made-up run of 32 envs is shown on a pseudo-terminal that reads everything, with all values changing all the time,
once with the dashboard and once without. Its parts: ``watch`` (in the loop: look at each batch, take snapshots) and
``draw`` (in the thread). Only processor time counts, so other programs on the machine disturb it little.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import struct
import sys
import termios
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from dashboard_scene import LINES, snapshot  # noqa: E402

from Daddy.dashboard import Dashboard  # noqa: E402
from Daddy.dashboard.look import Look  # noqa: E402
from Daddy.puffer_shim import RECORD, map_regions  # noqa: E402
from Daddy.watch.places import Places  # noqa: E402


def open_terminal(columns: int, rows: int) -> object:
    """A terminal of that size whose other end is read to the end by a thread."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def drain() -> None:
        with suppress(OSError):  # closed
            while os.read(master, 65536):
                pass

    threading.Thread(target=drain, daemon=True).start()
    return os.fdopen(slave, "w", encoding="utf-8")


def moving(n: int, rng: np.random.Generator) -> object:
    """The scene with other numbers in every panel."""
    scene = snapshot(step=1000 * n, elapsed_s=float(n), sps=1000 + n % 50, learned=4000 * n)
    noise = lambda pairs: tuple((name, value * rng.uniform(0.5, 1.5)) for name, value in pairs)  # noqa: E731
    cells = np.minimum(scene.world.cells.astype(int) + n % 20, 255).astype(np.uint8)
    series = tuple((name, (*values[1:], rng.uniform(0, 9))) for name, values in scene.series)
    return replace(
        scene, losses=noise(scene.losses), stats=noise(scene.stats), time_budget=noise(scene.time_budget),
        world=replace(scene.world, cells=cells), series=series,
    )  # fmt: skip


def cost_of_drawing(seconds: float, size: tuple[int, int]) -> float:
    """Share of a core, percent: the process with its dashboard minus the same without."""
    spent = []
    for shown in (False, True):
        board = Dashboard("full", open_terminal(*size), Look())
        if shown:
            board.start()
        rng, start, cpu = np.random.default_rng(0), time.perf_counter(), time.process_time()
        for n in range(int(seconds * 2)):
            board.update(moving(n, rng))
            board.print(LINES[n % len(LINES)])
            time.sleep(max(0.0, start + n / 2 - time.perf_counter()))
        spent.append((time.process_time() - cpu) / (time.perf_counter() - start))
        board.close()
    return 100 * (spent[1] - spent[0])


def cost_of_places(envs: int, batches: int = 2000) -> tuple[float, float]:
    """(microseconds per batch, milliseconds per view) of the map of visits."""
    regions, rng = map_regions(), np.random.default_rng(0)
    places, rows = Places(regions, envs), np.zeros(envs, RECORD)
    ids = np.arange(envs)
    rows["map_id"] = rng.choice(list(regions), envs)
    start = time.process_time()
    for _ in range(batches):
        places.add(rows, ids)
    middle = time.process_time()
    for _ in range(50):
        places.view()
    return (middle - start) / batches * 1e6, (time.process_time() - middle) / 50 * 1e3


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="per measurement (default: 20)")
    parser.add_argument("--envs", type=int, default=32, help="envs of the made-up run (default: 32)")
    args = parser.parse_args(argv)
    for size in ((80, 24), (120, 40), (200, 60)):
        print(f"draw {size[0]}x{size[1]}: {cost_of_drawing(args.seconds, size):.2f}% of one core", flush=True)
    per_batch, per_view = cost_of_places(args.envs)
    print(f"watch: {per_batch:.0f} us per batch of {args.envs}, {per_view:.2f} ms per map (one in 2 s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
