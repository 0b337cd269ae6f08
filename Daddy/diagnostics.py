"""What a recurrent agent's memory is worth: how stale stored states are, and how long the SSM remembers."""

from __future__ import annotations

import numpy as np
import torch

from Daddy.networks import HierarchicalQNetwork
from Daddy.replay_buffer import ReplayBatch, ReplayBuffer
from Daddy.state import HierarchicalState

_LEVELS = {"gru": ("gru",), "lstm": ("lstm_h", "lstm_c"), "ssm": ("ssm",)}


@torch.inference_mode()
def memory_staleness(network: HierarchicalQNetwork, replay: ReplayBuffer, batch: ReplayBatch, cells: torch.Tensor,
                     core: torch.Tensor) -> dict[str, float]:
    """Compare the memories that were stored when acting with those that `network` makes of the same observations.

    batch: sequences as sampled; cells uint8 (B, L, 9, 10, K*64) and core float (B, L, core_dim) as the learner prepares
    them. The network runs from each stored state to where the next overlapping sequence starts, `stride` rows on, and
    meets the state stored there. Returns replay/staleness_<level>, the relative L2 distance, and replay/staleness_q,
    ||q - q'||_2 / max|q| (R2D2, Kapturowski et al. 2019, section 3); {} while no next state is stored.
    """
    steps, lead = replay.spec.stride, replay.spec.lead
    stored, known = replay.state_after(batch.slots, batch.starts)
    known &= ~batch.is_first[:, lead + steps]  # an episode start is stored as zeros
    if batch.begun is not None:
        known[batch.begun[0][:, 0]] = False  # the run below knows of no restored memory
    if not known.any():
        return {}
    device, rows = cells.device, torch.from_numpy(np.flatnonzero(known)).to(cells.device)
    first = torch.from_numpy(batch.is_first[:, lead:]).to(device)[rows]  # (n, L)
    start = HierarchicalState(torch.from_numpy(batch.state).float().to(device)[rows], network.state_sizes)
    _, fresh, _ = network.forward_cells(cells[rows, :steps], core[rows, :steps], start, first[:, :steps])
    old = fresh.replace(torch.from_numpy(stored).float().to(device)[rows])
    found = {
        f"replay/staleness_{level}": _distance(parts, fresh, old)
        for level, parts in _LEVELS.items()
        if fresh.part(parts[0]).shape[1]
    }
    here = slice(steps, steps + 1)
    q_fresh, q_old = (network.forward_cells(cells[rows, here], core[rows, here], state, first[:, here])[0][:, 0]
                      for state in (fresh, old))  # (n, A) each
    shift = (q_fresh - q_old).norm(dim=1) / q_fresh.abs().amax(dim=1).clamp(min=1e-6)  # (n,)
    return {**found, "replay/staleness_q": float(shift.mean())}


def _distance(parts: tuple[str, ...], fresh: HierarchicalState, old: HierarchicalState) -> float:
    new, was = (torch.cat([state.part(name) for name in parts], dim=1) for state in (fresh, old))  # (n, size)
    return float(((new - was).norm(dim=1) / new.norm(dim=1).clamp(min=1e-6)).mean())


def ssm_half_lives(network: HierarchicalQNetwork) -> dict[str, float]:
    """charts/ssm_half_life_min, _median, _max in steps; {} without an SSM."""
    if not network.sizes.ssm:
        return {}
    lives = network.ssm.half_lives()
    return {f"charts/ssm_half_life_{name}": float(getattr(lives, name)()) for name in ("min", "median", "max")}
