"""Runs nn.GRU / nn.LSTM over sequences with resets inside, equal to stepping with masks, as fast as the device can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from Daddy.masked_loops import run_masked
from Daddy.state import Restarts


@dataclass(frozen=True)
class Segments:
    """Where each uninterrupted run of steps lies, longest first, in the order a packed sequence wants.

    order int64 (T*B,): flat time-major rows; inverse int64 (T*B,): its inverse; batch_sizes int64 (longest,);
    carried int64 (S,): the sequence whose initial state the run continues, B where it starts from zeros, B + 1 + r
    where it starts from restart r;
    last int64 (B,): the run that ends each sequence.
    """

    order: Tensor
    inverse: Tensor
    batch_sizes: Tensor
    carried: Tensor
    last: Tensor


def find_segments(first: Tensor, restarts: Restarts | None = None) -> Segments | None:
    """Split bool (T, B) at resets after step 0; None when there is none, so that the plain fused call is right."""
    marks = first.cpu().numpy()
    if restarts is None and not marks[1:].any():
        return None
    steps, batch = marks.shape
    starts = marks.copy()
    starts[0] = True
    seq, begin = np.nonzero(starts.T)  # runs in order of sequence, then time
    end = np.where(np.append(seq[1:] != seq[:-1], True), steps, np.append(begin[1:], steps))
    by_length = np.argsort(begin - end, kind="stable")
    seq, begin, length = seq[by_length], begin[by_length], (end - begin)[by_length]
    inside = np.arange(length[0])[:, None] < length[None]  # (longest, S)
    rows = (begin[None] + np.arange(length[0])[:, None]) * batch + seq[None]
    order = rows[inside]
    final = np.nonzero(begin + length == steps)[0]
    last = np.empty(batch, dtype=np.int64)
    last[seq[final]] = final
    carried = np.where((begin == 0) & ~marks[0, seq], seq, batch)
    if restarts is not None:
        numbers = np.full(marks.shape, -1)
        numbers[restarts.time.cpu().numpy(), restarts.batch.cpu().numpy()] = np.arange(len(restarts.time))
        carried = np.where(numbers[begin, seq] >= 0, batch + 1 + numbers[begin, seq], carried)
    as_tensor = [order, np.argsort(order), carried, last]
    order, inverse, carried, last = (torch.from_numpy(v).to(first.device) for v in as_tensor)
    return Segments(order, inverse, torch.from_numpy(inside.sum(1)), carried, last)


def run_recurrent(rnn: nn.GRU | nn.LSTM, x: Tensor, state: list[Tensor], segments: Segments | None,
                  first: Tensor, restarted: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
    """Run x (T, B, I) from state (h for GRU; h, c for LSTM; each (B, H)), zeroed before steps marked in first (T, B).

    `segments` are `find_segments(first, restarts)`; restarted, in the form of state but (R, H), is what the restarts
    begin with, if there are any. Returns the outputs (T, B, H) and the final state in the same form.
    """
    # A CPU has a fused kernel for LSTMs without resets only; the loops know no restarts, which are rare.
    looped = x.device.type == "cpu" and len(x) > 1 and (segments is not None or isinstance(rnn, nn.GRU))
    if looped and restarted is None:
        return run_masked(rnn, x, state, first)
    return run_fused(rnn, x, state, segments, first, restarted)


def run_fused(rnn: nn.GRU | nn.LSTM, x: Tensor, state: list[Tensor], segments: Segments | None, first: Tensor,
              restarted: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
    """`run_recurrent` in one call of torch, which takes the segments as a packed sequence."""
    if segments is None:
        keep = (~first[0]).to(x.dtype)[:, None]
        out, final = rnn(x, _pack_state([s * keep for s in state]))
        return out, _unpack_state(final)
    begun = restarted or [s[:0] for s in state]
    padded = [torch.cat([s, torch.zeros_like(s[:1]), r])[segments.carried] for s, r in zip(state, begun, strict=True)]
    packed = PackedSequence(x.flatten(0, 1)[segments.order], segments.batch_sizes)
    out, final = rnn(packed, _pack_state(padded))
    return out.data[segments.inverse].unflatten(0, x.shape[:2]), [s[segments.last] for s in _unpack_state(final)]


def _pack_state(state: list[Tensor]) -> Tensor | tuple[Tensor, Tensor]:
    layered = [s.unsqueeze(0).contiguous() for s in state]
    return layered[0] if len(layered) == 1 else (layered[0], layered[1])


def _unpack_state(state: Tensor | tuple[Tensor, Tensor]) -> list[Tensor]:
    return [state[0]] if isinstance(state, Tensor) else [state[0][0], state[1][0]]
