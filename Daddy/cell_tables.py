"""The encoder's first layer by look-up: a packed byte is four pixels, so each of a cell's 16 bytes has 256 outcomes.

Summing 16 rows of tables does without unpacking pixels, stacking frames and turning levels into floats.
"""

from __future__ import annotations

import torch
from torch import Tensor

from Daddy.frames import CELL, CELL_BYTES, LEVEL_SCALE

BYTE_VALUES = 256


def level_weights(weight: Tensor, depth: int) -> Tensor:
    """Weights (C, K*64) of the first layer, oldest frame first, as (64, K*C) for one frame, newest stack place first.

    Column a*C + c is what a frame's pixels add to channel c of the observation a steps later.
    """
    by_age = weight.unflatten(1, (depth, CELL * CELL)).flip(1)  # (C, K, 64)
    return by_age.permute(2, 1, 0).flatten(1) * LEVEL_SCALE


def byte_tables(levels: Tensor) -> Tensor:
    """Tables (16*256, N) of weights (64, N): row 256 b + v is what byte b of a cell adds when its value is v."""
    values = torch.arange(BYTE_VALUES, device=levels.device)
    pixels = torch.stack([values >> shift & 3 for shift in (6, 4, 2, 0)], dim=1).to(levels.dtype)  # (256, 4)
    return (pixels @ levels.view(CELL_BYTES, 4, -1)).flatten(0, 1)


class ByteRows:
    """Turns packed cells into rows of `byte_tables`."""

    def __init__(self) -> None:
        self._base = torch.arange(CELL_BYTES, dtype=torch.int32) * BYTE_VALUES
        self._starts = torch.zeros(0, dtype=torch.int32)

    def __call__(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Rows int32 (n*16,) of packed cells uint8 (..., 16) and where each cell's begin, int32 (n,)."""
        rows = cells.to(torch.int32).add_(self._base).view(-1)
        count = len(rows) // CELL_BYTES
        if len(self._starts) < count:
            self._starts = torch.arange(count, dtype=torch.int32) * CELL_BYTES
        return rows, self._starts[:count]


def look_up(tables: Tensor, rows: Tensor, starts: Tensor) -> Tensor:
    """The sum of each cell's table rows, float (n, N)."""
    return torch.embedding_bag(tables, rows, starts)[0]
