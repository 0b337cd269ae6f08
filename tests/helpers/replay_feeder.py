"""Rows whose every field tells where they belong, for tests of the replay."""

import numpy as np

from Daddy.frames import pack2bit
from Daddy.replay_buffer import ReplaySpec

SPEC = ReplaySpec(num_envs=3, capacity=3 * 24, structured_dim=2, state_width=4, seq_len=4, burn_in=2, n_step=2,
                  frame_stack=3, stride=3)


def frame_of(step):
    """A packed picture that spells its step number in base 4 in its first pixels."""
    levels = np.zeros((72, 80), np.uint8)
    levels[0, :6] = [(step >> (2 * digit)) & 3 for digit in range(6)]
    return pack2bit(levels)


def step_of(packed):
    return packed[..., 0, 0].astype(int) // 64 % 4 + sum(
        ((packed[..., 0, d // 4].astype(int) >> (6 - 2 * (d % 4))) & 3) * 4**d for d in range(1, 6)
    )


class Feeder:
    """Writes rows whose every field is a function of (env, row), in random partial batches."""

    def __init__(self, buffer, seed=0, episode=7):
        self.buffer, self.rng, self.episode = buffer, np.random.default_rng(seed), episode
        self.rows = np.zeros(buffer.spec.num_envs, int)

    def add(self, envs):
        rows = self.rows[envs]
        first, last = rows % self.episode == 0, rows % self.episode == self.episode - 1
        due = self.buffer.due(envs)
        state = np.stack([rows[due], envs[due], -rows[due], np.ones(due.sum())], axis=1)
        self.buffer.add(
            np.stack([frame_of(r) for r in rows]), np.stack([rows % 256, envs], axis=1), (rows + envs) % 5,
            (rows * 10 + envs).astype(np.float32), first, last, last & (envs == 0), envs, state,
        )  # fmt: skip
        self.rows[envs] += 1

    def run(self, calls):
        envs = self.buffer.spec.num_envs
        for _ in range(calls):
            self.add(self.rng.permutation(envs)[: self.rng.integers(1, envs + 1)])
