"""The observation: one fixed frame contract, the Dict space, and the arrays delivered in it.

Frame: every second pixel of 144x160, four grey levels (0 black to 3 white), four pixels to a byte, the leftmost in bits
7-6: (72, 20, 1) uint8. `two_bit: false` gives one grey byte per pixel, `reduce_res: false` all pixels.
Deviations from upstream, on purpose: scalars have shape (1,), `events` goes up to 255, stats are read big-endian, and
slots and bag places that the game does not use are 0.
"""
from __future__ import annotations

import numpy as np
from gymnasium import spaces

from pokemonred_puffer.data.events import EVENTS_FLAGS_LENGTH
from pokemonred_puffer.data.party import PARTY_LENGTH
from pokemonred_puffer.ram_map import BAG_CAPACITY, Snapshot

PIXEL_VALUES = np.array([0, 85, 153, 255], np.uint8)
MAX_MAP_ID = 0xF7
_PARTY_BYTES = ("species", "status", "type1", "type2", "level")
PARTY_WORDS = (
    ("hp", "hp"), ("maxHP", "max_hp"), ("attack", "attack"), ("defense", "defense"), ("speed", "speed"),
    ("special", "special"),
)  # fmt: skip
_SCALARS = {"direction": 3, "blackout_map_id": MAX_MAP_ID, "battle_type": 3, "map_id": MAX_MAP_ID}
# Packed byte of four equal pixels by value * 255: level 0 unseen, then 1-64, 65-128, 129-255.
_MASK_BYTES = (np.ceil(np.arange(256) / 64).clip(0, 3) * 0x55).astype(np.uint8)
_EXTRAS = ("rival_3", "game_corner_rocket", "saffron_guard", "lapras")


def pack2bit(levels: np.ndarray) -> np.ndarray:
    """(..., W) uint8 levels 0-3 -> (..., W / 4) uint8, the leftmost pixel in bits 7-6; W must divide by 4."""
    quads = levels.reshape(*levels.shape[:-1], -1, 4)
    return (quads << np.array([6, 4, 2, 0], np.uint8)).sum(-1, dtype=np.uint8)


def unpack2bit(packed: np.ndarray) -> np.ndarray:
    """(..., W / 4) uint8 -> (..., W) uint8 levels 0-3: the inverse of `pack2bit`."""
    pixels = packed[..., None] >> np.array([6, 4, 2, 0], np.uint8) & 3
    return pixels.reshape(*packed.shape[:-1], -1)


def frame_shape(reduce_res: bool, two_bit: bool) -> tuple[int, int, int]:
    """Shape of `screen` and `visited_mask` for the two frame options."""
    height, width = (72, 80) if reduce_res else (144, 160)
    return height, width // 4 if two_bit else width, 1


def observation_space(reduce_res: bool = True, two_bit: bool = True) -> spaces.Dict:
    """The Dict space that `Observer` fills, key by key in shape, dtype and bounds."""
    frame = frame_shape(reduce_res, two_bit)

    def byte(*shape: int, high: int = 255) -> spaces.Box:
        return spaces.Box(0, high, shape, np.uint8)

    entries = {"screen": byte(*frame), "visited_mask": byte(*frame)}
    entries |= {name: byte(1, high=high) for name, high in _SCALARS.items()}
    entries |= {"bag_items": byte(BAG_CAPACITY), "bag_quantity": byte(BAG_CAPACITY)}
    entries |= {name: byte(PARTY_LENGTH) for name in _PARTY_BYTES}
    entries |= {name: spaces.Box(0, 0xFFFF, (PARTY_LENGTH,), np.uint32) for name, _ in PARTY_WORDS}
    entries |= {"moves": byte(PARTY_LENGTH, 4), "events": byte(EVENTS_FLAGS_LENGTH)}
    entries |= {name: byte(1, high=1) for name in _EXTRAS}
    entries["safari_steps"] = spaces.Box(0, 0xFFFF, (1,), np.uint32)
    return spaces.Dict(entries)


