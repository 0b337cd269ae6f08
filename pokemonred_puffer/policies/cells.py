"""A network for CPUs: the first layer sees one walkable cell (8x8 pixels) per output, a grid of 9x10.

It reads everything that upstream's network reads; only the pixels cost less.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pokemonred_puffer.data.events import EVENTS_IDXS
from pokemonred_puffer.policies.decoding import BitUnpacker, PixelUnpacker, decode, safe_embedding

_CELL, _ROWS, _COLUMNS = 8, 9, 10
_HIGHEST_STAT, _SAFARI_STEPS = 714.0, 502.0
_EXTRAS = ("rival_3", "game_corner_rocket", "saffron_guard", "lapras")
_HIGHEST_LEVEL_STATS = ("attack", "defense", "speed", "special")


class CellPolicy(nn.Module):
    """Encoder and heads; `RecurrentPolicy` puts the LSTM in between."""

    default_width = 128

    def __init__(self, layout: np.dtype, num_actions: int, width: int = default_width) -> None:
        """`layout` is the emulated observation's dtype (reduce_res and two_bit on)."""
        super().__init__()
        self.width, self._layout = width, layout
        self.pixels = PixelUnpacker()
        self.cell = nn.Linear(_CELL * _CELL + 1, 32)
        self.cell_norm = nn.LayerNorm(32)
        self.convolutions = nn.Sequential(
            nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        self.events = BitUnpacker(EVENTS_IDXS)
        self.maps, self.items, self.species = nn.Embedding(256, 16), nn.Embedding(256, 8), nn.Embedding(256, 8)
        self.members = nn.Sequential(nn.Linear(8 + 8, 16), nn.ReLU())
        beside = 4 + 4 + 2 * 16 + 8 + 6 * 16 + len(EVENTS_IDXS) + len(_EXTRAS) + 1
        self.beside = nn.Sequential(nn.Linear(beside, 64), nn.ReLU())
        self.encoder = nn.Sequential(nn.Linear(5 * 5 * 64 + 64, width), nn.LayerNorm(width), nn.ReLU())
        self.actor, self.critic = nn.Linear(width, num_actions), nn.Linear(width, 1)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.orthogonal_(module.weight, 2**0.5)
                nn.init.zeros_(module.bias)
        nn.init.orthogonal_(self.actor.weight, 0.01)
        nn.init.orthogonal_(self.critic.weight, 1.0)
        self.convolutions.to(memory_format=torch.channels_last)

    def encode_observations(self, flat: Tensor) -> Tensor:
        """(N, itemsize) uint8 -> (N, width)."""
        o = decode(flat, self._layout)
        screen = self._screen(self.pixels(o["screen"]), o["visited_mask"])
        return self.encoder(torch.cat([screen, self.beside(self._beside(o))], 1))

    def decode_actions(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(N, width) -> logits (N, A), values (N, 1)."""
        return self.actor(hidden), self.critic(hidden)

    def _screen(self, levels: Tensor, mask: Tensor) -> Tensor:
        """(N, 72, 80) uint8 levels and the packed mask -> (N, 1600)."""
        cells = levels.view(-1, _ROWS, _CELL, _COLUMNS, _CELL).transpose(2, 3).flatten(3)  # (N, 9, 10, 64)
        visited = mask[:, 4::_CELL, ::2, :] & 3  # one pixel inside of each cell, (N, 9, 10, 1)
        x = self.cell(torch.cat([cells, visited], -1).float() / 3)
        return self.convolutions(F.relu(self.cell_norm(x)).permute(0, 3, 1, 2))

    def _beside(self, o: dict[str, Tensor]) -> Tensor:
        carried = (o["bag_quantity"] > 0)[..., None] * safe_embedding(self.items, o["bag_items"])
        stats = torch.stack([o[name] / _HIGHEST_STAT for name in _HIGHEST_LEVEL_STATS], -1)
        share = o["hp"] / o["maxHP"].clamp(min=1)
        member = torch.stack([share, o["maxHP"] / _HIGHEST_STAT, o["level"] / 100, (o["status"] > 0).float()], -1)
        member = torch.cat([safe_embedding(self.species, o["species"]), member, stats], -1)  # (N, 6, 16)
        parts = [
            F.one_hot(o["direction"][:, 0].long().clamp(max=3), 4),
            F.one_hot(o["battle_type"][:, 0].long().clamp(max=3), 4),
            safe_embedding(self.maps, o["map_id"][:, 0]), safe_embedding(self.maps, o["blackout_map_id"][:, 0]),
            carried.sum(1), self.members(member).flatten(1), self.events(o["events"]),
            *(o[name] for name in _EXTRAS), o["safari_steps"] / _SAFARI_STEPS,
        ]  # fmt: skip
        return torch.cat([part.float() for part in parts], 1)
