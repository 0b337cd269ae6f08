"""The average of weights: against a loop over plain numbers, and through an agent's checkpoint."""

import numpy as np
import pytest
import torch
from tiny_agent import ACTIONS, FEATURES, TINY, Stream, feed, make

from Daddy.averaging import WeightAverage
from Daddy.networks import HierarchicalQNetwork


def flat(network) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in network.parameters()]).numpy().copy()


def networks(count: int) -> list[HierarchicalQNetwork]:
    torch.manual_seed(0)
    return [HierarchicalQNetwork(TINY, ACTIONS, FEATURES) for _ in range(count)]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95])
def test_it_is_the_exponential_average_and_young_while_there_is_little_to_average(decay):
    first, *others = networks(41)
    average, wanted = WeightAverage(first, decay), flat(first)
    for n, network in enumerate(others, 1):
        average.take(network, n)
        share = min(decay, n / (n + 10))
        wanted = share * wanted + (1 - share) * flat(network)
    assert np.allclose(flat(average.network), wanted, atol=1e-6)
    assert np.array_equal(wanted, flat(others[-1])) == (decay == 0)
    assert not any(p.requires_grad for p in average.network.parameters())


def learned(updates: int, **changes):
    agent = make(**changes)
    feed(agent, Stream(), 40)
    for _ in range(updates):
        agent.learn()
    return agent


def test_an_agent_averages_what_it_learns_and_goes_on_with_it():
    agent, twin = learned(6), make()
    assert not np.allclose(flat(agent.average.network), flat(agent.learner.online), atol=1e-5)
    twin.load_state_dict(agent.state_dict())
    assert np.array_equal(flat(twin.average.network), flat(agent.average.network))


def test_a_checkpoint_without_one_begins_with_its_weights():
    agent, twin = learned(2), make()
    twin.load_state_dict({name: part for name, part in agent.state_dict().items() if name != "average"})
    assert np.array_equal(flat(twin.average.network), flat(agent.learner.online))


@pytest.mark.parametrize("with_average", [False, True])
def test_the_average_acts_if_it_is_asked_to(with_average):
    agent, twin = learned(4, act_with_average=with_average), make(act_with_average=with_average)
    twin.load_state_dict(agent.state_dict())
    for one in (agent, twin):
        acting = one.average.network if with_average else one.learner.online
        assert np.array_equal(flat(one.actor.network), flat(acting))
