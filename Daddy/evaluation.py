"""Greedy episodes from the true start: what the agent can do without help, apart from the noise that training needs.

The network also sees the reward that led to an observation, so evaluation scores rewards exactly as training did: with
the novelty counts of its own episodes and with the run's own RND network and posteriors, which learn nothing here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from Daddy.actor import Actor
from Daddy.agent import build_network
from Daddy.build import agent_settings, build_mixer, build_vector
from Daddy.checkpoint import find_checkpoint, load_checkpoint
from Daddy.cli import load_settings
from Daddy.config import TrainConfig
from Daddy.episodes import Episode, EpisodeTracker
from Daddy.errors import DaddyError, UsageError
from Daddy.intrinsic import RewardMixer
from Daddy.names import Names
from Daddy.networks import HierarchicalQNetwork
from Daddy.puffer_shim import STRUCTURED_DIM, VectorEnv
from Daddy.run_state import restore
from Daddy.schedules import curiosity_left

_AT_ONCE = 8  # emulators that share a forward pass
_Z95 = 1.96
_RND_FOR_ACTING = ("target", "predictor", "pixels", "returns", "first_scale")


@dataclass(frozen=True)
class EvalPlan:
    """How to evaluate: `episodes` for each value of `epsilons`; `ablate` silences levels of the network; env i of the
    first epsilon starts with `seed` + i, and the other epsilons play the same seeds; episodes end after `longest`
    steps, 0: after as many as the run's; `repetition_penalty`, None: the run's."""

    episodes: int
    epsilons: tuple[float, ...] = (0.0,)
    seed: int = 0
    ablate: tuple[str, ...] = ()
    longest: int = 0
    repetition_penalty: float | None = None


@dataclass(frozen=True)
class EvalEpisode:
    """One finished episode. `milestones` maps the names reached to the step of the episode at which they were."""

    epsilon: float
    seed: int
    length: int
    return_env: float
    milestones: dict[str, int]
    badges: int
    tiles: int
    map: str
    seconds: float


@dataclass(frozen=True)
class Weights:
    """What evaluation needs of a run: its settings, the step, and the states of network and reward mixer."""

    config: TrainConfig
    step_global: int
    network: dict[str, Tensor]
    intrinsic: dict[str, Any]


def weights_of(step_global: int, network: nn.Module, mixer: RewardMixer) -> dict[str, Any]:
    """The part of a checkpoint that `load_weights` reads, as views of the live tensors."""
    intrinsic = mixer.state_dict()
    if "rnd" in intrinsic:
        intrinsic["rnd"] = {name: intrinsic["rnd"][name] for name in _RND_FOR_ACTING}
    average = dict(network.state_dict())
    return {"step_global": step_global, "agent": {"average": average}, "intrinsic": intrinsic}


def checkpoint_of(path: Path) -> Path:
    """The newest valid checkpoint of a run directory, or the checkpoint directory itself.

    Raises:
        UsageError: neither a run with a checkpoint nor a checkpoint. CheckpointError: all of the run's are damaged.
    """
    if (path / "MANIFEST.json").is_file():
        return path
    found = find_checkpoint(path / "checkpoints").path
    if found is None:
        raise UsageError(f"{path} is neither a checkpoint nor a run directory that holds one; name RUN or "
                         "RUN/checkpoints/step_N")
    return found


def load_weights(path: Path, last: bool = False) -> Weights:
    """Read a checkpoint directory, whose run directory two levels up holds ``config.json``.

    The network is the average of the last updates' weights, or with `last` that of the last one.

    Raises:
        UsageError: no readable settings there. CheckpointError: damaged files.
    """
    file = str(path.absolute().parent.parent / "config.json")
    config = TrainConfig(**load_settings(file, file))
    state = load_checkpoint(path)
    agent = state["agent"]
    network = agent["learner"]["online"] if last or "average" not in agent else agent["average"]
    return Weights(config, int(state["step_global"]), network, state["intrinsic"])


class _Silent(nn.Module):
    """Stands in for a level's output: zeros of the residual stream's width."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:-1], self.width)  # (T, B, width)


