"""Loops over one emulator, alone or in several processes: the ceilings that vector envs are measured against."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from Daddy.puffer_shim.creator import EnvCreator
from Daddy.puffer_shim.record import RECORD
from Daddy.puffer_shim.red import make_red_env
from pokemonred_puffer.ram_map import Snapshot

MAX_STEPS = 8_192
WARM_UP = 30  # steps of each env before the clock starts
BUTTONS = ("down", "left", "right", "up", "a", "b", "start")
ACTIONS = 100_000  # random actions drawn once, then repeated
Rate = tuple[float, float]  # steps per second, processor microseconds per step
Step = Callable[[int], Any]  # takes the number of the step


class PlainMemory:
    """PyBoy's memory read the public way: bytes one by one, and slices."""

    def __init__(self, pyboy: Any) -> None:
        self.read = pyboy.memory.__getitem__
        self._memory = pyboy.memory

    def read_range(self, address: int, length: int) -> bytes:
        return bytes(self._memory[address : address + length])


def random_actions(seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(7, size=ACTIONS).tolist()


def frames_step(config: dict, seed: int, render: bool = False) -> Step:
    """A button and the frames of a step; ``render`` draws the last frame."""
    env = make_red_env(config, None)
    env.reset(seed=seed)
    pyboy, frames, hold, actions = env.pyboy, env.config.action_freq, env.config.hold_frames, random_actions(seed)

    def step(number: int) -> None:
        pyboy.button(BUTTONS[actions[number % ACTIONS]], hold)
        pyboy.tick(frames, render, False)

    return step


def drawn_step(config: dict, seed: int) -> Step:
    """Button and frames, the last one drawn: what no env can do without."""
    return frames_step(config, seed, render=True)


def bare_step(config: dict, seed: int) -> Step:
    """The ceiling: PyBoy's public API and nothing else. Button, frames, packed screen, the memory that a step needs."""
    return _observed_step(config, seed, plain=True)


def fast_bare_step(config: dict, seed: int) -> Step:
    """The same with the env's own way to read memory (a view instead of slices)."""
    return _observed_step(config, seed, plain=False)


def _observed_step(config: dict, seed: int, plain: bool) -> Step:
    env = make_red_env(config, None)
    env.reset(seed=seed)
    emulator, actions = env.emulator, random_actions(seed)
    pyboy, frames, hold = env.pyboy, env.config.action_freq, env.config.hold_frames
    reader = PlainMemory(pyboy) if plain else emulator

    def step(number: int) -> None:
        pyboy.button(BUTTONS[actions[number % ACTIONS]], hold)
        pyboy.tick(frames, True, False)
        emulator.screen_packed()
        Snapshot(reader)

    return step


def dict_step(config: dict, seed: int) -> Step:
    """RedGymEnv with its whole observation, as other people's trainers use it."""
    env = make_red_env(config, None)
    env.reset(seed=seed)
    actions = random_actions(seed)
    return lambda number: env.step(actions[number % ACTIONS])


def record_step(config: dict, seed: int) -> Step:
    """One RecordEnv: reward, events, features and record, without any vector around it."""
    env = EnvCreator(make_red_env, config, None, MAX_STEPS).make()
    env.reset(seed=seed)
    actions = random_actions(seed)
    return lambda number: env.step(actions[number % ACTIONS])


def worker_step(config: dict, seed: int) -> Step:
    """What a worker process calls for each env: a RecordEnv on a row of a buffer, inside pufferlib's emulation."""
    buffers = {
        "observations": np.zeros((1, RECORD.itemsize), np.uint8), "rewards": np.zeros(1, np.float32),
        "terminals": np.zeros(1, bool), "truncations": np.zeros(1, bool), "masks": np.zeros(1, bool),
        "actions": np.zeros(1, np.int32),
    }  # fmt: skip
    env = EnvCreator(make_red_env, config, None, MAX_STEPS, num_actions=7)(buf=buffers)
    env.reset(seed=seed)
    actions = np.array(random_actions(seed), np.int32)

    def step(number: int) -> None:
        if env.done:
            env.reset()
        else:
            env.step(actions[number % ACTIONS])

    return step


def in_processes(count: int, make_step: Callable[[dict, int], Step], config: dict, seconds: float) -> Rate:
    """The loop in ``count`` processes at once: the sum of their rates and the mean of their costs."""
    barrier, answers = multiprocessing.Barrier(count), multiprocessing.SimpleQueue()
    workers = [
        multiprocessing.Process(target=_answer, args=(make_step, config, seed, barrier, answers, seconds), daemon=True)
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


def _answer(make_step: Callable, config: dict, seed: int, barrier: Any, answers: Any, seconds: float) -> None:
    """Run the loop and put its rate, or what went wrong as text, into ``answers``."""
    try:
        answers.put(_timed(make_step(config, seed), barrier, seconds))
    except Exception as error:
        barrier.abort()
        answers.put(f"{type(error).__name__}: {error}")


def _timed(step: Step, barrier: Any, seconds: float) -> Rate:
    """The Rate of ``step`` after the warm-up, from the moment that all processes are ready."""
    for number in range(WARM_UP):
        step(number)
    barrier.wait()
    started, busy, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - started < seconds:
        step(WARM_UP + done)
        done += 1
    return done / (time.perf_counter() - started), 1e6 * (time.process_time() - busy) / done


PARTS: dict[str, Callable[[dict, int], Step]] = {
    "frames": frames_step,
    "frames, last one drawn": drawn_step,
    "bare": bare_step,
    "bare, our reading": fast_bare_step,
    "RedGymEnv": dict_step,
    "record env": record_step,
    "in a worker": worker_step,
}


def costs_in_one_process(config: dict, rounds: int, steps: int) -> dict[str, list[float]]:
    """Processor microseconds per step of each of PARTS in each round.

    Everybody plays the same actions from the same start, ``steps`` of them in each round, so that everybody emulates
    the same frames.
    """
    players = {name: make(config, 0) for name, make in PARTS.items()}
    costs: dict[str, list[float]] = {name: [] for name in players}
    for number in range(-1, rounds):  # the first round is warm-up
        for name, step in players.items():
            first = (number + 1) * steps
            busy = time.process_time()
            for turn in range(first, first + steps):
                step(turn)
            if number >= 0:
                costs[name].append(1e6 * (time.process_time() - busy) / steps)
    return costs
