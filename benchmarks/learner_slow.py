"""The learner as one would write it first, and the way from there to the present one, a change at a time.

Everything here but `NatureEncoder` computes what the product computes (the tests compare Q, gradients and updates), so
that a step's gain is a gain in speed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from Daddy.encoder import CellEncoder
from Daddy.frames import unpack2bit
from Daddy.learner import Inputs, Learner, LearnerConfig
from Daddy.networks import HierarchicalQNetwork
from Daddy.recurrent import Segments, run_fused
from Daddy.replay_buffer import ReplayBatch, ReplayBuffer, ReplaySpec

FIRST = "straightforward"
STEPS = {  # what is slow: the change that makes it fast, in the order of the rows
    "nature": "one 8x8 cell per input of the CNN, not 8s4/4s2/3s1",
    "frames": "packed frames cut into cells once, channels_last",
    "stepped": "GRU and LSTM as fused kernels over segments",
    "fused": "GRU, and LSTM with resets, as loops with their own backward",
    "scan": "SSM scan with an analytic backward",
    "gather": "one vectorised gather into preallocated arrays",
    "adam": "fused AdamW",
    "allocator": "an allocator that keeps freed memory",
    "float32": "bfloat16 in encoder and cores, where the processor has it",
    "tail": "no graph over the n rows after the learned ones",
    "distinct": "first layer on the cells that differ, once for both networks",
}


def rows() -> dict[str, frozenset[str]]:
    """Name of each row and what is still slow in it; the last one is the product."""
    names = list(STEPS)
    later = {f"+ {STEPS[name]}": frozenset(names[at + 1 :]) for at, name in enumerate(names)}
    return {FIRST: frozenset(names), **later}


class NatureEncoder(nn.Module):
    """The convolutions of Mnih et al. 2015 with the preset's widths, on stacks of frames uint8 (N, K, 72, 80)."""

    def __init__(self, depth: int, channels: tuple[int, int, int], outputs: int):
        super().__init__()
        one, two, three = channels
        self.layers = nn.Sequential(
            nn.Conv2d(depth, one, 8, stride=4), nn.ReLU(), nn.Conv2d(one, two, 4, stride=2), nn.ReLU(),
            nn.Conv2d(two, three, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(outputs), nn.ReLU(),
        )  # fmt: skip
        self.layers(torch.zeros(1, depth, 72, 80))

    def forward(self, frames: Tensor, planes: Tensor | None = None) -> Tensor:
        """Features (N, outputs); the planes reach the network with the other features only."""
        return self.layers(frames.float() / 3.0)


class FrameEncoder(nn.Module):
    """A `CellEncoder` that cuts the cells by a strided convolution over stacks of frames uint8 (N, K, 72, 80)."""

    def __init__(self, inner: CellEncoder):
        super().__init__()
        self.inner = inner.to(memory_format=torch.contiguous_format)

    def forward(self, frames: Tensor, planes: Tensor) -> Tensor:
        """The inner encoder's features (N, outputs) of the same frames and planes (N, P, 9, 10)."""
        inner = self.inner
        kernel = inner.cell.weight.view(-1, frames.shape[1], 8, 8)
        x = F.conv2d(frames.float() / 3.0, kernel, inner.cell.bias, stride=8)  # (N, C0, 9, 10)
        if inner.planes is not None:
            x = x + inner.planes(planes.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = F.relu(inner.cell_norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2).contiguous()
        x = inner.convs(x).permute(0, 2, 3, 1).flatten(1)
        return F.relu(inner.dense_norm(inner.dense(x)))


def stack_frames(packed: np.ndarray, first: Tensor, depth: int) -> Tensor:
    """`frames.stack_cells` for whole frames: uint8 (B, T, depth, 72, 80) of packed (B, depth-1+T, 72, 20)."""
    frames = torch.from_numpy(unpack2bit(packed))
    stacks = []
    for at in range(depth - 1, frames.shape[1]):
        stack = [frames[:, at]]
        for age in range(1, depth):
            same = ~first[:, at - age + 1 : at + 1].any(dim=1)  # (B,)
            stack.insert(0, frames[:, at - age] * same[:, None, None])
        stacks.append(torch.stack(stack, dim=1))
    return torch.stack(stacks, dim=1)


def stepped_recurrent(rnn: nn.GRU | nn.LSTM, x: Tensor, state: list[Tensor], segments: Segments | None,
                      first: Tensor, restarted: None = None) -> tuple[Tensor, list[Tensor]]:
    """`recurrent.run_recurrent` one cell at a time, its state masked before every step."""
    weights = (rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0)
    keep, outputs = (~first).to(x.dtype)[..., None], []
    for at in range(len(x)):
        state = [part * keep[at] for part in state]
        if isinstance(rnn, nn.GRU):
            state = [torch.gru_cell(x[at], state[0], *weights)]
        else:
            state = list(torch.lstm_cell(x[at], state, *weights))
        outputs.append(state[0])
    return torch.stack(outputs), state


def stepped_scan(a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
    """`ssm.linear_scan` as a loop whose backward is autograd's."""
    states, state = [], initial
    for decay, drive in zip(a, b, strict=True):
        state = decay * state + drive
        states.append(state)
    return torch.stack(states)


class SlowReplay(ReplayBuffer):
    """Gathers sequence by sequence and stacks them."""

    def _gather(self, batch: ReplayBatch) -> None:
        spec = self.spec
        arrays, found = (self._screen, self._structured, self._action, self._reward, self._flags), []
        for slot, start in zip(batch.slots, batch.starts, strict=True):
            env = slot // (spec.ring // spec.stride)
            ring = [(start + at) % spec.ring for at in range(-spec.lead, spec.rows)]
            found.append([array[env, ring] for array in arrays])
        joined = (np.stack(part) for part in zip(*found, strict=True))
        screen, batch.structured, batch.action, batch.reward, flags = joined
        batch.screen = screen.reshape(batch.screen.shape)
        batch.is_first, batch.is_last, batch.terminated = (flags & bit > 0 for bit in (1, 2, 4))
        batch.state = np.stack([self._state[slot] for slot in batch.slots])


class SlowLearner(Learner):
    """The learner with what `slow` names left slow."""

    def __init__(self, config: LearnerConfig, spec: ReplaySpec, online: HierarchicalQNetwork, device: torch.device,
                 slow: frozenset[str]):
        self._slow = slow
        super().__init__(config, spec, slow_network(online, slow), device)
        self._sees_once = self._sees_once and not slow & {"nature", "frames", "distinct"}
        if "adam" in slow:
            groups = [{**group, "fused": False, "foreach": False} for group in self.optimizer.param_groups]
            self.optimizer = torch.optim.AdamW(groups, fused=False, foreach=False)

    def prepare(self, batch: ReplayBatch) -> Inputs:
        inputs = super().prepare(batch)
        if "frames" in self._slow:
            oldest = self.spec.lead - (self.spec.frame_stack - 1)
            inputs.__dict__["cells"] = stack_frames(batch.screen[:, oldest:], inputs.shown_first, self.spec.frame_stack)
        return inputs

    def _seen(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        target, before, learned, after = super()._seen(inputs)
        if "tail" in self._slow:
            learned, after = torch.cat([learned, after], dim=1), after[:, :0]
        return target, before, learned, after


def slow_network(network: HierarchicalQNetwork, slow: frozenset[str]) -> HierarchicalQNetwork:
    """The same network with a slow encoder in the place of its own."""
    sizes = network.sizes
    if "nature" in slow:
        network.encoder = NatureEncoder(network.frame_stack, sizes.cnn, sizes.embed)
    elif "frames" in slow:
        network.encoder = FrameEncoder(network.encoder)
    return network


@contextmanager
def slowed(slow: frozenset[str]) -> Iterator[None]:
    """Functions of the product replaced by slow ones for a while, in this process."""
    with ExitStack() as stack:
        if "stepped" in slow:
            stack.enter_context(patch("Daddy.networks.run_recurrent", stepped_recurrent))
            stack.enter_context(patch("Daddy.networks.find_segments", lambda first, restarts: None))
        elif "fused" in slow:
            stack.enter_context(patch("Daddy.networks.run_recurrent", run_fused))
        if "scan" in slow:
            stack.enter_context(patch("Daddy.ssm.linear_scan", stepped_scan))
        yield
