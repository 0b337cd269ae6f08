"""Env steps per second of each way to run many envs, as shares of two bare emulators.

    python benchmarks/env_sps.py [--envs 4 8 16 32] [--rounds 5] [--seconds 2] [--json FILE]

The ceiling, "bare x2", is two processes that press a random button, run the same frames, pack the same screen and read
the same memory, with no env, reward or vector around it. "cpu us" is the processor time per step of all processes
together: it counts polling, leaves waiting out and holds still on a busy machine, where of the rates only the shares
mean anything. Rounds are interleaved, so that a machine that slows down slows everybody; the table shows medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import psutil

from Daddy.puffer_shim import make_vector
from Daddy.puffer_shim._pufferlib import vector as pufferlib_vector
from Daddy.puffer_shim.creator import EnvCreator
from Daddy.puffer_shim.red import make_red_env
from pokemonred_puffer.ram_map import Snapshot

MAX_STEPS = 8_192
WARM_UP = 30  # steps of each env before the clock starts
CEILING = "bare x2"
BUTTONS = ("down", "left", "right", "up", "a", "b", "start")
Rate = tuple[float, float]  # steps per second, processor microseconds per step


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, nargs="+", default=[4, 8, 16, 32], help="env counts of the puffer layouts")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repetitions")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument("--only", nargs="+", default=[], help="layouts whose name contains one of these words")
    parser.add_argument("--rom", help="Game Boy ROM (default: the free cartridge)")
    parser.add_argument("--json", help="write all measurements to this file")
    args = parser.parse_args(argv)
    chosen = select(layouts(args.envs, {"gb_path": args.rom}), args.only)
    results = measure(chosen, args.rounds, args.seconds)
    print(table(results))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"seconds": args.seconds, "rounds": results}, file, indent=1)
    return 0


def layouts(env_counts: list[int], config: dict) -> dict[str, Callable[[float], Rate]]:
    """Layout name -> function that runs it for some seconds and returns its Rate."""
    found: dict[str, Callable[[float], Rate]] = {
        "frames only x1": partial(in_processes, 1, frames_loop, config),
        "frames only x2": partial(in_processes, 2, frames_loop, config),
        "bare x1": partial(in_processes, 1, bare_loop, config),
        CEILING: partial(in_processes, 2, bare_loop, config),
        "record env x2": partial(in_processes, 2, record_loop, config),
        "serial 8": partial(run_vector, config, backend="serial", num_envs=8),
    }
    for count in env_counts:
        found[f"puffer 2 workers {count}"] = partial(run_vector, config, num_envs=count, num_workers=2)
        found[f"puffer 2 workers {count}, 2 batches"] = partial(
            run_vector, config, num_envs=count, num_workers=2, batch_size=count // 2
        )
        found[f"stock pufferlib {count}"] = partial(run_stock, config, count)
        found[f"gymnasium AsyncVectorEnv {count}"] = partial(run_gymnasium, config, count)
    return found


def select(found: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """The layouts whose name contains a word, and always the ceiling."""
    return {name: run for name, run in found.items() if not words or name == CEILING or any(w in name for w in words)}


def measure(chosen: dict[str, Callable[[float], Rate]], rounds: int, seconds: float) -> dict[str, list[Rate]]:
    """The Rate of each layout in each round."""
    results: dict[str, list[Rate]] = {name: [] for name in chosen}
    for number in range(rounds):
        for name, run in chosen.items():
            print(f"round {number + 1}/{rounds}: {name}", file=sys.stderr)
            results[name].append(run(seconds))
    return results


def table(results: dict[str, list[Rate]]) -> str:
    """One row per layout: median, range and share of the ceiling; shares are medians of the rounds' own shares."""
    lines = [f"{'layout':34}{'steps/s':>9}{'min':>9}{'max':>9}{'share':>8}{'cpu us':>8}"]
    for name, rounds in results.items():
        rates, costs = zip(*rounds, strict=True)
        share = statistics.median(rate / ceiling for rate, (ceiling, _) in zip(rates, results[CEILING], strict=True))
        lines.append(
            f"{name:34}{statistics.median(rates):9.0f}{min(rates):9.0f}{max(rates):9.0f}{share:8.2f}"
            f"{statistics.median(costs):8.0f}"
        )
    return "\n".join(lines)


def in_processes(count: int, loop: Callable, config: dict, seconds: float) -> Rate:
    """``loop`` in ``count`` processes at once; the sum of their rates and the mean of their costs."""
    barrier, answers = multiprocessing.Barrier(count), multiprocessing.SimpleQueue()
    workers = [
        multiprocessing.Process(target=answer, args=(loop, config, seed, barrier, answers, seconds), daemon=True)
        for seed in range(count)
    ]
    for worker in workers:
        worker.start()
    rates = [answers.get() for _ in workers]
    for worker in workers:
        worker.join()
    if problems := [rate for rate in rates if isinstance(rate, str)]:
        raise SystemExit(f"error: {problems[0]}")
    return sum(rate for rate, _ in rates), statistics.mean(cost for _, cost in rates)


