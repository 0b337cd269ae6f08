"""Advance acting envs by one observation: the network itself, or on a CPU the same numbers from fewer operations.

Acting for few envs costs mostly the calls of small operations, not arithmetic. Processor milliseconds of `Actor.act`
with the network's own pass and fused, on a busy AVX2 core: slim, 8 envs 4.1 and 1.9; slim, 16 envs 5.0 and 2.3; large,
32 envs 18.8 and 13.3, of which the products with 6 million weights are most.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from Daddy.cell_tables import ByteRows, byte_tables, level_weights, look_up
from Daddy.encoder import CellEncoder
from Daddy.frames import CELLS, GRID, pack_cells, unpack2bit
from Daddy.networks import HierarchicalQNetwork
from Daddy.state import HierarchicalState


class PlainStepper:
    """Steps through the network's own forward pass, on any device."""

    def __init__(self, network: HierarchicalQNetwork, num_envs: int):
        self._network = network

    def load(self, frames: np.ndarray) -> None:
        """Hear that the weights have changed."""

    def step(self, frames: np.ndarray, env_ids: np.ndarray, first: np.ndarray, core: Tensor,
             before: HierarchicalState) -> tuple[Tensor, Tensor]:
        """Q-values (B, A) and the memory after (B, W) of envs env_ids (B,), without repeats.

        frames u1 (B, K, 72, 20), packed and newest last, zeros where an episode had not begun; first bool (B,); core
        float (B, core_dim); before: the memory, zeroed already where it is to be forgotten. Results hold until the
        next call.
        """
        device = before.flat.device
        keep = torch.zeros(len(env_ids), dtype=torch.bool, device=device)
        levels = torch.from_numpy(unpack2bit(frames)).to(device)
        q, after, _ = self._network(levels, core.to(device), before, keep)
        return q, after.flat


