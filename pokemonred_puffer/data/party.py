"""The 44-byte party struct as a numpy dtype. Words are big-endian, as the game stores them."""
from __future__ import annotations

import numpy as np

PARTY_LENGTH = 6
PARTY_DTYPE = np.dtype(
    [
        ("species", "u1"), ("hp", ">u2"), ("box_level", "u1"), ("status", "u1"), ("type1", "u1"), ("type2", "u1"),
        ("catch_rate", "u1"), ("moves", "u1", (4,)), ("ot_id", ">u2"), ("exp", "u1", (3,)), ("stat_exp", ">u2", (5,)),
        ("dvs", "u1", (2,)), ("pp", "u1", (4,)), ("level", "u1"), ("max_hp", ">u2"), ("attack", ">u2"),
        ("defense", ">u2"), ("speed", ">u2"), ("special", ">u2"),
    ]
)  # fmt: skip


class PartyMons:
    """The party as an array of six structs (slots past wPartyCount hold whatever the game left there)."""

    def __init__(self, reader) -> None:
        """`reader` has `read_range(address, length) -> bytes`; reads wPartyCount and wPartyMons."""
        self.party_size = reader.read_range(0xD163, 1)[0]
        raw = reader.read_range(0xD16B, PARTY_LENGTH * PARTY_DTYPE.itemsize)
        self.party = np.frombuffer(raw, PARTY_DTYPE)  # (6,)

    def __getitem__(self, index: int) -> np.void:
        return self.party[index]

    def __len__(self) -> int:
        return self.party_size
