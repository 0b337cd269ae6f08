"""The worker process: pufferlib's protocol over shared memory, without polling and with failures reported.

pufferlib's parent and workers watch each other's state byte in a loop, which costs a third of a small machine. Here the
byte still says what to do, and a ``Bell`` per worker and direction says when to look. Rare messages lie in mailboxes
that a side touches only while the byte says that it is its turn.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy.puffer_shim._pufferlib import vector
from Daddy.puffer_shim.desk import EnvDesk
from Daddy.puffer_shim.events import one_line
from Daddy.puffer_shim.mailbox import WorkerLink

PARENT_CHECK_S = 0.5
_IDLE_S = 5.0
_TRACEBACK_CHARS = 20_000
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Failure:
    """Why a worker ended. ``expected`` errors are the user's to mend (a bad ROM), with their own exit code."""

    cause: str
    traceback: str = ""
    exit_code: int = 1
    expected: bool = False


def run_worker(
    env_creators: list, env_args: list, env_kwargs: list, obs_shape: tuple, obs_dtype: np.dtype, atn_shape: tuple,
    atn_dtype: Any, num_envs: int, num_agents: int, num_workers: int, worker_idx: int, send_pipe: Any, recv_pipe: Any,
    shm: dict, is_native: bool, seed: int, links: dict[int, WorkerLink],
) -> None:  # fmt: skip
    """Stands in for pufferlib's ``_worker_process`` (same arguments, and the links by worker).

    A failure goes into the outbox as a Failure.
    """
    link = links[worker_idx]
    _tie_to_parent(link.by_main_thread)
    try:
        buffers = worker_buffers(shm, num_workers, num_envs, worker_idx, obs_shape, obs_dtype, atn_shape, atn_dtype)
        envs = []
        for j, (creator, args, kwargs) in enumerate(zip(env_creators, env_args, env_kwargs, strict=True)):
            envs.append(creator(*args, buf={name: rows[j : j + 1] for name, rows in buffers.items()}, **kwargs))
            _tick(link)
        states = np.ndarray(num_workers, np.uint8, buffer=shm["semaphores"])
        _serve(EnvDesk(envs, lambda: _tick(link)), buffers["actions"], states, worker_idx, link)
    except Exception as error:
        link.outbox.put([describe_failure(error)])


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


def describe_failure(error: Exception) -> Failure:
    """What the parent needs to report: plain values, so that no class of the env's has to unpickle there."""
    text = traceback.format_exc()[-_TRACEBACK_CHARS:]
    return Failure(f"failed: {one_line(error)}", text, getattr(error, "exit_code", 1), hasattr(error, "exit_code"))


def _tick(link: WorkerLink) -> None:
    link.progress[0] += 1


def _serve(desk: EnvDesk, actions: np.ndarray, states: np.ndarray, index: int, link: WorkerLink) -> None:
    """Answer the parent until it says close. ``actions`` is (num_envs,) int32."""
    while True:
        while states[index] >= vector.MAIN:
            link.work.sleep(_IDLE_S)
        request = states[index]
        if request == vector.CLOSE:
            for env in desk.envs:
                env.close()
            return
        desk.carry_out(link.inbox.take())
        if request == vector.RESET:
            desk.reset()
        else:
            desk.step(actions)
        states[index] = _post(desk, link)
        link.done.ring()


def _post(desk: EnvDesk, link: WorkerLink) -> int:
    """Put the events into the outbox; returns the state that says whether there are any."""
    if not desk.events:
        return vector.MAIN
    desk.events[:] = link.outbox.put(desk.events)
    return vector.INFO


def _tie_to_parent(by_main_thread: bool) -> None:
    """Leave stopping to the parent, which may still have to save, and end when it is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux" and by_main_thread:  # reaches a stopped worker too, but fires when that *thread* ends
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent_pid: int) -> None:
    """Ends this process, however busy, once the trainer is gone: a worker that another one forked sees its pipe close,
    and a forked one, whose siblings keep that pipe open, a new parent."""
    while os.getppid() == parent_pid and multiprocessing.parent_process().is_alive():
        time.sleep(PARENT_CHECK_S)
    os._exit(1)
