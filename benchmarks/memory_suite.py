"""Does the memory work? Our network and learner on published memory tasks, sb3-contrib's RecurrentPPO beside them.

    python -m benchmarks.memory_suite [--quick] [--json] [--only TEXT] [--agents full gru lstm ssm ppo]
                                      [--out FILE] [--show]

The agent is the trainer's own (Daddy.agent) with a dense layer in place of the CNN; `full` has GRU, LSTM and SSM, the
others have one of them. The score is the mean return of 64 greedy episodes after the last step. Finished rows stand in
``--out`` (JSON lines) at once, and rows that stand there already are not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from benchmarks.memory_tasks import TASKS, Learning, Task, available
from Daddy.actor import Actor
from Daddy.agent import Agent, AgentConfig
from Daddy.learner import LearnerConfig
from Daddy.networks import ABLATIONS, NetworkSizes
from Daddy.schedules import linear

ENVS = 16
AGENTS = ("full", *ABLATIONS, "ppo")
UNITS = 64
EVAL_EPISODES = 64
PEERS = {"bsuite": "bsuite", "popgym": "popgym", "ppo": "sb3_contrib"}
_EVAL_SEED = 10_000


class Envs:
    """ENVS envs of a task as the trainer's vector env shows them: after an end comes the first row of a new episode."""

    def __init__(self, task: Task, seed: int) -> None:
        self._envs = [task.make(seed * ENVS + i) for i in range(ENVS)]
        self._seed = seed
        self.num_actions = int(self._envs[0].action_space.n)
        self.width = self._envs[0].observation_space.shape[0]
        self._over = np.ones(ENVS, bool)
        self._begun = False
        self._screen = np.zeros((ENVS, 72, 20), np.uint8)
        self.running = np.zeros(ENVS)
        self.returns: list[float] = []

    def rows(self, actions: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """(rows, rewards) that follow actions (ENVS,): rows as Agent.act wants them, rewards f4 (ENVS,)."""
        first, reward = self._over.copy(), np.zeros(ENVS, np.float32)
        terminated, truncated = np.zeros(ENVS, bool), np.zeros(ENVS, bool)
        features = np.zeros((ENVS, self.width), np.float32)
        for i, env in enumerate(self._envs):
            if first[i]:
                features[i], _ = env.reset(seed=None if self._begun else self._seed * ENVS + i)
            else:
                features[i], reward[i], terminated[i], truncated[i], _ = env.step(int(actions[i]))
        self._begun, self._over = True, terminated | truncated
        self._count(first, reward)
        rows = {"screen": self._screen, "structured": features, "is_first": first, "terminated": terminated,
                "truncated": truncated}
        return rows, reward

    def _count(self, first: np.ndarray, reward: np.ndarray) -> None:
        self.running = np.where(first, 0.0, self.running + reward)
        self.returns += self.running[self._over].tolist()


@dataclass(frozen=True)
class Outcome:
    """What a learner leaves: returns of its training episodes in order, and of its greedy ones."""

    training: list[float]
    greedy: list[float]


def train_ours(task: Task, which: str, seed: int) -> Outcome:
    """Train our agent with all cores (`full`) or one of them."""
    envs, ids = Envs(task, seed), np.arange(ENVS)
    agent = Agent(_agent_config(task.learning, which, seed), ENVS, envs.num_actions, envs.width)
    rows, reward = envs.rows(np.zeros(ENVS, np.int64))
    updates, every = 0, task.learning.steps_per_update
    for step in range(0, task.steps, ENVS):
        epsilon = linear(step, 1.0, 0.02, 0.3 * task.steps)
        actions = agent.act(rows, reward, ids, np.full(ENVS, epsilon))
        agent.observe(rows, reward, actions, ids)
        while agent.can_learn(step) and updates * every < step - agent.config.learning_starts:
            agent.learn()
            updates += 1
        rows, reward = envs.rows(actions)
    return Outcome(envs.returns, _play_greedily(task, agent.new_actor(ENVS), seed))


def _agent_config(learning: Learning, which: str, seed: int) -> AgentConfig:
    sizes = NetworkSizes((0, 0, 0), (1, 1), embed=0, structured=UNITS, gru=UNITS, lstm=UNITS, ssm=UNITS, head=UNITS)
    return AgentConfig(
        sizes=sizes, ablate=() if which == "full" else tuple(core for core in ABLATIONS if core != which),
        frame_stack=1, structured_dtype="f4", seq_len=learning.seq_len, burn_in=learning.burn_in,
        n_step=learning.n_step, batch_size=32, buffer_size=50_000, learning_starts=2_000, seed=seed,
        learner=LearnerConfig(gamma=learning.gamma, lr=learning.lr, target_update=100, value_rescale=False),
    )  # fmt: skip


def _play_greedily(task: Task, actor: Actor, seed: int) -> list[float]:
    envs, ids, rng = Envs(task, _EVAL_SEED + seed), np.arange(ENVS), np.random.default_rng(0)
    actions = np.zeros(ENVS, np.int64)
    while len(envs.returns) < EVAL_EPISODES:
        rows, reward = envs.rows(actions)
        actions, _ = actor.act(rows, reward, ids, np.zeros(ENVS), rng)
    return envs.returns


class _Returns(gymnasium.Wrapper):
    """Adds the return of each finished episode to a list that several envs share."""

    def __init__(self, env: gymnasium.Env, returns: list[float]) -> None:
        super().__init__(env)
        self._returns, self._sum = returns, 0.0

    def reset(self, **options: Any) -> tuple[np.ndarray, dict]:
        self._sum = 0.0
        return self.env.reset(**options)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._sum += float(reward)
        if terminated or truncated:
            self._returns.append(self._sum)
        return observation, float(reward), bool(terminated), bool(truncated), info


def train_ppo(task: Task, seed: int) -> Outcome:
    """Train sb3-contrib's RecurrentPPO with the RL Zoo's settings for CartPoleNoVel-v1, rollouts of a whole episode."""
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    count, training, greedy = 8, [], []
    cartpole = "CartPole" in task.name
    envs = DummyVecEnv([lambda i=i: _Returns(task.make(seed * ENVS + i), training) for i in range(count)])
    model = RecurrentPPO(
        "MlpLstmPolicy", envs, n_steps=32 if cartpole else 128, batch_size=256, n_epochs=20 if cartpole else 10,
        gae_lambda=0.8 if cartpole else 0.95, gamma=0.98 if cartpole else task.learning.gamma,
        ent_coef=0.0 if cartpole else 0.01, learning_rate=lambda left: 1e-3 * left, clip_range=lambda left: 0.2 * left,
        policy_kwargs={"lstm_hidden_size": UNITS}, seed=seed, device="cpu",
    )  # fmt: skip
    model.learn(task.steps)
    fresh = DummyVecEnv(
        [lambda i=i: _Returns(task.make((_EVAL_SEED + seed) * ENVS + i), greedy) for i in range(count)]
    )
    fresh.seed((_EVAL_SEED + seed) * ENVS)
    observation, state, first = fresh.reset(), None, np.ones(count, bool)
    while len(greedy) < EVAL_EPISODES:
        actions, state = model.predict(observation, state, first, deterministic=True)
        observation, _, first, _ = fresh.step(actions)
    return Outcome(training, greedy)


def run(task: Task, which: str, seed: int) -> dict[str, Any]:
    """One row: a learner on a task."""
    wall, processor = time.perf_counter(), time.process_time()
    outcome = train_ppo(task, seed) if which == "ppo" else train_ours(task, which, seed)
    return {
        "task": task.name, "agent": which, "seed": seed, "steps": task.steps, "episodes": len(outcome.training),
        "score": statistics.fmean(outcome.greedy), "last_100_training": statistics.fmean(outcome.training[-100:]),
        "perfect": sum(r > 0 for r in outcome.training), "memory_length": task.memory_length,
        "seconds": round(time.perf_counter() - wall, 1), "cpu_seconds": round(time.process_time() - processor, 1),
    }  # fmt: skip


def bsuite_score(rows: list[dict[str, Any]]) -> float | None:
    """The share of memory_len lengths that bsuite's own function calls learned; None without bsuite or such rows."""
    chains = [row for row in rows if row["memory_length"] is not None]
    if not chains or not available("bsuite"):
        return None
    import pandas
    from bsuite.experiments.memory_len import analysis

    table = pandas.DataFrame(
        {"memory_length": row["memory_length"], "episode": row["episodes"], "total_perfect": row["perfect"]}
        for row in chains
    )
    return float(analysis.score(table))


def wanted(arguments: argparse.Namespace) -> Iterator[tuple[Task, str, int]]:
    """All runs that were asked for, the cheap ones first."""
    if arguments.quick:
        quick = replace(TASKS[0], steps=6_000, learning=replace(TASKS[0].learning, steps_per_update=32))
        yield from ((quick, which, 1) for which in ("full", "ppo"))
        return
    tasks = [task for task in TASKS if arguments.only in task.name]
    for task in tasks:
        for which in arguments.agents:
            yield from ((task, which, seed) for seed in range(1, min(task.seeds, arguments.seeds) + 1))


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run what is wanted and not done yet, a missing peer giving a row whose score is null; returns all rows."""
    rows = [] if arguments.out is None or not arguments.out.exists() else _read(arguments.out)
    done = {(row["task"], row["agent"], row["seed"], row["steps"]) for row in rows}
    for task, which, seed in () if arguments.show else wanted(arguments):
        if (task.name, which, seed, task.steps) in done:
            continue
        missing = [p for p in (task.package, PEERS.get(which)) if p is not None and not available(p)]
        print(f"{task.name}: {which}, seed {seed}" + (f": {missing[0]} is missing" if missing else ""), file=sys.stderr)
        empty = {"task": task.name, "agent": which, "seed": seed, "steps": task.steps, "score": None,
                 "memory_length": None, "missing": missing}
        rows.append(empty if missing else run(task, which, seed))
        if arguments.out is not None and not missing:
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    return rows


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: one line per task, one column per agent; cells are scores by seed and the median processor seconds."""
    agents = [a for a in AGENTS if any(row["agent"] == a for row in rows)]
    lines = ["| task | steps | " + " | ".join(agents) + " |", "|---|---|" + "---|" * len(agents)]
    for name, steps in dict.fromkeys((row["task"], row["steps"]) for row in rows):
        cells = [[r for r in rows if (r["task"], r["steps"], r["agent"]) == (name, steps, a)] for a in agents]
        lines.append(f"| {name} | {steps:,} | " + " | ".join(map(_cell, cells)) + " |")
    lines.append("| bsuite's score of memory_len | | " + " | ".join(_bsuite_cell(rows, a) for a in agents) + " |")
    return "\n".join(lines)


def _bsuite_cell(rows: list[dict[str, Any]], agent: str) -> str:
    own = [row for row in rows if row["agent"] == agent and row["score"] is not None]
    lengths = {row["memory_length"] for row in own} - {None}
    return f"{_score(bsuite_score(own))} of {len(lengths)} lengths"


def _cell(rows: list[dict[str, Any]]) -> str:
    scores = ", ".join(_score(row["score"]) for row in rows) or "-"
    spent = [row["cpu_seconds"] for row in rows if row["score"] is not None]
    return f"{scores} ({statistics.median(spent):.0f} s)" if spent else scores


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_suite", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short task, under a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", default="", metavar="TEXT", help="only tasks whose name contains this")
    parser.add_argument("--agents", nargs="+", choices=AGENTS, default=AGENTS, help="default: all")
    parser.add_argument("--seeds", type=int, default=3, help="at most so many seeds per task (default: 3)")
    parser.add_argument("--show", action="store_true", help="run nothing, print what stands in --out")
    parser.add_argument("--out", type=Path, help="JSON lines file to which finished rows are added")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    rows = measure(arguments)
    peers = {name: available(package) for name, package in PEERS.items()}
    result = {"peers": peers, "load": os.getloadavg()[0], "rows": rows, "bsuite_score": {
        which: bsuite_score([r for r in rows if r["agent"] == which and r["score"] is not None]) for which in AGENTS
    }}  # fmt: skip
    print(json.dumps(result) if arguments.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
