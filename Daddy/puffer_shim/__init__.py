"""The adapter between the trainer and the env: pufferlib's vectorisation behind one small interface.

Outside this package nothing imports pufferlib, and the trainer imports nothing of the env package.
"""

from Daddy.puffer_shim import _pufferlib  # noqa: F401 (first, because it silences what gymnasium and gym print)
from Daddy.puffer_shim.errors import WorkerError
from Daddy.puffer_shim.record import RECORD, SCREEN_SHAPE
from Daddy.puffer_shim.red import RedFactory, map_names
from Daddy.puffer_shim.structured import CELL_FEATURES, STRUCTURED_DIM
from Daddy.puffer_shim.vector import BACKENDS, Batch, VectorEnv, make_vector
from pokemonred_puffer.data.cities import city_of
from pokemonred_puffer.data.milestones import MILESTONES, milestone_names, unpack_milestones

__all__ = [
    "BACKENDS",
    "CELL_FEATURES",
    "MILESTONES",
    "RECORD",
    "SCREEN_SHAPE",
    "STRUCTURED_DIM",
    "Batch",
    "RedFactory",
    "VectorEnv",
    "WorkerError",
    "city_of",
    "make_vector",
    "map_names",
    "milestone_names",
    "unpack_milestones",
]
