"""An average of the weights over the last updates: what evaluations play with."""

from __future__ import annotations

import copy

import torch

from Daddy.networks import HierarchicalQNetwork

_SOON = 10  # updates; up to some times as many the average is younger than its decay makes it


class WeightAverage:
    """Exponential average of a network's weights (Polyak, Juditsky 1992), in a network of its own.

    The best action of some states is another one after every update (Schaul et al. 2022, arXiv 2206.00730). While
    learning goes on that does no harm; but weights that stay as they were at one update have places where greedy play
    stands still for ever. Their average over some hundred updates has few.
    """

    def __init__(self, network: HierarchicalQNetwork, decay: float) -> None:
        """`decay` in [0, 1) is the share that an update leaves of the average; with 0 it is the last weights."""
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._decay = decay

    def take(self, network: HierarchicalQNetwork, updates: int) -> None:
        """Take in the weights of `network` after so many updates in all."""
        decay = min(self._decay, updates / (updates + _SOON))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1.0 - decay)
