"""What the shim knows about our own env package: how to build an env, and the names of maps."""

from __future__ import annotations

from importlib import import_module

import gymnasium

from pokemonred_puffer.config import reward_weights
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.rom import resolve_rom


def make_red_env(env_config: dict, reward_name: str | None) -> gymnasium.Env:
    """The env with the named reward (``module.Class`` in pokemonred_puffer.rewards), or with its default reward.

    Full infos are off unless the config asks for them: nobody reads them here and they cost time.

    Raises:
        PokemonRedError: unknown reward or setting, bad ROM or state.
    """
    env_config = {"log_frequency": 0, **env_config}
    if reward_name is None:
        return import_module("pokemonred_puffer.environment").RedGymEnv(env_config)
    weights = reward_weights(reward_name)
    module_name, _, class_name = reward_name.rpartition(".")
    try:
        module = import_module(f"pokemonred_puffer.rewards.{module_name or 'baseline'}")
        reward_class = getattr(module, class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"reward {reward_name} has no class ({error}); choose another --reward") from error
    return reward_class(env_config, weights)


def map_names(rom: str | None = None, allow_mismatch: bool = False) -> dict[int, str]:
    """Map id -> name as the running ROM calls it: the cartridge's own names, else the disassembly's.

    Raises:
        RomError: no usable ROM.
    """
    world = resolve_rom(rom or None, allow_mismatch).world
    if world is None:
        return {int(map_id): map_id.name for map_id in MapIds}
    return {int(entry["id"]): str(entry["name"]) for entry in world["maps"]}
