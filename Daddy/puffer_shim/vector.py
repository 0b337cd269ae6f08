"""make_vector: many envs behind recv and send, whatever runs them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from Daddy.puffer_shim.backends import WorkerPool
from Daddy.puffer_shim.creator import EnvCreator, EnvFactory
from Daddy.puffer_shim.events import VectorEvent
from Daddy.puffer_shim.layout import Layout, plan_layout
from Daddy.puffer_shim.record import view_records
from Daddy.puffer_shim.record_env import EpisodeRules
from Daddy.puffer_shim.red import make_red_env
from Daddy.puffer_shim.serial import SerialGroups
from Daddy.puffer_shim.spawns import check_spawn
from Daddy.puffer_shim.watchdog import WatchdogSettings


@dataclass(frozen=True)
class Batch:
    """One batch: ``records`` (B,) RECORD and ``env_ids`` (B,) int.

    ``records`` is usually a view of shared memory. It holds until the ``send`` that answers this very batch: from then
    on its workers overwrite it, so copy what should last. Other batches in flight do not touch it.
    """

    records: np.ndarray
    env_ids: np.ndarray


class VectorEnv:
    """``recv() -> Batch``, then ``send(actions)`` for exactly those envs, and so on.

    The step that ends an episode delivers its last observation (terminated or truncated set); the next record of that
    env is the first of a new episode (is_first set) and the action sent in between is ignored. Env i is seeded with
    seed + i, and the same seeds and actions give the same records on every backend.

    A worker that raises, dies or hangs is replaced (see WatchdogSettings) and ``events`` tells of it; meanwhile batches
    come without its envs, so B may be smaller than ``batch_size``. The next record of a replaced env has is_first set
    although the one before was no last one; it begins with the savestate that the lost episode began with, and a seed
    of its own.

    ``reward_term_names`` names the first places of a record's ``reward_terms``; it is empty for an env without any.
    """

    def __init__(
        self, pool: WorkerPool | SerialGroups, layout: Layout, num_actions: int, reward_term_names: tuple[str, ...],
        seed: int,
    ) -> None:  # fmt: skip
        self.num_envs, self.batch_size, self.num_actions = layout.num_envs, layout.batch_size, num_actions
        self.reward_term_names = reward_term_names
        self._pool, self._layout, self._seed, self._started = pool, layout, seed, False

    def reset(self, seed: int | None = None) -> None:
        """Start all envs anew; the coming ``recv`` calls deliver their first records."""
        self._started = True
        self._pool.async_reset(self._seed if seed is None else seed)

    def recv(self) -> Batch:
        """The next batch; resets first if nobody has.

        Raises:
            WorkerError: a worker failed in a way that a restart cannot mend, or too often.
        """
        if not self._started:
            self.reset()
        rows, env_ids = self._pool.receive()
        return Batch(view_records(rows), env_ids)

    def send(self, actions: np.ndarray) -> None:
        """Actions (B,) int32 for the envs of the last batch, in its order."""
        self._pool.send(np.asarray(actions, np.int32))

    def spawn(self, env_id: int, state: bytes | None, spawn_id: int, patience: float = 1.0) -> None:
        """Let the next reset of one env, and only that one, start from ``state``; its records will say ``spawn_id``.

        None with spawn_id 0 is the true start, which is also what an env does that was told nothing. An id stands for
        one state: each worker keeps the last states by id, so that sending one again costs nothing. Between ``recv``
        and ``send`` of an env's last record this reaches the reset that follows; while the env is busy it is delivered
        with its next ``send``. A state that the env refuses leads to its true start and a SpawnFailed event.
        ``patience``, at most 1, is the share of what ``EpisodeRules.paced`` allow for a milestone that it gets.

        Raises:
            ValueError: no such env, id and state do not go together, or a state too large.
        """
        check_spawn(env_id, self.num_envs, state, spawn_id)
        self._pool.spawn(env_id, state, spawn_id, patience)

    def capture(self, env_id: int, path: str | os.PathLike[str], tag: str) -> None:
        """Let the worker write the env's savestate to ``path`` (which appears whole or not at all) at its next turn.

        Called between ``recv`` and ``send`` it is the state behind the record just received. ``events`` will hold a
        Captured or a CaptureFailed, after the next batch with this env.
        """
        self._pool.capture(env_id, os.fspath(os.path.abspath(path)), tag)

    def events(self) -> list[VectorEvent]:
        """What happened since the last call: WorkerRestarted, Captured, CaptureFailed, SpawnFailed."""
        return self._pool.events()

    @property
    def restarts(self) -> int:
        """Workers replaced so far."""
        return self._pool.restarts

    @property
    def worker_restarts(self) -> tuple[int, ...]:
        """The same per worker; empty without workers."""
        return tuple(self._pool.worker_restarts)

    def close(self) -> None:
        """Stop the workers and their emulators; safe to call twice."""
        self._pool.close()

    def describe(self) -> list[str]:
        """Lines for the start of a run: what was chosen, and why."""
        return [self._layout.describe()]


def make_vector(
    env_config: dict, *, backend: str = "puffer", num_envs: int, num_workers: int | str = "auto",
    batch_size: int | str | None = None, seed: int = 0, reward_name: str | None = None, max_episode_steps: int,
    stagger: bool = False, rules: EpisodeRules | None = None,
    watchdog: WatchdogSettings | None = None, env_factory: EnvFactory = make_red_env,
) -> VectorEnv:  # fmt: skip
    """Start ``num_envs`` envs.

    A batch holds ``batch_size`` of them: None for all, "auto" for all or half of them by the rule of choose_batches.
    ``stagger`` shortens the first episode of env i to the share (i + 1) / num_envs, so that episodes end one by one
    and the envs are at different places of the game. One env is made, reset and closed here first, so that a
    wrong ROM, savestate or setting is reported once, by its own error.

    Raises:
        ConfigError: numbers that do not fit together.
        PokemonRedError: what the env itself refuses.
    """
    layout = plan_layout(backend, num_envs, num_workers, batch_size)
    probe = EnvCreator(env_factory, env_config, reward_name, max_episode_steps)
    env = probe.make()
    try:
        env.reset(seed=seed)
        num_actions, reward_term_names = int(env.action_space.n), env.reward_term_names
    finally:
        env.close()
    shares = [-(-max_episode_steps * (i + 1) // num_envs) if stagger else None for i in range(num_envs)]
    creators = [
        replace(probe, num_actions=num_actions, env_id=i, first_episode_steps=first, rules=rules)
        for i, first in enumerate(shares)
    ]
    if backend == "serial":
        pool = SerialGroups(creators, layout.batch_size)
    else:
        pool = WorkerPool(creators, layout.num_workers, layout.batch_size, watchdog or WatchdogSettings())
    return VectorEnv(pool, layout, num_actions, reward_term_names, seed)
