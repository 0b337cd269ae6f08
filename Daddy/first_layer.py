"""The first layer of encoders that see the same screens, on a CPU: by look-up, with a backward of its own.

As `CellEncoder` writes it, each network turns every stack of frames into floats, multiplies them by a matrix with few
columns and normalises many short rows. Here a frame is looked up once for all places in the stack, only
rows that learn become floats, in the backward, and what LayerNorm subtracts is taken out of the weights, so that
normalising is a product with few columns more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from Daddy.cell_tables import BYTE_VALUES, ByteRows, byte_tables, level_weights, look_up
from Daddy.encoder import CellEncoder
from Daddy.frames import CELLS, GRID, LEVEL_SCALE, expand_cells, same_episode


@dataclass(frozen=True)
class Screens:
    """Sequences of screens, time first: packed cells uint8 (K-1+T, B, 9, 10, 16), K-1 rows before the first, for age
    1..K-1 whether it is of the same episode, bool (T, B), and further planes of the cells, float (T, B, 90, P).
    """

    cells: Tensor
    same: list[Tensor]
    planes: Tensor

    @staticmethod
    def of(cells: Tensor, first: Tensor, depth: int, planes: Tensor) -> Screens:
        """Of cells uint8 (B, K-1+T, 9, 10, 16), is_first bool (B, K-1+T) and planes (B, T, P*90)."""
        planes = planes.unflatten(-1, (planes.shape[-1] // CELLS, CELLS)).permute(1, 0, 3, 2)
        return Screens(cells.transpose(0, 1).contiguous(), [s.t() for s in same_episode(first, depth)], planes)

    def rows(self, begin: int, end: int) -> Screens:
        """Steps begin..end-1 of T."""
        last = end + len(self.same)
        return Screens(self.cells[begin:last], [s[begin:end] for s in self.same], self.planes[begin:end])


class FirstLayers:
    """Runs the first layer of several encoders."""

    def __init__(self) -> None:
        self._byte_rows = ByteRows()

    def __call__(self, encoders: list[CellEncoder], screens: Screens, fast: torch.dtype) -> list[tuple[Tensor, ...]]:
        """Of each encoder the output (T, B, 90, C0) of type `fast`, and what `with_gradient` needs."""
        with torch.no_grad():
            rows = self._byte_rows(screens.cells)
            return [_run(encoder, screens, rows, fast) for encoder in encoders]


def with_gradient(encoder: CellEncoder, made: tuple[Tensor, ...], screens: Screens) -> Tensor:
    """The output as it was `made` of these screens, with gradients for the encoder's parameters."""
    planes = [encoder.planes.weight] if encoder.planes is not None else []
    norm = encoder.cell_norm
    return _Learned.apply(*made, screens, encoder.cell.weight, encoder.cell.bias, norm.weight, norm.bias, *planes)


def _centred(values: Tensor) -> Tensor:
    """Values of C0 channels (C0, ...) less their mean, which LayerNorm would take away anyhow."""
    return values - values.mean(0)


def _run(encoder: CellEncoder, screens: Screens, rows: tuple[Tensor, Tensor], fast: torch.dtype) -> tuple[Tensor, ...]:
    depth, steps = len(screens.same) + 1, len(screens.planes)
    tables = byte_tables(level_weights(_centred(encoder.cell.weight), depth))
    tables[:BYTE_VALUES, : len(encoder.cell.bias)] += _centred(encoder.cell.bias)  # every cell has one first byte
    sums = look_up(tables, *rows).view(*screens.cells.shape[:2], CELLS, depth, -1)
    x = sums[depth - 1 :, ..., 0, :]  # (T, B, 90, C0)
    for age, same in enumerate(screens.same, start=1):
        x.addcmul_(sums[depth - 1 - age :][:steps, ..., age, :], same[..., None, None].to(x.dtype))
    if encoder.planes is not None:
        for plane, weight in zip(screens.planes.split(1, dim=-1), _centred(encoder.planes.weight).t(), strict=True):
            x.addcmul_(plane, weight)
    norm = encoder.cell_norm
    share = torch.full((x.shape[-1], 1), 1.0 / x.shape[-1])
    scale = (x.square() @ share).add_(norm.eps).rsqrt_()  # (T, B, 90, 1)
    x *= scale
    return torch.addcmul(norm.bias, x, norm.weight).clamp_min_(0.0).to(fast), x, scale


class _Learned(torch.autograd.Function):
    """Gradients of the first layer's parameters; the screens have none."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, scaled: Tensor, scale: Tensor, screens: Screens, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(out, scaled, scale, parameters[2])
        ctx.screens, ctx.shape = screens, parameters[0].shape
        return out.view_as(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        out, scaled, scale, gamma = ctx.saved_tensors
        screens, fast = ctx.screens, out.dtype
        flat = (-1, out.shape[-1])
        grad = torch.ops.aten.threshold_backward(grad_out, out, 0).float().view(flat)  # (n, C0)
        scaled = scaled.reshape(flat)
        along = grad * scaled
        inside = torch.addcmul(grad * gamma, scaled, along @ (gamma / len(gamma))[:, None], value=-1.0)
        inside *= scale.reshape(-1, 1)  # by the sums before LayerNorm
        by_weight = _by_weight(inside.view(out.shape).to(fast), screens).reshape(ctx.shape)
        by_planes = [_centred(inside.t() @ screens.planes.flatten(0, 2))] if screens.planes.numel() else []
        by_bias = _centred(inside.sum(0))
        return None, None, None, None, _centred(by_weight), by_bias, along.sum(0), grad.sum(0), *by_planes


def _by_weight(inside: Tensor, screens: Screens) -> Tensor:
    """Gradient (C0, K, 64) of the weight, oldest frame first, for that of the sums (T, B, 90, C0)."""
    levels, steps, found = expand_cells(screens.cells, inside.dtype), len(inside), []  # (K-1+T, B, 9, 10, 64)
    for age in range(len(screens.same), -1, -1):
        known = inside * screens.same[age - 1][..., None, None] if age else inside
        begin = len(screens.same) - age
        found.append(known.flatten(0, 2).t() @ levels[begin : begin + steps].flatten(0, 3))  # (C0, 64)
    return torch.stack(found, dim=1).float() * LEVEL_SCALE


def as_grid(out: Tensor) -> Tensor:
    """An output (T, B, 90, C0) as `HierarchicalQNetwork.forward_cells` takes it, (B, T, 9, 10, C0)."""
    return out.transpose(0, 1).unflatten(2, GRID)
