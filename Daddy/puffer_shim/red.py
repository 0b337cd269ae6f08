"""What the shim knows about our own env package and its relatives: building an env, map names, a ROM's content."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

from Daddy.puffer_shim.epsilon_env import EpsilonEnv
from Daddy.puffer_shim.events import one_line
from Daddy.puffer_shim.reward_modules import make_modules
from pokemonred_puffer.config import load_config, reward_weights
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.data.milestones import MILESTONES
from pokemonred_puffer.emulator import BUTTONS
from pokemonred_puffer.errors import ConfigError, PokemonRedError, did_you_mean
from pokemonred_puffer.factory import DEFAULT_REWARD, make_env, wrap_env
from pokemonred_puffer.global_map import regions_of
from pokemonred_puffer.rom import resolve_rom

A_BUTTON = BUTTONS.index("a")  # the env's action
RED_MAPS = {int(map_id): map_id.name for map_id in MapIds}  # the disassembly's names
SURFACE = ("reset", "step", "close", "read_m")


@dataclass(frozen=True)
class RedFactory:
    """Makes one env: our own with a named reward, or another class with upstream's surface, and what goes around it.

    ``env_class`` is "package.module:Class", empty for our own; ``wrappers`` a set of config.yaml; ``reward_modules``
    replace the env's reward by their sum (see reward_modules). Pickles by its settings, so workers may be spawned.
    """

    env_class: str = ""
    wrappers: str = "empty"
    reward_modules: tuple[str, ...] = ()

    def __call__(self, env_config: dict, reward_name: str | None) -> gymnasium.Env:
        """The env over the packaged configuration.

        Full infos are off unless the config asks for them: nobody reads them here and they cost time.

        Raises:
            PokemonRedError: unknown name, class or setting, bad ROM or state.
        """
        modules = make_modules(self.reward_modules)
        env_config = {"log_frequency": 0, **env_config}
        if self.env_class:
            env = make_fork(load_env_class(self.env_class), env_config, reward_name)
            env = wrap_env(env, self.wrappers)
        else:
            env = make_env(env_config, reward_name, self.wrappers)
        return EpsilonEnv(env, modules) if modules else env


make_red_env = RedFactory()


class Settings(dict):
    """A dict whose keys are attributes too, as upstream's code reads its configuration."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no setting env.{name}") from None


def load_env_class(path: str) -> type:
    """The class "package.module:Class".

    Raises:
        ConfigError: it cannot be imported, or lacks a method of SURFACE.
    """
    module_name, _, class_name = path.partition(":")
    if not (module_name and class_name):
        raise ConfigError(f"env class {path!r} must be written package.module:Class")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # somebody else's module may fail in any way
        raise ConfigError(f"env class {path}: cannot import {module_name} ({one_line(error)})") from error
    env_class = getattr(module, class_name, None)
    if not isinstance(env_class, type):
        hint = did_you_mean(class_name, vars(module))
        raise ConfigError(f"env class {path}: {module_name} has no class {class_name}{hint}")
    if missing := [name for name in SURFACE if not callable(getattr(env_class, name, None))]:
        raise ConfigError(f"env class {path} lacks {', '.join(missing)}; the trainer needs {', '.join(SURFACE)}")
    return env_class


def make_fork(env_class: type, env_config: dict, reward_name: str | None) -> gymnasium.Env:
    """An env of somebody else's class, given every key of our configuration and, if it takes them, reward weights.

    Raises:
        ConfigError: it cannot be made, has no Discrete actions, or no ``screen`` in its observations.
        PokemonRedError: no usable ROM.
    """
    config = Settings(load_config()["env"] | env_config)
    if config.init_state.endswith(".state"):  # upstream joins directory, name and suffix itself
        path = Path(config.init_state)
        config.update(state_dir=str(path.parent), init_state=path.stem)
    config["gb_path"] = str(resolve_rom(config.gb_path, config.allow_rom_mismatch).path)
    arguments: list[Any] = [config]
    if "reward_config" in inspect.signature(env_class).parameters:
        arguments.append(Settings(reward_weights(reward_name or DEFAULT_REWARD)))
    try:
        env = env_class(*arguments)
    except PokemonRedError:
        raise
    except Exception as error:  # somebody else's constructor may fail in any way
        raise ConfigError(f"env class {env_class.__qualname__} does not start: {one_line(error)}") from error
    if not isinstance(getattr(env, "action_space", None), gymnasium.spaces.Discrete):
        raise ConfigError(f"env class {env_class.__qualname__}: its action_space must be Discrete")
    if "screen" not in getattr(getattr(env, "observation_space", None), "spaces", ()):
        raise ConfigError(f"env class {env_class.__qualname__}: its observation_space must be a Dict with a screen")
    return env


def rom_sha1(rom: str | None = None, allow_mismatch: bool = False) -> str:
    """SHA-1 of the ROM that an env with these settings plays, in hexadecimal digits.

    Raises:
        RomError: no usable ROM.
    """
    return resolve_rom(rom or None, allow_mismatch).sha1


def world_facts(rom: str | None = None, allow_mismatch: bool = False) -> dict[str, object]:
    """What runs must have in common to be compared, beside their settings: rom_sha1, and action_freq, frames of a step.

    Raises:
        RomError: no usable ROM.
    """
    return {"rom_sha1": rom_sha1(rom, allow_mismatch), "action_freq": load_config()["env"]["action_freq"]}


def map_names(rom: str | None = None, allow_mismatch: bool = False) -> dict[int, str]:
    """Map id -> name as the running ROM calls it: the cartridge's own names, else the disassembly's.

    Raises:
        RomError: no usable ROM.
    """
    world = resolve_rom(rom or None, allow_mismatch).world
    if world is None:
        return dict(RED_MAPS)
    return {int(entry["id"]): str(entry["name"]) for entry in world["maps"]}


def map_regions(rom: str | None = None, allow_mismatch: bool = False) -> dict[int, tuple[int, int, int, int]]:
    """Map id -> (x, y, width, height) of its place in one picture of the running ROM's world, in cells.

    Raises:
        RomError: no usable ROM.
    """
    regions = regions_of(resolve_rom(rom or None, allow_mismatch))
    return {map_id: tuple(region) for map_id, region in regions.items()}


def available_milestones(rom: str | None = None, allow_mismatch: bool = False) -> frozenset[str]:
    """The milestones that the running ROM has: the cartridge ends after the first chapters.

    Raises:
        RomError: no usable ROM.
    """
    world = resolve_rom(rom or None, allow_mismatch).world
    return frozenset(MILESTONES if world is None else set(MILESTONES) & set(world["events"]))
