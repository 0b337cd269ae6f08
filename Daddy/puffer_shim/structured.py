"""Structured features: the game's state as STRUCTURED_DIM bytes, each scaled to 0..255.

``StructuredEncoder`` writes in place and decodes again only what changed in memory since its last call.
"""

from __future__ import annotations

import math

import numpy as np

from pokemonred_puffer.data.items import REQUIRED_ITEMS, USEFUL_ITEMS
from pokemonred_puffer.ram_map import BAG_CAPACITY
from pokemonred_puffer.telemetry import Telemetry

KEY_ITEMS = (*REQUIRED_ITEMS, *USEFUL_ITEMS)  # one feature each
_MILESTONE_BYTES = 6  # room for 48 milestones
_WIDTHS = {
    "map_bits": 8, "x": 1, "y": 1, "x_bits": 6, "y_bits": 6, "facing": 4, "battle": 4, "text_open": 1, "no_control": 1,
    "party_count": 1, "levels": 6, "hp": 6, "badges": 8, "milestones": 8 * _MILESTONE_BYTES,
    "key_items": len(KEY_ITEMS), "bag_count": 1, "money": 1, "enemy_level": 1, "enemy_hp": 1, "required_count": 1,
    "progress": 1, "zero": 5,
}  # fmt: skip
_ENDS = np.cumsum(list(_WIDTHS.values()))

LAYOUT: dict[str, slice] = {
    name: slice(int(end) - width, int(end)) for (name, width), end in zip(_WIDTHS.items(), _ENDS, strict=True)
}  # feature name -> where it lies; multi-bit features are least significant bit first, facing and battle one-hot
STRUCTURED_DIM = int(_ENDS[-1])
BATTLE_NONE, BATTLE_WILD, BATTLE_TRAINER, BATTLE_LOST = range(4)

_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little") * 255  # (256, 8)
_ONE_HOT = np.eye(4, dtype=np.uint8) * 255
_BATTLE = np.full(256, BATTLE_LOST)
_BATTLE[:3] = (BATTLE_NONE, BATTLE_WILD, BATTLE_TRAINER)
_MAX_COORDINATE = 63
_MAX_REQUIRED = 76
_MONEY_SCALE = 255 / math.log1p(999_999)


class StructuredEncoder:
    """Writes the features of one env into its (STRUCTURED_DIM,) uint8 row."""

    def __init__(self, out: np.ndarray) -> None:
        self._part = {name: out[where] for name, where in LAYOUT.items()}
        self._party = self._bag = self._story = None

    def encode(self, now: Telemetry, progress: float) -> None:
        """Features of ``now``; ``progress`` is the share of the episode's step limit already used, 0..1."""
        self._encode_place(now)
        self._encode_battle(now)
        self._encode_party(now)
        self._encode_bag(now)
        self._encode_story(now)
        self._part["progress"][0] = min(255, int(255 * progress))

    def _encode_place(self, now: Telemetry) -> None:
        part, x, y = self._part, now.x, now.y
        part["map_bits"][:] = _BITS[now.map_id]
        part["x"][0] = min(x, _MAX_COORDINATE) * 4
        part["y"][0] = min(y, _MAX_COORDINATE) * 4
        part["x_bits"][:] = _BITS[x, :6]
        part["y_bits"][:] = _BITS[y, :6]
        part["facing"][:] = _ONE_HOT[now.facing]
        part["text_open"][0] = 255 if now.text_open else 0
        part["no_control"][0] = 255 if now.joy_ignore else 0

    def _encode_battle(self, now: Telemetry) -> None:
        part = self._part
        part["battle"][:] = _ONE_HOT[_BATTLE[now.in_battle]]
        part["enemy_level"][0] = min(now.enemy_level, 100) * 255 // 100
        part["enemy_hp"][0] = min(now.enemy_hp * 255 // max(now.enemy_max_hp, 1), 255)

    def _encode_party(self, now: Telemetry) -> None:
        if now.party == self._party:
            return
        self._party = now.party
        part, count, mons = self._part, now.party_count, now.party_mons
        owned = np.arange(6) < count
        part["party_count"][0] = count * 255 // 6
        part["levels"][:] = np.minimum(mons["level"], 100).astype(int) * owned * 255 // 100
        part["hp"][:] = np.minimum(mons["hp"] / np.maximum(mons["max_hp"], 1), 1.0) * 255 * owned

    def _encode_bag(self, now: Telemetry) -> None:
        part, raw = self._part, now.bag_raw
        if raw != self._bag:
            self._bag = raw
            ids = now.bag[0]
            part["key_items"][:] = [255 if item in ids else 0 for item in KEY_ITEMS]
            part["bag_count"][0] = len(ids) * 255 // BAG_CAPACITY
        part["money"][0] = int(math.log1p(now.money) * _MONEY_SCALE)

    def _encode_story(self, now: Telemetry) -> None:
        story = (now.milestones.tobytes(), now.badges, now.required_count)
        if story == self._story:
            return
        self._story = story
        part = self._part
        part["milestones"][:] = _BITS[now.milestones[:_MILESTONE_BYTES]].ravel()
        part["badges"][:] = _BITS[now.badges]
        part["required_count"][0] = min(255, now.required_count * 255 // _MAX_REQUIRED)
