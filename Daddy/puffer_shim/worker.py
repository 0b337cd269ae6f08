"""The worker process: pufferlib's protocol over shared memory, without polling and with failures reported.

pufferlib's parent and workers watch each other's state byte in a loop, which costs a third of a small machine. Here the
byte still says what to do, and a ``Bell`` per worker and direction says when to look.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.puffer_shim._pufferlib import vector

PARENT_CHECK_S = 0.5


class Bell:
    """Wakes one sleeper in another process. Rings may be missed or stale: who wakes up must look for itself."""

    def __init__(self) -> None:
        self._semaphore = multiprocessing.Semaphore(0)

    def ring(self) -> None:
        self._semaphore.release()

    def sleep(self, seconds: float) -> bool:
        """Sleep until a ring; False when none came in time."""
        return self._semaphore.acquire(True, seconds)

    def forget(self) -> None:
        """Take back one ring that nobody slept for."""
        self._semaphore.acquire(False)


@dataclass(frozen=True)
class Bells:
    """``work`` wakes the worker, ``done`` the parent."""

    work: Bell
    done: Bell


def run_worker(
    env_creators: list, env_args: list, env_kwargs: list, obs_shape: tuple, obs_dtype: np.dtype, atn_shape: tuple,
    atn_dtype: Any, num_envs: int, num_agents: int, num_workers: int, worker_idx: int, send_pipe: Any, recv_pipe: Any,
    shm: dict, is_native: bool, seed: int, bells: list[Bells],
) -> None:  # fmt: skip
    """Stands in for pufferlib's ``_worker_process`` (same arguments, and the bells of all workers).

    A failure goes into ``send_pipe`` as a dict of plain values.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent decides when to stop: it may still have to save
        signal.signal(number, signal.SIG_IGN)
    try:
        buffers = worker_buffers(shm, num_workers, num_envs, worker_idx, obs_shape, obs_dtype, atn_shape, atn_dtype)
        envs = [
            creator(*args, buf={name: rows[j : j + 1] for name, rows in buffers.items()}, **kwargs)
            for j, (creator, args, kwargs) in enumerate(zip(env_creators, env_args, env_kwargs, strict=True))
        ]
        semaphores = np.ndarray(num_workers, np.uint8, buffer=shm["semaphores"])
        _serve(envs, buffers["actions"], semaphores, worker_idx, recv_pipe, bells[worker_idx])
    except Exception as error:
        send_pipe.send(describe_failure(error))


def worker_buffers(
    shm: dict, num_workers: int, num_envs: int, worker_idx: int, obs_shape: tuple, obs_dtype: np.dtype,
    atn_shape: tuple, atn_dtype: Any,
) -> dict[str, np.ndarray]:  # fmt: skip
    """This worker's (num_envs, ...) part of each shared array, by the names that pufferlib's envs expect."""
    kinds = {
        "observations": ("observations", obs_shape, obs_dtype), "actions": ("actions", atn_shape, atn_dtype),
        "rewards": ("rewards", (), np.float32), "terminals": ("terminals", (), bool),
        "truncations": ("truncateds", (), bool), "masks": ("masks", (), bool),
    }  # fmt: skip
    return {
        name: np.ndarray((num_workers, num_envs, *shape), dtype, buffer=shm[key])[worker_idx]
        for name, (key, shape, dtype) in kinds.items()
    }


def describe_failure(error: Exception) -> dict[str, Any]:
    """What the parent needs to report: plain values, so that no class has to unpickle there."""
    return {
        "kind": type(error).__name__,
        "message": " ".join(str(error).split()),
        "exit_code": getattr(error, "exit_code", 1),
        "traceback": traceback.format_exc(),
        "expected": hasattr(error, "exit_code"),
    }


def _serve(
    envs: list, actions: np.ndarray, semaphores: np.ndarray, index: int, recv_pipe: Any, bells: Bells
) -> None:
    """Answer the parent until it says close or is gone. ``actions`` is (num_envs,) int32."""
    while True:
        while semaphores[index] >= vector.MAIN:
            if not bells.work.sleep(PARENT_CHECK_S) and os.getppid() != multiprocessing.parent_process().pid:
                return
        request = semaphores[index]
        if request == vector.CLOSE:
            for env in envs:
                env.close()
            return
        if request == vector.RESET:
            _reset(envs, recv_pipe.recv() + index * (len(envs) - 1))
        else:
            _step(envs, actions)
        semaphores[index] = vector.MAIN
        bells.done.ring()


def _reset(envs: list, seed: int) -> None:
    """``seed`` is that of this worker's first env. (pufferlib sends base + worker; env i of all gets base + i.)"""
    for j, env in enumerate(envs):
        env.reset(seed=seed + j)


def _step(envs: list, actions: np.ndarray) -> None:
    for j, env in enumerate(envs):
        if env.done:
            env.reset()
        else:
            env.step(actions[j])
