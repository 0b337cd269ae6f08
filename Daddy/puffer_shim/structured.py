"""Structured features: the game's state as STRUCTURED_DIM bytes, each scaled to 0..255.

`pp` is what is left of the moves of the one who fights next, on a logarithmic scale: a move without PP does nothing,
and only the list of moves shows it.

``StructuredEncoder`` writes in place and decodes again only what changed in memory since its last call. What changes
at every step is joined from ready-made bytes, because a step of the emulator itself takes only some 200 us.
"""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np

from Daddy.puffer_shim.visits import VIEW
from pokemonred_puffer.data.items import REQUIRED_ITEMS, USEFUL_ITEMS
from pokemonred_puffer.ram_map import BAG_CAPACITY
from pokemonred_puffer.telemetry import Telemetry

KEY_ITEMS = (*REQUIRED_ITEMS, *USEFUL_ITEMS)  # one feature each
_MILESTONE_BYTES = 6  # room for 48 milestones
CELL_FEATURES = VIEW[0] * VIEW[1]
_WIDTHS = {
    # changes at every step
    "map_bits": 8, "x": 1, "y": 1, "x_bits": 6, "y_bits": 6, "facing": 4, "battle": 4, "text_open": 1, "no_control": 1,
    "enemy_level": 1, "enemy_hp": 1, "progress": 1,
    # changes now and then
    "party_count": 1, "levels": 6, "hp": 6, "badges": 8, "milestones": 8 * _MILESTONE_BYTES,
    "key_items": len(KEY_ITEMS), "bag_count": 1, "money": 1, "required_count": 1, "pp": 4, "zero": 1,
    # one cell of the screen each, written by VisitCounts
    "visits": CELL_FEATURES,
}  # fmt: skip

_ENDS = dict(zip(_WIDTHS, accumulate(_WIDTHS.values()), strict=True))

LAYOUT: dict[str, slice] = {
    name: slice(end - _WIDTHS[name], end) for name, end in _ENDS.items()
}  # feature name -> where it lies; multi-bit features are least significant bit first, facing and battle one-hot
STRUCTURED_DIM = sum(_WIDTHS.values())
BATTLE_NONE, BATTLE_WILD, BATTLE_TRAINER, BATTLE_LOST = range(4)

FIGHT_FEATURES = np.r_[tuple(LAYOUT[name] for name in ("battle", "enemy_level", "enemy_hp", "levels", "hp", "pp"))]
_LIVE = slice(0, LAYOUT["progress"].stop)
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little") * 255  # (256, 8)
_MAP = [row.tobytes() for row in _BITS]
_COORDINATE = [bytes((min(value, 63) * 4,)) for value in range(256)]
_COORDINATE_BITS = [row[:6].tobytes() for row in _BITS]
_ONE_HOT = [row.tobytes() for row in np.eye(4, dtype=np.uint8) * 255]
_BATTLE = [_ONE_HOT[min(value, BATTLE_LOST)] for value in range(256)]
_BYTE = [bytes((value,)) for value in range(256)]
_OFF, _ON, _NO_ENEMY = b"\0", b"\xff", b"\0\0"
_MAX_REQUIRED = 76
_MONEY_SCALE = 255 / math.log1p(999_999)
_PP = np.array([255 * math.log1p(min(value & 63, 40)) / math.log1p(40) for value in range(256)], np.uint8)  # 40: most


class StructuredEncoder:
    """Writes the features of one env into its (STRUCTURED_DIM,) uint8 row."""

    def __init__(self, out: np.ndarray) -> None:
        self._live = memoryview(out)[_LIVE]
        self._part = {name: out[where] for name, where in LAYOUT.items()}
        self._party = self._pockets = self._story = None

    def encode(self, now: Telemetry, progress: float) -> None:
        """Features of ``now``; ``progress`` is the share of the episode's step limit already used, 0..1."""
        x, y = now.x, now.y
        self._live[:] = b"".join((
            _MAP[now.map_id], _COORDINATE[x], _COORDINATE[y], _COORDINATE_BITS[x], _COORDINATE_BITS[y],
            _ONE_HOT[now.facing], _BATTLE[now.in_battle], _ON if now.text_open else _OFF,
            _ON if now.joy_ignore else _OFF, _enemy(now) if now.in_battle else _NO_ENEMY,
            _BYTE[min(int(255 * progress), 255)],
        ))  # fmt: skip
        if now.party != self._party:
            self._party = now.party
            self._encode_party(now)
        if now.pockets != self._pockets:
            self._pockets = now.pockets
            self._encode_pockets(now)
        self._encode_story(now)

    def _encode_party(self, now: Telemetry) -> None:
        part, count, mons = self._part, now.party_count, now.party_mons
        owned = np.arange(len(mons)) < count
        part["party_count"][0] = count * 255 // 6
        for values in (part["levels"], part["hp"]):
            values[:] = 0
        part["levels"][: len(mons)] = np.minimum(mons["level"], 100).astype(int) * owned * 255 // 100
        part["hp"][: len(mons)] = np.minimum(mons["hp"] / np.maximum(mons["max_hp"], 1), 1.0) * 255 * owned
        able = np.flatnonzero(owned & (mons["hp"] > 0))  # the first of them goes into the next fight
        part["pp"][:] = _PP[mons["pp"][able[0]]] if len(able) else 0

    def _encode_pockets(self, now: Telemetry) -> None:
        ids = now.bag[0]
        self._part["key_items"][:] = [255 if item in ids else 0 for item in KEY_ITEMS]
        self._part["bag_count"][0] = len(ids) * 255 // BAG_CAPACITY
        self._part["money"][0] = int(math.log1p(now.money) * _MONEY_SCALE)

    def _encode_story(self, now: Telemetry) -> None:
        story = (now.milestones.tobytes(), now.badges, now.required_count)
        if story == self._story:
            return
        self._story = story
        part = self._part
        part["milestones"][:] = _BITS[now.milestones[:_MILESTONE_BYTES]].ravel()
        part["badges"][:] = _BITS[now.badges]
        part["required_count"][0] = min(255, now.required_count * 255 // _MAX_REQUIRED)


def _enemy(now: Telemetry) -> bytes:
    """Level and share of HP left."""
    hp = now.enemy_hp * 255 // max(now.enemy_max_hp, 1)
    return bytes((min(now.enemy_level, 100) * 255 // 100, min(hp, 255)))
