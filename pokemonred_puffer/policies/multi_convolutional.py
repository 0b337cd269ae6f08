"""Upstream's network: Nature-like convolutions over screen and visited mask, embeddings and bits beside them.

Sizes are upstream's (4.35M parameters with its LSTM of 512). Ids outside of an embedding take its row 0, and party
statistics are read big-endian by the env, so they do not need the tolerance that upstream's have.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pokemonred_puffer.data.events import EVENTS_IDXS
from pokemonred_puffer.policies.decoding import BitUnpacker, PixelUnpacker, decode, safe_embedding

_STATS = ("maxHP", "attack", "defense", "speed", "special")
_HIGHEST_STAT, _SAFARI_STEPS = 714.0, 502.0
_EXTRAS = ("rival_3", "game_corner_rocket", "saffron_guard", "lapras")


class MultiConvolutionalPolicy(nn.Module):
    """Encoder and heads; `RecurrentPolicy` puts the LSTM in between."""

    default_width = 512

    def __init__(self, layout: np.dtype, num_actions: int, width: int = default_width) -> None:
        """`layout` is the emulated observation's dtype (reduce_res on)."""
        super().__init__()
        self.width, self._layout = width, layout
        self._two_bit = layout.fields["screen"][0].shape[1] == 20
        self.screen = nn.Sequential(
            nn.Conv2d(2, 32, 8, stride=2), nn.ReLU(), nn.Conv2d(32, 64, 4, stride=2), nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=2), nn.ReLU(), nn.Flatten(),
        )  # fmt: skip
        self.pixels = PixelUnpacker()
        self.events = BitUnpacker(EVENTS_IDXS)
        self.maps, self.blackout_maps = nn.Embedding(255, 4), nn.Embedding(255, 4)
        self.items, self.species = nn.Embedding(250, 4), nn.Embedding(190, 4)
        self.types, self.moves = nn.Embedding(26, 3), nn.Embedding(164, 4)
        self.party = nn.Sequential(nn.Linear(40, 6), nn.ReLU())
        with torch.no_grad():
            flat = self._features(torch.zeros(1, layout.itemsize, dtype=torch.uint8))
        self.encoder = nn.Sequential(nn.Linear(flat.shape[1], width), nn.ReLU())
        self.actor, self.critic = nn.Linear(width, num_actions), nn.Linear(width, 1)
        _initialise(self)

    def encode_observations(self, flat: Tensor) -> Tensor:
        """(N, itemsize) uint8 -> (N, width)."""
        return self.encoder(self._features(flat))

    def decode_actions(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(N, width) -> logits (N, A), values (N, 1)."""
        return self.actor(hidden), self.critic(hidden)

    def _features(self, flat: Tensor) -> Tensor:
        o = decode(flat, self._layout)
        quantity = (o["bag_quantity"].float() / 100)[..., None]
        parts = [
            self.screen(torch.stack([self._picture(o["screen"]), self._picture(o["visited_mask"])], 1)),
            F.one_hot(o["direction"][:, 0].long().clamp(max=3), 4),
            F.one_hot(o["battle_type"][:, 0].long().clamp(max=3), 4),
            safe_embedding(self.maps, o["map_id"][:, 0]),
            safe_embedding(self.blackout_maps, o["blackout_map_id"][:, 0]),
            (safe_embedding(self.items, o["bag_items"]) * quantity).flatten(1),
            self.party(self._members(o)).flatten(1),
            self.events(o["events"]), *(o[name] for name in _EXTRAS), o["safari_steps"] / _SAFARI_STEPS,
        ]  # fmt: skip
        return torch.cat([part.float() for part in parts], 1)

    def _picture(self, frame: Tensor) -> Tensor:
        """(N, 72, 80) float 0..1."""
        return self.pixels(frame).float() / 3 if self._two_bit else frame[..., 0].float() / 255

    def _members(self, o: dict[str, Tensor]) -> Tensor:
        """(N, 6, 40)."""
        status = F.one_hot(o["status"].long().clamp(max=6), 7)
        parts = [
            safe_embedding(self.species, o["species"]), (o["hp"] / _HIGHEST_STAT)[..., None], status,
            safe_embedding(self.types, o["type1"]), safe_embedding(self.types, o["type2"]),
            (o["level"].float() / 100)[..., None],
            torch.stack([o[name] / _HIGHEST_STAT for name in _STATS], -1),
            safe_embedding(self.moves, o["moves"]).flatten(2),
        ]  # fmt: skip
        return torch.cat([part.float() for part in parts], -1)


def _initialise(policy: nn.Module) -> None:
    """Orthogonal weights and zero biases; a nearly uniform first policy."""
    for module in policy.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.orthogonal_(module.weight, 2**0.5)
            nn.init.zeros_(module.bias)
    nn.init.orthogonal_(policy.actor.weight, 0.01)
    nn.init.orthogonal_(policy.critic.weight, 1.0)
