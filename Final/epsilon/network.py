"""SimpleDQN: a flat dueling network over four stacked frames and a few features from memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STACK = 4
_LEVELS = torch.arange(256)[:, None] >> torch.tensor([6, 4, 2, 0]) & 3  # (256, 4) grey levels of a packed byte


class SimpleDQN(nn.Module):
    """Q(s, a) = V(s) + A(s, a) - mean A (Wang et al. 2016), for each of ``num_quantiles`` quantiles (1: a scalar Q)."""

    def __init__(
        self, feature_dim: int, n_actions: int, num_quantiles: int = 1, hidden: int = 256,
        screen: tuple[int, int] = (72, 20),
    ) -> None:  # fmt: skip
        """``screen`` is the packed size (H, W / 4) of one frame."""
        super().__init__()
        self.n_actions, self.num_quantiles = n_actions, num_quantiles
        self.register_buffer("levels", _LEVELS / 3.0, persistent=False)
        self.convolutions = nn.Sequential(
            nn.Conv2d(STACK, 16, 8, stride=4), nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2), nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        with torch.no_grad():
            width = self.convolutions(torch.zeros(1, STACK, screen[0], 4 * screen[1])).shape[1]
        self.trunk = nn.Sequential(nn.Linear(width + feature_dim, hidden), nn.ReLU())
        self.value = nn.Linear(hidden, num_quantiles)
        self.advantage = nn.Linear(hidden, n_actions * num_quantiles)

    def forward(self, frames: Tensor, features: Tensor) -> Tensor:
        """Quantiles (B, A, N) from packed frames (B, 4, H, W / 4) uint8 and features (B, F) uint8."""
        pixels = functional.embedding(frames.int(), self.levels).flatten(-2)  # (B, 4, H, W)
        seen = self.convolutions(pixels)  # (B, width)
        hidden = self.trunk(torch.cat([seen, features / 255.0], dim=1))  # (B, hidden)
        value = self.value(hidden)[:, None]  # (B, 1, N)
        advantage = self.advantage(hidden).view(-1, self.n_actions, self.num_quantiles)  # (B, A, N)
        return value + advantage - advantage.mean(dim=1, keepdim=True)


def expected(quantiles: Tensor) -> Tensor:
    """Q values (B, A) of quantiles (B, A, N)."""
    return quantiles.mean(dim=2)
