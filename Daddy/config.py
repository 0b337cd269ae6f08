"""Every setting of a training run, declared once.

The command line, its help, the YAML keys, the defaults and ``config.json`` are all generated from ``TrainConfig``.
A *step* is one env transition (one decision of one env) summed over all envs; an update learns from ``batch_size``
sequences.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from typing import Any

from Daddy.errors import UsageError

_EVALUATION_OFFSET = 1_000_003


def setting(default: Any, group: str, help_text: str, **extra: Any) -> Any:
    """A dataclass field with its help line, its group in ``--help`` and, optionally, ``choices`` or ``metavar``."""
    return field(default=default, metadata={"group": group, "help": help_text, **extra})


@dataclass
class TrainConfig:
    """All settings of one run; ``PRESETS`` holds what ``train_big`` and ``train_slim`` change."""

    run_name: str = setting("", "run", "name of the run directory (default: preset, date and time)")
    runs_dir: str = setting("runs", "run", "directory that holds the run directories", metavar="DIR")
    on_exist: str = setting(
        "error", "run", "when the run directory exists: stop, go on with that run, or delete it and start",
        choices=("error", "resume", "restart"),
    )
    resume: bool = setting(
        False, "run", "go on with the run --run-name, with its settings (flags given here win); it must exist"
    )
    total_steps: int = setting(5_000_000, "run", "env steps over all envs")
    seed: int = setting(1, "run", "seed of envs, networks, exploration and replay sampling")
    log_interval: int = setting(5_000, "run", "steps between two progress lines")
    step_log_every: int = setting(100, "run", "one of so many steps goes to events.jsonl, with all its reward terms")
    save_interval: int = setting(100_000, "run", "steps between two checkpoints; 0: only at the end")
    save_replay_gib: float = setting(
        2.0, "run", "GiB of replay, newest first, that are kept on disk for --resume; 0: a resumed run collects anew"
    )
    eval_interval: int = setting(0, "run", "steps between two evaluations from the true start; 0: none")
    eval_episodes: int = setting(8, "run", "episodes of an evaluation with each of its two epsilons")
    eval_epsilon: float = setting(
        0.05, "run", "evaluations play greedily and once more with this share of random actions; 0: only greedily"
    )
    dashboard: str = setting(
        "auto", "run",
        "full: the whole terminal; line: one refreshing line; plain: printed lines; auto: full where it fits",
        choices=("auto", "full", "line", "plain"),
    )

    backend: str = setting(
        "puffer", "env", "puffer: worker processes; serial: one process", choices=("puffer", "serial")
    )
    num_envs: int = setting(32, "env", "emulators that play at the same time")
    num_workers: str = setting("auto", "env", "worker processes of the puffer backend; auto: by cores", metavar="N")
    env_batches: str = setting(
        "auto", "env", "1: act for all envs at once; 2: for half of them while the others play; auto: by their number",
        choices=("auto", "1", "2"),
    )
    hang_seconds: float = setting(60.0, "env", "a worker without progress for so long is killed and replaced")
    max_restarts: int = setting(
        5, "env", "workers replaced within 10 minutes before the run saves and ends; 0: end with the first lost one"
    )
    rom: str = setting(
        "", "env", "Game Boy ROM (default: $POKEMON_RED_ROM, else the free cartridge)", metavar="FILE.gb"
    )
    init_state: str = setting(
        "boot", "env", "where episodes start: boot (power-on), or a savestate file NAME.state; Pokemon Red needs one",
        metavar="FILE.state",
    )
    allow_rom_mismatch: bool = setting(False, "env", "accept a ROM whose SHA-1 is unknown")
    reward: str = setting(
        "baseline.ObjectRewardRequiredEventsMapIdsFieldMoves", "env",
        "reward class, module.Class in pokemonred_puffer.rewards", metavar="MODULE.CLASS",
    )
    env_class: str = setting(
        "", "env", "another env with upstream's surface, package.module:Class (default: this package's, with --reward)",
        metavar="PATH",
    )
    wrappers: str = setting("empty", "env", "wrapper set of pokemonred_puffer/config.yaml around every env")
    reward_modules: tuple[str, ...] = setting(
        (), "env", "pay the sum of these (comma-separated) instead of the env's reward, which is the module env",
        choices=("env", "badge", "battle", "exploration", "fair_battle", "novelty", "pokedex", "quest", "story_flag",
                 "talk"),
    )
    max_episode_steps: int = setting(
        8_192, "env", "steps after which an episode is truncated (each env's first one earlier, so that they spread)"
    )
    stall_steps: int = setting(
        0, "env", "truncate a training episode so many steps after its start or last milestone too; 0: never"
    )
    stall_paces: float = setting(
        0.0, "env", "wait so many times as long as a scripted player takes to the next milestone (from a savestate "
        "or where true starts have two thirds of the steps a quarter of that) if that is longer than "
        "--stall-steps or --spawn-steps"
    )

    model_size: str = setting("large", "agent", "size of CNN, GRU, LSTM and SSM", choices=("slim", "large"))
    device: str = setting("auto", "agent", "auto, cpu, cuda or cuda:N", metavar="DEVICE")
    precision: str = setting(
        "auto", "agent", "arithmetic of encoder and cores when learning; auto: bfloat16 where the hardware has it",
        choices=("auto", "float32", "bfloat16"),
    )
    batch_size: int = setting(8, "agent", "sequences per update")
    buffer_size: int = setting(500_000, "agent", "transitions kept for replay")
    learning_starts: int = setting(10_000, "agent", "steps collected before the first update")
    replay_ratio: str = setting(
        "1", "agent", "transitions learned per transition collected; auto: what learner and emulators manage together",
        metavar="X",
    )
    seq_len: int = setting(80, "agent", "learned steps per sequence")
    burn_in: int = setting(20, "agent", "steps that warm up the memory before the learned ones")
    n_step: int = setting(5, "agent", "rewards summed before bootstrapping; 1 is TD(0)")
    gamma: float = setting(0.99, "agent", "discount per step")
    lr: float = setting(3e-4, "agent", "learning rate of Adam")
    lr_cooldown: float = setting(0.0, "agent", "share of total_steps, at the end, over which --lr falls linearly to 0")
    value_rescale: bool = setting(False, "agent", "learn h(Q), which compresses large returns, instead of Q")
    action_gap: float = setting(
        0.9, "agent", "alpha of advantage learning, which widens the gap between the best action and the others; 0: off"
    )
    target_update: int = setting(10, "agent", "updates between two copies into the target network")
    average_decay: float = setting(
        0.999, "agent", "share of the average of weights, with which evaluations play, that an update leaves; 0: none"
    )
    act_with_average: bool = setting(False, "agent", "act in training with that average too, not with the last weights")
    epsilon_start: float = setting(1.0, "agent", "share of random actions at step 0")
    epsilon_min: float = setting(0.05, "agent", "share of random actions once decayed; the floor of every ladder rung")
    epsilon_schedule: str = setting(
        "ladder", "agent", "linear: one value for all envs; ladder: envs spread from bold to nearly greedy",
        choices=("linear", "ladder"),
    )
    epsilon_decay: float = setting(0.25, "agent", "share of total_steps over which epsilon falls")
    epsilon_repeat: int = setting(
        8, "agent", "longest run of one random action, zeta-distributed; 1: plain epsilon-greedy"
    )
    stuck_steps: int = setting(
        24, "agent", "steps without new ground (in a fight twice as many without change) after which an env explores "
        "more; 0: never"
    )
    stuck_epsilon: float = setting(
        0.5, "agent", "share of random actions of an env that is stuck, outside of fights less as curiosity fades"
    )
    repetition_penalty: float = setting(
        0.2, "agent", "share of the spread of Q that an action loses for each time it was taken at the same place "
        "since anything new happened, in evaluations too; 0: none"
    )
    ablate: tuple[str, ...] = setting(
        (), "agent", "switch parts off (comma-separated)", choices=("gru", "lstm", "ssm", "rnd", "novelty", "bayes")
    )

    rnd_weight: float = setting(1.0, "intrinsic", "w_rnd, weight of the random network distillation bonus")
    novelty_weight: float = setting(0.25, "intrinsic", "w_novel, weight of the episodic novelty bonus")
    curiosity_end: float = setting(
        1.0, "intrinsic", "share of the weights of RND and novelty left after --curiosity-decay, at least 0.001; 1: all"
    )
    curiosity_decay: float = setting(
        0.25, "intrinsic", "share of total_steps over which these weights fall, each step by the same factor"
    )
    novelty_span: str = setting(
        "milestone", "intrinsic", "visit counts of novelty begin anew with each episode, or with each milestone too",
        choices=("episode", "milestone"),
    )
    lifelong_novelty: bool = setting(
        False, "intrinsic", "novelty pays up to 5 times as much where the run has seldom been at its stage of the story"
    )
    bayes_weight: float = setting(
        2.0, "intrinsic", "w_bayes: what a milestone that is never reached pays on reaching it, less as it is mastered"
    )
    curriculum: bool = setting(
        False, "curriculum", "take savestates where episodes first get somewhere and start most episodes from them"
    )
    freeze_curriculum: bool = setting(
        False, "curriculum", "take no new savestates and leave the odds of those that are there as they are"
    )
    savestates_from: str = setting(
        "", "curriculum", "savestates to begin with: another run's savestates/, or what walkthrough --states wrote",
        metavar="DIR",
    )
    true_start_share: float = setting(
        0.3, "curriculum", "share of episodes that start from the true start all the same"
    )
    spawn_steps: int = setting(
        512, "curriculum", "--stall-steps of episodes that start from a savestate; 0: never"
    )
    bold_steps: int = setting(
        100, "curriculum", "first steps of an episode from a savestate, fights left out, that explore with "
        "--bold-epsilon where less than a quarter succeeds (more where --stall-paces gives it longer than "
        "--spawn-steps); 0: none"
    )
    bold_epsilon: float = setting(0.5, "curriculum", "share of random actions in those steps")
    sweep_share: float = setting(
        0.5, "curriculum", "share of those episodes that sweep the place instead: walk where they have been least and "
        "press A on what is in the way"
    )
    forget_at_spawn: bool = setting(
        False, "curriculum", "start from a savestate with an empty memory instead of the one that was saved with it"
    )
    swarm: bool = setting(
        False, "curriculum", "when a savestate of a new kind is taken, each env's next episode starts from it"
    )
    target_theta: float = setting(
        0.5, "monitor", "share of episodes that should reach a milestone in time; below it, progress is an alarm"
    )
    alarm_patience: int = setting(200, "monitor", "episodes after which a milestone owes the whole target")


def evaluation_seed(seed: int) -> int:
    """The first evaluation seed of a run with ``seed``: the same at every evaluation and in every trainer, and far from
    the seeds of the training envs."""
    return (seed + _EVALUATION_OFFSET) % 2**31


def as_in_training(name: str) -> Any:
    """A field with the default, help and group of TrainConfig's ``name``, for the settings of other commands."""
    spec = TrainConfig.__dataclass_fields__[name]
    return field(default=spec.default, metadata=spec.metadata)


