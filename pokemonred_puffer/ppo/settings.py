"""Every setting of a PPO run, declared once: flags, help, defaults, the YAML keys of `train` and config.json follow.

The defaults are upstream's (its last swept values); the preset `cpu` replaces those that a machine without a GPU cannot
carry. A step is one env transition, over all envs.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pokemonred_puffer.config import load_config
from pokemonred_puffer.errors import ConfigError, did_you_mean

DEFAULT_REWARD = "baseline.ObjectRewardRequiredEventsMapIdsFieldMoves"  # the factory's, without its imports


def setting(default: Any, group: str, text: str, **extra: Any) -> Any:
    """A field with its group and line in `--help`, `choices`, and `aliases` (upstream's spellings of the flag)."""
    return field(default=default, metadata={"group": group, "help": text, **extra})


@dataclass(frozen=True)
class Settings:
    """All settings of one run."""

    run_name: str = setting("", "run", "name of the run directory (default: ppo, date and time)",
                            aliases=("--exp-name",))
    runs_dir: str = setting("runs", "run", "directory that holds the run directories")
    resume: bool = setting(False, "run", "go on with the run --run-name from its newest checkpoint, with its settings")
    total_steps: int = setting(10_000_000_000, "run", "env steps over all envs")
    seed: int = setting(1, "run", "seed of envs, policy and shuffling")
    log_interval: int = setting(5_000, "run", "steps between two progress lines")
    save_interval: int = setting(500_000, "run", "steps between two checkpoints; 0: only at the end")
    eval_interval: int = setting(0, "run", "steps between two evaluations from the true start, with one at the end; "
                                           "0: none")
    eval_episodes: int = setting(8, "run", "episodes of an evaluation, played greedily and once more sampled")
    track: bool = setting(False, "run", "also write TensorBoard files (logs stay on this machine: no W&B)")
    dashboard: str = setting("auto", "run", "full: a screen that refreshes; plain: lines; auto: full on a terminal",
                             choices=("auto", "full", "plain"))

    vectorization: str = setting("multiprocessing", "env", "worker processes, or all envs in this one",
                                 choices=("multiprocessing", "serial"))
    num_envs: int = setting(288, "env", "emulators that play at the same time")
    num_workers: int = setting(24, "env", "worker processes, at most one for each core; 0: one for each core")
    env_batch_size: int = setting(36, "env", "envs that act together while the others play; 0: all")
    rom: str = setting("", "env", "Game Boy ROM (default: $POKEMON_RED_ROM, else the free cartridge)",
                       aliases=("--rom-path",))
    allow_rom_mismatch: bool = setting(False, "env", "accept a ROM whose SHA-1 is unknown")
    init_state: str = setting("", "env", "where episodes start: boot, or a savestate NAME.state (default: the "
                                         "configuration's env.init_state)")
    max_episode_steps: int = setting(19_816, "env", "steps after which an episode is truncated (each env's first one "
                                                    "earlier, so that they spread)")
    reward: str = setting(DEFAULT_REWARD, "env", "reward class, module.Class in pokemonred_puffer.rewards",
                          aliases=("--reward-name", "-r"))
    wrappers: str = setting("stream_only", "env", "wrapper set of the configuration around every env",
                            aliases=("--wrappers-name", "-w"))

    policy: str = setting("multi_convolutional.MultiConvolutionalPolicy", "agent",
                          "module.Class in pokemonred_puffer.policies", aliases=("--policy-name", "-p"))
    hidden_size: int = setting(512, "agent", "width of the encoder's output and of the LSTM")
    device: str = setting("auto", "agent", "auto, cpu, cuda or cuda:N")
    threads: int = setting(0, "agent", "CPU threads of the learner; 0: torch's choice")
    batch_size: int = setting(65_536, "agent", "steps of a rollout over all envs (down to whole segments)")
    minibatch_size: int = setting(2_048, "agent", "steps of a minibatch (down to whole segments)")
    update_epochs: int = setting(3, "agent", "passes over a rollout")
    bptt_horizon: int = setting(16, "agent", "steps of a segment: gradients go back so far")
    learning_rate: float = setting(0.00019999482124740103, "agent", "learning rate of Adam", aliases=("--lr",))
    anneal_lr: bool = setting(False, "agent", "let the learning rate fall to 0 over the run")
    gamma: float = setting(0.9979900678597386, "agent", "discount per step")
    gae_lambda: float = setting(0.949936199629264, "agent", "lambda of the advantages")
    clip_coef: float = setting(0.1, "agent", "clip range of the probability ratio")
    clip_vloss: bool = setting(True, "agent", "clip the value's change too")
    vf_clip_coef: float = setting(0.1, "agent", "clip range of the value")
    vf_coef: float = setting(0.5319333384064214, "agent", "weight of the value loss")
    ent_coef: float = setting(0.01001337416019442, "agent", "weight of the entropy bonus")
    max_grad_norm: float = setting(0.5, "agent", "gradients are clipped to this norm")
    norm_adv: bool = setting(True, "agent", "normalise advantages over the rollout")
    target_kl: float = setting(0.0, "agent", "leave out the epochs of a rollout after its policy moved so far; 0: none")
    scale_rewards: bool = setting(False, "agent", "divide rewards by the running deviation of their discounted sums")


PRESETS: dict[str, dict[str, Any]] = {
    "upstream": {},
    "cpu": {
        "total_steps": 1_000_000, "num_envs": 16, "num_workers": 0, "env_batch_size": 0, "max_episode_steps": 2_048,
        "wrappers": "empty", "policy": "cells.CellPolicy", "hidden_size": 128, "threads": 1, "batch_size": 2_048,
        "minibatch_size": 512, "update_epochs": 4, "bptt_horizon": 32, "learning_rate": 5e-4, "gae_lambda": 0.95,
        "gamma": 0.998, "clip_coef": 0.2, "clip_vloss": False, "vf_coef": 0.5, "ent_coef": 0.01,
        "scale_rewards": True, "save_interval": 100_000,
    },
}  # fmt: skip
DEBUG = {"vectorization": "serial", "num_envs": 1, "env_batch_size": 0, "batch_size": 1_024, "minibatch_size": 128,
         "wrappers": "empty", "device": "cpu", "dashboard": "plain", "log_interval": 1_000}  # fmt: skip

# Keys of upstream's `train` section: ours by another name, and those that have no meaning here.
_RENAMED = {"total_timesteps": "total_steps"}
_UNUSED = (
    "torch_deterministic compile compile_mode float32_matmul_precision num_minibatches batch_rows env_pool zero_copy "
    "verbose data_dir save_checkpoint checkpoint_interval save_overlay overlay_interval cpu_offload use_rnn "
    "async_wrapper sqlite_wrapper archive_states swarm early_stop one_epoch required_rate exp_id env"
).split()


def choose_preset(asked: str) -> tuple[str, str]:
    """(preset, why)."""
    if asked != "auto":
        return asked, "as asked"
    import torch

    if torch.cuda.is_available():
        return "upstream", "auto: there is a CUDA device"
    return "cpu", "auto: no CUDA device"


def build_settings(preset: str, config_path: str | None, debug: bool, flags: dict[str, Any],
                   base: Settings | None = None) -> tuple[Settings, list[str]]:
    """Settings from the preset (or `base`, a run that goes on), the file, `--debug` and the flags, later ones winning;
    and lines to tell the user. Raises ConfigError."""
    values = dataclasses.asdict(base) if base else {**dataclasses.asdict(Settings()), **PRESETS[preset]}
    notes: list[str] = []
    if config_path:
        from_file, unused = _from_file(config_path, debug)
        values.update(from_file)
        notes += [f"{config_path}: no meaning here: train.{', train.'.join(unused)}"] if unused else []
    if debug:
        values.update(DEBUG)
    settings = Settings(**{**values, **flags})
    check(settings)
    return settings, notes


def _from_file(path: str, debug: bool) -> tuple[dict[str, Any], list[str]]:
    load_config(path)  # checks sections and env keys
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    sections = [content] + ([content.get("debug") or {}] if debug else [])
    values, unused = {}, []
    for section in sections:
        for key, value in (section.get("train") or {}).items():
            name = _RENAMED.get(key, key)
            if name in _UNUSED:
                unused.append(key)
            else:
                values[name] = _typed(f"{path}: train.{key}", name, value)
        if "max_steps" in (section.get("env") or {}):
            values["max_episode_steps"] = int(section["env"]["max_steps"])
    return values, unused


def _typed(label: str, name: str, value: Any) -> Any:
    fields = {spec.name: spec for spec in dataclasses.fields(Settings)}
    if name not in fields:
        raise ConfigError(f"{label}: unknown key{did_you_mean(name, fields)}")
    default = fields[name].default
    if name == "target_kl" and value is None:
        return 0.0
    if isinstance(default, bool) and isinstance(value, bool):
        return value
    try:
        if not isinstance(value, bool | None) and not isinstance(default, bool):
            if not isinstance(default, int) or float(value) == int(float(value)):
                return type(default)(float(value)) if isinstance(default, int | float) else str(value)
    except (TypeError, ValueError):
        pass
    raise ConfigError(f"{label} cannot be {value!r}; expected {type(default).__name__}")


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("total_steps", 1, 1e15), ("seed", 0, 2**31 - 1), ("log_interval", 1, 1e15), ("save_interval", 0, 1e15),
    ("eval_interval", 0, 1e15), ("eval_episodes", 1, 1000), ("num_envs", 1, 4096), ("num_workers", 0, 1024),
    ("env_batch_size", 0, 4096), ("max_episode_steps", 2, 1e9), ("hidden_size", 1, 8192), ("threads", 0, 1024),
    ("batch_size", 1, 1e9), ("minibatch_size", 1, 1e9), ("update_epochs", 1, 100), ("bptt_horizon", 1, 4096),
    ("learning_rate", 0, 1), ("gamma", 0, 1), ("gae_lambda", 0, 1), ("clip_coef", 0, 1), ("vf_clip_coef", 0, 1e6),
    ("vf_coef", 0, 1e6), ("ent_coef", 0, 1e6), ("max_grad_norm", 1e-9, 1e9), ("target_kl", 0, 1e6),
)  # fmt: skip


def check(settings: Settings) -> None:
    """Raises ConfigError, naming the flag, for a value that cannot work."""
    for spec in dataclasses.fields(settings):
        value, choices = getattr(settings, spec.name), spec.metadata.get("choices")
        if choices and value not in choices:
            raise ConfigError(f"--{spec.name.replace('_', '-')} is {value!r}; choose from {', '.join(choices)}")
    check_common(settings, _RANGES)
    if settings.batch_size < settings.num_envs * settings.bptt_horizon:
        raise ConfigError(
            f"--batch-size {settings.batch_size} is less than one segment for each env: --num-envs {settings.num_envs} "
            f"x --bptt-horizon {settings.bptt_horizon}"
        )


def check_common(settings: Any, ranges: Iterable[tuple[str, float, float]]) -> None:
    """Raises ConfigError for a setting outside its range (name, low, high), or a run name that is no plain name."""
    for name, low, high in ranges:
        if not low <= getattr(settings, name) <= high:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{flag} is {getattr(settings, name)}; it must be between {low:g} and {high:g}")
    name = settings.run_name
    if name in (".", "..") or any(c in name for c in "/\\") or not name.isprintable() or len(name) > 200:
        raise ConfigError(f"--run-name {name!r} must be a plain printable name without path separators")
