"""Observations of a game that was really played: what a screen shows repeats, and the learner counts on it."""

from __future__ import annotations

from functools import cache

import numpy as np

from Daddy.puffer_shim.record_env import RecordEnv
from Daddy.puffer_shim.red import make_red_env
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording


@cache
def walkthrough() -> tuple[np.ndarray, np.ndarray]:
    """Screens uint8 (n, 72, 20) and features uint8 (n, F) of the cartridge's recorded game, an action apart."""
    recording, rom = Recording.load(), resolve_rom()
    recording.require(rom)
    emulator = Emulator(rom)
    state = emulator.save_state()
    emulator.close()
    env = RecordEnv(make_red_env({"gb_path": None}, None), len(recording.keys) + 1)
    screens, features = [], []
    try:
        env.reset(options={"state": state})
        for key in recording.keys:
            env.step(KEYS.index(key))
            screens.append(env.record["screen"].copy())
            features.append(env.record["structured"].copy())
    finally:
        env.close()
    return np.stack(screens), np.stack(features)


def observations(envs: int, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Screens (envs, 72, 20) and features (envs, F) of envs spread over the game, all `row` steps on."""
    screens, features = walkthrough()
    at = (np.arange(envs) * len(screens) // envs + row) % len(screens)
    return screens[at], features[at]
