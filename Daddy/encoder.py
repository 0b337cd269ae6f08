"""Screen encoder whose first layer sees one walkable cell per output: 8x8 pixels of the 72x80 frame, a 9x10 grid.

Measured on one CPU core (1024 two-frame stacks, slim widths, forward + backward, frames per second): strides (2, 2)
after the cells 19.0k; (2, 1) 12.3k; (1, 2) 10.0k; 4x4 cells first 8.5k; the Nature DQN's 8s4/4s2/3s1 5.9k.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from Daddy.frames import CELL, GRID, LEVEL_SCALE


class _ConvNorm(nn.Module):
    """3x3 convolution, LayerNorm over channels, ReLU; (N, C, H, W) in channels_last memory both ways."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).permute(0, 2, 3, 1)  # (N, H', W', C')
        return F.relu(self.norm(x)).permute(0, 3, 1, 2)


class CellEncoder(nn.Module):
    """Stacks of K frames, cut into cells (`frames.cut_cells`), and P further planes of cells to features."""

    def __init__(self, depth: int, channels: tuple[int, int, int], strides: tuple[int, int], outputs: int,
                 planes: int = 0):
        super().__init__()
        self.planes = nn.Linear(planes, channels[0], bias=False) if planes else None
        self.cell = nn.Linear(depth * CELL * CELL, channels[0])
        self.cell_norm = nn.LayerNorm(channels[0])
        self.convs = nn.Sequential(
            _ConvNorm(channels[0], channels[1], strides[0]), _ConvNorm(channels[1], channels[2], strides[1])
        ).to(memory_format=torch.channels_last)
        rows, cols = (_halved(side, strides) for side in GRID)
        self.dense = nn.Linear(channels[2] * rows * cols, outputs)
        self.dense_norm = nn.LayerNorm(outputs)

    def forward(self, cells: Tensor, planes: Tensor | None = None) -> Tensor:
        """Features (N, outputs), after LayerNorm and ReLU, of cells uint8 (N, 9, 10, K*64), planes float (N, P, 9, 10).

        Float cells (N, 9, 10, C0) have been through the first layer already, see `first_layer`.
        """
        x = cells if cells.is_floating_point() else self._of_cells(cells, planes)
        x = self.convs(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).flatten(1)  # channels_last both ways
        return F.relu(self.dense_norm(self.dense(x)))

    def first_layer(self, levels: Tensor, planes: Tensor | None) -> Tensor:
        """Float (..., C0), after LayerNorm and ReLU, of levels float (..., K*64) and planes float (..., P)."""
        x = F.linear(levels, self.cell.weight * LEVEL_SCALE, self.cell.bias)
        if self.planes is not None:
            x = x + self.planes(planes)
        return F.relu(self.cell_norm(x))

    def _of_cells(self, cells: Tensor, planes: Tensor | None) -> Tensor:
        by_cell = planes if planes is None else planes.permute(0, 2, 3, 1)  # (N, 9, 10, P)
        return self.first_layer(self._to_float(cells), by_cell)  # (N, 9, 10, C0)

    def _to_float(self, cells: Tensor) -> Tensor:
        device = cells.device.type  # straight to the autocast type: levels are exact in it, and half as many bytes
        return cells.to(torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32)


def _halved(side: int, strides: tuple[int, int]) -> int:
    for stride in strides:
        side = (side - 1) // stride + 1
    return side
