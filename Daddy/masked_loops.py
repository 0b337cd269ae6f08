"""GRU and LSTM over sequences with resets inside as plain loops with a hand-written backward: the fast way on a CPU.

torch runs a GRU on a CPU as a dozen recorded operations per step, and an LSTM too where sequences are packed. Here a
step is four to eight operations that record nothing, a reset is one more, and whatever does not depend on the step
before (input gates, weight gradients, the gates' derivatives) is one operation for the whole sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def run_masked(rnn: nn.GRU | nn.LSTM, x: Tensor, state: list[Tensor], first: Tensor) -> tuple[Tensor, list[Tensor]]:
    """`recurrent.run_recurrent` on a CPU: x (T, B, I), state of (B, H) each, first bool (T, B).

    Memory, gates and a step's product are float32: in bfloat16 a product of so few rows takes three times as long
    (16 x 128 by 128 x 384: 28 and 9 us with AMX). Under autocast the products for the whole sequence are in its type.
    """
    fast = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    gates = F.linear(x, rnn.weight_ih_l0, rnn.bias_ih_l0).float()  # (T, B, 3H) or (T, B, 4H)
    carried, keep = [part.float() for part in state], _kept(first)
    if isinstance(rnn, nn.GRU):
        out = _GRULoop.apply(gates, carried[0], rnn.weight_hh_l0, rnn.bias_hh_l0, keep, fast)
        return out.to(fast), [out[-1]]
    out, cell = _LSTMLoop.apply(gates + rnn.bias_hh_l0, *carried, rnn.weight_hh_l0, keep, fast)
    return out.to(fast), [out[-1], cell]


def _kept(first: Tensor) -> list[Tensor | None]:
    """For each step 1.0 where the memory goes on, float (B, 1), or None where no sequence resets."""
    resets, keep = first.any(dim=1).tolist(), (~first).float()[..., None]
    return [row if reset else None for row, reset in zip(keep, resets, strict=True)]


def _masked(value: Tensor, keep: Tensor | None) -> Tensor:
    return value if keep is None else value * keep


def _shifted(out: Tensor, first: Tensor, keep: list[Tensor | None]) -> Tensor:
    """The memory (T, B, H) that each step began with: `first`, then what the step before gave, zero after a reset."""
    before = torch.cat([first[None], out[:-1]])
    for at, row in enumerate(keep):
        if row is not None:
            before[at] *= row
    return before


def _weight_grad(grads: Tensor, before: Tensor, fast: torch.dtype) -> Tensor:
    """Of h (T, B, H) times a weight, whose products got grads (T, B, G): (G, H)."""
    return (grads.flatten(0, 1).to(fast).t() @ before.flatten(0, 1).to(fast)).float()


class _GRULoop(torch.autograd.Function):
    """h' = (1 - z) n + z h with r, z = sigmoid(a_rz + U_rz h + b), n = tanh(a_n + r (U_n h + b_n)); gates r, z, n."""

    @staticmethod
    def forward(ctx, gates: Tensor, h: Tensor, weight: Tensor, bias: Tensor, keep: list[Tensor | None],
                fast: torch.dtype) -> Tensor:
        size, matrix = h.shape[-1], weight.t().contiguous()
        bias_rz, bias_n = bias.split([2 * size, size])
        # n's part, r, z, U_n h + b_n: what a step's one product adds to is a single block
        known, new = gates.split([2 * size, size], dim=-1)
        work = torch.cat([new, known + bias_rz, bias_n.expand_as(new)], dim=-1)  # (T, B, 4H)
        out = gates.new_empty(new.shape)
        blocks = (work[..., size:], work[..., size : 3 * size], *work.chunk(4, dim=-1), out)
        memory = h
        for row, added, rz, n, r, z, inside, after in zip(keep, *(b.unbind(0) for b in blocks), strict=True):
            memory = _masked(memory, row)
            added.addmm_(memory, matrix)
            rz.sigmoid_()
            n.addcmul_(r, inside).tanh_()
            memory = torch.lerp(n, memory, z, out=after)
        ctx.save_for_backward(weight, h, work, out)
        ctx.keep, ctx.fast = keep, fast
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        weight, h, work, out = ctx.saved_tensors
        before = _shifted(out, h, ctx.keep)
        n, r, z, inner = work.chunk(4, dim=-1)
        d_new = (1.0 - z) * (1.0 - n * n)  # (T, B, H): of n's input by h'
        slopes = torch.stack([d_new * inner * r * (1.0 - r), (before - n) * z * (1.0 - z), d_new * r], dim=2)
        grads, reached = torch.empty_like(slopes), torch.empty_like(out)  # (T, B, 3, H), (T, B, H)
        carry = torch.zeros_like(h)
        parts = [list(part.unbind(0)) for part in (grad_out, reached, slopes, grads, z)]
        for at in range(len(out) - 1, -1, -1):
            outer, total, slope, grad, stay = (part[at] for part in parts)
            torch.add(outer, carry, out=total)
            torch.mul(total[:, None], slope, out=grad)
            carry = _masked(torch.addcmul(grad.flatten(1) @ weight, total, stay), ctx.keep[at])
        grad_gates = torch.cat([grads[:, :, :2].flatten(2), reached * d_new], dim=-1)
        grads = grads.flatten(2)
        return grad_gates, carry, _weight_grad(grads, before, ctx.fast), grads.sum((0, 1)), None, None


