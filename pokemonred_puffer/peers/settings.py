"""Settings of a peer's run: the common ones of all trainers. What is the algorithm's stands in `models`."""
from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, fields
from pathlib import Path

from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.ppo.settings import DEFAULT_REWARD, check_common, setting

PEERS = ("sb3-dqn", "sb3-recurrent-ppo")
_LIBRARIES = ("stable_baselines3", "sb3_contrib")


@dataclass(frozen=True)
class PeerSettings:
    """All settings of one run."""

    run_name: str = setting("", "run", "name of the run directory (default: peer, date and time)")
    runs_dir: str = setting("runs", "run", "directory that holds the run directories")
    total_steps: int = setting(1_000_000, "run", "env steps over all envs")
    seed: int = setting(1, "run", "seed of envs, networks and exploration")
    log_interval: int = setting(5_000, "run", "steps between two progress lines")
    eval_interval: int = setting(0, "run", "steps between two evaluations from the true start; 0: none")
    eval_episodes: int = setting(8, "run", "episodes of an evaluation, played greedily and once more with chance")
    num_envs: int = setting(8, "env", "emulators that play at the same time, each in a process of its own")
    max_episode_steps: int = setting(2_048, "env", "steps after which an episode is truncated (each env's first one "
                                                   "earlier, so that they spread)")
    reward: str = setting(DEFAULT_REWARD, "env", "reward class, module.Class in pokemonred_puffer.rewards")
    rom: str = setting("", "env", "Game Boy ROM (default: $POKEMON_RED_ROM, else the free cartridge)")
    allow_rom_mismatch: bool = setting(False, "env", "accept a ROM whose SHA-1 is unknown")


_RANGES = (
    ("total_steps", 1, 1e15), ("seed", 0, 2**31 - 1), ("log_interval", 1, 1e15), ("eval_interval", 0, 1e15),
    ("eval_episodes", 1, 1000), ("num_envs", 1, 1024), ("max_episode_steps", 2, 1e9),
)  # fmt: skip


def check(settings: PeerSettings) -> None:
    """Raises ConfigError, naming the flag, for a value that cannot work."""
    check_common(settings, _RANGES)


def require_libraries(peer: str) -> None:
    """Raises ConfigError, with the command to type, when the peers' libraries are not installed."""
    for name in _LIBRARIES:
        if importlib.util.find_spec(name) is None:
            raise ConfigError(f"{peer} needs {name}, which is not installed: pip install -e '.[bench]'")


def read_run(run: Path) -> tuple[str, PeerSettings]:
    """(peer, settings) of a run directory. Raises ConfigError."""
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        names = {spec.name for spec in fields(PeerSettings)}
        peer, settings = config.get("agent"), PeerSettings(**{k: v for k, v in config.items() if k in names})
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ConfigError(f"{run} is no run of python -m pokemonred_puffer.peers: {error}") from error
    if peer not in PEERS:
        raise ConfigError(f"{run} is a run of another trainer; name one of python -m pokemonred_puffer.peers")
    return peer, settings
