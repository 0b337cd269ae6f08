"""The recorded game and the only start that it works from: power-on, without the random bytes of other resets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium

from Daddy.puffer_shim.red import RedFactory
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording


def recorded_actions(rom: str | None = None, allow_mismatch: bool = False) -> list[int]:
    """The walkthrough's actions.

    Raises:
        RomError: no usable ROM. PokemonRedError: the recording belongs to another ROM.
    """
    recording = Recording.load()
    recording.require(resolve_rom(rom or None, allow_mismatch))
    return [KEYS.index(key) for key in recording.keys]


class PowerOn(gymnasium.Wrapper):
    """Every episode begins with the very same state of the emulator, whatever the seed."""

    def __init__(self, env: gymnasium.Env, state: bytes) -> None:
        super().__init__(env)
        self._state = state

    def reset(self, **_: Any) -> tuple[Any, dict]:
        """Begins an episode at power-on."""
        return self.env.reset(options={"state": self._state})


@dataclass(frozen=True)
class PowerOnFactory:
    """Makes our own env, always at power-on."""

    def __call__(self, env_config: dict, reward_name: str | None) -> gymnasium.Env:
        """See RedFactory."""
        emulator = Emulator(resolve_rom(env_config["gb_path"], env_config["allow_rom_mismatch"]))
        try:
            state = emulator.save_state()
        finally:
            emulator.close()
        return PowerOn(RedFactory()(env_config, reward_name), state)
