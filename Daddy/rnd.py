"""Random network distillation: observations that a trained network cannot yet predict pay a bonus."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from Daddy.frames import HEIGHT, WIDTH

_PIXELS = (HEIGHT // 2) * (WIDTH // 2)
_CLIP = 5.0
_EPS = 1e-4
_LEVELS = np.arange(256, dtype=np.uint8)[:, None] >> np.array([6, 4, 2, 0], dtype=np.uint8) & 3
# A packed byte's two pairs of neighbours, each summed, as one 2-byte word: a single look-up yields both.
_PAIRS = np.ascontiguousarray(_LEVELS[:, ::2] + _LEVELS[:, 1::2]).view(np.uint16).ravel()
_WINDOW = 50_000  # transitions that the scale of rewards remembers: screens that are known by now set the scale
_LEAST_SHARE = 0.02  # of the first scale, below which errors are noise: the scale falls no further


class RunningMoments:
    """Mean and variance of a stream of vectors (Chan's parallel update), in float64."""

    def __init__(self, size: int, window: float = float("inf")):
        """`window` is the most rows that count: beyond it old ones fade exponentially."""
        self.mean, self.var, self.count, self.window = np.zeros(size), np.ones(size), 0.0, window

    def update(self, values: np.ndarray) -> None:
        """Add rows (n, size)."""
        self.count = min(self.count, self.window)
        values = values.astype(np.float64)
        count = len(values)
        mean = np.add.reduce(values, 0) / count
        values -= mean
        var = np.add.reduce(np.square(values, out=values), 0) / count
        total = self.count + count
        shift = mean - self.mean
        spread = self.var * self.count + var * count + shift**2 * self.count * count / total
        self.mean, self.var, self.count = self.mean + shift * count / total, spread / total, total

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean, "var": self.var, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.mean, self.var = (np.array(state[name], dtype=np.float64) for name in ("mean", "var"))
        self.count = float(state["count"])


def _net(hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    widths = (_PIXELS, *hidden)
    layers = [part for i, o in zip(widths, hidden, strict=False) for part in (nn.Linear(i, o), nn.ReLU())]
    net = nn.Sequential(*layers, nn.Linear(widths[-1], outputs))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, 2.0**0.5)
            nn.init.zeros_(layer.bias)
    return net


def _plain_pass(net: nn.Sequential, x: Tensor) -> Tensor:
    """The net without its modules' calls, which cost as much as the arithmetic of a few rows."""
    *hidden, last = (layer for layer in net if isinstance(layer, nn.Linear))
    for layer in hidden:
        x = F.linear(x, layer.weight, layer.bias).relu_()
    return F.linear(x, last.weight, last.bias)


class RND:
    """Bonus = squared prediction error / std of discounted intrinsic returns, so it is never negative.

    Screens are halved to 36x40, whitened by running moments and clipped. The predictor is fitted to fresh observations
    only: replayed ones would be worn out before they had paid. The std fades with a window, since the first thousand
    screens, all new, would otherwise make everything later look known; below a share of its first value it stays.
    """

    def __init__(self, num_envs: int, device: torch.device | str = "cpu", seed: int = 0, outputs: int = 64,
                 hidden: int = 128, lr: float = 1e-4, gamma: float = 0.99, batch: int = 64, warmup: int = 512):
        """`batch` fresh observations are collected for each predictor step; gamma discounts intrinsic returns.

        Nothing is paid until the normalisers have seen `warmup` transitions: a scale estimated from few is arbitrary.
        """
        self.device, self.gamma, self.batch, self.warmup = torch.device(device), gamma, batch, warmup
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.target = _net((hidden,), outputs).requires_grad_(False).to(self.device)
            self.predictor = _net((hidden, hidden), outputs).to(self.device)
        self.optimizer = torch.optim.Adam(self.predictor.parameters(), lr=lr, fused=True)
        self.pixels, self.returns = RunningMoments(_PIXELS), RunningMoments(1, _WINDOW)
        self._first_scale = 0.0  # once the warm-up is over
        self._discounted = np.zeros(num_envs)
        self._fresh: list[np.ndarray] = []

    def bonus(self, screen: np.ndarray, env_ids: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Bonuses float32 (B,) >= 0 of the screens u1 (B, 72, 20) that envs `env_ids` (B,) arrived at.

        Rows marked in first (B,) belong to no transition: they pay nothing and leave the normaliser of rewards alone.
        Intrinsic returns run on over episode ends: what is known stays known.
        """
        pixels = self._halve(screen)
        self.pixels.update(pixels)
        error = self._error(pixels)  # (B,)
        paid = ~first
        if paid.any():
            ids = env_ids[paid]
            self._discounted[ids] = self.gamma * self._discounted[ids] + error[paid]
            self.returns.update(self._discounted[ids, None])
        if self.returns.count < self.warmup:
            return np.zeros(len(screen), np.float32)
        return np.where(paid, error / self._scale(), 0.0).astype(np.float32)

    def _scale(self) -> float:
        scale = float(np.sqrt(self.returns.var[0])) + 1e-8
        self._first_scale = self._first_scale or scale
        return max(scale, _LEAST_SHARE * self._first_scale)

    def train(self, screen: np.ndarray) -> dict[str, float]:
        """Collect fresh screens u1 (B, 72, 20); fit the predictor once enough are there and return what to log."""
        self._fresh.append(self._halve(screen))
        if sum(map(len, self._fresh)) < self.batch:
            return {}
        inputs = self._whiten(np.concatenate(self._fresh))
        self._fresh.clear()
        with torch.no_grad():
            wanted = self.target(inputs)
        loss = F.mse_loss(self.predictor(inputs), wanted)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return {"losses/rnd_loss": float(loss.detach())}

    @staticmethod
    def _halve(screen: np.ndarray) -> np.ndarray:
        pairs = _PAIRS[screen].view(np.uint8)  # (B, 72, 40)
        return (pairs[:, ::2] + pairs[:, 1::2]).reshape(len(screen), _PIXELS)

    def _whiten(self, pixels: np.ndarray) -> Tensor:
        mean, scale = self.pixels.mean, 1.0 / np.sqrt(self.pixels.var + _EPS)
        mean, scale = (torch.from_numpy(v.astype(np.float32)).to(self.device) for v in (mean, scale))
        return torch.from_numpy(pixels).to(self.device).sub(mean).mul_(scale).clamp_(-_CLIP, _CLIP)

    @torch.inference_mode()
    def _error(self, pixels: np.ndarray) -> np.ndarray:
        inputs = self._whiten(pixels)
        predicted, wanted = (_plain_pass(net, inputs) for net in (self.predictor, self.target))
        return predicted.sub_(wanted).square_().mean(dim=1).double().cpu().numpy()

    def state_dict(self) -> dict[str, Any]:
        """Both networks, the optimizer's moments and every normaliser, as nested dicts of arrays and plain values."""
        moments = {name: dict(self.optimizer.state.get(p, {})) for name, p in self.predictor.named_parameters()}
        fresh = np.concatenate([*self._fresh, np.zeros((0, _PIXELS), np.uint8)])
        return {
            "target": dict(self.target.state_dict()), "predictor": dict(self.predictor.state_dict()),
            "moments": moments, "pixels": self.pixels.state_dict(), "returns": self.returns.state_dict(),
            "first_scale": self._first_scale, "discounted": self._discounted, "fresh": fresh,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave, for the same number of envs."""
        self.target.load_state_dict(state["target"])
        self.predictor.load_state_dict(state["predictor"])
        for name, parameter in self.predictor.named_parameters():
            saved = state["moments"].get(name, {})
            self.optimizer.state[parameter] = {key: value.clone().to(self.device) for key, value in saved.items()}
        self.pixels.load_state_dict(state["pixels"])
        self.returns.load_state_dict(state["returns"])
        self._first_scale = float(state["first_scale"])
        self._discounted[:] = np.asarray(state["discounted"])
        fresh = np.asarray(state["fresh"])
        self._fresh = [np.array(fresh)] if len(fresh) else []
