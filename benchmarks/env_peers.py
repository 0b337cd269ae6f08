"""Vector envs fed with random actions: the shim's backends, and the peers around the same record envs."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import psutil

from benchmarks.env_loops import MAX_STEPS, WARM_UP, Rate
from Daddy.puffer_shim import make_vector
from Daddy.puffer_shim._pufferlib import vector as pufferlib_vector
from Daddy.puffer_shim.creator import EnvCreator
from Daddy.puffer_shim.red import make_red_env


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def run_shim(config: dict, seconds: float, **settings: Any) -> Rate:
    """The shim as the trainer uses it."""
    vector = make_vector(config, max_episode_steps=MAX_STEPS, **settings)
    try:
        return timed(vector.recv, vector.send, vector.num_envs, vector.batch_size, seconds)
    finally:
        vector.close()


def run_stock(config: dict, num_envs: int, workers: int, seconds: float) -> Rate:
    """pufferlib's Multiprocessing as it comes."""
    creator = EnvCreator(make_red_env, config, None, MAX_STEPS, num_actions=7)
    vector = pufferlib_vector.make(
        creator, backend=pufferlib_vector.Multiprocessing, num_envs=num_envs, num_workers=workers, overwork=True
    )
    vector.async_reset(0)
    try:
        return timed(vector.recv, vector.send, num_envs, num_envs, seconds)
    finally:
        vector.close()


def run_gymnasium(config: dict, num_envs: int, seconds: float) -> Rate:
    """gymnasium's AsyncVectorEnv: one process per env, shared memory."""
    from gymnasium.vector import AsyncVectorEnv

    vector = AsyncVectorEnv([EnvCreator(make_red_env, config, None, MAX_STEPS).make] * num_envs)
    vector.reset(seed=0)
    try:
        return timed(lambda: None, vector.step, num_envs, num_envs, seconds)
    finally:
        vector.close()


def run_sb3(config: dict, num_envs: int, seconds: float) -> Rate:
    """Stable-Baselines3's SubprocVecEnv: one process per env, everything through pipes."""
    from stable_baselines3.common.vec_env import SubprocVecEnv

    creator = EnvCreator(make_red_env, config, None, MAX_STEPS)
    vector = SubprocVecEnv([creator.make] * num_envs, start_method="fork")
    vector.seed(0)
    vector.reset()
    try:
        return timed(lambda: None, vector.step, num_envs, num_envs, seconds)
    finally:
        vector.close()


def timed(recv: Callable, send: Callable, num_envs: int, batch_size: int, seconds: float) -> Rate:
    """The Rate over whole batches; its cost counts the processor time of parent and workers."""
    actions = np.random.default_rng(0).integers(7, size=(1_000, batch_size)).astype(np.int32)
    for number in range(WARM_UP * num_envs // batch_size):
        recv()
        send(actions[number % 1_000])
    recv()
    family = [psutil.Process(), *psutil.Process().children()]
    started, busy, done = time.perf_counter(), processor_seconds(family), 0
    while time.perf_counter() - started < seconds:
        send(actions[done % 1_000])
        recv()
        done += 1
    steps = done * batch_size
    return steps / (time.perf_counter() - started), 1e6 * (processor_seconds(family) - busy) / steps


def processor_seconds(processes: list[psutil.Process]) -> float:
    """User and system time of the processes so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def start_up(config: dict, num_envs: int, workers: int) -> tuple[float, float]:
    """(seconds from make_vector to the first batch, megabytes per env: proportional share of all workers' memory)."""
    started = time.perf_counter()
    vector = make_vector(config, num_envs=num_envs, num_workers=workers, max_episode_steps=MAX_STEPS)
    try:
        vector.recv()
        seconds = time.perf_counter() - started
        children = psutil.Process().children()
        return seconds, sum(child.memory_full_info().pss for child in children) / num_envs / 1e6
    finally:
        vector.close()


def vector_layouts(
    config: dict, env_counts: list[int], workers: int, variants: bool = True
) -> dict[str, Callable[[float], Rate]]:
    """Name -> function of seconds, for the shim's layouts and the peers that are installed.

    Without ``variants`` the puffer backend runs only in two batches, one for each half of the workers.
    """
    found: dict[str, Callable[[float], Rate]] = {}
    for count in env_counts:
        shim = partial(run_shim, config, num_envs=count)
        found[f"serial {count}"] = partial(shim, backend="serial")
        if variants:
            found[f"puffer {count}"] = partial(shim, num_workers=workers)
        found[f"puffer {count}, 2 batches"] = partial(shim, num_workers=workers, batch_size=count // 2)
        if variants and count >= 4 * workers:
            found[f"puffer {count}, 2 batches, {2 * workers} workers"] = partial(
                shim, num_workers=2 * workers, batch_size=count // 2
            )
        found[f"stock pufferlib {count}"] = partial(run_stock, config, count, workers)
        found[f"gymnasium AsyncVectorEnv {count}"] = partial(run_gymnasium, config, count)
        if installed("stable_baselines3"):
            found[f"SB3 SubprocVecEnv {count}"] = partial(run_sb3, config, count)
    return found
