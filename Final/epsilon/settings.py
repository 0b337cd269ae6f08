"""TrainConfig: all settings of a run, and the command line made from them."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import math
from dataclasses import dataclass, field
from typing import Any

from Final.epsilon.errors import UsageError
from Final.epsilon.reward_modules import make_modules
from pokemonred_puffer.config import EnvConfig, reward_weights

OWN_MODULES = ("badge", "battle", "exploration", "novelty", "quest", "story_flag")
NUM_QUANTILES = 51
EVAL_EPSILON = 0.05
_SEED_OFFSET = 1_000_003  # evaluation seeds lie far from the training envs'
_EPILOG = """\
exit codes: 0 done, 1 failure, 2 usage, 3 bad ROM or savestate, 130 Ctrl-C after saving, 143 SIGTERM after saving
"""


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass
class TrainConfig:
    """One field per flag of ``python -m Final.epsilon.train``."""

    run_name: str = _setting("", "directory of the run under --runs-dir (default: epsilon_DATE-TIME)")
    runs_dir: str = _setting("runs", "where run directories lie")
    total_steps: int = _setting(1_000_000, "env steps to train for")
    seed: int = _setting(0, "seed of network, exploration, replay and envs")
    num_envs: int = _setting(8, "games played at once")
    num_workers: int = _setting(2, "processes that share the games")
    max_episode_steps: int = _setting(2048, "steps after which an episode is cut")
    eval_interval: int = _setting(0, "steps between evaluations, the last one at the end; 0 for none")
    eval_episodes: int = _setting(8, f"episodes of an evaluation, greedy and again with epsilon {EVAL_EPSILON}")
    reward: str = _setting("baseline.ObjectRewardRequiredEventsMapIdsFieldMoves", "the env's own reward")
    reward_modules: tuple[str, ...] = _setting(OWN_MODULES, "what it learns from; env is the env's own reward")
    rom: str = _setting("", "ROM file (default: POKEMON_RED_ROM, then the packaged cartridge)")
    allow_rom_mismatch: bool = _setting(False, "use a ROM that is not known")
    init_state: str = _setting("boot", "where episodes start: boot, or a .state file")
    quantile: bool = _setting(False, f"learn {NUM_QUANTILES} quantiles of the return instead of its mean")
    gamma: float = _setting(0.99, "discount per step")
    n_step: int = _setting(10, "steps of reward before the bootstrap")
    lr: float = _setting(5e-4, "step size of Adam")
    batch_size: int = _setting(64, "transitions per update")
    replay_ratio: float = _setting(2.0, "transitions learnt from per env step")
    buffer_size: int = _setting(200_000, "observations that the replay keeps, 1.5 kB each")
    learning_starts: int = _setting(5_000, "env steps before the first update")
    target_update: int = _setting(200, "updates between copies of the network into its target")
    priority_alpha: float = _setting(0.6, "power of the error in a transition's priority; 0 is uniform")
    priority_beta: float = _setting(0.4, "importance weights' power at the start; it rises to 1 by the end")
    epsilon_start: float = _setting(1.0, "share of random actions at first")
    epsilon_min: float = _setting(0.1, "share of random actions at last")
    epsilon_decay: float = _setting(0.7, "share of the run over which epsilon falls in a straight line")
    log_interval: int = _setting(5_000, "steps between lines and rows of metrics.csv")
    save_interval: int = _setting(100_000, "steps between checkpoints; the newest three are kept")
    device: str = _setting("cpu", "torch device: cpu or cuda")

    @property
    def env_config(self) -> dict[str, Any]:
        """What the emulators' side needs, for ``make_env``."""
        return {
            "gb_path": self.rom or None, "allow_rom_mismatch": self.allow_rom_mismatch, "init_state": self.init_state,
            "max_steps": self.max_episode_steps,
        }  # fmt: skip

    @property
    def num_quantiles(self) -> int:
        return NUM_QUANTILES if self.quantile else 1

    @property
    def eval_seed(self) -> int:
        """The first seed of every evaluation."""
        return (self.seed + _SEED_OFFSET) % 2**31

    def epsilon(self, step: int) -> float:
        """Share of random actions at env step ``step``."""
        done = min(step / max(self.epsilon_decay * self.total_steps, 1), 1.0)
        return self.epsilon_start + done * (self.epsilon_min - self.epsilon_start)

    def beta(self, step: int) -> float:
        """Power of the importance weights at env step ``step``."""
        return self.priority_beta + min(step / self.total_steps, 1.0) * (1.0 - self.priority_beta)


