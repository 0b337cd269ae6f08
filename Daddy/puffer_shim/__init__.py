"""The adapter between the trainer and the env: pufferlib's vectorisation behind one small interface.

Outside this package nothing imports pufferlib, and the trainer imports nothing of the env package.
"""

from Daddy.puffer_shim import _pufferlib  # noqa: F401 (first, because it silences what gymnasium and gym print)
from Daddy.puffer_shim.errors import WorkerError
from Daddy.puffer_shim.events import Captured, CaptureFailed, SpawnFailed, VectorEvent, WorkerRestarted
from Daddy.puffer_shim.layout import BACKENDS
from Daddy.puffer_shim.record import RECORD, REWARD_TERMS, SCREEN_SHAPE
from Daddy.puffer_shim.record_env import BRIEF, EpisodeRules
from Daddy.puffer_shim.red import (
    A_BUTTON,
    RED_MAPS,
    RedFactory,
    available_milestones,
    map_names,
    map_regions,
    rom_sha1,
    world_facts,
)
from Daddy.puffer_shim.structured import CELL_FEATURES, FIGHT_FEATURES, KEY_ITEMS, LAYOUT, STRUCTURED_DIM
from Daddy.puffer_shim.vector import Batch, VectorEnv, make_vector
from Daddy.puffer_shim.visits import DIRECTIONS, on_new_ground, pays_around
from Daddy.puffer_shim.watchdog import WatchdogSettings
from pokemonred_puffer.data.milestones import MILESTONE_TABLE, MILESTONES, milestone_names, unpack_milestones
from pokemonred_puffer.data.places import CITIES, DUNGEONS, NOWHERE, PLACES

__all__ = [
    "A_BUTTON",
    "BACKENDS",
    "BRIEF",
    "CELL_FEATURES",
    "CITIES",
    "DIRECTIONS",
    "DUNGEONS",
    "FIGHT_FEATURES",
    "KEY_ITEMS",
    "LAYOUT",
    "MILESTONES",
    "MILESTONE_TABLE",
    "NOWHERE",
    "PLACES",
    "RECORD",
    "RED_MAPS",
    "REWARD_TERMS",
    "SCREEN_SHAPE",
    "STRUCTURED_DIM",
    "Batch",
    "CaptureFailed",
    "Captured",
    "EpisodeRules",
    "RedFactory",
    "SpawnFailed",
    "VectorEnv",
    "VectorEvent",
    "WatchdogSettings",
    "WorkerError",
    "WorkerRestarted",
    "available_milestones",
    "make_vector",
    "map_names",
    "map_regions",
    "milestone_names",
    "on_new_ground",
    "pays_around",
    "rom_sha1",
    "unpack_milestones",
    "world_facts",
]
