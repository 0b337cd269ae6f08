"""Episodic novelty: 1/sqrt(n), n being how often this episode has stood on this (map, x, y), since its last milestone
if `anew` says so: with a new errand, known ground is worth another walk."""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST = 5.0  # times as much for a place that was hardly seen, as NGU's factor
_SLOT_BITS = 20
_STAGES = 256
_FIBONACCI = np.uint64(11400714819323198485)  # 2^64 / golden ratio: spreads neighbouring places over the table


def _place(map_id: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One number for each (map, x, y), uint32 (B,) below 2^24."""
    return map_id.astype(np.uint32) << 16 | x.astype(np.uint32) << 8 | y.astype(np.uint32)


class EpisodicNovelty:
    """Visit counts of every env in open-addressing tables, looked up for a whole batch at once.

    Counts live as long as an episode, so they are no part of a checkpoint: a resumed run begins new episodes.
    """

    def __init__(self, num_envs: int, slots: int = 1024):
        """`slots`, a power of two, is the starting size of a table; tables double when half full."""
        self._keys = np.zeros((num_envs, slots), np.uint32)  # key + 1; 0 is free
        self._counts = np.zeros((num_envs, slots), np.uint32)
        self._places = np.zeros(num_envs, np.int64)
        self.num_envs = num_envs

    def bonus(self, map_id: np.ndarray, x: np.ndarray, y: np.ndarray, env_ids: np.ndarray,
              anew: np.ndarray) -> np.ndarray:
        """Count the places that envs `env_ids` (B,), without repeats, have just arrived at; float32 (B,) in (0, 1].

        map_id, x, y are u1 (B,); anew bool (B,) forgets what was counted: the place is the only one so far.
        """
        begun = env_ids[anew]
        self._keys[begun], self._counts[begun], self._places[begun] = 0, 0, 0
        if 2 * (self._places.max() + 1) > self._keys.shape[1]:
            self._grow()
        key = _place(map_id, x, y) + np.uint32(1)
        slot = self._find(key, env_ids)
        fresh = self._keys[env_ids, slot] == 0
        self._keys[env_ids, slot] = key
        self._places[env_ids] += fresh
        self._counts[env_ids, slot] += 1
        return (1.0 / np.sqrt(self._counts[env_ids, slot])).astype(np.float32)

    def places(self) -> np.ndarray:
        """Distinct places counted for each env, int64 (num_envs,)."""
        return self._places.copy()

    def _find(self, key: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Slot of each key, or the free slot where it belongs."""
        mask = np.uint64(self._keys.shape[1] - 1)
        slot = (key.astype(np.uint64) * _FIBONACCI >> np.uint64(32)) & mask
        while True:
            held = self._keys[env_ids, slot]
            taken = (held != 0) & (held != key)
            if not taken.any():
                return slot
            slot = np.where(taken, (slot + np.uint64(1)) & mask, slot)

    def _grow(self) -> None:
        keys, counts = self._keys, self._counts
        self._keys = np.zeros((len(keys), 2 * keys.shape[1]), np.uint32)
        self._counts = np.zeros_like(self._keys)
        for column in range(keys.shape[1]):
            envs = np.nonzero(keys[:, column])[0]
            slot = self._find(keys[envs, column], envs)
            self._keys[envs, slot] = keys[envs, column]
            self._counts[envs, slot] = counts[envs, column]


class LifelongNovelty:
    """A factor of 1 to 5 on episodic novelty, for places that the run has seldom seen at this stage of the story.

    sqrt(mean / N) within these bounds: N counts the visits of (stage, map, x, y) over the whole run, mean is over the
    places seen at the stage. Never Give Up (Badia et al. 2020, arXiv 2002.06038) multiplies episodic novelty so, with
    RND; counts by stage also tell the laboratory with the parcel from the laboratory without, which looks the same.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(1 << _SLOT_BITS, np.uint32)  # one for places that share a slot, 1% of 10,000
        self._visits, self._places = np.zeros(_STAGES, np.int64), np.zeros(_STAGES, np.int64)

    def factor(self, stage: np.ndarray, map_id: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Count visits and return factors float32 (B,); stage (milestones reached), map_id, x, y are u1 (B,)."""
        key = stage.astype(np.uint64) << np.uint64(24) | _place(map_id, x, y)
        slot = (key * _FIBONACCI >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)
        _, once = np.unique(slot, return_index=True)
        np.add.at(self._places, stage[once[self._counts[slot[once]] == 0]], 1)
        np.add.at(self._visits, stage, 1)
        np.add.at(self._counts, slot, 1)
        mean = self._visits[stage] / self._places[stage]
        return np.sqrt(mean / self._counts[slot]).clip(1.0, _MOST).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        """What was seen: slots, their counts, and totals by stage."""
        used = np.flatnonzero(self._counts)
        return {"slots": used, "counts": self._counts[used].astype(np.int64), "visits": self._visits,
                "places": self._places}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._counts[:] = 0
        self._counts[np.asarray(state["slots"])] = np.asarray(state["counts"])
        self._visits[:], self._places[:] = np.asarray(state["visits"]), np.asarray(state["places"])
