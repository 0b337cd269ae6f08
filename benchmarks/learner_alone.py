"""Updates of an agent whose replay is full of a played game, and where their time goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.learner_slow import SlowLearner, SlowReplay, slowed
from benchmarks.played import observations
from Daddy.actor import Actor
from Daddy.agent import Agent, AgentConfig, build_network
from Daddy.averaging import WeightAverage
from Daddy.build import agent_settings
from Daddy.config import preset
from Daddy.puffer_shim import STRUCTURED_DIM
from Daddy.stepping import FusedStepper, PlainStepper

ENVS, ROWS, ACTIONS = 16, 400, 7
EPISODE = 2_048  # steps, as in the slim preset: one batch in four holds the end of one
PHASES = {  # name: where it happens
    "gather": ("replay", "sample"), "prepare": ("learner", "prepare"), "forward": ("learner", "_unroll"),
    "targets": ("learner", "_targets"), "backward": ("learner", "_backward"), "optimizer": ("learner", "_optimize"),
    "report": ("learner", "_report"), "priorities": ("replay", "update_priorities"), "sync": ("actor", "sync"),
}  # fmt: skip


class Speed(NamedTuple):
    """Learned transitions per second of the clock and of processor time, and processor milliseconds per update."""

    per_s: float
    per_cpu_s: float
    cpu_ms: float


def preset_settings(name: str, **changes: Any) -> AgentConfig:
    """The agent's settings of a preset, with a replay that suits the benchmark."""
    return agent_settings(replace(preset(name), buffer_size=20_000, learning_starts=0, **changes))


def make_agent(settings: AgentConfig, device: str = "cpu", slow: frozenset[str] = frozenset(),
               envs: int = ENVS, rows: int = ROWS) -> Agent:
    """An agent that can learn now; `slow` names what is left slow in it, see `learner_slow.STEPS`."""
    if "float32" in slow:
        settings = replace(settings, learner=replace(settings.learner, precision="float32"))
    agent = Agent(settings, envs, ACTIONS, STRUCTURED_DIM, device)
    if slow:
        agent.learner = SlowLearner(settings.learner, agent.replay.spec, agent.learner.online, agent.device, slow)
        agent.actor = Actor(agent.learner.online, envs, agent.device, stepper=PlainStepper)
        agent.average = WeightAverage(agent.learner.online, settings.average_decay)
    if "gather" in slow:
        agent.replay = SlowReplay(agent.replay.spec)
    fill(agent, envs, rows)
    return agent


def fill(agent: Agent, envs: int, rows: int) -> None:
    """Store `rows` played observations of each env, actions made up, with ends of episodes EPISODE steps apart."""
    rng, ids, width = np.random.default_rng(0), np.arange(envs), agent.replay.spec.state_width
    ends = (np.arange(envs) + 1) * EPISODE // envs
    for number in range(rows):
        due = int(agent.replay.due(ids).sum())
        last = number == ends
        agent.replay.add(
            *observations(envs, number), rng.integers(0, ACTIONS, envs),
            rng.random(envs, dtype=np.float32) * 0.1, (number == 0) | (number == ends + 1), last, last, ids,
            rng.normal(0, 0.3, (due, width)),
        )  # fmt: skip


def speed(agent: Agent, seconds: float, slow: frozenset[str] = frozenset()) -> Speed:
    """Updates for `seconds` of processor time (at least two of them)."""
    with slowed(slow) if slow else nullcontext():
        agent.learn()
        wall, cpu, learned, updates = time.perf_counter(), time.process_time(), 0.0, 0
        while updates < 2 or time.process_time() - cpu < seconds:
            learned += agent.learn()["learned"]
            updates += 1
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Speed(learned / wall, learned / cpu, 1e3 * cpu / updates)


def act_ms(name: str, envs: int, stepper: type[PlainStepper] | type[FusedStepper], seconds: float) -> float:
    """Processor milliseconds per call of `Actor.act` in `envs` envs of a preset's network, over `seconds` of it."""
    actor, ids, rng = _actor(name, envs, stepper), np.arange(envs), np.random.default_rng(0)
    reward, epsilon = np.zeros(envs, np.float32), np.full(envs, 0.1)
    rows = {
        "screen": rng.integers(0, 256, (envs, 72, 20), dtype=np.uint8),
        "structured": rng.integers(0, 256, (envs, STRUCTURED_DIM), dtype=np.uint8), "is_first": np.zeros(envs, bool),
    }  # fmt: skip
    actor.act(rows, reward, ids, epsilon, rng)
    cpu, calls = time.process_time(), 0
    while calls < 2 or time.process_time() - cpu < seconds:
        actor.act(rows, reward, ids, epsilon, rng)
        calls += 1
    return 1e3 * (time.process_time() - cpu) / calls


@cache
def _actor(name: str, envs: int, stepper: type[PlainStepper] | type[FusedStepper]) -> Actor:
    network = build_network(preset_settings(name), ACTIONS, STRUCTURED_DIM)
    return Actor(network, envs, torch.device("cpu"), stepper=stepper)


def split(agent: Agent, seconds: float) -> dict[str, float]:
    """Milliseconds per update by phase, of processor time (of the clock where a GPU learns), and their "update"."""
    clock = time.perf_counter if agent.device.type == "cuda" else time.process_time
    spent: dict[str, float] = dict.fromkeys(PHASES, 0.0)
    agent.learn()
    for phase, (part, method) in PHASES.items():
        _watch(getattr(agent, part), method, phase, spent, clock)
    start, updates = clock(), 0
    while updates < 2 or clock() - start < seconds:
        agent.learn()
        updates += 1
    whole = clock() - start
    for part, method in PHASES.values():
        delattr(getattr(agent, part), method)  # back to the class's own
    parts = {**spent, "rest": whole - sum(spent.values()), "update": whole}
    return {phase: 1e3 * seconds / updates for phase, seconds in parts.items()}


def _watch(part: Any, method: str, phase: str, spent: dict[str, float], clock: Callable[[], float]) -> None:
    wrapped = getattr(part, method)

    def watched(*args: Any) -> Any:
        start = _now(clock)
        result = wrapped(*args)
        spent[phase] += _now(clock) - start
        return result

    setattr(part, method, watched)


def _now(clock: Callable[[], float]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock()
