"""Checked settings of a wrapper."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pokemonred_puffer.errors import ConfigError, did_you_mean


def settings_of(owner: str, given: Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`defaults` with `given` laid over it; ConfigError for keys that are not among the defaults."""
    for key in given or {}:
        if key not in defaults:
            raise ConfigError(f"{owner}: unknown key {key}{did_you_mean(key, defaults)}")
    return {**defaults, **(given or {})}