class _LSTMLoop(torch.autograd.Function):
    """c' = f c + i g, h' = o tanh(c') with gates i, f, g, o; returns all h (T, B, H) and the last c (B, H)."""

    @staticmethod
    def forward(ctx, gates: Tensor, h: Tensor, c: Tensor, weight: Tensor, keep: list[Tensor | None],
                fast: torch.dtype) -> tuple[Tensor, Tensor]:
        size, begun, matrix = h.shape[-1], (h, c), weight.t().contiguous()
        cells, squashed, out = (gates.new_empty(*gates.shape[:2], size) for _ in range(3))
        gates = gates.clone()
        parts = (part.unbind(0) for part in (gates, cells, squashed, out))
        for row, now, cell, squash, after in zip(keep, *parts, strict=True):
            now.addmm_(_masked(h, row), matrix)  # (B, 4H)
            now[:, : 2 * size].sigmoid_()
            i, f, g, o = now.chunk(4, dim=-1)
            c = torch.mul(f, _masked(c, row), out=cell).addcmul_(i, g.tanh_())
            h = torch.mul(o.sigmoid_(), torch.tanh(c, out=squash), out=after)
        ctx.save_for_backward(weight, *begun, out, cells, squashed, gates)
        ctx.keep, ctx.fast = keep, fast
        return out, c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_out: Tensor, grad_cell: Tensor) -> tuple[Tensor | None, ...]:
        weight, h, c, out, cells, squashed, gates = ctx.saved_tensors
        before, cells = _shifted(out, h, ctx.keep), _shifted(cells, c, ctx.keep)
        i, f, g, o = gates.chunk(4, dim=-1)
        slopes = torch.stack([g * i * (1.0 - i), cells * f * (1.0 - f), i * (1.0 - g * g)], dim=2)  # (T, B, 3, H)
        d_cell, d_out = o * (1.0 - squashed * squashed), squashed * o * (1.0 - o)  # (T, B, H)
        grads = torch.empty_like(gates).unflatten(-1, (4, -1))  # (T, B, 4, H)
        carry, cell = torch.zeros_like(cells[0]), grad_cell
        parts = [list(part.unbind(0)) for part in (grad_out, slopes, d_cell, d_out, grads, f)]
        for at in range(len(cells) - 1, -1, -1):
            outer, slope, by_cell, by_gate, grad, forget = (part[at] for part in parts)
            total = outer + carry
            cell = torch.addcmul(cell, total, by_cell)
            torch.mul(cell[:, None], slope, out=grad[:, :3])
            torch.mul(total, by_gate, out=grad[:, 3])
            carry = _masked(grad.flatten(1) @ weight, ctx.keep[at])
            cell = _masked(cell * forget, ctx.keep[at])
        grad_gates = grads.flatten(2)
        return grad_gates, carry, cell, _weight_grad(grad_gates, before, ctx.fast), None, None
