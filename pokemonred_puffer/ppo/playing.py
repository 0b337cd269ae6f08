"""Episodes from the true start: greedy (the most probable action) and sampled from the policy."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import numpy as np
import torch

from pokemonred_puffer.ppo.episodes import EPISODE, EpisodeEnd
from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.ppo.vector import EnvMaker, Layout, make_vector

AT_ONCE = 8  # emulators that share a forward pass
GREEDY, SAMPLED = 0.0, 1.0  # how the two kinds are told apart in evaluations.csv (column epsilon)
_SEED_OFFSET = 1_000_003  # far from the seeds of the training envs, and the same as the other trainers'


@dataclass(frozen=True)
class Played:
    """One finished episode."""

    kind: float
    seed: int
    end: EpisodeEnd
    seconds: float


def seed_for(seed: int) -> int:
    """The first evaluation seed of a run: the same at every evaluation, and none of training's."""
    return (seed + _SEED_OFFSET) % 2**31


def play(maker: EnvMaker, policy: RecurrentPolicy, episodes: int, seed: int, device: torch.device | str = "cpu",
         wanted: Callable[[], bool] = lambda: True) -> Iterator[Played]:
    """`episodes` greedy and as many sampled ones, both from seeds `seed`, `seed` + 1, ...; emulators of this process.

    Ends early when `wanted` says no.
    """
    policy.eval()
    for kind in (GREEDY, SAMPLED):
        for begin in range(0, episodes, AT_ONCE):
            count = min(AT_ONCE, episodes - begin)
            yield from _wave(maker, policy, kind, count, seed + begin, torch.device(device), wanted)


@torch.no_grad()
def _wave(maker: EnvMaker, policy: RecurrentPolicy, kind: float, count: int, seed: int, device: torch.device,
          wanted: Callable[[], bool]) -> Iterator[Played]:
    started, generator = time.monotonic(), torch.Generator().manual_seed(seed)
    vector = make_vector(maker, Layout(count, 0, count))
    try:
        vector.async_reset(seed)
        state, left = policy.initial_state(count), set(range(count))
        starts = torch.ones(1, count, dtype=torch.bool)
        while wanted():
            observations, _, terminated, truncated, infos, _, _ = vector.recv()
            for end in (info[EPISODE] for info in infos if EPISODE in info):
                if end.env_id in left:  # an env that is done early idles through further episodes
                    left.remove(end.env_id)
                    yield Played(kind, seed + end.env_id, end, round(time.monotonic() - started, 3))
            if not left:
                return
            rows = torch.from_numpy(observations.copy())[None].to(device)
            logits, _, state = policy(rows, starts.to(device), state)
            starts = torch.from_numpy(terminated | truncated)[None].clone()
            vector.send(choose(logits[0].float().cpu(), kind, generator).numpy().astype(np.int32))
    finally:
        vector.close()


def choose(logits: torch.Tensor, kind: float, generator: torch.Generator) -> torch.Tensor:
    """Actions (B,) for logits (B, A)."""
    if kind == GREEDY:
        return logits.argmax(-1)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def evaluation_rows(step: int, played: list[Played], names: dict[int, str]) -> list[dict[str, Any]]:
    """Rows of evaluations.csv."""
    return [
        {
            "step_global": step, "episode": number, "epsilon": p.kind, "seed": p.seed, "length_steps": p.end.length,
            "return_env": round(p.end.return_env, 6), "milestones": len(p.end.milestones),
            "milestones_reached": ";".join(f"{name}@{at}" for name, at in p.end.milestones.items()),
            "badges": p.end.badges, "tiles": p.end.tiles, "map": names.get(p.end.map_id, f"map_{p.end.map_id}"),
            "seconds": p.seconds,
        }
        for number, p in enumerate(played)
    ]  # fmt: skip


def summarize(played: list[Played]) -> dict[str, Any]:
    """Means over one kind's episodes, and for each milestone that was reached its share and median step."""
    ends = [p.end for p in played]
    steps: dict[str, list[int]] = {}
    for end in ends:
        for name, at in end.milestones.items():
            steps.setdefault(name, []).append(at)
    ordered = sorted(steps.items(), key=lambda item: (-len(item[1]), median(item[1])))
    return {
        "kind": "greedy" if played[0].kind == GREEDY else "sampled", "episodes": len(ends),
        "milestones_mean": fmean(len(e.milestones) for e in ends), "badges_mean": fmean(e.badges for e in ends),
        "return_env_mean": fmean(e.return_env for e in ends), "length_mean": fmean(e.length for e in ends),
        "tiles_mean": fmean(e.tiles for e in ends),
        "milestones": {n: {"share": len(s) / len(ends), "median_steps": median(s)} for n, s in ordered},
    }  # fmt: skip


def summary_line(summary: dict[str, Any]) -> str:
    """One line for people."""
    return (
        f"{summary['kind']} ({summary['episodes']} episodes): milestones {summary['milestones_mean']:.2f} badges "
        f"{summary['badges_mean']:.2f} return {summary['return_env_mean']:.2f} tiles {summary['tiles_mean']:.0f}"
    )
