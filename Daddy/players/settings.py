"""Settings of a player's run: the common ones of all trainers."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from Daddy.config import TrainConfig, as_in_training, preset, setting, validate
from Daddy.errors import UsageError

PLAYERS = ("random", "walkthrough")
_SILENT = ("rnd", "novelty", "bayes")  # no bonus is computed: nobody learns


@dataclass
class PlayConfig:
    """All settings of one run; ``walkthrough`` plays a single episode whatever ``total_steps`` is."""

    run_name: str = setting("", "run", "name of the run directory (default: player, date and time)")
    runs_dir: str = setting("runs", "run", "directory that holds the run directories", metavar="DIR")
    total_steps: int = setting(100_000, "run", "env steps over all envs; the walkthrough ends with its one episode")
    seed: int = setting(1, "run", "seed of envs and actions; the walkthrough always plays the same")
    log_interval: int = setting(5_000, "run", "steps between two progress lines")
    num_envs: int = setting(8, "env", "emulators that random play fills at the same time")
    max_episode_steps: int = setting(2_048, "env", "steps after which an episode is truncated")
    rom: str = as_in_training("rom")
    allow_rom_mismatch: bool = as_in_training("allow_rom_mismatch")
    reward: str = as_in_training("reward")


def as_training(config: PlayConfig) -> TrainConfig:
    """The same settings as a trainer has them, for what builds envs, logs and run directories from those.

    Raises:
        UsageError: a setting that cannot work.
    """
    return validate(dataclasses.replace(preset("slim"), ablate=_SILENT, dashboard="plain", **vars(config)))


def read_run(path: Path) -> tuple[str, PlayConfig]:
    """(player, settings) of a run directory.

    Raises:
        UsageError: none of ours.
    """
    try:
        content = json.loads((path / "config.json").read_text(encoding="utf-8"))
        names = {spec.name for spec in dataclasses.fields(PlayConfig)}
        player, config = content.get("agent"), PlayConfig(**{k: v for k, v in content.items() if k in names})
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"{path} is no run of python -m Daddy.players: {error}; name another one") from None
    if player not in PLAYERS:
        raise UsageError(f"{path} is a run of another agent; name one of python -m Daddy.players")
    return player, config
