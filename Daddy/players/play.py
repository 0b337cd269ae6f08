"""Random play through the trainer's vector env, and episodes of both players from the true start."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from Daddy.build import build_mixer, build_vector
from Daddy.config import TrainConfig
from Daddy.episodes import EpisodeTracker
from Daddy.errors import EXIT_OK
from Daddy.evaluation import EvalEpisode, play_wave
from Daddy.logging_utils import RunLogger
from Daddy.logs.files import write_json_atomically
from Daddy.logs.lines import interval_line
from Daddy.logs.rows import evaluation_row
from Daddy.names import Names
from Daddy.players.settings import PlayConfig, as_training
from Daddy.progress import IntervalStats
from Daddy.puffer_shim import VectorEnv, make_vector, world_facts
from Daddy.puffer_shim.power_on import PowerOnFactory, recorded_actions
from Daddy.run_dir import claim_run_dir
from Daddy.signals import StopSignals

_AT_ONCE = 8
RANDOM, GREEDY = 1.0, 0.0  # column epsilon


def run_player(player: str, config: PlayConfig) -> int:
    """Play and leave a run directory; returns the exit code.

    Raises:
        DaddyError, PokemonRedError: bad settings, ROM or disk, before anything is written.
    """
    training = as_training(config)
    torch.set_num_threads(1)
    with StopSignals() as stop, ExitStack() as closing:
        run = claim_run_dir(training)
        closing.callback(run.release)
        facts = world_facts(config.rom, config.allow_rom_mismatch)
        vector = random_vector(training) if player == "random" else None
        if vector:
            closing.callback(vector.close)
        else:
            recorded_actions(config.rom, config.allow_rom_mismatch)  # refuses a foreign ROM before there is a run
        names = Names(config.rom, config.allow_rom_mismatch)
        run.begin(training, facts)
        write_json_atomically(run.path / "config.json", {"agent": player, **vars(config), **facts})
        logger = RunLogger(run.path, "plain", names, "boot", total_steps=config.total_steps)
        closing.callback(logger.close)
        stop.training_begins()
        code = play_randomly(training, vector, logger, stop) if vector else play_recording(training, logger, names)
        logger.finish(code)
        return code


def random_vector(config: TrainConfig) -> VectorEnv:
    """The envs that training would have."""
    vector = build_vector(config)
    vector.reset(config.seed)
    return vector


def play_randomly(config: TrainConfig, vector: VectorEnv, logger: RunLogger, stop: StopSignals) -> int:
    """The training loop without a learner: what it costs to play and to count; returns the exit code."""
    mixer, rng = build_mixer(config, torch.device("cpu")), np.random.default_rng(config.seed)
    interval, batch = IntervalStats(config.num_envs, vector.reward_term_names), vector.recv()
    episodes = EpisodeTracker(config.num_envs, milestone_bytes=batch.records["milestones"].shape[1])
    step, next_log = 0, config.log_interval
    while True:
        rows, env_ids = batch.records.copy(), batch.env_ids  # [B] records, [B]
        terms = mixer.score(rows, env_ids)  # each [B]
        vector.send(rng.integers(vector.num_actions, size=len(rows), dtype=np.int32))
        step += interval.add_rewards(terms, rows["is_first"].astype(bool), env_ids)
        for episode in episodes.add(rows, env_ids, terms, step):
            logger.log_episode_summary(episode)
        logger.tick(step)
        logger.log_milestones(episodes.new_milestones(), step)
        finished = step >= config.total_steps or stop.requested
        if step >= next_log or finished:
            next_log = step + config.log_interval
            scalars = interval.take(episodes) | {"charts/epsilon": RANDOM}
            logger.log_interval(interval_line(step, config.total_steps, config.num_envs, scalars), scalars, step)
        if finished:
            return stop.exit_code if stop.requested else EXIT_OK
        batch = vector.recv()


def play_recording(config: TrainConfig, logger: RunLogger, names: Names) -> int:
    """The walkthrough's episode; returns the exit code."""
    (episode,) = recorded_episodes(config, names)
    scalars = {"eval/greedy_milestones_mean": float(len(episode.milestones)), "time/train_seconds": 0.0}
    text = f"walkthrough: {len(episode.milestones)} milestones in {episode.length:,} steps"
    logger.log_evaluation(text, [row_of(0, episode)], scalars, 0)
    return EXIT_OK


def evaluate(player: str, config: PlayConfig, episodes: int, seed: int) -> Iterator[EvalEpisode]:
    """Episodes of a player from the true start; the walkthrough's is always the same and is played once."""
    training, names = as_training(config), Names(config.rom, config.allow_rom_mismatch)
    if player == "walkthrough":
        return recorded_episodes(training, names)
    return random_episodes(training, names, episodes, seed)


def random_episodes(config: TrainConfig, names: Names, episodes: int, seed: int) -> Iterator[EvalEpisode]:
    """Episodes of random play; episode i begins with ``seed`` + i."""
    at_once = min(_AT_ONCE, episodes)
    config = dataclasses.replace(config, backend="serial", num_envs=at_once)
    vector = build_vector(config, stagger=False)
    try:
        for begin in range(0, episodes, at_once):
            wanted, mixer = min(at_once, episodes - begin), build_mixer(config, torch.device("cpu"))
            yield from play_wave(vector, _Dice(vector.num_actions), mixer, RANDOM, seed + begin, wanted, names)
    finally:
        vector.close()


def recorded_episodes(config: TrainConfig, names: Names) -> Iterator[EvalEpisode]:
    """The one episode of the walkthrough, from power-on, as far as ``max_episode_steps`` goes."""
    actions = recorded_actions(config.rom, config.allow_rom_mismatch)
    env_config = {"gb_path": config.rom or None, "allow_rom_mismatch": config.allow_rom_mismatch}
    vector = make_vector(
        env_config, backend="serial", num_envs=1, reward_name=config.reward, env_factory=PowerOnFactory(),
        max_episode_steps=min(config.max_episode_steps, len(actions)),
    )  # fmt: skip
    try:
        mixer = build_mixer(dataclasses.replace(config, num_envs=1), torch.device("cpu"))
        yield from play_wave(vector, _Recorded(np.array(actions, np.int32)), mixer, GREEDY, 0, 1, names)
    finally:
        vector.close()


def row_of(number: int, episode: EvalEpisode) -> dict[str, Any]:
    """A row of ``evaluations.csv``; no training lies behind it."""
    return evaluation_row(0, number, dataclasses.asdict(episode))


class _Dice:
    """Stands where evaluation has an actor."""

    def __init__(self, num_actions: int) -> None:
        self._num_actions = num_actions

    def act(self, rows: np.ndarray, reward: np.ndarray, env_ids: np.ndarray, epsilon: np.ndarray,
            rng: np.random.Generator) -> tuple[np.ndarray, None]:
        """Actions (B,) int32."""
        return rng.integers(self._num_actions, size=len(env_ids), dtype=np.int32), None


class _Recorded:
    """Plays action n of ``actions`` (N,) at step n of an episode."""

    def __init__(self, actions: np.ndarray) -> None:
        self._actions = actions

    def act(self, rows: np.ndarray, *_: Any) -> tuple[np.ndarray, None]:
        """Actions (B,) int32."""
        return self._actions[np.minimum(rows["episode_step"], len(self._actions) - 1)], None
