"""pufferlib's Multiprocessing and Serial, made to sleep, to notice lost workers and to share one interface."""

from __future__ import annotations

import atexit
import functools
import signal
import time

import numpy as np

from Daddy.puffer_shim._pufferlib import vector
from Daddy.puffer_shim.errors import WorkerError
from Daddy.puffer_shim.worker import Bell, Bells, run_worker

LIVENESS_S = 0.1
HANG_S = 120.0
_GRACE_S = 2.0


class WorkerPool(vector.Multiprocessing):
    """pufferlib's Multiprocessing whose parent sleeps while it waits and raises WorkerError for a lost worker."""

    def __init__(self, creators: list, num_workers: int, batch_size: int) -> None:
        count = len(creators)
        self._bells = [Bells(Bell(), Bell()) for _ in range(num_workers)]
        original = vector._worker_process
        vector._worker_process = functools.partial(run_worker, bells=self._bells)
        try:
            super().__init__(
                creators, [[]] * count, [{}] * count, count,
                num_workers=num_workers, batch_size=batch_size, overwork=True,
            )  # fmt: skip
        finally:
            vector._worker_process = original
        self._delivered: list[int] = []
        atexit.register(self.close)  # else multiprocessing would wait for the workers for ever

    def async_reset(self, seed: int) -> None:
        """Reset all envs once the running steps are done; env i gets ``seed + i``."""
        self._wait(self.waiting_workers)
        super().async_reset(seed)
        for bells in self._bells:
            bells.work.ring()

    def send(self, actions: np.ndarray) -> None:
        """Step the envs received last."""
        super().send(actions)
        for index in self._delivered:
            self._bells[index].work.ring()

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows (B, itemsize) uint8 view, env ids (B,)) of the next batch.

        Raises:
            WorkerError: a worker raised, died, or has not answered for HANG_S seconds.
        """
        self._delivered = self.waiting_workers[: self.workers_per_batch]
        self._wait(self._delivered)
        observations, _, _, _, _, env_ids, _ = self.recv()
        return observations, env_ids

    def _wait(self, needed: list[int]) -> None:
        """Sleep until all ``needed`` workers have answered."""
        semaphores, waited = self.buf["semaphores"], 0.0
        for index in needed:
            bell = self._bells[index].done
            if semaphores[index] >= vector.MAIN:
                bell.forget()
            while semaphores[index] < vector.MAIN:
                if bell.sleep(LIVENESS_S):
                    continue
                waited += LIVENESS_S  # a suspended machine is no hanging worker: count sleeps, not the clock
                self._check_workers()
                if waited > HANG_S:
                    name = self._name(index)
                    raise WorkerError(f"{name} has not answered for {HANG_S:.0f} s; stop and resume the run")

    def _check_workers(self) -> None:
        for index, process in enumerate(self.processes):
            if not process.is_alive():
                raise self._failure(index)

    def _failure(self, index: int) -> WorkerError:
        if self.recv_pipes[index].poll():
            report = self.recv_pipes[index].recv()
            cause = report["message"] if report["expected"] else f"{report['kind']}: {report['message']}"
            error = WorkerError(f"{self._name(index)} failed: {cause}", report["exit_code"])
            error.add_note(report["traceback"])
            return error
        return WorkerError(f"{self._name(index)} died: {_exit_reason(self.processes[index].exitcode)}")

    def _name(self, index: int) -> str:
        first = index * self.envs_per_worker
        return f"worker {index} (envs {first}-{first + self.envs_per_worker - 1}, pid {self.processes[index].pid})"

    def close(self) -> None:
        """Ask the workers to close, then kill what is left; safe to call twice."""
        atexit.unregister(self.close)
        semaphores = self.buf["semaphores"]
        deadline = time.monotonic() + _GRACE_S
        while self._any_busy() and time.monotonic() < deadline:
            time.sleep(0.002)
        semaphores[semaphores >= vector.MAIN] = vector.CLOSE
        for bells in self._bells:
            bells.work.ring()
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _any_busy(self) -> bool:
        busy = self.buf["semaphores"] < vector.MAIN
        return any(process.is_alive() for process, working in zip(self.processes, busy, strict=True) if working)


class SerialGroups:
    """pufferlib's Serial, one group of envs per batch, taken in turn; everything in this process."""

    def __init__(self, creators: list, batch_size: int) -> None:
        self._groups = [
            vector.Serial(creators[i : i + batch_size], [[]] * batch_size, [{}] * batch_size, batch_size)
            for i in range(0, len(creators), batch_size)
        ]
        self._batch_size = batch_size
        self._next = 0

    def async_reset(self, seed: int) -> None:
        """Reset all envs; env i gets ``seed + i``."""
        self._next = 0
        for number, group in enumerate(self._groups):
            group.async_reset(seed + number * self._batch_size)

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows (B, itemsize) uint8 view, env ids (B,)) of the next group."""
        observations = self._groups[self._next].recv()[0]
        return observations, np.arange(self._batch_size) + self._next * self._batch_size

    def send(self, actions: np.ndarray) -> None:
        """Step the group received last."""
        self._groups[self._next].send(actions)
        self._next = (self._next + 1) % len(self._groups)

    def close(self) -> None:
        for group in self._groups:
            group.close()
        self._groups = []


def _exit_reason(code: int | None) -> str:
    if code is not None and code < 0:
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"killed by {signal.Signals(-code).name}{hint}"
    return f"exit code {code}"
