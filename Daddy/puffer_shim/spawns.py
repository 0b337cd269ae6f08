"""Which savestate each env starts from, and which savestates each worker already holds."""

from __future__ import annotations

from collections import OrderedDict

from Daddy.puffer_shim.desk import Spawn

CACHED_STATES = 32  # per worker
MAX_STATE_BYTES = 4 * 2**20


class SpawnBook:
    """The parent's side of spawning: a savestate travels to a worker once, and again after a restart."""

    def __init__(self, num_workers: int) -> None:
        self._caches: list[OrderedDict[int, bytes]] = [OrderedDict() for _ in range(num_workers)]
        self._pending: dict[int, tuple[int, bytes | None, float]] = {}  # by env, until its first record arrives
        self._active: dict[int, tuple[int, bytes | None, float]] = {}  # by env, what its episode started from

    @property
    def waiting(self) -> bool:
        """Some env has not yet delivered the first record of its spawn."""
        return bool(self._pending)

    def order(
        self, worker: int, env_id: int, slot: int, spawn_id: int, state: bytes | None, patience: float = 1.0
    ) -> Spawn:
        """Note the spawn and make its command, with the state if ``worker`` does not hold it."""
        self._pending[env_id] = (spawn_id, state, patience)
        cache = self._caches[worker]
        if state is None:
            return Spawn(slot, 0, None, patience=patience)
        known = cache.get(spawn_id) == state
        cache[spawn_id] = state
        cache.move_to_end(spawn_id)
        forget = []
        while len(cache) > CACHED_STATES:
            forget.append(cache.popitem(last=False)[0])
        return Spawn(slot, spawn_id, None if known else state, tuple(forget), patience)

    def begun(self, env_id: int, spawn_id: int) -> None:
        """The env has delivered the first record of an episode from ``spawn_id``."""
        if env_id in self._pending and self._pending[env_id][0] == spawn_id:
            self._active[env_id] = self._pending.pop(env_id)

    def failed(self, env_id: int) -> None:
        """The env refused its spawn."""
        self._pending.pop(env_id, None)

    def again(self, env_id: int, spawn_id: int) -> tuple[int, bytes | None, float]:
        """(spawn_id, state, patience) for the successor of a lost env whose last record named ``spawn_id``."""
        if env_id in self._pending:
            return self._pending[env_id]
        true_start = (0, None, 1.0)
        found = self._active.get(env_id, true_start)
        return found if found[0] == spawn_id else true_start

    def forget_worker(self, worker: int) -> None:
        """A new worker has taken over: it holds no states."""
        self._caches[worker].clear()


def check_spawn(env_id: int, num_envs: int, state: bytes | None, spawn_id: int) -> None:
    """Refuse what cannot be meant.

    Raises:
        ValueError: no such env, a state too large, or spawn_id 0 for a state and another one for none.
    """
    if not 0 <= env_id < num_envs:
        raise ValueError(f"env {env_id} does not exist; there are {num_envs}")
    if (state is None) != (spawn_id == 0) or not 0 <= spawn_id < 2**32:
        raise ValueError(f"spawn_id is {spawn_id}; 0 is the true start and goes with state None, others with a state")
    if state is not None and len(state) > MAX_STATE_BYTES:
        raise ValueError(f"the savestate has {len(state)} bytes; at most {MAX_STATE_BYTES} can be sent")
