"""What the shim knows about our own env package: how to build an env, and the names of maps."""

from __future__ import annotations

import gymnasium

from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.factory import make_env
from pokemonred_puffer.rom import resolve_rom


def make_red_env(env_config: dict, reward_name: str | None) -> gymnasium.Env:
    """The env with the named reward, or its default one, over the packaged configuration.

    Full infos are off unless the config asks for them: nobody reads them here and they cost time.

    Raises:
        PokemonRedError: unknown reward or setting, bad ROM or state.
    """
    return make_env({"log_frequency": 0, **env_config}, reward_name)


def map_names(rom: str | None = None, allow_mismatch: bool = False) -> dict[int, str]:
    """Map id -> name as the running ROM calls it: the cartridge's own names, else the disassembly's.

    Raises:
        RomError: no usable ROM.
    """
    world = resolve_rom(rom or None, allow_mismatch).world
    if world is None:
        return {int(map_id): map_id.name for map_id in MapIds}
    return {int(entry["id"]): str(entry["name"]) for entry in world["maps"]}