PRESETS: dict[str, dict[str, Any]] = {
    "big": {},
    "slim": {
        "model_size": "slim", "num_envs": 8, "total_steps": 1_000_000, "buffer_size": 100_000, "learning_starts": 2_000,
        "max_episode_steps": 2_048, "batch_size": 16, "seq_len": 20, "burn_in": 8, "lr": 5e-4, "replay_ratio": "4",
    },
}


def preset(name: str) -> TrainConfig:
    """The settings of ``train_big`` (``big``) or ``train_slim`` (``slim``) before files and flags."""
    return TrainConfig(**PRESETS[name])


def validate(config: TrainConfig) -> TrainConfig:
    """Refuse settings that cannot work; returns the config for chaining.

    Raises:
        UsageError: naming the flag, its value and the accepted range.
    """
    for spec in dataclasses.fields(config):
        _check_choices(spec, getattr(config, spec.name))
    for name, low, high in _RANGES:
        value = getattr(config, name)
        if not low <= value <= (sys.float_info.max if high is None else high):  # written so that nan is refused
            bound = f"at least {low}" if high is None else f"between {low} and {high}"
            raise UsageError(f"--{name.replace('_', '-')} is {value}; it must be {bound}")
    if config.num_workers != "auto" and not (config.num_workers.isdigit() and int(config.num_workers) > 0):
        raise UsageError(f"--num-workers is {config.num_workers!r}; it must be auto or a whole number from 1")
    if config.replay_ratio != "auto" and not _is_number(config.replay_ratio, 0, 64):
        raise UsageError(f"--replay-ratio is {config.replay_ratio!r}; it must be auto or a number between 0 and 64")
    if config.epsilon_min > config.epsilon_start:
        raise UsageError(f"--epsilon-min {config.epsilon_min} is above --epsilon-start {config.epsilon_start}")
    if config.resume and config.on_exist == "restart":
        raise UsageError("--resume goes on with the run and --on-exist restart deletes it; leave one of them out")
    for name in ("freeze_curriculum", "savestates_from", "forget_at_spawn", "swarm"):
        if getattr(config, name) and not config.curriculum:
            raise UsageError(f"--{name.replace('_', '-')} does nothing without --curriculum; add it")
    check_run_name(config.run_name)
    return config


