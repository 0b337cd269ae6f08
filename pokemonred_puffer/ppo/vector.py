"""Many envs behind pufferlib's recv and send, as pufferlib ships it but for how parent and workers wait.

The step that ends an episode delivers its last observation with the flag; the next `send` resets that env and ignores
its action, so the row after it is the first one of the next episode and no transition leads there.
"""
from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import psutil

from pokemonred_puffer.errors import ConfigError, PokemonRedError
from pokemonred_puffer.factory import make_env
from pokemonred_puffer.ppo.episodes import EpisodeEndWrapper
from pokemonred_puffer.quiet_pufferlib import GymnasiumPufferEnv, vector

_NAP_S = 2e-4  # parent
_WORKER_NAP_S = 1e-4
_LOOK_S = 1.0  # how often a waiting parent looks whether its workers live


class WorkerError(PokemonRedError):
    """A worker process died; its traceback stands above."""


@dataclass(frozen=True)
class RedMaker:
    """Makes RedGymEnv `env_id` of a run; picklable. Full infos are off: nobody reads them here."""

    env_config: Mapping[str, Any] = field(default_factory=dict)
    reward: str | None = None
    wrappers: str = "empty"
    config_path: str | None = None

    def __call__(self, env_id: int) -> gymnasium.Env:
        settings = {"log_frequency": 0, **self.env_config, "env_id": env_id}
        return make_env(settings, self.reward, self.wrappers, self.config_path)


EnvMaker = Callable[[int], gymnasium.Env]


class _SpacesOnly(gymnasium.Env):
    """What pufferlib gets as its driver env: the spaces, without an emulator behind them."""

    def __init__(self, observation_space: gymnasium.Space, action_space: gymnasium.Space) -> None:
        self.observation_space, self.action_space = observation_space, action_space


@dataclass(frozen=True)
class Creator:
    """pufferlib calls it without `buf` for its driver env and with `buf` for a real one."""

    maker: EnvMaker
    env_id: int
    spaces: tuple[gymnasium.Space, gymnasium.Space]
    first_limit: int | None = None

    def __call__(self, buf: dict | None = None, seed: int | None = None) -> GymnasiumPufferEnv:
        """`seed` is pufferlib's and unused: seeds come with the reset."""
        if buf is None:
            return GymnasiumPufferEnv(_SpacesOnly(*self.spaces))
        if multiprocessing.parent_process() is not None:
            _live_and_die_with_the_parent()
        return GymnasiumPufferEnv(EpisodeEndWrapper(self.maker(self.env_id), self.env_id, self.first_limit), buf=buf)


class _NappingClock:
    """Stands for the module `time` in pufferlib's worker loop, which reads the clock each time that it looks for work
    and finds none: it naps there, because the parent needs the core for the policy."""

    sleep = staticmethod(time.sleep)

    @staticmethod
    def time() -> float:
        time.sleep(_WORKER_NAP_S)
        return time.time()


def _live_and_die_with_the_parent() -> None:
    """In a worker: Ctrl-C is the parent's to handle, SIGTERM ends it, and so does the parent's death (once each)."""
    if any(thread.name == "parent-watch" for thread in threading.enumerate()):
        return
    vector.time = _NappingClock
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), name="parent-watch", daemon=True).start()


class NappingMultiprocessing(vector.Multiprocessing):
    """pufferlib's Multiprocessing whose parent sleeps while it waits, seeds each env with seed + its number, and raises
    WorkerError when a worker has died instead of waiting for it for ever."""

    def recv(self) -> tuple:
        """As the parent's: (observations, rewards, terminals, truncations, infos, env ids, mask), views of the shared
        memory until the next `send`."""
        needed = self.waiting_workers[: self.workers_per_batch - len(self.ready_workers)]
        look_at = time.monotonic() + _LOOK_S
        while (self.buf["semaphores"][needed] < vector.MAIN).any():
            time.sleep(_NAP_S)
            if time.monotonic() > look_at:
                look_at = time.monotonic() + _LOOK_S
                self._check_workers()
        return super().recv()

    def async_reset(self, seed: int = 0) -> None:
        """Starts all envs, env i with `seed` + i; only once, before the first `recv`."""
        self.flag = vector.RECV
        self.ready_workers, self.waiting_workers = [], list(range(self.num_workers))
        self.infos = [[] for _ in range(self.num_workers)]
        self.buf["semaphores"][:] = vector.RESET
        for worker, pipe in enumerate(self.send_pipes):
            pipe.send(seed + worker * self.envs_per_worker)

    def close(self) -> None:
        """Ends the workers and waits until they are gone."""
        super().close()
        for process in self.processes:
            process.join(5)

    def _check_workers(self) -> None:
        for number, process in enumerate(self.processes):
            if not process.is_alive():
                raise WorkerError(f"env worker {number} died (exit code {process.exitcode}); start again with --resume")


@dataclass(frozen=True)
class Layout:
    """How `num_envs` are spread: `num_workers` processes (0: this one), `batch_size` envs answered at a time."""

    num_envs: int
    num_workers: int
    batch_size: int
    note: str = ""


def plan_layout(vectorization: str, num_envs: int, num_workers: int, env_batch_size: int) -> Layout:
    """The layout that was asked for, or the nearest one that fits this machine (then `note` says so).

    0 workers means one for each core; a batch of 0 all envs. Raises ConfigError for sizes that cannot be.
    """
    if vectorization == "serial":
        return Layout(num_envs, 0, num_envs)
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    asked = num_workers or cores
    workers = max(n for n in range(1, min(asked, max(cores, 1), num_envs) + 1) if num_envs % n == 0)
    share = num_envs // workers
    wanted = min(env_batch_size or num_envs, num_envs)
    fitting = [n * share for n in range(1, workers + 1) if workers % n == 0]
    batch = min(fitting, key=lambda size: (abs(size - wanted), size))
    notes = [f"{workers} workers instead of {asked} ({cores} cores, {num_envs} envs)"] if workers != asked else []
    notes += [f"batches of {batch} envs instead of {wanted}"] if batch != wanted else []
    return Layout(num_envs, workers, batch, "; ".join(notes))


def probe_spaces(maker: EnvMaker) -> tuple[gymnasium.Space, gymnasium.Space]:
    """(observation space, action space) of an env that was made, reset and closed here: a bad ROM shows at once."""
    env = maker(0)
    try:
        env.reset(seed=0)
        return env.observation_space, env.action_space
    finally:
        env.close()


def make_vector(maker: EnvMaker, layout: Layout, stagger_steps: int = 0) -> vector.Serial | vector.Multiprocessing:
    """The envs of `layout`; with `stagger_steps` env i's first episode has only the share (i + 1) / num_envs of them.

    Raises ConfigError, RomError or StateError.
    """
    spaces, count = probe_spaces(maker), layout.num_envs
    if not isinstance(spaces[1], gymnasium.spaces.Discrete):
        raise ConfigError("PPO here needs an env with Discrete actions")
    limits = [-(-stagger_steps * (i + 1) // count) if stagger_steps else None for i in range(count)]
    creators = [Creator(maker, i, spaces, limit) for i, limit in enumerate(limits)]
    arguments = (creators, [[]] * count, [{}] * count, count)
    if not layout.num_workers:
        return vector.Serial(*arguments)
    return NappingMultiprocessing(*arguments, num_workers=layout.num_workers, batch_size=layout.batch_size,
                                  overwork=True)
