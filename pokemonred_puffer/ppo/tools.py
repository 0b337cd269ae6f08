"""The commands beside training: evaluate, autotune, debug."""
from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.ppo.building import env_maker, load_policy, make_policy, map_names
from pokemonred_puffer.ppo.checkpoint import CheckpointError
from pokemonred_puffer.ppo.cli import given_settings
from pokemonred_puffer.ppo.playing import GREEDY, choose, evaluation_rows, play, seed_for, summarize, summary_line
from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.ppo.settings import Settings, build_settings, choose_preset
from pokemonred_puffer.ppo.vector import Layout, RedMaker, make_vector, plan_layout, probe_spaces
from pokemonred_puffer.quiet_pufferlib import GymnasiumPufferEnv


def trained(path: Path, rom: str | None = None) -> tuple[RedMaker, RecurrentPolicy, Settings, int]:
    """(env maker, policy with its weights, settings, step) of a run. Raises ConfigError or CheckpointError."""
    settings, config, step, weights = load_policy(path)
    settings = replace(settings, rom=rom or settings.rom, wrappers="empty")
    maker = env_maker(settings, config.get("config") or None)
    space, actions = probe_spaces(maker)
    layout = GymnasiumPufferEnv(_Spaces(space, actions)).obs_dtype
    policy = make_policy(settings, layout, int(actions.n))
    try:
        policy.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: the weights do not fit this version's network: {error}") from error
    return maker, policy, settings, step


class _Spaces:
    """What pufferlib's emulation asks of an env before its first reset."""

    render_mode = None

    def __init__(self, observation_space, action_space) -> None:
        self.observation_space, self.action_space = observation_space, action_space


def evaluate(parsed: argparse.Namespace) -> int:
    """Plays a run's policy and prints a table or JSON."""
    run = parsed.run or parsed.run_again
    if not run:
        raise ConfigError("evaluate needs a run directory: evaluate runs/NAME")
    if not 1 <= parsed.episodes <= 1000:
        raise ConfigError(f"--episodes is {parsed.episodes}; it must be between 1 and 1000")
    maker, policy, settings, step = trained(Path(run), parsed.rom)
    seed = seed_for(settings.seed) if parsed.seed is None else parsed.seed
    played = list(play(maker, policy, parsed.episodes, seed))
    summaries = [summarize([p for p in played if p.kind == kind]) for kind in sorted({p.kind for p in played})]
    if parsed.json:
        rows = evaluation_rows(step, played, map_names(settings))
        print(json.dumps({"step_global": step, "summaries": summaries, "episodes": rows}))
        return 0
    print(f"{run}, step {step:,}, from seed {seed}")
    for summary in summaries:
        print(summary_line(summary))
    names = dict.fromkeys(name for s in summaries for name in s["milestones"])
    print(f"{'milestone':44}" + "".join(f"{s['kind']:>10} {'step':>6}" for s in summaries))
    for name in names:
        found = [s["milestones"].get(name) for s in summaries]
        shares = [f"{f['share']:10.2f} {f['median_steps']:6.0f}" if f else f"{'-':>10} {'-':>6}" for f in found]
        print(f"{name:44}" + "".join(shares))
    return 0


def autotune(parsed: argparse.Namespace) -> int:
    """Env steps per second with random actions for layouts of this machine; the best one as flags."""
    settings = _settings(parsed)
    try:
        counts = sorted({int(part) for part in parsed.envs.split(",")})
    except ValueError:
        raise ConfigError(f"--envs is {parsed.envs!r}; it must be whole numbers with commas") from None
    if counts[0] < 1 or not 0.05 <= parsed.seconds <= 600:
        raise ConfigError("--envs must be at least 1 each, and --seconds between 0.05 and 600")
    maker = env_maker(settings, parsed.config)
    layouts = [Layout(counts[0], 0, counts[0])]
    for count in counts:
        layouts += [plan_layout("multiprocessing", count, 0, batch) for batch in (0, count // 2) if batch or count]
    results = {}
    for layout in dict.fromkeys(replace(layout, note="") for layout in layouts):
        results[layout] = _speed(maker, layout, parsed.seconds, settings.seed)
        print(f"{results[layout]:8,.0f} steps/s  {_flags_of(layout)}", flush=True)
    print(f"best: {_flags_of(max(results, key=results.get))}")
    return 0


def _flags_of(layout: Layout) -> str:
    if not layout.num_workers:
        return f"--vectorization serial --num-envs {layout.num_envs}"
    return (f"--num-envs {layout.num_envs} --num-workers {layout.num_workers} --env-batch-size "
            f"{layout.batch_size}")


def _speed(maker: RedMaker, layout: Layout, seconds: float, seed: int) -> float:
    """Steps per second after every env has been reset."""
    vector, rng = make_vector(maker, layout), np.random.default_rng(seed)
    try:
        vector.async_reset(seed)
        steps, begin = 0, 0.0
        warm = layout.num_envs // layout.batch_size
        while not begin or time.perf_counter() - begin < seconds:
            env_ids = vector.recv()[5]
            if warm:
                warm -= 1
            elif not begin:
                begin = time.perf_counter()
            else:
                steps += len(env_ids)
            vector.send(rng.integers(0, vector.single_action_space.n, len(env_ids)).astype(np.int32))
        return steps / (time.perf_counter() - begin)
    finally:
        vector.close()


def debug(parsed: argparse.Namespace) -> int:
    """One env in this process, with a trained policy (greedy) or random actions; a line for each reward."""
    settings = _settings(parsed)
    maker, policy = env_maker(settings, parsed.config), None
    if parsed.checkpoint:
        trained_maker, policy, _, _ = trained(Path(parsed.checkpoint))
        maker = trained_maker if not given_settings(parsed) else maker
    names, env = map_names(settings), maker(0)
    puffer, rng = GymnasiumPufferEnv(env), np.random.default_rng(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    observation, _ = puffer.reset(seed=settings.seed)
    state, total = policy.initial_state(1) if policy else None, 0.0
    for step in range(1, parsed.steps + 1):
        action = int(rng.integers(env.action_space.n))
        if policy:
            with torch.no_grad():
                rows, starts = torch.from_numpy(np.array(observation)).reshape(1, 1, -1), torch.zeros(1, 1).bool()
                logits, _, state = policy(rows, starts, state)
            action = int(choose(logits[0], GREEDY, generator)[0])
        observation, reward, terminated, truncated, _ = puffer.step(np.array([action], np.int32))
        total += float(reward)
        if reward or step == parsed.steps or terminated or truncated:
            now = env.unwrapped.telemetry()
            place = names.get(int(now.map_id), f"map_{now.map_id}")
            print(f"step {step}: reward {reward:+.4f} total {total:.4f} action {action} at {place} ({now.x}, {now.y})"
                  f" milestones {sum(map(int.bit_count, now.milestones.tolist()))}")
        if terminated or truncated:
            break
    env.close()
    return 0


def _settings(parsed: argparse.Namespace) -> Settings:
    preset, _ = choose_preset(parsed.preset)
    base = asdict(build_settings(preset, parsed.config, False, {})[0])
    return Settings(**{**base, "wrappers": "empty", **given_settings(parsed)})
