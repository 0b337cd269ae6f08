"""The agent's memory as one flat tensor with named parts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PARTS = ("gru", "lstm_h", "lstm_c", "ssm")


@dataclass(frozen=True)
class HierarchicalState:
    """Recurrent state of B agents: flat float (B, W), cut into gru, lstm_h, lstm_c, ssm by `sizes`."""

    flat: Tensor
    sizes: tuple[int, int, int, int]

    @staticmethod
    def zeros(sizes: tuple[int, int, int, int], batch: int, device: torch.device | str = "cpu") -> HierarchicalState:
        """The state at an episode start."""
        return HierarchicalState(torch.zeros(batch, sum(sizes), device=device), sizes)

    @staticmethod
    def cat(states: list[HierarchicalState]) -> HierarchicalState:
        """Join batches of states of equal sizes."""
        return HierarchicalState(torch.cat([s.flat for s in states]), states[0].sizes)

    def part(self, name: str) -> Tensor:
        """One level's state, (B, size); a switched-off level has size 0."""
        index = PARTS.index(name)
        start = sum(self.sizes[:index])
        return self.flat[:, start : start + self.sizes[index]]

    def replace(self, flat: Tensor) -> HierarchicalState:
        """The same cut over another flat tensor (B', W)."""
        if flat.shape[-1] != sum(self.sizes):
            raise ValueError(f"state width {flat.shape[-1]} does not match sizes {self.sizes}")
        return HierarchicalState(flat, self.sizes)

    def detach(self) -> HierarchicalState:
        """Cut off from the autograd graph."""
        return HierarchicalState(self.flat.detach(), self.sizes)

    def mask(self, done: Tensor) -> HierarchicalState:
        """Zero the states of the agents marked in done, bool (B,)."""
        return HierarchicalState(self.flat.masked_fill(done[:, None], 0.0), self.sizes)

    def index(self, rows: Tensor) -> HierarchicalState:
        """The states of some agents, int64 or bool (n,)."""
        return HierarchicalState(self.flat[rows], self.sizes)


@dataclass(frozen=True)
class Restarts:
    """Memories that episodes inside a batch of sequences begin with, where they are not zeros.

    time, batch int64 (R,): the rows, which are marked as first; flat float (R, W): the memory before each.
    """

    time: Tensor
    batch: Tensor
    flat: Tensor

    def between(self, begin: int, end: int) -> Restarts | None:
        """Those in steps begin..end-1, counted from begin; None if there are none."""
        inside = (self.time >= begin) & (self.time < end)
        return Restarts(self.time[inside] - begin, self.batch[inside], self.flat[inside]) if inside.any() else None