_RANGES: tuple[tuple[str, float, float | None], ...] = (
    ("total_steps", 1, None), ("log_interval", 1, None), ("step_log_every", 1, None), ("save_interval", 0, None),
    ("save_replay_gib", 0, None),
    ("eval_interval", 0, None), ("eval_episodes", 1, 1000), ("eval_epsilon", 0, 1), ("seed", 0, 2**31 - 1),
    ("num_envs", 1, 4096), ("max_episode_steps", 2, None), ("batch_size", 1, None), ("buffer_size", 1, None),
    ("hang_seconds", 1, 86_400), ("max_restarts", 0, 1000),
    ("learning_starts", 0, None), ("seq_len", 1, None), ("burn_in", 0, None),
    ("n_step", 1, None), ("gamma", 0, 1), ("action_gap", 0, 0.99),
    ("lr", 0, 1), ("lr_cooldown", 0, 1), ("target_update", 1, None), ("average_decay", 0, 0.99999),
    ("epsilon_start", 0, 1), ("epsilon_min", 0, 1), ("epsilon_decay", 0, 1), ("epsilon_repeat", 1, 1000),
    ("stuck_steps", 0, None), ("stuck_epsilon", 0, 1), ("repetition_penalty", 0, 1),
    ("rnd_weight", 0, None), ("novelty_weight", 0, None), ("curiosity_end", 0.001, 1), ("curiosity_decay", 0, 1),
    ("bayes_weight", 0, None), ("target_theta", 0.01, 0.99),
    ("true_start_share", 0.3, 1), ("spawn_steps", 0, None), ("bold_steps", 0, None), ("bold_epsilon", 0, 1),
    ("sweep_share", 0, 1), ("stall_steps", 0, None), ("stall_paces", 0, None),
    ("alarm_patience", 20, None),
)  # fmt: skip


def _is_number(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _check_choices(spec: dataclasses.Field, value: Any) -> None:
    choices = spec.metadata.get("choices")
    if choices is None:
        return
    for item in value if isinstance(value, tuple) else (value,):
        if item not in choices:
            flag = spec.name.replace("_", "-")
            raise UsageError(f"--{flag} is {item!r}; choose from {', '.join(choices)}")


_LONGEST_NAME = 200  # file systems take 255 bytes, temporary names need some


def check_run_name(name: str) -> None:
    """Raises UsageError for a name that would lead out of the directory of runs, or that no file system takes."""
    if name in (".", "..") or any(c in name for c in "/\\"):
        raise UsageError(f"--run-name {name!r} must be a plain name without path separators")
    if not name.isprintable() or name != name.strip() or len(name.encode(errors="replace")) > _LONGEST_NAME:
        raise UsageError(f"--run-name {name!r} must be printable, without spaces at its ends, at most 200 bytes long")