_POSITIVE = (
    "total_steps", "num_envs", "num_workers", "eval_episodes", "n_step", "batch_size", "buffer_size", "target_update",
    "log_interval", "save_interval", "lr",
)  # fmt: skip
_NOT_NEGATIVE = ("seed", "eval_interval", "replay_ratio", "learning_starts")
_SHARES = (
    "gamma", "priority_alpha", "priority_beta", "epsilon_start", "epsilon_min", "epsilon_decay",
)  # fmt: skip


def validate(config: TrainConfig) -> TrainConfig:
    """``config`` itself.

    Raises:
        UsageError: a value that cannot work. ConfigError: an unknown reward or module.
    """
    for name in (*_POSITIVE, *_NOT_NEGATIVE, *_SHARES):
        value, flag = getattr(config, name), "--" + name.replace("_", "-")
        if name in _POSITIVE and not 0 < value < math.inf:
            raise UsageError(f"{flag} is {value}; it must be more than 0")
        if name in _NOT_NEGATIVE and not 0 <= value < math.inf:
            raise UsageError(f"{flag} is {value}; it must be 0 or more")
        if name in _SHARES and not 0 <= value <= 1:
            raise UsageError(f"{flag} is {value}; it must be between 0 and 1")
    if config.max_episode_steps < 2:
        raise UsageError(f"--max-episode-steps is {config.max_episode_steps}; it must be at least 2")
    if config.device not in ("cpu", "cuda"):
        raise UsageError(f"--device is {config.device!r}; it must be cpu or cuda")
    if "/" in config.run_name or config.run_name in (".", ".."):
        raise UsageError(f"--run-name is {config.run_name!r}; it must be a plain name, the place is --runs-dir")
    reward_weights(config.reward)
    make_modules(config.reward_modules)
    EnvConfig.from_mapping(config.env_config)
    return config


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that answers errors in one line, with the nearest flag."""

    def error(self, message: str) -> None:
        self.exit(2, f"error: {message}\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            near = difflib.get_close_matches(unknown[0].split("=")[0], flags, n=1)
            self.error(f"unknown argument {unknown[0]}" + (f"; did you mean {near[0]}?" if near else ""))
        return parsed


def whole_number(text: str) -> int:
    """Parse ``5000``, ``1_000_000`` or ``5e6``."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not (math.isfinite(value) and value.is_integer()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text) if text.replace("_", "").lstrip("+-").isdigit() else int(value)


def names(text: str) -> tuple[str, ...]:
    """Parse ``badge,quest``."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_config(argv: list[str] | None = None) -> TrainConfig:
    """Settings from the command line.

    Raises:
        UsageError, ConfigError: settings that cannot work. SystemExit: ``--help`` (0) or a malformed flag (2).
    """
    parser = Parser(
        prog="python -m Final.epsilon.train", description="Train the frozen older baseline: a flat prioritised n-step "
        "double DQN.", epilog=_EPILOG, allow_abbrev=False,
    )  # fmt: skip
    for spec in dataclasses.fields(TrainConfig):
        flag, default, text = "--" + spec.name.replace("_", "-"), spec.default, spec.metadata["help"]
        if isinstance(default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text)
            continue
        parse = {int: whole_number, tuple: names}.get(type(default), type(default))
        shown = ",".join(default) if isinstance(default, tuple) else default
        text += f" (default: {shown})" if shown != "" else ""
        metavar = {int: "N", float: "X", tuple: "NAME,..."}.get(type(default), "TEXT")
        parser.add_argument(flag, type=parse, default=default, metavar=metavar, help=text)
    return validate(TrainConfig(**vars(parser.parse_args(argv))))
