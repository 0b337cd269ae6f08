"""The one frame contract: 72x80 pixels, grey levels 0..3, packed four to a byte with the leftmost pixel in bits 7-6."""

from __future__ import annotations

import numpy as np
import torch

HEIGHT = 72
WIDTH = 80
PACKED_WIDTH = WIDTH // 4
FRAME_BYTES = HEIGHT * PACKED_WIDTH
CELL = 8
GRID = (HEIGHT // CELL, WIDTH // CELL)
CELLS = GRID[0] * GRID[1]
CELL_BYTES = CELL * CELL // 4
LEVEL_SCALE = 1.0 / 3.0
_SHIFTS = np.array([6, 4, 2, 0], dtype=np.uint8)
# One 4-byte word per packed byte: a single table look-up yields four pixels.
_UNPACK_TABLE = ((np.arange(256, dtype=np.uint8)[:, None] >> _SHIFTS) & 3).view(np.uint32).ravel()


def pack2bit(levels: np.ndarray) -> np.ndarray:
    """Pack uint8 levels 0..3 of shape (..., 72, 80) into (..., 72, 20); higher bits of a level are dropped."""
    if levels.shape[-2:] != (HEIGHT, WIDTH):
        raise ValueError(f"expected (..., {HEIGHT}, {WIDTH}) grey levels, got {levels.shape}")
    quads = (levels & 3).astype(np.uint8).reshape(*levels.shape[:-1], PACKED_WIDTH, 4)
    return np.bitwise_or.reduce(quads << _SHIFTS, axis=-1)


def _expand(packed: np.ndarray) -> np.ndarray:
    return _UNPACK_TABLE[packed].view(np.uint8)


def _expand_torch(packed: torch.Tensor) -> torch.Tensor:
    """Four levels per byte, on the tensor's device: (..., n) -> (..., 4n)."""
    if packed.device.type == "cpu":
        return torch.from_numpy(_expand(packed.numpy()))
    return _expand_shifts(packed)


def _expand_shifts(packed: torch.Tensor) -> torch.Tensor:
    return torch.stack([packed >> 6, (packed >> 4) & 3, (packed >> 2) & 3, packed & 3], dim=-1).flatten(-2)


def unpack2bit(packed: np.ndarray) -> np.ndarray:
    """Unpack uint8 (..., 72, 20) into levels 0..3 of shape (..., 72, 80)."""
    if packed.shape[-2:] != (HEIGHT, PACKED_WIDTH):
        raise ValueError(f"expected (..., {HEIGHT}, {PACKED_WIDTH}) packed bytes, got {packed.shape}")
    return _expand(packed)


def cut_cells(frames: torch.Tensor) -> torch.Tensor:
    """Cut levels (..., 72, 80) into 8x8 cells, one walkable tile each: uint8 (..., 9, 10, 64)."""
    rows = frames.contiguous().view(torch.int64)  # eight pixels move as one number: ten times cheaper
    return _regroup(rows).view(torch.uint8)


def pack_cells(packed: torch.Tensor) -> torch.Tensor:
    """Cells of packed frames, contiguous (..., 72, 20), still packed: uint8 (..., 9, 10, 16)."""
    return _regroup(packed.view(torch.int16)).view(torch.uint8)


def unpack_cells(packed: torch.Tensor) -> torch.Tensor:
    """`cut_cells` of the unpacked frames, for contiguous packed (..., 72, 20), cutting the packed bytes instead."""
    return expand_cells(pack_cells(packed))


def expand_cells(cells: torch.Tensor, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    """Levels of type `dtype` (..., 64) of packed cells uint8 (..., 16)."""
    if dtype == torch.uint8 or cells.device.type != "cpu":
        return _expand_torch(cells).to(dtype)
    table = torch.from_numpy(_UNPACK_TABLE.view(np.uint8)).to(dtype).view(torch.uint8).numpy()  # 256 * four levels
    return torch.from_numpy(table.view(f"V{table.size // 256}")[cells.numpy()].view(np.uint8)).view(dtype)


def _regroup(rows: torch.Tensor) -> torch.Tensor:
    """(..., 72, 10) -> (..., 9, 10, 8): the eight pixel rows of each cell."""
    return rows.unflatten(-2, (GRID[0], CELL)).transpose(-1, -2).contiguous()


def stack_cells(cells: torch.Tensor, is_first: torch.Tensor, depth: int) -> torch.Tensor:
    """Stack the `depth` latest frames of each row, newest last, with zeros for frames of an earlier episode.

    cells uint8 (B, depth-1+T, 9, 10, 64) and is_first bool (B, depth-1+T) carry the depth-1 rows before the sequence;
    returns uint8 (B, T, 9, 10, depth*64).
    """
    steps = cells.shape[1] - depth + 1
    layers = [cells[:, depth - 1 :]]
    for age, same in enumerate(same_episode(is_first, depth), start=1):
        layers.append(cells[:, depth - 1 - age : depth - 1 - age + steps] * same[..., None, None, None])
    return torch.cat(layers[::-1], dim=-1)


def same_episode(is_first: torch.Tensor, depth: int) -> list[torch.Tensor]:
    """For age 1..depth-1 whether a row and the one `age` before it are of one episode, bool (B, T), as in
    `stack_cells`."""
    steps, same, found = is_first.shape[1] - depth + 1, torch.ones_like(is_first[:, depth - 1 :]), []
    for age in range(1, depth):
        same = same & ~is_first[:, depth - age : depth - age + steps]  # (B, T)
        found.append(same)
    return found
