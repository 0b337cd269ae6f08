"""THE training loop. ``train_big`` and ``train_slim`` are presets over ``run_training``.

One iteration: receive observations -> score rewards -> act -> send (the emulators work from here on) -> store -> learn
-> log -> checkpoint. B is the number of envs in a batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from Daddy.agent import Agent
from Daddy.background_eval import BackgroundEvaluator
from Daddy.build import build_agent, build_mixer, build_pacer, build_vector, choose_device
from Daddy.checkpoint import save_checkpoint
from Daddy.config import TrainConfig
from Daddy.dashboard import choose_dashboard
from Daddy.episodes import EpisodeTracker
from Daddy.errors import EXIT_OK
from Daddy.intrinsic import RewardMixer
from Daddy.logging_utils import RunLogger
from Daddy.logs.lines import interval_line
from Daddy.names import Names
from Daddy.pacing import ReplayPacer
from Daddy.progress import IntervalStats
from Daddy.run_dir import check_run_dir, create_run_dir
from Daddy.schedules import epsilons
from Daddy.signals import StopSignals
from Daddy.stopwatch import Stopwatch
from Daddy.watch import Parts, Watch


def run_training(config: TrainConfig) -> int:
    """Train until ``total_steps`` or a stop signal; returns the exit code.

    Raises:
        PokemonRedError, DaddyError: bad ROM, settings or disk, before anything is written to the run directory.
    """
    directory = check_run_dir(config)
    torch.set_num_threads(1)
    device, device_reason = choose_device(config.device)
    vector = build_vector(config)
    try:
        agent = build_agent(config, vector.num_actions, device)
        mixer = build_mixer(config, device)
        first_batch = vector.recv()
        lock = create_run_dir(directory, config)
        mode, mode_reason = choose_dashboard(config.dashboard)
        names = Names(config.rom, config.allow_rom_mismatch)
        logger = RunLogger(
            directory, mode, names, savestate_tag=Path(config.init_state).stem, step_log_every=config.step_log_every,
            total_steps=config.total_steps,
        )  # fmt: skip
        logger.monitor = mixer.monitor
        try:
            logger.console.print(f"run {directory}: device {device} ({device_reason}), output {mode} ({mode_reason})")
            for line in vector.describe() + agent.describe():
                logger.console.print(line)
            exit_code = _train(config, directory, vector, first_batch, agent, mixer, logger)
            logger.finish(exit_code)
            return exit_code
        finally:
            logger.close()
            lock.release()
    finally:
        vector.close()


def _train(
    config: TrainConfig, directory: Path, vector: Any, batch: Any, agent: Agent, mixer: RewardMixer, logger: RunLogger
) -> int:
    episodes = EpisodeTracker(config.num_envs, milestone_bytes=batch.records["milestones"].shape[1])
    interval, clock = IntervalStats(config.num_envs), Stopwatch()
    step_global, pacer = 0, build_pacer(config)
    watch = Watch(config, logger, Parts(agent, mixer, episodes, interval, clock))
    next_log, next_save = config.log_interval, config.save_interval or config.total_steps
    with StopSignals() as stop, BackgroundEvaluator(config, directory, logger) as evaluator:
        while True:
            # --- receive: the views die at send, so keep a copy
            rows, env_ids = batch.records.copy(), batch.env_ids  # [B] records, [B]
            first = rows["is_first"].astype(bool)  # [B]

            # --- score and act
            with clock.section("act"):
                terms = mixer.score(rows, env_ids)  # each [B]
                epsilon = epsilons(config.epsilon_schedule, step_global, config)  # [num_envs]
                actions = agent.act(rows, terms.total, env_ids, epsilon[env_ids])  # [B]
            with clock.section("env"):
                vector.send(actions)

            # --- store, while the emulators work
            with clock.section("store"):
                agent.observe(rows, terms.total, actions, env_ids)
                steps = interval.add_rewards(terms, first, env_ids)
                interval.add_actions(actions, first)
                step_global += steps
                ended = episodes.add(rows, env_ids, terms, step_global)

            # --- learn: each update runs beside the acting and ends where the next one is due
            with clock.section("learn"):
                interval.add_metrics(mixer.train(rows))
                while pacer.due(step_global) and agent.can_learn(step_global):
                    interval.add_metrics(pacer.take(agent.finish_update()))
                    agent.start_update()
                    pacer.begin()
            for line in pacer.news():
                logger.console.print(line)

            # --- evaluate, in a process of its own
            evaluator.tick(step_global, agent.actor.network, mixer)

            # --- log: format and queue; a thread writes
            with clock.section("log"):
                logger.tick(step_global)
                running = episodes.running_ids[env_ids]  # [B]
                logger.log_step_rewards(rows, terms, mixer.weights, env_ids, running, step_global, steps)
                for episode in ended:
                    logger.log_episode_summary(episode)
                logger.log_milestones(episodes.new_milestones(), step_global)
                watch.tick(rows, env_ids, step_global, pacer.learned, epsilon)
                if ended:
                    logger.log_monitor(step_global, ended[-1].episode_id)
            finished = step_global >= config.total_steps or stop.requested
            if step_global >= next_log or finished:
                next_log = step_global + config.log_interval
                interval.add_metrics(pacer.take(agent.finish_update()))
                interval.add_metrics(agent.diagnose())
                scalars = interval.take(episodes)
                scalars.update(mixer.scalars())
                scalars["charts/epsilon"] = float(epsilon.mean())
                scalars["replay/ratio"] = pacer.learned / max(step_global, 1)
                scalars.update({f"time/{name}_pct": share for name, share in clock.take().items()})
                line = interval_line(step_global, config.total_steps, config.num_envs, scalars)
                logger.log_interval(line, scalars, step_global)

            # --- checkpoint
            if step_global >= next_save or finished:
                next_save = step_global + (config.save_interval or config.total_steps)
                logger.tick(step_global, "saving")
                logger.flush_episode_logs()  # the files must not lack what the checkpoint has counted
                interval.add_metrics(pacer.take(agent.finish_update()))
                state = _state(step_global, pacer, episodes, agent, mixer)
                path = save_checkpoint(directory / "checkpoints", step_global, state)
                logger.note_checkpoint(path, step_global)
            if finished:
                evaluator.finish(lambda: stop.requested)
                return stop.exit_code if stop.requested else EXIT_OK

            with clock.section("env"):
                batch = vector.recv()


def _state(
    step_global: int, pacer: ReplayPacer, episodes: EpisodeTracker, agent: Agent, mixer: RewardMixer
) -> dict[str, Any]:
    """What a checkpoint holds."""
    return {
        "step_global": step_global,
        "pacer": pacer.state_dict(),
        "episodes": episodes.completed,
        "agent": agent.state_dict(),
        "intrinsic": mixer.state_dict(),
    }