class FusedStepper:
    """Steps on a CPU from weights that `load` has laid out.

    The newest frame meets all of the first layer's weights at once, by look-up, and what it adds to coming
    observations waits. Weights that read the same are joined, LayerNorms' scales and shifts go into the weights that
    read them, and the dueling sum is part of the last matrix.
    """

    def __init__(self, network: HierarchicalQNetwork, num_envs: int):
        self._network, self._depth, self._byte_rows = network, network.frame_stack, ByteRows()
        self._waiting = torch.zeros(num_envs, CELLS, (self._depth - 1) * network.sizes.cnn[0])
        self._buffers: dict[int, _Buffers] = {}
        self.load(None)

    @torch.inference_mode()
    def load(self, frames: np.ndarray | None) -> None:
        """Lay out the network's weights anew; frames u1 (num_envs, K, 72, 20) are what each env has seen last."""
        net = self._network
        joined = [(net.gru.weight_ih_l0, net.gru.bias_ih_l0)] if net.sizes.gru else []
        if isinstance(net.base, nn.Linear):
            joined.append((net.base.weight, torch.zeros(net.base.out_features)))
        self._joint = [torch.cat([bias for _, bias in joined]), torch.cat([w for w, _ in joined]).t()] if joined else []
        self._structured = _Dense(net.structured[0], net.structured[1])
        kinds = {"gru": _Gru, "lstm": _Lstm, "ssm": _Ssm}
        self._levels = [kind(net) for name, kind in kinds.items() if hasattr(net, name)]
        self._heads = _Heads(net)
        if net.sizes.embed:
            self._load_encoder(net.encoder, frames)

    def _load_encoder(self, encoder: CellEncoder, frames: np.ndarray | None) -> None:
        self._tables = byte_tables(level_weights(encoder.cell.weight, self._depth))
        self._cell_bias, self._cell_norm = encoder.cell.bias, _Norm(encoder.cell_norm)
        self._planes = encoder.planes.weight.t().contiguous() if encoder.planes is not None else ()  # (P, C0)
        self._convs = [_Conv(block.conv, block.norm) for block in encoder.convs]
        self._dense = _Dense(encoder.dense, encoder.dense_norm)
        self._waiting.zero_()
        for age in range(1, self._depth if frames is not None else 0):
            self._added(torch.arange(len(frames)), frames[:, age])

    def step(self, frames: np.ndarray, env_ids: np.ndarray, first: np.ndarray, core: Tensor,
             before: HierarchicalState) -> tuple[Tensor, Tensor]:
        """See `PlainStepper.step`."""
        if len(env_ids) not in self._buffers:
            self._buffers[len(env_ids)] = _Buffers(self._network, len(env_ids))
        buffers = self._buffers[len(env_ids)]
        buffers.before.copy_(before.flat)
        buffers.core.copy_(core)
        if buffers.grids:
            self._look(buffers, frames, torch.from_numpy(env_ids), first)
        self._structured(buffers.core, buffers.structured)
        if self._joint:
            torch.addmm(self._joint[0], buffers.joint, self._joint[1], out=buffers.read)
        total = buffers.base
        for level in self._levels:
            total = level(total, buffers)
        return self._heads(total), buffers.after

    def _look(self, buffers: _Buffers, frames: np.ndarray, ids: Tensor, first: np.ndarray) -> None:
        if first.any():
            self._waiting[ids[torch.from_numpy(first)]] = 0.0
        x = torch.add(self._added(ids, frames[:, -1]), self._cell_bias, out=buffers.cells)  # (B, 90, C0)
        for plane, weight in zip(buffers.planes, self._planes, strict=True):
            x.addcmul_(plane, weight)
        self._cell_norm(buffers.cell_grid, buffers.grids[0])
        for number, conv in enumerate(self._convs):
            conv(buffers.windows[number], buffers.grids[number + 1])
        self._dense(buffers.seen, buffers.pixels)

    def _added(self, ids: Tensor, frames: np.ndarray) -> Tensor:
        """First layer's sums (B, 90, C0) of observations whose newest frame, u1 (B, 72, 20), is given."""
        cells = pack_cells(torch.from_numpy(np.ascontiguousarray(frames)))
        added = look_up(self._tables, *self._byte_rows(cells)).view(len(ids), CELLS, -1)  # (B, 90, K*C0)
        channels = added.shape[2] // self._depth
        if self._depth > 1:
            added[..., :-channels].add_(self._waiting.index_select(0, ids))
            self._waiting.index_copy_(0, ids, added[..., channels:])
        return added[..., :channels]


