"""The env as Stable-Baselines3 wants it: an image and a vector, without what its networks cannot read."""
from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from pokemonred_puffer.data.events import EVENTS_IDXS
from pokemonred_puffer.observation import PIXEL_VALUES, unpack2bit
from pokemonred_puffer.peers.settings import PeerSettings
from pokemonred_puffer.ppo.episodes import EpisodeEndWrapper
from pokemonred_puffer.ppo.vector import RedMaker

FRAME_STACK = 4
_EVENTS = np.array(list(EVENTS_IDXS))
_PARTY = 6
BESIDE = 4 + 4 + 8 + 2 * _PARTY + len(_EVENTS)


class ImageAndVector(gymnasium.ObservationWrapper):
    """`screen` (1, 72, 80) uint8 grey values and `beside` (BESIDE,) float32: facing, battle, bits of the map id, the
    party's HP and levels, and the game's events."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.observation_space = spaces.Dict({
            "screen": spaces.Box(0, 255, (1, 72, 80), np.uint8), "beside": spaces.Box(0.0, 1.0, (BESIDE,), np.float32),
        })  # fmt: skip

    def observation(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Decodes what the env delivers packed."""
        o = observation
        beside = np.zeros(BESIDE, np.float32)
        beside[min(int(o["direction"][0]), 3)] = 1.0
        beside[4 + min(int(o["battle_type"][0]), 3)] = 1.0
        beside[8:16] = np.unpackbits(o["map_id"], bitorder="little")
        beside[16 : 16 + _PARTY] = o["hp"] / np.maximum(o["maxHP"], 1)
        beside[16 + _PARTY : 16 + 2 * _PARTY] = np.minimum(o["level"] / 100, 1.0)
        beside[16 + 2 * _PARTY :] = np.unpackbits(o["events"], bitorder="little")[_EVENTS]
        np.clip(beside, 0.0, 1.0, out=beside)
        return {"screen": PIXEL_VALUES[unpack2bit(o["screen"][:, :, 0])][None], "beside": beside}


def make_envs(settings: PeerSettings, stagger: bool) -> list[Callable[[], gymnasium.Env]]:
    """Makers of the run's envs; `stagger` shortens the first episode of env i to the share (i + 1) / num_envs."""
    count, length = settings.num_envs, settings.max_episode_steps

    def make(number: int) -> gymnasium.Env:
        if multiprocessing.parent_process() is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # in a worker: Ctrl-C is the parent's to handle
        first = -(-length * (number + 1) // count) if stagger else None
        return ImageAndVector(EpisodeEndWrapper(env_maker(settings)(number), number, first))

    return [partial(make, number) for number in range(count)]


def env_maker(settings: PeerSettings) -> RedMaker:
    """Makes the bare envs, always at the true start."""
    config: dict[str, Any] = {"max_steps": settings.max_episode_steps, "init_state": "boot"}
    config |= {"gb_path": settings.rom} if settings.rom else {}
    config |= {"allow_rom_mismatch": True} if settings.allow_rom_mismatch else {}
    return RedMaker(config, settings.reward, "empty")