def silence(network: HierarchicalQNetwork, level: str) -> None:
    """Take one memory level's contribution out of a trained network; the others stay as they are.

    Raises:
        UsageError: the network has no such level.
    """
    if not hasattr(network, level):
        raise UsageError(f"--ablate is {level!r}, but the network was trained without it")
    setattr(network, f"{level}_out", _Silent(network.out_norm.normalized_shape[0]))


def trained_network(weights: Weights, num_actions: int, silenced: Sequence[str] = ()) -> HierarchicalQNetwork:
    """The trained network, with some levels silenced.

    Raises:
        DaddyError: the weights do not fit the network that this version builds from the settings.
    """
    network = build_network(agent_settings(weights.config), num_actions, STRUCTURED_DIM)
    try:
        network.load_state_dict(weights.network)
    except RuntimeError as error:
        raise DaddyError(f"the weights do not fit this version's network: {error}") from None
    for level in silenced:
        silence(network, level)
    return network.eval()


def play(weights: Weights, plan: EvalPlan) -> Iterator[EvalEpisode]:
    """Play the plan's episodes in emulators of this process, up to eight at a time; yields them as they end.

    They are as long as the run's may be, or `plan.longest`: `--stall-steps` gives up training episodes only. The share
    of its limit that an episode has used, which the network sees, stays that of the run where `longest` is less.
    """
    at_once = min(_AT_ONCE, plan.episodes)
    limit = max(weights.config.max_episode_steps, plan.longest)
    config = replace(weights.config, backend="serial", num_envs=at_once, stall_steps=0, max_episode_steps=limit)
    names = Names(config.rom, config.allow_rom_mismatch)
    vector = build_vector(config, stagger=False, longest=plan.longest)
    try:
        network = trained_network(weights, vector.num_actions, plan.ablate)
        penalty = config.repetition_penalty if plan.repetition_penalty is None else plan.repetition_penalty
        actor = Actor(network, at_once, torch.device("cpu"), repetition_penalty=penalty)
        for epsilon in plan.epsilons:
            for begin in range(0, plan.episodes, at_once):
                seed = plan.seed + begin
                wanted = min(at_once, plan.episodes - begin)
                mixer = _mixer_as_trained(config, weights.intrinsic)
                mixer.curiosity_left = curiosity_left(weights.step_global, config)
                yield from play_wave(vector, actor, mixer, epsilon, seed, wanted, names)
    finally:
        vector.close()


def _mixer_as_trained(config: TrainConfig, intrinsic: dict[str, Any]) -> RewardMixer:
    """A mixer of its own for each wave: what it takes in while it scores has no effect on the next one.

    Raises:
        CheckpointError: the saved states are of another version.
    """
    mixer = build_mixer(config, torch.device("cpu"))
    for_acting = {"moments": {}, "discounted": np.zeros(config.num_envs), "fresh": np.zeros(0)}
    saved = {**intrinsic, "rnd": {**intrinsic.get("rnd", {}), **for_acting}}
    restore(saved, {name: part for name, part in mixer.parts().items() if name in intrinsic})
    return mixer


def play_wave(
    vector: VectorEnv, actor: Actor, mixer: RewardMixer, epsilon: float, seed: int, wanted: int, names: Names
) -> Iterator[EvalEpisode]:
    """One episode in each of the first `wanted` envs; an env that is done early idles through further ones."""
    started, rng, first_seen = time.monotonic(), np.random.default_rng(seed), _FirstSeen(vector.num_envs, names)
    vector.reset(seed)
    episodes: EpisodeTracker | None = None
    left, noise = set(range(wanted)), np.full(vector.num_envs, epsilon)
    while left:
        batch = vector.recv()
        rows, env_ids = batch.records.copy(), batch.env_ids  # [B] records, [B]
        episodes = episodes or EpisodeTracker(vector.num_envs, milestone_bytes=rows["milestones"].shape[1])
        terms = mixer.score(rows, env_ids)  # each [B]
        actions, _ = actor.act(rows, terms.total, env_ids, noise, rng)  # [B]
        vector.send(actions)
        first_seen.add(rows, env_ids)
        for episode in episodes.add(rows, env_ids, terms, 0):
            if episode.env_id in left:
                left.remove(episode.env_id)
                reached = first_seen.steps[episode.env_id]
                yield _finished(episode, reached, epsilon, seed, names, time.monotonic() - started)


