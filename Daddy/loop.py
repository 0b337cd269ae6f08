"""THE training loop. ``train_big`` and ``train_slim`` are presets over ``run_training``.

One iteration: receive observations -> score rewards -> act -> send (the emulators work from here on) -> store -> learn
-> log -> checkpoint. B is the number of envs in a batch.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from Daddy.background_eval import BackgroundEvaluator
from Daddy.build import (
    build_agent,
    build_curriculum,
    build_mixer,
    build_pacer,
    build_replay_store,
    build_stuck_exploration,
    build_vector,
    choose_device,
)
from Daddy.config import TrainConfig
from Daddy.dashboard import choose_dashboard
from Daddy.episodes import EpisodeTracker
from Daddy.errors import EXIT_OK
from Daddy.logging_utils import RunLogger
from Daddy.logs.lines import interval_line
from Daddy.names import Names
from Daddy.progress import IntervalStats
from Daddy.puffer_shim import WorkerError, world_facts
from Daddy.resume import resume_command
from Daddy.run_dir import claim_run_dir
from Daddy.run_state import collect, restore_run
from Daddy.saver import News, Saver
from Daddy.schedules import curiosity_left, epsilons, lr_left
from Daddy.signals import OverdueStop, StopSignals
from Daddy.stopwatch import Stopwatch
from Daddy.vector_events import log_vector_events
from Daddy.watch import Parts, Watch


def run_training(config: TrainConfig) -> int:
    """Train until ``total_steps`` or a stop signal; returns the exit code.

    Raises:
        PokemonRedError, DaddyError: bad ROM, settings or disk, before anything is written to the run directory.
    """
    torch.set_num_threads(1)
    with StopSignals() as stop, ExitStack() as closing:
        run = claim_run_dir(config)
        closing.callback(run.release)
        if run.resumed_step is not None and run.resumed_step >= config.total_steps:
            print(f"{run.path} has its {config.total_steps:,} steps already; raise --total-steps to go on")
            return EXIT_OK
        device, device_reason = choose_device(config.device)
        vector = build_vector(config)
        closing.callback(vector.close)
        agent, mixer = build_agent(config, vector.num_actions, device), build_mixer(config, device)
        vector.reset(config.seed + (run.resumed_step or 0))  # a resumed run meets new episodes
        batch = vector.recv()
        episodes = EpisodeTracker(config.num_envs, milestone_bytes=batch.records["milestones"].shape[1])
        parts = {"agent": agent, "intrinsic": mixer, "episodes": episodes, "pacer": build_pacer(config)}
        store = parts["replay"] = build_replay_store(config, run.path, agent.replay)
        parts["curriculum"] = build_curriculum(config, run.path, vector, agent)
        facts = world_facts(config.rom, config.allow_rom_mismatch)
        counters, restored = restore_run(run.load(), facts["rom_sha1"], parts)
        notes = run.begin(config, facts) + restored + store.notes
        mode, mode_reason = choose_dashboard(config.dashboard)
        names = Names(config.rom, config.allow_rom_mismatch)
        logger = RunLogger(
            run.path, mode, names, savestate_tag=Path(config.init_state).stem, step_log_every=config.step_log_every,
            total_steps=config.total_steps, resume_step=counters["step_global"] if run.continued else None,
            episodes=episodes.completed,
        )  # fmt: skip
        logger.monitor = mixer.monitor
        closing.callback(logger.close)
        logger.console.print(f"run {run.path}: device {device} ({device_reason}), output {mode} ({mode_reason})")
        for line in notes + vector.describe() + agent.describe():
            logger.console.print(line)
        parts["curriculum"].open(logger)
        saver = closing.enter_context(Saver(run.checkpoints, store))
        evaluator = closing.enter_context(BackgroundEvaluator(config, run.path, logger))
        exit_code = _train(config, stop, vector, batch, parts, counters, logger, saver, evaluator)
        if stop.requested:
            logger.console.print(f"stopped at step {counters['step_global']:,}; go on with: {resume_command(config)}")
        logger.finish(exit_code)
        return exit_code


def _train(
    config: TrainConfig, stop: StopSignals, vector: Any, batch: Any, parts: dict[str, Any], counters: dict[str, Any],
    logger: RunLogger, saver: Saver, evaluator: BackgroundEvaluator,
) -> int:  # fmt: skip
    agent, mixer, episodes, pacer, curriculum = (
        parts[name] for name in ("agent", "intrinsic", "episodes", "pacer", "curriculum")
    )
    interval = IntervalStats(config.num_envs, vector.reward_term_names, counters["train_seconds"])
    stuck = build_stuck_exploration(config)
    clock = Stopwatch()
    step_global, save_interval = counters["step_global"], config.save_interval or config.total_steps
    next_log, next_save = step_global + config.log_interval, step_global + save_interval
    watch = Watch(config, logger, Parts(agent, mixer, vector, episodes, interval, clock, curriculum))
    pacer.start_at(step_global, agent.replay.sequences)
    stop.training_begins()

    def save() -> None:
        logger.tick(step_global, "saving")
        logger.flush_episode_logs()  # the files must not lack what the checkpoint has counted
        interval.add_metrics(pacer.take(agent.finish_update()))
        counters.update(step_global=step_global, train_seconds=interval.train_seconds())
        saver.save(step_global, collect(counters, parts), episodes.score())

    while True:
        # --- receive: the views die at send, so keep a copy
        rows, env_ids = batch.records.copy(), batch.env_ids  # [B] records, [B]
        first = rows["is_first"].astype(bool)  # [B]

        # --- score and act
        with clock.section("act"):
            curriculum.look(rows, env_ids, step_global)  # also where the envs that have finished start next
            mixer.curiosity_left = curiosity_left(step_global, config)
            terms = mixer.score(rows, env_ids)  # each [B]
            epsilon = epsilons(config.epsilon_schedule, step_global, config)  # [num_envs]
            noise = stuck.raised(epsilon[env_ids], rows, env_ids, mixer.curiosity_left)  # [B]
            noise = curriculum.raised(noise, rows, env_ids)  # [B]
            actions = agent.act(rows, terms.total, env_ids, noise)  # [B]
            actions = curriculum.played(actions, rows, env_ids)  # [B]
        with clock.section("env"):
            vector.send(actions)

        # --- store, while the emulators work
        with clock.section("store"):
            agent.observe(rows, terms.total, actions, env_ids)
            steps = interval.add_rewards(terms, first, env_ids)
            interval.add_actions(actions, first)
            interval.add_parts(rows["reward_terms"], first)
            step_global += steps
            ended = episodes.add(rows, env_ids, terms, step_global)

        # --- learn: each update runs beside the acting and ends where the next one is due
        with clock.section("learn"):
            interval.add_metrics(mixer.train(rows))
            while pacer.due(step_global) and agent.can_learn(step_global) and not stop.requested:
                interval.add_metrics(pacer.take(agent.finish_update()))
                agent.start_update(lr_left(step_global, config))
                pacer.begin()
        for line in pacer.news():
            logger.console.print(line)

        # --- evaluate, in a process of its own
        evaluator.tick(step_global, agent.average.network, mixer)

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
        log_vector_events(events := vector.events(), logger)
        curriculum.hear(events)
        finished = step_global >= config.total_steps or stop.requested
        if step_global >= next_log or finished:
            next_log = step_global + config.log_interval
            interval.add_metrics(pacer.take(agent.finish_update()))
            interval.add_metrics(agent.diagnose())
            scalars = interval.take(episodes)
            scalars.update(mixer.scalars())
            scalars.update(curriculum.scalars())
            scalars["charts/epsilon"] = float(epsilon.mean())
            scalars["charts/lr"] = config.lr * lr_left(step_global, config)
            scalars["charts/stuck"] = stuck.take_share()
            scalars["replay/ratio"] = pacer.learned / max(step_global, 1)
            scalars.update({f"time/{name}_pct": share for name, share in clock.take().items()})
            line = interval_line(step_global, config.total_steps, config.num_envs, scalars)
            logger.log_interval(line, scalars, step_global)

        # --- checkpoint: copied here, written by the saver's thread
        if finished or (step_global >= next_save and not saver.busy):
            next_save = step_global + save_interval
            save()
        saver.collect()
        _tell(saver.finish() if finished else saver.news(), config, logger)
        if finished:
            watch.show(step_global, pacer.learned, epsilon)
            evaluator.finish(lambda: stop.requested)
            return stop.exit_code if stop.requested else EXIT_OK

        try:
            with clock.section("env"), stop.interruptible():
                batch = vector.recv()
        except OverdueStop:
            save()
            _tell(saver.finish(), config, logger)
            return stop.exit_code
        except WorkerError:  # replacing workers did not help: keep what was learned, then fail with the cause
            log_vector_events(vector.events(), logger)
            save()
            _tell(saver.finish(), config, logger)
            raise


def _tell(news: list[News], config: TrainConfig, logger: RunLogger) -> None:
    """Say what became of the saves."""
    for item in news:
        if item.path is None:
            logger.log_event("alarm", f"{item.text}; training goes on and the next checkpoint is tried when it is due")
        else:
            logger.note_checkpoint(item.path, item.step_global, resume_command(config))
