"""Slow memory: a complex diagonal linear recurrence (LRU) that forgets exactly at episode starts.

h_t = a_t h_{t-1} + b_t with a_t = (1 - first_t) * lambda. Learning runs a whole sequence at once; acting costs O(1).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from Daddy.state import Restarts


def scan_loop(a: Tensor, b: Tensor) -> Tensor:
    """Inclusive scan of h_t = a_t h_{t-1} + b_t from h_{-1} = 0 over the first axis, one fused operation per step."""
    out = torch.empty_like(b)
    decays, inputs, states = a.unbind(0), b.unbind(0), out.unbind(0)
    states[0].copy_(inputs[0])
    for t in range(1, len(states)):
        torch.addcmul(inputs[t], decays[t], states[t - 1], out=states[t])
    return out


def scan_parallel(a: Tensor, b: Tensor) -> Tensor:
    """The same scan as an associative odd-even recursion: O(T) work in O(log T) dependent operations."""
    steps = b.shape[0]
    if steps == 1:
        return b.clone()
    pairs = steps // 2
    odd_a = a[1::2]
    odd = scan_parallel(a[: 2 * pairs : 2] * odd_a, torch.addcmul(b[1::2], odd_a, b[: 2 * pairs : 2]))
    out = torch.empty_like(b)
    out[0] = b[0]
    out[1::2] = odd
    if steps > 2:
        out[2::2] = torch.addcmul(b[2::2], a[2::2], odd[: (steps - 1) // 2])
    return out


def _scan(a: Tensor, b: Tensor) -> Tensor:
    # On a CPU the recursion's strided copies cost five times the loop's fused steps; on a GPU launches dominate.
    return scan_parallel(a, b) if b.is_cuda else scan_loop(a, b)


class _LinearScan(torch.autograd.Function):
    """The adjoint of a linear recurrence is the same recurrence backwards, so no graph over time is kept."""

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
        first = torch.addcmul(b[0], a[0], initial)
        out = _scan(a, torch.cat([first[None], b[1:]]))
        ctx.save_for_backward(a, out, initial)
        return out

    @staticmethod
    def backward(ctx, grad_out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, out, initial = ctx.saved_tensors
        conj = a.conj().resolve_conj()
        shifted = torch.cat([conj[1:], torch.zeros_like(conj[:1])]).flip(0)  # a_{t+1} seen from the far end
        grad_b = _scan(shifted, grad_out.flip(0)).flip(0)
        previous = torch.cat([initial[None], out[:-1]])
        return grad_b * previous.conj(), grad_b, conj[0] * grad_b[0]


def linear_scan(a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
    """All states of h_t = a_t h_{t-1} + b_t: a, b complex (T, B, D), initial complex (B, D), result (T, B, D)."""
    return _LinearScan.apply(a, b, initial)


class LRU(nn.Module):
    """Linear recurrent unit with ring initialisation; a state is (B, 2*size) floats: real parts, imaginary parts."""

    def __init__(
        self, inputs: int, size: int, half_lives: tuple[float, float] = (10.0, 4000.0), max_phase: float = 0.3
    ):
        """Spread the channels' half-lives log-uniformly over `half_lives` (in steps) and phases over [0, max_phase)."""
        super().__init__()
        self.size = size
        log_lo, log_hi = math.log(half_lives[0]), math.log(half_lives[1])
        half_life = torch.exp(torch.linspace(log_lo, log_hi, size))
        self.log_decay = nn.Parameter(torch.log(math.log(2.0) / half_life))  # |lambda| = exp(-exp(log_decay))
        self.log_phase = nn.Parameter(torch.log(torch.rand(size) * max_phase + 1e-4))
        self.input = nn.Linear(inputs, 2 * size, bias=False)
        self.output = nn.Linear(2 * size, 2 * size)
        self.skip = nn.Linear(inputs, size, bias=False)

    def half_lives(self) -> Tensor:
        """Steps after which each channel has forgotten half, shape (size,)."""
        return math.log(2.0) / torch.exp(self.log_decay.detach())

    def eigenvalues(self) -> Tensor:
        """Complex lambda, shape (size,), strictly inside the unit circle."""
        return torch.polar(torch.exp(-torch.exp(self.log_decay)), torch.exp(self.log_phase))

    def gain(self) -> Tensor:
        """sqrt(1 - |lambda|^2), shape (size,): keeps a slow channel's state as large as a fast one's."""
        return torch.sqrt(-torch.expm1(-2.0 * torch.exp(self.log_decay)))  # expm1 keeps it exact near 1

    def _drive(self, x: Tensor) -> Tensor:
        gain = self.gain()
        real, imag = self.input(x).float().chunk(2, dim=-1)
        return torch.complex(real * gain, imag * gain)

    def _read(self, states: Tensor, x: Tensor) -> Tensor:
        value, gate = self.output(torch.cat([states.real, states.imag], dim=-1)).chunk(2, dim=-1)
        return value * torch.sigmoid(gate) + self.skip(x)

    def forward(
        self, x: Tensor, state: Tensor, first: Tensor, restarts: Restarts | None = None, restarted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run x (T, B, inputs) from state (B, 2*size); first bool (T, B) zeroes the state before its step.

        At `restarts` the state before the step is `restarted` (R, 2*size) instead.

        Returns the outputs (T, B, size) and the final state (B, 2*size).
        """
        initial = torch.complex(*state.float().chunk(2, dim=-1))
        keep = (~first).to(torch.float32)[..., None]  # (T, B, 1)
        decay = self.eigenvalues() * keep  # (T, B, size)
        drive = self._drive(x)
        if restarts is not None:
            begun = self.eigenvalues() * torch.complex(*restarted.float().chunk(2, dim=-1))  # (R, size)
            drive = drive.index_put((restarts.time, restarts.batch), begun, accumulate=True)
        states = linear_scan(decay, drive, initial)
        last = states[-1]
        return self._read(states, x), torch.cat([last.real, last.imag], dim=-1)
