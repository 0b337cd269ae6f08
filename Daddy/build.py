"""From settings to the parts of a run: device, vector env, agent and reward mixer."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch

from Daddy.agent import Agent, AgentConfig
from Daddy.alarms import AlarmRule
from Daddy.bayes_quests import BayesMonitor, default_budgets, paced_steps
from Daddy.config import TrainConfig
from Daddy.curriculum import Curriculum, CurriculumSettings, NoCurriculum
from Daddy.curriculum.registry import Registry
from Daddy.errors import UsageError
from Daddy.exploration import StuckExploration
from Daddy.flags import quests
from Daddy.frames import CELLS
from Daddy.intrinsic import RewardMixer
from Daddy.learner import LearnerConfig
from Daddy.novelty import EpisodicNovelty, LifelongNovelty
from Daddy.pacing import ReplayPacer
from Daddy.puffer_shim import (
    CELL_FEATURES,
    STRUCTURED_DIM,
    EpisodeRules,
    RedFactory,
    VectorEnv,
    WatchdogSettings,
    make_vector,
    rom_sha1,
)
from Daddy.replay_buffer import ReplayBuffer
from Daddy.replay_store import ReplayStore
from Daddy.rnd import RND

_CORES = ("gru", "lstm", "ssm")


def choose_device(wanted: str) -> tuple[torch.device, str]:
    """Resolve ``auto`` to (device, reason).

    Raises:
        UsageError: unknown device, or CUDA asked for and absent.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda"), f"auto: {torch.cuda.get_device_name()}"
        return torch.device("cpu"), "auto: no CUDA device"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise UsageError(f"--device is {wanted!r}; choose auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"--device is {wanted!r}; choose auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise UsageError(f"--device is {wanted!r} but {torch.cuda.device_count()} CUDA devices exist; use --device cpu")
    return device, "as asked"


def build_vector(config: TrainConfig, stagger: bool = True, longest: int = 0) -> VectorEnv:
    """The vector env; raises what the shim and the env raise for bad settings or a bad ROM.

    ``stagger`` shortens each env's first episode so that episodes end one by one; ``longest`` steps, if given, end any.
    """
    env_config = {
        "gb_path": config.rom or None,
        "allow_rom_mismatch": config.allow_rom_mismatch,
        "init_state": config.init_state,
    }
    workers = config.num_workers if config.num_workers == "auto" else int(config.num_workers)
    return make_vector(
        env_config,
        backend=config.backend,
        num_envs=config.num_envs,
        num_workers=workers,
        batch_size="auto" if config.env_batches == "auto" else -(-config.num_envs // int(config.env_batches)),
        seed=config.seed,
        reward_name=config.reward,
        max_episode_steps=config.max_episode_steps,
        stagger=stagger,
        rules=replace(_rules(config), longest=longest),
        watchdog=WatchdogSettings(hang_s=config.hang_seconds, max_restarts=config.max_restarts),
        env_factory=RedFactory(config.env_class, config.wrappers, config.reward_modules),
    )


def _rules(config: TrainConfig) -> EpisodeRules:
    paced = paced_steps(quests(config.rom, config.allow_rom_mismatch), config.stall_paces) if config.stall_paces else ()
    return EpisodeRules(config.stall_steps, config.spawn_steps, config.novelty_span, paced)


def build_agent(config: TrainConfig, num_actions: int, device: torch.device) -> Agent:
    """The agent for ``config.num_envs`` envs."""
    return Agent(agent_settings(config), config.num_envs, num_actions, STRUCTURED_DIM, device)


def agent_settings(config: TrainConfig) -> AgentConfig:
    """The learner core's settings."""
    learner = LearnerConfig(
        gamma=config.gamma,
        lr=config.lr,
        action_gap=config.action_gap,
        target_update=config.target_update,
        value_rescale=config.value_rescale,
        precision=config.precision,
    )
    return AgentConfig(
        model_size=config.model_size,
        ablate=tuple(name for name in config.ablate if name in _CORES),
        seq_len=config.seq_len,
        burn_in=config.burn_in,
        n_step=config.n_step,
        batch_size=config.batch_size,
        buffer_size=config.buffer_size,
        learning_starts=config.learning_starts,
        cell_planes=CELL_FEATURES // CELLS,
        longest_repeat=config.epsilon_repeat,
        repetition_penalty=config.repetition_penalty,
        average_decay=config.average_decay,
        act_with_average=config.act_with_average,
        seed=config.seed,
        learner=learner,
    )


def build_mixer(config: TrainConfig, device: torch.device) -> RewardMixer:
    """The reward mixer; an ablated or zero-weighted bonus is not built at all.

    The Bayes monitor is always there, because logs need it; ``--ablate bayes`` takes away its hold on rewards.

    Raises:
        RomError: no usable ROM.
    """
    with_rnd = config.rnd_weight > 0 and "rnd" not in config.ablate
    with_novelty = config.novelty_weight > 0 and "novelty" not in config.ablate
    return RewardMixer(
        RND(config.num_envs, device=device, seed=config.seed) if with_rnd else None,
        EpisodicNovelty(config.num_envs) if with_novelty else None,
        config.rnd_weight,
        config.novelty_weight,
        build_monitor(config),
        config.bayes_weight if "bayes" not in config.ablate else 0.0,
        coupled="bayes" not in config.ablate,
        novelty_span=config.novelty_span,
        lifelong=LifelongNovelty() if config.lifelong_novelty and with_novelty else None,
    )


def build_replay_store(config: TrainConfig, directory: Path, replay: ReplayBuffer) -> ReplayStore:
    """What keeps the replay on disk, in the run directory."""
    return ReplayStore(directory / "replay", replay, config.save_replay_gib * 2**30)


def build_curriculum(
    config: TrainConfig, directory: Path, vector: VectorEnv, agent: Agent
) -> Curriculum | NoCurriculum:
    """The curriculum of the run in ``directory``, which may not exist yet.

    Raises:
        UsageError: there is no directory ``--savestates-from``.
    """
    if not config.curriculum:
        return NoCurriculum()
    source = Path(config.savestates_from) if config.savestates_from else None
    if source and not source.is_dir():
        raise UsageError(f"--savestates-from {source} is no directory; name another run's savestates/")
    present = sum(quest.available for quest in quests(config.rom, config.allow_rom_mismatch))
    settings = CurriculumSettings(
        config.true_start_share, config.freeze_curriculum, config.swarm, not config.forget_at_spawn, config.seed,
        source, config.bold_steps, config.bold_epsilon, config.sweep_share, _rules(config), present,
    )  # fmt: skip
    rom = rom_sha1(config.rom, config.allow_rom_mismatch)
    return Curriculum(settings, Registry(directory / "savestates", rom, version("pyboy")), vector, agent.actor)


def build_pacer(config: TrainConfig) -> ReplayPacer:
    """What says when to learn; ``auto`` leaves the ratio to be measured."""
    ratio = None if config.replay_ratio == "auto" else float(config.replay_ratio)
    return ReplayPacer(ratio, config.learning_starts, config.batch_size * config.seq_len)
def build_stuck_exploration(config: TrainConfig) -> StuckExploration:
    """What raises epsilon where an env got stuck."""
    return StuckExploration(config.num_envs, config.stuck_steps, config.stuck_epsilon)


def build_monitor(config: TrainConfig) -> BayesMonitor:
    """The Bayes monitor of the milestones that the ROM has; raises RomError for an unusable ROM."""
    milestones = quests(config.rom, config.allow_rom_mismatch)
    rule = AlarmRule(target=config.target_theta, patience=config.alarm_patience)
    budgets = default_budgets(milestones, config.max_episode_steps)
    return BayesMonitor(milestones, config.num_envs, budgets, rule, span=_rules(config).least_span)