def answer(loop: Callable, config: dict, seed: int, barrier: Any, answers: Any, seconds: float) -> None:
    """Run ``loop`` and put its rate, or what went wrong as text, into ``answers``."""
    try:
        answers.put(loop(config, seed, barrier, seconds))
    except Exception as error:
        barrier.abort()
        answers.put(f"{type(error).__name__}: {error}")


def frames_loop(config: dict, seed: int, barrier: Any, seconds: float) -> Rate:
    """The emulator without picture or reading: a step is a button and 24 frames, so frames/s are 24 times the rate."""
    return emulator_loop(config, seed, barrier, seconds, observe=False)


def bare_loop(config: dict, seed: int, barrier: Any, seconds: float) -> Rate:
    """Nothing but the emulator: button, frames, screen, memory."""
    return emulator_loop(config, seed, barrier, seconds, observe=True)


def emulator_loop(config: dict, seed: int, barrier: Any, seconds: float, observe: bool) -> Rate:
    """Random buttons on one emulator; ``observe`` draws and packs the last frame and reads the memory of each step."""
    env = make_red_env(config, None)
    env.reset(seed=seed)
    emulator, frames = env.emulator, env.config.action_freq
    actions = np.random.default_rng(seed).integers(7, size=100_000).tolist()

    def step(number: int) -> None:
        emulator.press(BUTTONS[actions[number]], 8)
        emulator.tick(frames, observe)
        if observe:
            emulator.screen_packed()
            Snapshot(emulator)

    return timed(step, barrier, seconds)


def record_loop(config: dict, seed: int, barrier: Any, seconds: float) -> Rate:
    """One RecordEnv per process: what the env costs without any vector around it."""
    env = EnvCreator(make_red_env, config, None, MAX_STEPS).make()
    env.reset(seed=seed)
    actions = np.random.default_rng(seed).integers(7, size=100_000).tolist()
    return timed(lambda number: env.step(actions[number]), barrier, seconds)


def timed(step: Callable[[int], None], barrier: Any, seconds: float) -> Rate:
    """The Rate of ``step(number)`` after the warm-up, from the moment that all processes are ready."""
    for number in range(WARM_UP):
        step(number)
    barrier.wait()
    started, busy, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - started < seconds:
        step(WARM_UP + done)
        done += 1
    return done / (time.perf_counter() - started), 1e6 * (time.process_time() - busy) / done


def run_vector(config: dict, seconds: float, **settings: Any) -> Rate:
    """The shim, fed with random actions."""
    vector = make_vector(config, max_episode_steps=MAX_STEPS, **settings)
    try:
        return timed_vector(vector.recv, vector.send, vector.num_envs, vector.batch_size, seconds)
    finally:
        vector.close()


def run_stock(config: dict, count: int, seconds: float) -> Rate:
    """pufferlib's Multiprocessing as it comes, two workers, on the same record envs."""
    creator = EnvCreator(make_red_env, config, None, MAX_STEPS, num_actions=7)
    vector = pufferlib_vector.make(
        creator, backend=pufferlib_vector.Multiprocessing, num_envs=count, num_workers=2, overwork=True
    )
    vector.async_reset(0)
    try:
        return timed_vector(vector.recv, vector.send, count, count, seconds)
    finally:
        vector.close()


def run_gymnasium(config: dict, count: int, seconds: float) -> Rate:
    """gymnasium's AsyncVectorEnv, one process per env, shared memory, on the same record envs."""
    from gymnasium.vector import AsyncVectorEnv

    creator = EnvCreator(make_red_env, config, None, MAX_STEPS)
    vector = AsyncVectorEnv([creator.make] * count)
    vector.reset(seed=0)
    actions = np.random.default_rng(0).integers(7, size=(1_000, count)).astype(np.int32)
    turn = iter(range(10**9))
    try:
        return timed_vector(lambda: None, lambda _: vector.step(actions[next(turn) % 1_000]), count, count, seconds)
    finally:
        vector.close()


def timed_vector(recv: Callable, send: Callable, num_envs: int, batch_size: int, seconds: float) -> Rate:
    """The Rate over whole batches."""
    actions = np.random.default_rng(0).integers(7, size=(1_000, batch_size)).astype(np.int32)
    for number in range(WARM_UP * num_envs // batch_size):
        recv()
        send(actions[number])
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


if __name__ == "__main__":
    sys.exit(main())
