"""Advantages against sums written out."""
from __future__ import annotations

import pytest
import torch

from pokemonred_puffer.ppo.gae import advantages

GAMMA, LAMBDA = 0.9, 0.8


def slow(values, rewards, terminated, truncated):
    """For one env: sum over l of (gamma lambda)^l delta_(t+l), to the end of the episode or of the rollout."""
    result = []
    for t in range(len(values) - 1):
        total, weight = 0.0, 1.0
        for k in range(t, len(values) - 1):
            after = 0.0 if terminated[k + 1] else values[k + 1]
            total += weight * (rewards[k + 1] + GAMMA * after - values[k])
            weight *= GAMMA * LAMBDA
            if terminated[k + 1] or truncated[k + 1]:
                break
        result.append(total)
    return result


def test_advantages_are_the_sums_of_the_definition():
    generator = torch.Generator().manual_seed(0)
    shape = (40, 5)
    values, rewards = (torch.randn(shape, generator=generator) for _ in range(2))
    terminated = torch.rand(shape, generator=generator) < 0.1
    truncated = (torch.rand(shape, generator=generator) < 0.1) & ~terminated
    assert terminated.any() and truncated.any()
    found = advantages(values, rewards, terminated, truncated, GAMMA, LAMBDA)
    for env in range(shape[1]):
        columns = (rows[:, env].tolist() for rows in (values, rewards, terminated, truncated))
        assert found[:, env].tolist() == pytest.approx(slow(*columns), abs=1e-5)


def test_truncation_is_bootstrapped_and_termination_is_not():
    values, rewards = torch.tensor([[0.0], [10.0], [0.0]]), torch.tensor([[0.0], [1.0], [0.0]])
    end, none = torch.tensor([[False], [True], [False]]), torch.zeros(3, 1, dtype=torch.bool)
    assert advantages(values, rewards, none, end, GAMMA, LAMBDA)[0].item() == pytest.approx(1 + 0.9 * 10)
    assert advantages(values, rewards, end, none, GAMMA, LAMBDA)[0].item() == pytest.approx(1)
