"""What the shim uses of pufferlib, imported quietly by the env's package."""

from __future__ import annotations

from pokemonred_puffer.quiet_pufferlib import GymnasiumPufferEnv, vector

__all__ = ["GymnasiumPufferEnv", "vector"]
