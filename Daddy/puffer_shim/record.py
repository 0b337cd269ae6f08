"""The record: everything about one observation of one env, as one fixed row of shared memory.

Nothing else travels from worker to learner per step: no dict, no pickle, no pipe.
"""

from __future__ import annotations

import struct

import numpy as np

from Daddy.puffer_shim.structured import STRUCTURED_DIM
from pokemonred_puffer.data.milestones import MILESTONE_BYTES

REWARD_TERMS = 20  # places for the parts of r_env; VectorEnv.reward_term_names says what they hold, unused ones are 0
SCREEN_SHAPE = (72, 20)  # packed: 72 rows of 80 pixels, four 2-bit pixels to a byte, the leftmost in bits 7-6

RECORD = np.dtype(
    [
        ("episode_id", "<u4"),  # counts this env's episodes from 1
        ("episode_step", "<u4"),  # steps taken in this episode to arrive here
        ("spawn_id", "<u4"),  # savestate that this episode started from; 0 is the env's true start
        ("episode_return", "<f4"),  # sum of r_env so far, this row included
        ("tiles", "<u4"),  # distinct (map, x, y) visited this episode
        ("r_env", "<f4"),  # the env's reward for arriving here; 0 on first rows
        ("required_count", "<u2"),  # true required events + required items in the bag (upstream's progress count)
        ("map_id", "u1"),
        ("x", "u1"),
        ("y", "u1"),
        ("facing", "u1"),  # 0 down, 1 up, 2 left, 3 right
        ("in_battle", "u1"),  # wIsInBattle: 0 no, 1 wild, 2 trainer, 255 lost
        ("badges", "u1"),  # wObtainedBadges
        ("text_open", "u1"),
        ("is_first", "u1"),  # first observation of an episode: no transition leads here
        ("terminated", "u1"),
        ("truncated", "u1"),
        ("reward_terms", "<f4", (REWARD_TERMS,)),  # what each reward term added to r_env in this step
        ("milestones", "u1", (MILESTONE_BYTES,)),  # bit i % 8 of byte i // 8 is MILESTONES[i]
        ("structured", "u1", (STRUCTURED_DIM,)),  # features scaled to 0..255, see structured.LAYOUT
        ("screen", "u1", SCREEN_SHAPE),
    ]
)

SCALARS = struct.Struct("<IIIfIfH10B")  # the fields up to truncated, in order: one call writes them all


def view_records(rows: np.ndarray) -> np.ndarray:
    """(B,) RECORD view of (B, RECORD.itemsize) uint8 rows; no copy, so it lives as long as the rows do."""
    return rows.view(RECORD).reshape(len(rows))