class Observer:
    """Turns snapshots into observations; what did not change in memory is delivered as the same read-only arrays."""

    def __init__(self, emulator, memory, reduce_res: bool = True, two_bit: bool = True) -> None:
        """`emulator` delivers the screen, `memory` (ExplorationMemory) the visited window."""
        self._emulator = emulator
        self._memory = memory
        self._shape = frame_shape(reduce_res, two_bit)
        self._reduce, self._two_bit = reduce_res, two_bit
        self._zero_mask = np.zeros(self._shape, np.uint8)
        self._zero_mask.flags.writeable = False
        self._mask, self._mask_key = self._zero_mask, None
        self._party_raw = self._bag_raw = b""
        self._party: dict[str, np.ndarray] = {}
        self._bag: dict[str, np.ndarray] = {}

    def observe(self, snapshot: Snapshot) -> dict[str, np.ndarray]:
        """One observation, contained in `observation_space(...)`."""
        if snapshot.party != self._party_raw:
            self._party_raw, self._party = snapshot.party, _decode_party(snapshot)
        bag_raw = snapshot.bag_raw
        if bag_raw != self._bag_raw:
            self._bag_raw, self._bag = bag_raw, _decode_bag(snapshot)
        extras = snapshot.extras
        scalars = np.array(
            (
                snapshot.facing, min(snapshot.blackout_map, MAX_MAP_ID), min(snapshot.in_battle + 1 & 0xFF, 3),
                min(snapshot.map_id, MAX_MAP_ID), extras & 1, extras >> 1 & 1, extras >> 2 & 1, extras >> 3 & 1,
            ),
            np.uint8,
        )  # fmt: skip
        return {
            "screen": self.screen(),
            "visited_mask": self._zero_mask if snapshot.in_battle else self.visited_mask(),
            "direction": scalars[0:1], "blackout_map_id": scalars[1:2], "battle_type": scalars[2:3],
            "map_id": scalars[3:4], "rival_3": scalars[4:5], "game_corner_rocket": scalars[5:6],
            "saffron_guard": scalars[6:7], "lapras": scalars[7:8],
            "events": np.frombuffer(snapshot.events, np.uint8),
            "safari_steps": np.array([snapshot.safari_steps], np.uint32),
            **self._bag, **self._party,
        }  # fmt: skip

    def screen(self) -> np.ndarray:
        """The picture in the configured form, e.g. (72, 20, 1) uint8."""
        if self._two_bit and self._reduce:
            return self._emulator.screen_packed()[:, :, None]
        grey = self._emulator.screen_full()
        if self._reduce:
            return grey[::2, ::2, None].copy()
        return pack2bit(grey >> 6)[:, :, None] if self._two_bit else grey[:, :, None]

    def visited_mask(self) -> np.ndarray:
        """The visited window in the frame's form: each cell is 8x8 (or 16x16) pixels, cut to the screen. Read-only."""
        key = (self._memory.position, self._memory.version)
        if key != self._mask_key:
            self._mask_key, self._mask = key, self._draw_mask()
        return self._mask

    def _draw_mask(self) -> np.ndarray:
        cell = 8 if self._reduce else 16
        values = np.minimum(self._memory.window() * 255.0, 255.0).astype(np.uint8)
        if self._two_bit:
            values = _MASK_BYTES[values]
        mask = values.repeat(cell // 4 if self._two_bit else cell, 1).repeat(cell, 0)
        top = 3 * cell // 8
        mask = mask[top : top + self._shape[0], :, None]
        mask.flags.writeable = False
        return mask


class ScreenObserver:
    """Observations of the packed screen alone, drawn into one array that the next observation overwrites."""

    def __init__(self, emulator, out: np.ndarray) -> None:
        """`out` is (72, 20) uint8."""
        self._draw = emulator.screen_packed
        self._out = out
        self._observation = {"screen": out}

    def observe(self, snapshot: Snapshot) -> dict[str, np.ndarray]:
        """{"screen": out}, drawn anew."""
        self._draw(self._out)
        return self._observation


def _decode_party(snapshot: Snapshot) -> dict[str, np.ndarray]:
    mons, count = snapshot.party_mons, snapshot.party_count
    arrays = {name: mons[name].copy() for name in _PARTY_BYTES}
    arrays |= {key: mons[name].astype(np.uint32) for key, name in PARTY_WORDS}
    arrays["moves"] = mons["moves"].copy()
    for array in arrays.values():
        array[count:] = 0
        array.flags.writeable = False
    return arrays


def _decode_bag(snapshot: Snapshot) -> dict[str, np.ndarray]:
    arrays = {}
    for key, values in zip(("bag_items", "bag_quantity"), snapshot.bag, strict=True):
        arrays[key] = np.frombuffer(values.ljust(BAG_CAPACITY, b"\0"), np.uint8)
    return arrays