class _Buffers:
    """What a step of B envs writes to, and views of it: making a view costs as much as a small operation."""

    def __init__(self, network: HierarchicalQNetwork, batch: int):
        sizes, width = network.sizes, network.out_norm.normalized_shape[0]
        self.before, self.after = (torch.zeros(batch, sum(network.state_sizes)) for _ in range(2))
        self.h, self.lstm_h, self.lstm_c, self.ssm = self.before.split(network.state_sizes, dim=1)
        self.new_h, self.new_lstm_h, self.new_lstm_c, self.new_ssm = self.after.split(network.state_sizes, dim=1)
        self.core = torch.zeros(batch, network.core_dim)
        self.joint = torch.zeros(batch, sizes.embed + sizes.structured)
        self.pixels, self.structured = self.joint.split([sizes.embed, sizes.structured], dim=1)
        own_base = 0 if isinstance(network.base, nn.Identity) else width
        self.read = torch.zeros(batch, 3 * sizes.gru + own_base)
        gates, base = self.read.split([3 * sizes.gru, own_base], dim=1)
        self.base = base if own_base else self.joint
        self.rz, self.n = gates.split([2 * sizes.gru, sizes.gru], dim=1)
        self.r, self.z = self.rz.chunk(2, dim=1)
        self.hidden = torch.zeros(batch, 3 * sizes.gru)
        self.hidden_rz, self.hidden_n = self.hidden.split([2 * sizes.gru, sizes.gru], dim=1)
        self.gates = torch.zeros(batch, 4 * sizes.lstm)
        self.i, self.f, self.g, self.o = self.gates.chunk(4, dim=1)
        self.driven = torch.zeros(batch, 3 * sizes.ssm)
        self.drive, self.skip = self.driven.split([2 * sizes.ssm, sizes.ssm], dim=1)
        self.real, self.imag = self.ssm.chunk(2, dim=1)
        self.new_real, self.new_imag = self.new_ssm.chunk(2, dim=1)
        self.out = torch.zeros(batch, 2 * sizes.ssm)
        self.value, self.gate = self.out.chunk(2, dim=1)
        self.grids: list[Tensor] = []  # inputs of the convolutions without their zero borders, then the last output
        self.windows: list[Tensor] = []  # the 3x3 windows of each, (B, H', W', 3, 3*C)
        if sizes.embed:
            self._add_grids(network, batch)

    def _add_grids(self, network: HierarchicalQNetwork, batch: int) -> None:
        (rows, cols), columns = GRID, network.plane_columns
        self.planes = self.core[:, columns].view(batch, network.cell_planes, CELLS, 1).unbind(1)
        self.cells = torch.zeros(batch, CELLS, network.sizes.cnn[0])
        self.cell_grid = self.cells.view(batch, rows, cols, -1)
        for block in network.encoder.convs:
            stride, channels = block.conv.stride[0], block.conv.in_channels
            full = torch.zeros(batch, rows + 2, cols + 2, channels)
            rows, cols = ((side - 1) // stride + 1 for side in (rows, cols))
            image, row, col, _ = full.stride()
            shape = (batch, rows, cols, 3, 3 * channels)  # a row of a window lies together in memory
            self.windows.append(full.as_strided(shape, (image, stride * row, stride * col, row, 1)))
            self.grids.append(full[:, 1:-1, 1:-1])
        last = torch.zeros(batch, rows, cols, block.conv.out_channels)
        self.grids.append(last)
        self.seen = last.flatten(1)


class _Norm:
    """LayerNorm and ReLU into a buffer."""

    def __init__(self, norm: nn.LayerNorm):
        self._args = (norm.normalized_shape, norm.weight, norm.bias, norm.eps)

    def __call__(self, x: Tensor, out: Tensor) -> None:
        torch.clamp_min(torch.layer_norm(x, *self._args), 0.0, out=out)


class _Dense(_Norm):
    """Linear, LayerNorm, ReLU."""

    def __init__(self, linear: nn.Linear, norm: nn.LayerNorm):
        super().__init__(norm)
        self._bias, self._weight = linear.bias, linear.weight.t()

    def __call__(self, x: Tensor, out: Tensor) -> None:
        super().__call__(torch.addmm(self._bias, x, self._weight), out)


class _Conv(_Norm):
    """3x3 convolution as a product with its windows, LayerNorm over channels, ReLU."""

    def __init__(self, conv: nn.Conv2d, norm: nn.LayerNorm):
        super().__init__(norm)
        self._bias, self._weight = conv.bias, conv.weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()  # (9*C, C')

    def __call__(self, windows: Tensor, out: Tensor) -> None:
        x = torch.addmm(self._bias, windows.reshape(-1, len(self._weight)), self._weight)
        super().__call__(x.view(out.shape), out)


class _Level:
    """Adds what a memory says to the sum of levels, (B, width)."""

    def __init__(self, project: nn.Module, norm: nn.LayerNorm | None = None):
        self._project = project.weight.t() if isinstance(project, nn.Linear) else None
        self._norm = (norm.normalized_shape, None, None, norm.eps) if norm else None  # the weights hold the rest

    def _plus(self, total: Tensor, x: Tensor) -> Tensor:
        return total + x if self._project is None else torch.addmm(total, x, self._project)


class _Gru(_Level):
    """See `masked_loops` for the equations; the input gates have been read already."""

    def __init__(self, net: HierarchicalQNetwork):
        super().__init__(net.gru_out)
        self._bias, self._weight = net.gru.bias_hh_l0, net.gru.weight_hh_l0.t()

    def __call__(self, total: Tensor, to: _Buffers) -> Tensor:
        torch.addmm(self._bias, to.h, self._weight, out=to.hidden)
        to.rz.add_(to.hidden_rz).sigmoid_()
        new = to.n.addcmul_(to.r, to.hidden_n).tanh_()
        return self._plus(total, torch.lerp(new, to.h, to.z, out=to.new_h))


class _Lstm(_Level):
    def __init__(self, net: HierarchicalQNetwork):
        super().__init__(net.lstm_out, net.lstm_norm)
        lstm, norm = net.lstm, net.lstm_norm
        self._bias = torch.addmv(lstm.bias_ih_l0 + lstm.bias_hh_l0, lstm.weight_ih_l0, norm.bias)
        self._input, self._weight = (lstm.weight_ih_l0 * norm.weight).t(), lstm.weight_hh_l0.t()

    def __call__(self, total: Tensor, to: _Buffers) -> Tensor:
        torch.addmm(self._bias, torch.layer_norm(total, *self._norm), self._input, out=to.gates)
        to.gates.addmm_(to.lstm_h, self._weight)
        new = torch.tanh(to.g)
        to.gates.sigmoid_()
        torch.mul(to.f, to.lstm_c, out=to.new_lstm_c).addcmul_(to.i, new)
        return self._plus(total, torch.mul(to.o, torch.tanh(to.new_lstm_c), out=to.new_lstm_h))


class _Ssm(_Level):
    """The LRU in real numbers: (a + bi)(x + yi) = ax - by + (ay + bx)i."""

    def __init__(self, net: HierarchicalQNetwork):
        super().__init__(net.ssm_out, net.ssm_norm)
        ssm, norm = net.ssm, net.ssm_norm
        joined = torch.cat([ssm.input.weight * ssm.gain().repeat(2)[:, None], ssm.skip.weight])  # (3D, width)
        self._input, self._input_bias = (joined * norm.weight).t(), joined @ norm.bias
        values = ssm.eigenvalues()
        self._decay, self._turn = values.real.repeat(2), values.imag.contiguous()
        self._output, self._output_bias = ssm.output.weight.t(), ssm.output.bias

    def __call__(self, total: Tensor, to: _Buffers) -> Tensor:
        torch.addmm(self._input_bias, torch.layer_norm(total, *self._norm), self._input, out=to.driven)
        torch.addcmul(to.drive, to.ssm, self._decay, out=to.new_ssm)
        to.new_real.addcmul_(to.imag, self._turn, value=-1.0)
        to.new_imag.addcmul_(to.real, self._turn)
        torch.addmm(self._output_bias, to.new_ssm, self._output, out=to.out)
        return self._plus(total, to.skip.addcmul_(to.value, to.gate.sigmoid_()))


class _Heads:
    """Both heads as one: q = v + a - mean(a) is linear in what the heads' hidden layers say."""

    def __init__(self, net: HierarchicalQNetwork):
        (value, advantage), norm = (net.value, net.advantage), net.out_norm
        weight = torch.cat([value[0][0].weight, advantage[0][0].weight])  # (2*head, width)
        bias = torch.cat([value[0][0].bias, advantage[0][0].bias])
        self._norm = (norm.normalized_shape, None, None, norm.eps)
        self._hidden, self._hidden_bias = (weight * norm.weight).t(), torch.addmv(bias, weight, norm.bias)
        self._between = (value[0][1].normalized_shape, None, None, value[0][1].eps)
        self._scale, self._shift = (
            torch.stack([getattr(head[0][1], name) for head in (value, advantage)]) for name in ("weight", "bias")
        )  # (2, head) each
        spread = advantage[1].weight - advantage[1].weight.mean(0)  # (A, head)
        self._q = torch.cat([value[1].weight.expand_as(spread), spread], dim=1).t()  # (2*head, A)
        self._q_bias = value[1].bias + advantage[1].bias - advantage[1].bias.mean()

    def __call__(self, total: Tensor) -> Tensor:
        hidden = torch.addmm(self._hidden_bias, torch.layer_norm(total, *self._norm), self._hidden)
        hidden = torch.layer_norm(hidden.view(len(total), *self._scale.shape), *self._between)
        hidden = torch.addcmul(self._shift, hidden, self._scale).clamp_min_(0.0)
        return torch.addmm(self._q_bias, hidden.flatten(1), self._q)
