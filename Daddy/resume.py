"""Which settings a resumed run goes on with, and the command that resumes it.

They come from the run's own ``config.json``; explicit flags (or a ``--config`` file) win where a change makes sense.
What is built into the saved networks, the stored replay or the meaning of the rewards cannot change.
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Any

from Daddy.cli import load_settings
from Daddy.config import TrainConfig, check_run_name, validate
from Daddy.errors import UsageError

CHANGEABLE = frozenset({
    "total_steps", "log_interval", "step_log_every", "save_interval", "save_replay_gib", "dashboard",
    "eval_interval", "eval_episodes", "eval_epsilon",  # how long, how often, where to
    "backend", "num_workers", "env_batches", "hang_seconds", "max_restarts",
    "device", "precision", "allow_rom_mismatch", "rom",  # another machine, the same ROM
    "max_episode_steps", "init_state",  # where and how long the coming episodes are
    "batch_size", "learning_starts", "replay_ratio", "lr", "lr_cooldown", "gamma", "target_update", "buffer_size",
    "average_decay", "act_with_average",  # how it learns
    "epsilon_start", "epsilon_min", "epsilon_schedule", "epsilon_decay", "epsilon_repeat",
    "stuck_steps", "stuck_epsilon", "repetition_penalty",  # how it explores
    "rnd_weight", "novelty_weight", "curiosity_end", "curiosity_decay", "lifelong_novelty", "bayes_weight",
    "target_theta", "alarm_patience",
    "curriculum", "freeze_curriculum", "savestates_from", "true_start_share", "forget_at_spawn", "swarm",
    "spawn_steps", "bold_steps", "bold_epsilon", "sweep_share", "stall_steps", "stall_paces",
})  # fmt: skip
_ABOUT_THIS_START = frozenset({"run_name", "runs_dir", "on_exist", "resume"})


def continued(config: TrainConfig, explicit: dict[str, Any]) -> TrainConfig:
    """The settings to go on with, for a ``config`` that asks to resume; ``explicit`` holds what the user set.

    With ``--on-exist resume`` and no such run the config is returned as it is: the run starts.

    Raises:
        UsageError: there is no such run, its config.json is unreadable, or a fixed setting was to be changed.
    """
    if config.resume and not config.run_name:
        raise UsageError("--resume needs to know which run: add --run-name NAME")
    check_run_name(config.run_name)
    file = run_path(config) / "config.json"
    if not config.run_name or not file.is_file():
        if config.resume:
            raise UsageError(f"there is no run {run_path(config)} to resume; check --run-name and --runs-dir, or leave "
                             "--resume out to start it")
        return validate(config)
    saved = dataclasses.replace(config, **_settings_of(file))
    wanted = {name: value for name, value in explicit.items() if name not in _ABOUT_THIS_START}
    fixed = [name for name in changes(saved, dataclasses.replace(saved, **wanted)) if name not in CHANGEABLE]
    if fixed:
        name = fixed[0]
        raise UsageError(f"{_flag(name)} is {getattr(saved, name)} in run {config.run_name} and cannot become "
                         f"{wanted[name]} on resume; leave it out, or start another --run-name")
    return validate(dataclasses.replace(saved, **wanted))


def wants_resume(config: TrainConfig) -> bool:
    """``--resume`` or ``--on-exist resume``."""
    return config.resume or config.on_exist == "resume"


def run_path(config: TrainConfig) -> Path:
    """The run directory."""
    return Path(config.runs_dir) / config.run_name


def changes(before: TrainConfig, after: TrainConfig) -> list[str]:
    """Names of the settings that differ, but for those about this start only."""
    names = (spec.name for spec in dataclasses.fields(TrainConfig) if spec.name not in _ABOUT_THIS_START)
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def describe_changes(path: Path, config: TrainConfig) -> list[str]:
    """A line for each setting in which ``config`` differs from the run's config.json."""
    before = dataclasses.replace(config, **_settings_of(path / "config.json"))
    return [
        f"changed on resume: {_flag(name)} {getattr(before, name)} -> {getattr(config, name)}"
        for name in changes(before, config)
    ]


def resume_command(config: TrainConfig) -> str:
    """The short command that goes on with this run, ready to paste."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    module = spec.name if spec and spec.name.startswith("Daddy.train_") else "Daddy.train_big"
    words = ["python", "-m", module, "--run-name", config.run_name, "--resume"]
    if config.runs_dir != "runs":
        words += ["--runs-dir", config.runs_dir]
    return shlex.join(words)


def _settings_of(file: Path) -> dict[str, Any]:
    """The settings in a config.json, but for those about that start; settings it does not know keep their default."""
    return {k: v for k, v in load_settings(str(file), str(file)).items() if k not in _ABOUT_THIS_START}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
