"""Takes pufferlib's flat observation apart again, and turns bytes of the game into what networks can digest."""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_VIEWS = {np.dtype(np.uint8): torch.uint8, np.dtype(np.uint32): torch.int32}  # words are at most 0xFFFF


def decode(flat: Tensor, layout: np.dtype) -> dict[str, Tensor]:
    """The Dict observation as tensors (N, ...) from rows (N, itemsize) uint8; `layout` is pufferlib's
    `emulated_observation_dtype`. Bytes are views."""
    decoded = {}
    for name, (kind, offset) in layout.fields.items():
        base, shape = kind.subdtype or (kind, ())
        part = flat[:, offset : offset + kind.itemsize]
        if base.itemsize > 1:
            part = part.contiguous().view(_VIEWS[base])
        decoded[name] = part.reshape(len(flat), *shape)
    return decoded


class BitUnpacker(nn.Module):
    """Chosen bits of packed bytes: (N, B) uint8 -> (N, len(indices)) float; bit i is bit i % 8 of byte i // 8."""

    def __init__(self, indices) -> None:
        super().__init__()
        indices = torch.as_tensor(list(indices))
        self.register_buffer("byte", indices // 8, persistent=False)
        self.register_buffer("shift", (indices % 8).to(torch.uint8), persistent=False)

    def forward(self, packed: Tensor) -> Tensor:
        return (packed[:, self.byte] >> self.shift & 1).float()


class PixelUnpacker(nn.Module):
    """(N, H, W / 4, 1) uint8, four levels to a byte, leftmost in bits 7-6 -> (N, H, W) uint8 levels 0 to 3."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([6, 4, 2, 0], dtype=torch.uint8), persistent=False)

    def forward(self, packed: Tensor) -> Tensor:
        return (packed >> self.shift & 3).flatten(2)


def safe_embedding(table: nn.Embedding, ids: Tensor) -> Tensor:
    """Rows of `table`; ids that it has no row for take row 0 (upstream's tables are too short for some of the game's
    values, which is a device assert on CUDA)."""
    ids = ids.long()
    return table(torch.where(ids < table.num_embeddings, ids, 0))