class _FirstSeen:
    """The step of the running episode at which each env reached each milestone that it did not start with."""

    def __init__(self, num_envs: int, names: Names) -> None:
        self.steps: list[dict[str, int]] = [{} for _ in range(num_envs)]
        self._names, self._seen = names, None

    def add(self, rows: np.ndarray, env_ids: np.ndarray) -> None:
        """Take in one record of each env in `env_ids` (B,)."""
        if self._seen is None:
            self._seen = np.zeros((len(self.steps), rows["milestones"].shape[1]), np.uint8)
        for row, env in zip(rows, env_ids, strict=True):
            if row["is_first"]:
                self.steps[env], self._seen[env] = {}, row["milestones"]
            new = row["milestones"] & ~self._seen[env]
            if new.any():
                self._seen[env] |= new
                self.steps[env].update(dict.fromkeys(self._names.milestones(new), int(row["episode_step"])))


def _finished(episode: Episode, reached: dict[str, int], epsilon: float, seed: int, names: Names,
              seconds: float) -> EvalEpisode:
    return EvalEpisode(
        epsilon=epsilon, seed=seed + episode.env_id, length=episode.length,
        return_env=round(episode.returns["env"], 6), milestones=dict(reached), badges=episode.badges.bit_count(),
        tiles=episode.tiles, map=names.map(episode.map_id), seconds=round(seconds, 3),
    )  # fmt: skip


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95% score interval of a share (Wilson 1927): unlike the plain one it is honest for 0 of n and n of n."""
    share, spread = successes / trials, _Z95**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    half = _Z95 * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def summarize(episodes: Sequence[EvalEpisode]) -> dict[str, Any]:
    """Means over one epsilon's episodes, and for each milestone that was reached its share with a 95% interval."""
    count = len(episodes)
    reached = sorted({name for e in episodes for name in e.milestones})
    by_name = {name: [e.milestones[name] for e in episodes if name in e.milestones] for name in reached}
    return {
        "epsilon": episodes[0].epsilon,
        "episodes": count,
        "milestones_mean": fmean(len(e.milestones) for e in episodes),
        "milestones_best": max(len(e.milestones) for e in episodes),
        "badges_mean": fmean(e.badges for e in episodes),
        "return_env_mean": fmean(e.return_env for e in episodes),
        "length_mean": fmean(e.length for e in episodes),
        "tiles_mean": fmean(e.tiles for e in episodes),
        "milestones": {name: _share(steps, count) for name, steps in
                       sorted(by_name.items(), key=lambda item: (-len(item[1]), median(item[1])))},
    }  # fmt: skip


def _share(steps: list[int], count: int) -> dict[str, float]:
    low, high = wilson(len(steps), count)
    return {"share": len(steps) / count, "lo95": low, "hi95": high, "median_steps": median(steps)}


def report(step_global: int, episodes: Sequence[EvalEpisode], plan: EvalPlan) -> dict[str, Any]:
    """Everything about an evaluation as JSON values: one summary per epsilon, and all episodes."""
    groups = [[e for e in episodes if e.epsilon == epsilon] for epsilon in plan.epsilons]
    return {
        "step_global": step_global, "ablate": list(plan.ablate),
        "summaries": [summarize(group) for group in groups], "episodes": [asdict(e) for e in episodes],
    }  # fmt: skip
