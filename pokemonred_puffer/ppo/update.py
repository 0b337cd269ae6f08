"""One PPO update (Schulman et al. 2017; details as in Huang et al. 2022, "The 37 implementation details of PPO")."""
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pokemonred_puffer.ppo.gae import advantages
from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.ppo.rollout import Rollout


@dataclass(frozen=True)
class PPOSettings:
    """The numbers of the loss; names as upstream's `train` section."""

    gamma: float = 0.998
    gae_lambda: float = 0.95
    update_epochs: int = 3
    minibatch_size: int = 2048
    clip_coef: float = 0.1
    clip_vloss: bool = True
    vf_clip_coef: float = 0.1
    vf_coef: float = 0.5
    ent_coef: float = 0.01
    max_grad_norm: float = 0.5
    norm_adv: bool = True
    target_kl: float = 0.0


@dataclass(frozen=True)
class _Batch:
    """Segments: rows (L, S, ...) and the memory before them, twice (S, H)."""

    observations: Tensor
    starts: Tensor
    valid: Tensor
    actions: Tensor
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    memory: tuple[Tensor, Tensor]

    def pick(self, which: Tensor, device: torch.device) -> _Batch:
        rows = (self.observations, self.starts, self.valid, self.actions, self.logprobs, self.values, self.advantages)
        memory = tuple(part[which].to(device) for part in self.memory)
        return _Batch(*(part[:, which].to(device) for part in rows), memory)


class PPO:
    """Learns from rollouts with Adam; `rng` shuffles the segments.

    Advantages are normalised over the rollout, not over each minibatch: rewards here are rare, and a minibatch without
    any would have its noise blown up to the size of an event.
    """

    def __init__(self, policy: RecurrentPolicy, settings: PPOSettings, learning_rate: float, seed: int,
                 device: torch.device | str = "cpu") -> None:
        self.policy, self.settings, self.device = policy, settings, torch.device(device)
        self.optimizer = torch.optim.Adam(policy.parameters(), lr=learning_rate, eps=1e-5)
        self.rng = np.random.default_rng(seed)
        self._moments = (0.0, 1.0)  # mean and deviation of the rollout's advantages

    def set_learning_rate(self, learning_rate: float) -> None:
        """For the coming updates."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate

    def update(self, rollout: Rollout) -> dict[str, float]:
        """Learns from a rollout; returns mean losses under upstream's names."""
        self.policy.train()
        s = self.settings
        estimated = advantages(rollout.values, rollout.rewards, rollout.terminated, rollout.truncated, s.gamma,
                               s.gae_lambda)
        batch = _segments(rollout, estimated)
        played = estimated[rollout.valid]
        self._moments = float(played.mean()), float(played.std(correction=0))
        count = batch.starts.shape[1]
        per_minibatch = max(1, min(count, s.minibatch_size // rollout.horizon))
        losses: dict[str, list[float]] = defaultdict(list)
        for _ in range(s.update_epochs):
            order = torch.from_numpy(self.rng.permutation(count))
            for which in order.split(per_minibatch):
                for name, value in self._step(batch.pick(which, self.device)).items():
                    losses[name].append(value)
            if s.target_kl and losses["approx_kl"][-1] > s.target_kl:
                break
        means = {name: float(np.mean(values)) for name, values in losses.items()}
        return means | {"explained_variance": _explained(rollout.values[:-1], estimated, rollout.valid)}

    def _step(self, batch: _Batch) -> dict[str, float]:
        s, valid = self.settings, batch.valid
        if not valid.any():
            return {}
        logits, values, _ = self.policy(batch.observations, batch.starts, batch.memory)
        all_logprobs = logits.float().log_softmax(-1)[valid]  # (M, A), M rows whose action was played
        logprobs = all_logprobs.gather(1, batch.actions[valid][:, None])[:, 0]
        change = logprobs - batch.logprobs[valid]
        ratio = change.exp()
        advantage = batch.advantages[valid]
        targets = advantage + batch.values[valid]
        if s.norm_adv:
            advantage = (advantage - self._moments[0]) / (self._moments[1] + 1e-8)
        clipped = ratio.clamp(1 - s.clip_coef, 1 + s.clip_coef)
        policy_loss = -torch.minimum(ratio * advantage, clipped * advantage).mean()
        value_loss = self._value_loss(values.float()[valid], batch.values[valid], targets)
        entropy = -(all_logprobs.exp() * all_logprobs).sum(-1).mean()
        loss = policy_loss - s.ent_coef * entropy + s.vf_coef * value_loss
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.policy.parameters(), s.max_grad_norm)
        self.optimizer.step()
        with torch.no_grad():
            told = {
                "policy_loss": policy_loss, "value_loss": value_loss, "entropy": entropy,
                "old_approx_kl": -change.mean(), "approx_kl": (ratio - 1 - change).mean(), "grad_norm": norm,
                "clipfrac": ((ratio - 1).abs() > s.clip_coef).float().mean(),
            }  # fmt: skip
        return {name: float(value.detach()) for name, value in told.items()}

    def _value_loss(self, values: Tensor, old: Tensor, targets: Tensor) -> Tensor:
        errors = (values - targets) ** 2
        if self.settings.clip_vloss:
            near = old + (values - old).clamp(-self.settings.vf_clip_coef, self.settings.vf_clip_coef)
            errors = torch.maximum(errors, (near - targets) ** 2)
        return 0.5 * errors.mean()


def _segments(rollout: Rollout, estimated: Tensor) -> _Batch:
    """Rows 0..T-1 cut into segments: (T, N, ...) -> (L, T / L * N, ...), in the order of `memory`."""

    def cut(rows: Tensor) -> Tensor:
        parts = rows[: rollout.steps].unflatten(0, (-1, rollout.horizon))  # (T / L, L, N, ...)
        return parts.transpose(0, 1).flatten(1, 2)

    rows = (rollout.starts, rollout.valid, rollout.actions, rollout.logprobs, rollout.values, estimated)
    memory = tuple(part.flatten(0, 1) for part in rollout.memory)
    return _Batch(cut(torch.from_numpy(rollout.observations)), *map(cut, rows), memory)


def _explained(values: Tensor, estimated: Tensor, valid: Tensor) -> float:
    """1 - Var[return - value] / Var[return]; 0 when the returns do not vary."""
    returns, errors = (values + estimated)[valid], estimated[valid]
    variance = float(returns.var(correction=0)) if len(returns) else 0.0
    return 1 - float(errors.var(correction=0)) / variance if variance > 0 else 0.0
