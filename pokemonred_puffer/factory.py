"""Builds an environment from names: a reward set, a wrapper set, and settings."""
from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import gymnasium

from pokemonred_puffer import rewards, wrappers
from pokemonred_puffer.config import EnvConfig, load_config, reward_weights
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.errors import ConfigError, did_you_mean

DEFAULT_REWARD = RedGymEnv.REWARD_NAME


def make_env(
    env_config: Mapping[str, Any] | EnvConfig | None = None,
    reward_name: str | None = None,
    wrappers_name: str = "empty",
    config_path: str | None = None,
) -> gymnasium.Env:
    """One environment with its wrappers.

    `env_config` (keys of config.yaml's `env`) is laid over the packaged configuration and `config_path`. `reward_name`
    is "module.Class" in pokemonred_puffer.rewards, `wrappers_name` a set of the configuration. All arguments are
    picklable, and nothing is shared between environments, so workers may be forked or spawned. Raises ConfigError,
    RomError or StateError.
    """
    config = load_config(config_path)
    given = env_config.as_dict() if isinstance(env_config, EnvConfig) else dict(env_config or {})
    name = reward_name or DEFAULT_REWARD
    reward_class = _lookup(rewards, name)
    env = reward_class({**config["env"], **given}, reward_weights(name, config))
    return wrap_env(env, wrappers_name, config)


def wrap_env(
    env: gymnasium.Env, wrappers_name: str, config: Mapping[str, dict] | None = None
) -> gymnasium.Env:
    """`env` inside the wrappers of a set, the first one innermost.

    Raises ConfigError, also for a set around an environment that is no RedGymEnv: they reach into it.
    """
    chosen = wrapper_set(wrappers_name, config or load_config())
    if chosen and not isinstance(env.unwrapped, RedGymEnv):
        raise ConfigError(f"wrapper set {wrappers_name} works only around this package's environment; use empty")
    for wrapper_name, settings in chosen:
        env = _lookup(wrappers, wrapper_name)(env, settings)
    return env


def wrapper_set(name: str, config: Mapping[str, dict]) -> list[tuple[str, dict]]:
    """("module.Class", settings) of a set, innermost first; ConfigError when there is no such set."""
    sets = config["wrappers"]
    if name not in sets:
        raise ConfigError(f"unknown wrapper set {name}{did_you_mean(name, sets)}")
    return [(key, settings or {}) for entry in sets[name] or [] for key, settings in entry.items()]


def _lookup(package, dotted: str) -> type:
    """The class "module.Class" of a package; ConfigError with a suggestion when there is none."""
    module_name, _, class_name = dotted.rpartition(".")
    modules = [m.name for m in pkgutil.iter_modules(package.__path__)]
    module_name = module_name or "baseline"
    if module_name not in modules:
        raise ConfigError(f"{package.__name__}: no module {module_name}{did_you_mean(module_name, modules)}")
    module = importlib.import_module(f"{package.__name__}.{module_name}")
    if not isinstance(getattr(module, class_name, None), type):
        raise ConfigError(f"{module.__name__}: no class {class_name}{did_you_mean(class_name, vars(module))}")
    return getattr(module, class_name)
