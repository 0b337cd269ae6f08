"""From settings to the parts of a run: env maker, policy, device, and the words that logs need."""
from __future__ import annotations

import importlib
import json
import pkgutil
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pokemonred_puffer import policies
from pokemonred_puffer.config import load_config
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.errors import ConfigError, did_you_mean
from pokemonred_puffer.ppo.checkpoint import CheckpointError, load_checkpoint, newest
from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.ppo.settings import Settings
from pokemonred_puffer.ppo.vector import RedMaker
from pokemonred_puffer.rom import resolve_rom


def env_config(settings: Settings) -> dict[str, Any]:
    """The keys of `env` that settings decide."""
    config: dict[str, Any] = {"max_steps": settings.max_episode_steps}
    config |= {"gb_path": settings.rom} if settings.rom else {}
    config |= {"init_state": settings.init_state} if settings.init_state else {}
    config |= {"allow_rom_mismatch": True} if settings.allow_rom_mismatch else {}
    return config


def env_maker(settings: Settings, config_path: str | None) -> RedMaker:
    """Makes this run's envs."""
    return RedMaker(env_config(settings), settings.reward, settings.wrappers, config_path)


def described(settings: Settings, preset: str, config_path: str | None) -> dict[str, Any]:
    """What config.json holds: the settings and what runs are compared by."""
    env = {**load_config(config_path)["env"], **env_config(settings)}
    rom = resolve_rom(env["gb_path"], env["allow_rom_mismatch"])
    return {**asdict(settings), "agent": "puffer-ppo", "preset": preset, "rom_sha1": rom.sha1,
            "action_freq": env["action_freq"], "start": env["init_state"],
            "config": str(Path(config_path).absolute()) if config_path else ""}


def map_names(settings: Settings) -> dict[int, str]:
    """Map id -> name as the running ROM calls it. Raises RomError."""
    world = resolve_rom(settings.rom or None, settings.allow_rom_mismatch).world
    if world is None:
        return {int(map_id): map_id.name for map_id in MapIds}
    return {int(entry["id"]): str(entry["name"]) for entry in world["maps"]}


def make_policy(settings: Settings, layout: np.dtype, num_actions: int) -> RecurrentPolicy:
    """The policy that the settings name, with its LSTM. Raises ConfigError."""
    module_name, _, class_name = settings.policy.rpartition(".")
    modules = [m.name for m in pkgutil.iter_modules(policies.__path__)]
    if module_name not in modules:
        raise ConfigError(f"--policy {settings.policy}: no module {module_name}{did_you_mean(module_name, modules)}")
    module = importlib.import_module(f"{policies.__name__}.{module_name}")
    chosen = getattr(module, class_name, None)
    if not (isinstance(chosen, type) and hasattr(chosen, "decode_actions")):
        raise ConfigError(f"--policy {settings.policy}: no policy {class_name}{did_you_mean(class_name, vars(module))}")
    return RecurrentPolicy(chosen(layout, num_actions, settings.hidden_size), settings.hidden_size)


def choose_device(asked: str) -> tuple[torch.device, str]:
    """(device, why). Raises ConfigError for one that is not there."""
    if asked == "auto":
        there = torch.cuda.is_available()
        return torch.device("cuda" if there else "cpu"), f"auto: {'a' if there else 'no'} CUDA device"
    try:
        device = torch.device(asked)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"--device {asked}: {str(error).splitlines()[0]}") from error
    return device, "as asked"


def read_run(run: Path) -> tuple[Settings, dict[str, Any]]:
    """(settings, all of config.json) of a run directory. Raises ConfigError."""
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{run} is no run directory: config.json cannot be read ({error})") from error
    if config.get("agent") != "puffer-ppo":
        raise ConfigError(f"{run} is a run of another trainer; name one of python -m pokemonred_puffer.train")
    names = {spec.name for spec in fields(Settings)}
    return Settings(**{name: value for name, value in config.items() if name in names}), config


def load_policy(path: Path) -> tuple[Settings, dict[str, Any], int, dict[str, Tensor]]:
    """(settings, config.json, step, policy weights) of a run directory's newest checkpoint, or of one checkpoint.

    Raises ConfigError or CheckpointError.
    """
    if path.name.startswith("step_") and (path / "state.json").is_file():
        run, (tensors, state) = path.absolute().parent.parent, load_checkpoint(path)
    else:
        run, found = path, newest(path / "checkpoints")
        if (path / "config.json").is_file() and found is None:
            raise CheckpointError(f"{path} has no checkpoint yet; wait for one or train longer")
        tensors, state = (found[1], found[2]) if found else ({}, {})
    settings, config = read_run(run)
    return settings, config, int(state["step_global"]), weights_of(tensors)


def weights_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The policy's part of a checkpoint."""
    return {name.removeprefix("policy."): value for name, value in tensors.items() if name.startswith("policy.")}
