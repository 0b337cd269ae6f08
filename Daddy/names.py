"""Ids to words: map names of the running ROM and milestone names, for logs."""

from __future__ import annotations

import numpy as np

from Daddy.puffer_shim import (
    MILESTONES,
    NOWHERE,
    PLACES,
    available_milestones,
    map_names,
    milestone_names,
    unpack_milestones,
)


class Names:
    """Names for one run; an unknown map id is shown as ``map_<id>``."""

    def __init__(self, rom: str, allow_mismatch: bool) -> None:
        self._maps = map_names(rom or None, allow_mismatch)
        present = available_milestones(rom or None, allow_mismatch)
        self._quests = [i for i, name in enumerate(MILESTONES) if name in present]

    def map(self, map_id: int) -> str:
        return self._maps.get(map_id, f"map_{map_id}")

    def milestones(self, packed: np.ndarray) -> tuple[str, ...]:
        """Names of the bits set in ``packed`` (uint8, least significant bit first), in milestone order."""
        return milestone_names(packed)

    def reached(self, packed: np.ndarray) -> np.ndarray:
        """(M,) bool, one per milestone in milestone order, from one packed row."""
        return unpack_milestones(packed)

    def city(self, map_id: int) -> int:
        """Map id of the town that a map is or lies in; -1 in the wild."""
        return int(PLACES[map_id, 0])

    def quest(self, packed: np.ndarray) -> int:
        """Index of the milestone to go for: the ROM's first one after the furthest in ``packed``, or NOWHERE."""
        owned = np.flatnonzero(unpack_milestones(packed))
        furthest = owned[-1] if len(owned) else NOWHERE
        return next((quest for quest in self._quests if quest > furthest), NOWHERE)
