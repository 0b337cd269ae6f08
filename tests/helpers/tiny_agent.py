"""An agent small enough for tests, and random observations to feed it."""

from dataclasses import replace

import numpy as np

from Daddy.agent import Agent, AgentConfig
from Daddy.learner import LearnerConfig
from Daddy.networks import NetworkSizes

TINY = NetworkSizes((4, 8, 8), (2, 2), embed=16, structured=8, gru=12, lstm=12, ssm=8, head=16)
ENVS, ACTIONS, FEATURES = 4, 5, 3
CONFIG = AgentConfig(
    sizes=TINY, seq_len=6, burn_in=3, n_step=2, batch_size=5, buffer_size=ENVS * 60, learning_starts=50,
    learner=LearnerConfig(target_update=4),
)  # fmt: skip


class Stream:
    """Random observations with random episode ends, in the vector backends' order of first and last rows."""

    def __init__(self, seed=0, end_rate=0.1):
        self.rng, self.over, self.end_rate = np.random.default_rng(seed), np.ones(ENVS, bool), end_rate

    def rows(self, envs):
        count, first = len(envs), self.over[envs]
        last = (self.rng.random(count) < self.end_rate) & ~first
        terminated = last & (self.rng.random(count) < 0.5)
        self.over[envs] = last
        rows = {
            "screen": self.rng.integers(0, 256, (count, 72, 20), dtype=np.uint8),
            "structured": self.rng.integers(0, 256, (count, FEATURES), dtype=np.uint8),
            "is_first": first, "terminated": terminated, "truncated": last & ~terminated,
        }  # fmt: skip
        return rows, np.where(first, 0, self.rng.normal(size=count)).astype(np.float32)

    def subset(self):
        return self.rng.permutation(ENVS)[: self.rng.integers(1, ENVS + 1)]


def feed(agent, stream, calls, epsilon=0.5):
    for _ in range(calls):
        envs = stream.subset()
        rows, reward = stream.rows(envs)
        actions = agent.act(rows, reward, envs, np.full(len(envs), epsilon))
        agent.observe(rows, reward, actions, envs)


def make(**changes):
    return Agent(replace(CONFIG, **changes), ENVS, ACTIONS, FEATURES)
