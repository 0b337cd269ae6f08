"""Pool: players in a few worker processes that step while the learner learns.

Rows travel in shared memory, orders through pipes. A worker ends when its pipe closes, so none outlives the trainer.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from Final.epsilon.errors import WorkerError
from Final.epsilon.player import ROW, Player

RESET, IDLE = -1, -2  # orders beside the buttons 0 to 6
_PATIENCE_S = 120.0


class Pool:
    """``num_envs`` players; env i is number i of ``env_config``. Use it as a context manager."""

    def __init__(
        self, num_envs: int, num_workers: int, env_config: Mapping[str, Any], reward: str, reward_modules: Sequence[str]
    ) -> None:
        """Start the workers and their emulators.

        Raises:
            WorkerError: a player cannot be made; it carries the cause's exit code.
        """
        self.num_envs = num_envs
        context = multiprocessing.get_context("spawn")  # forking a process that runs torch is not safe
        memory = context.RawArray("B", num_envs * ROW.itemsize)
        self._rows = np.frombuffer(memory, ROW)
        self._shares = [part.tolist() for part in np.array_split(np.arange(num_envs), min(num_workers, num_envs))]
        self._pipes: list[Connection] = []
        self._processes = []
        try:
            for share in self._shares:
                ours, theirs = context.Pipe()
                job = (theirs, memory, share, dict(env_config), reward, tuple(reward_modules))
                process = context.Process(target=_work, args=job, daemon=True)
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)
            self._collect()
        except BaseException:
            self.close()
            raise

    def send(self, orders: np.ndarray, seeds: Mapping[int, int] | None = None) -> None:
        """Give each env its button, RESET or IDLE, (num_envs,) int; ``seeds`` maps envs to the seeds of a RESET."""
        for pipe, share in zip(self._pipes, self._shares, strict=True):
            job = [(int(orders[i]), (seeds or {}).get(i)) for i in share]
            with contextlib.suppress(OSError):  # receive tells of a worker that is gone
                pipe.send(job)

    def receive(self) -> np.ndarray:
        """Wait for all envs; returns a copy of their rows, (num_envs,) ROW.

        Raises:
            WorkerError: an emulator failed, or its process died or hangs.
        """
        self._collect()
        return self._rows.copy()

    def close(self) -> None:
        """End the workers; nothing of them remains."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=5.0)
            if process.is_alive():
                process.kill()
                process.join()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _collect(self) -> None:
        for number, pipe in enumerate(self._pipes):
            try:
                failure = pipe.recv() if pipe.poll(_PATIENCE_S) else (f"gave no answer for {_PATIENCE_S:.0f} s", 1)
            except (EOFError, OSError):
                failure = ("was killed, perhaps for memory; try fewer --num-envs", 1)
            if failure is not None:
                text, exit_code = failure
                raise WorkerError(text if exit_code != 1 else f"emulator process {number}: {text}", exit_code)


def _work(pipe: Connection, memory: Any, share: list[int], env_config: dict, reward: str, modules: tuple) -> None:
    """A worker: make the players of ``share`` and obey until the pipe closes; say what goes wrong."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the trainer decides when to stop
        signal.signal(number, signal.SIG_IGN)
    rows, players = np.frombuffer(memory, ROW), []
    try:
        for i in share:
            players.append(Player({**env_config, "env_id": i}, reward, modules, rows[i : i + 1][0]))
        _obey(pipe, players)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the trainer is gone or has closed the pool
    except Exception as error:  # whatever it was, the trainer must say it
        with contextlib.suppress(OSError):
            pipe.send(((str(error) or type(error).__name__).splitlines()[0], getattr(error, "exit_code", 1)))
    finally:
        for player in players:
            player.close()


def _obey(pipe: Connection, players: list[Player]) -> None:
    pipe.send(None)
    while True:
        for player, (order, seed) in zip(players, pipe.recv(), strict=True):
            if order == RESET:
                player.reset(seed)
            elif order != IDLE:
                player.step(order)
        pipe.send(None)
