"""Drives a vector env with fixed random actions."""

from __future__ import annotations

import numpy as np

from Daddy.puffer_shim import VectorEnv


def play(vector: VectorEnv, steps: int) -> list[np.ndarray]:
    """The records of each env over ``steps`` receptions, under actions that depend on env and step only; closes it."""
    actions = np.random.default_rng(0).integers(7, size=(steps, vector.num_envs))
    seen: list[list] = [[] for _ in range(vector.num_envs)]
    try:
        for step in range(steps):
            for _ in range(vector.num_envs // vector.batch_size):
                batch = vector.recv()
                for record, env in zip(batch.records.copy(), batch.env_ids, strict=True):
                    seen[env].append(record)
                vector.send(actions[step, batch.env_ids])
    finally:
        vector.close()
    return [np.array(records) for records in seen]
