"""PPO against known results: CartPole, and a memory task that needs the LSTM."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from small_ppo import SmallPolicy, cartpole, remember

from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.ppo.rollout import Collector
from pokemonred_puffer.ppo.scaling import ReturnScale
from pokemonred_puffer.ppo.update import PPO, PPOSettings
from pokemonred_puffer.ppo.vector import EnvMaker, make_vector, plan_layout


class Training:
    """A policy, its envs in this process, and the returns of the episodes that ended."""

    def __init__(self, maker: EnvMaker, inputs: int, *, seed: int = 1, forgetful: bool = False, envs: int = 8,
                 steps: int = 128, horizon: int = 16, lr: float = 1e-3, **settings) -> None:
        torch.manual_seed(seed)
        self.vector = make_vector(maker, plan_layout("serial", envs, 0, 0))
        self.vector.async_reset(seed)
        self.policy = RecurrentPolicy(SmallPolicy(inputs, 2), 64, forgetful)
        self.settings = PPOSettings(**{"gamma": 0.98, "gae_lambda": 0.9, "clip_coef": 0.2, "clip_vloss": False,
                                       "update_epochs": 4, "minibatch_size": 256, "ent_coef": 0.0, **settings})
        self.ppo = PPO(self.policy, self.settings, lr, seed)
        self.lr = lr
        scale = ReturnScale(envs, self.settings.gamma)
        self.collector = Collector(self.vector, envs, horizon, steps, self.policy, seed, scale)
        self.returns: list[float] = []

    def run(self, total_steps: int, enough: Callable[[list[float]], bool] = lambda _: False) -> list[float]:
        while self.collector.steps_played < total_steps and not enough(self.returns):
            rollout = self.collector.collect(lambda end: self.returns.append(end.return_env))
            self.ppo.set_learning_rate(self.lr * (1 - self.collector.steps_played / total_steps / 1.2))
            self.losses = self.ppo.update(rollout)
        return self.returns


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_cartpole_is_solved():
    """CartPole's old bar: 195 on average over 100 episodes."""
    returns = Training(cartpole, 4, horizon=32).run(80_000, lambda r: len(r) > 100 and np.mean(r[-100:]) >= 195)
    assert np.mean(returns[:20]) < 60
    assert np.mean(returns[-100:]) >= 195


def test_a_memory_task_is_solved_by_the_lstm_and_only_by_it():
    """The control has the same network and as many steps, but its memory is emptied at every step."""
    memory = {"horizon": 32, "lr": 2.5e-3, "ent_coef": 0.01}
    solver = Training(remember, 2, **memory)
    solved = solver.run(25_000, lambda returns: len(returns) > 200 and np.mean(returns[-200:]) > 0.95)
    without = Training(remember, 2, forgetful=True, **memory).run(solver.collector.steps_played)
    assert np.mean(solved[-200:]) > 0.95
    assert abs(np.mean(without)) < 0.15


def test_the_same_seed_gives_the_same_result():
    first, second, other = (Training(cartpole, 4, seed=seed) for seed in (3, 3, 4))
    assert first.run(3_000) == second.run(3_000) != other.run(3_000)
    for one, same in zip(first.policy.parameters(), second.policy.parameters(), strict=True):
        assert torch.equal(one, same)


def test_every_parameter_changes():
    training = Training(cartpole, 4)
    before = {name: value.clone() for name, value in training.policy.named_parameters()}
    training.run(1_024)
    assert [name for name, value in training.policy.named_parameters() if torch.equal(value, before[name])] == []
    assert np.isfinite(list(training.losses.values())).all()
