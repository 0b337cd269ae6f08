"""Learned transitions per second of the learner alone, by network and batch shape.

    python benchmarks/learner_step.py [--rounds 5] [--seconds 2] [--json FILE]

One torch thread on a replay of made-up screens. "cpu" rates use processor time, which holds still on a busy machine.
Rounds are interleaved; the table shows medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import numpy as np
import torch

from Daddy.agent import Agent, AgentConfig
from Daddy.frames import CELLS
from Daddy.learner import LearnerConfig
from Daddy.puffer_shim import CELL_FEATURES, RECORD, STRUCTURED_DIM

ENVS, ROWS = 16, 400
SHAPES = {  # name: (model size, sequences, learned steps, burn-in)
    "slim 8 x 20": ("slim", 8, 20, 8),
    "slim 16 x 20": ("slim", 16, 20, 8),
    "slim 8 x 40": ("slim", 8, 40, 8),
    "slim 32 x 40": ("slim", 32, 40, 8),
    "large 8 x 80": ("large", 8, 80, 20),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repetitions")
    parser.add_argument("--seconds", type=float, default=2.0, help="processor time of one measurement")
    parser.add_argument("--json", help="write all measurements to this file")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    agents = {name: make_agent(*shape) for name, shape in SHAPES.items()}
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in agents}
    for number in range(args.rounds):
        for name, agent in agents.items():
            print(f"round {number + 1}/{args.rounds}: {name}", file=sys.stderr)
            results[name].append(measure(agent, args.seconds))
    print(f"{'network, sequences x steps':28}{'ms/update':>10}{'learned/s cpu':>15}")
    for name, rounds in results.items():
        cost, rate = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(f"{name:28}{1e3 * cost:10.1f}{rate:15.0f}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    return 0


def make_agent(model_size: str, batch_size: int, seq_len: int, burn_in: int) -> Agent:
    """An agent whose replay holds ROWS observations of ENVS envs."""
    config = AgentConfig(
        model_size=model_size, batch_size=batch_size, seq_len=seq_len, burn_in=burn_in, n_step=5, buffer_size=20_000,
        learning_starts=0, cell_planes=CELL_FEATURES // CELLS, learner=LearnerConfig(precision="auto"),
    )  # fmt: skip
    agent = Agent(config, ENVS, 7, STRUCTURED_DIM)
    rng, ids, nothing = np.random.default_rng(0), np.arange(ENVS), np.zeros(ENVS, np.float32)
    rows = np.zeros(ENVS, RECORD)
    for number in range(ROWS):
        rows["screen"] = rng.integers(0, 256, rows["screen"].shape, dtype=np.uint8)
        rows["is_first"] = number == 0
        actions = agent.act(rows, nothing, ids, np.ones(ENVS))
        agent.observe(rows, nothing, actions, ids)
    agent.learn()
    return agent


def measure(agent: Agent, seconds: float) -> tuple[float, float]:
    """(processor seconds per update, learned transitions per processor second)."""
    started, updates, learned = time.process_time(), 0, 0.0
    while time.process_time() - started < seconds:
        learned += agent.learn()["learned"]
        updates += 1
    spent = time.process_time() - started
    return spent / updates, learned / spent


if __name__ == "__main__":
    sys.exit(main())
