"""Generalised advantage estimation (Schulman et al. 2016, eq. 16) on rows as pufferlib delivers them."""
from __future__ import annotations

import torch
from torch import Tensor


def advantages(
    values: Tensor, rewards: Tensor, terminated: Tensor, truncated: Tensor, gamma: float, lam: float
) -> Tensor:
    """Advantages (T, N) of the actions of rows 0..T-1, from rows 0..T, all (T + 1, N).

    Row t holds the value of its observation and what the step into it delivered: its reward and whether it ended the
    episode. A truncated episode is bootstrapped with the value of its last observation, a terminated one with 0. The
    action of a row that ended an episode is none (the env resets): its advantage means nothing and must be masked.
    """
    done = (terminated | truncated).float()
    alive = 1.0 - terminated.float()
    result, running = torch.zeros_like(values[:-1]), torch.zeros_like(values[0])
    for t in range(len(result) - 1, -1, -1):
        delta = rewards[t + 1] + gamma * alive[t + 1] * values[t + 1] - values[t]
        running = delta + gamma * lam * (1.0 - done[t + 1]) * running
        result[t] = running
    return result
