"""DQNAgent: acts by epsilon-greedy and learns by double DQN, scalar or quantile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from Final.epsilon.network import STACK, SimpleDQN, expected
from Final.epsilon.replay import Batch

_MAX_GRADIENT_NORM = 10.0


@dataclass(frozen=True)
class AgentSettings:
    """What the learner needs to know."""

    feature_dim: int
    n_actions: int
    screen: tuple[int, int] = (72, 20)
    num_quantiles: int = 1
    lr: float = 5e-4
    target_update: int = 200  # updates between copies of the network
    seed: int = 0
    device: str = "cpu"


class FrameStack:
    """The last frames of each env's episode, (num_envs, 4, H, W / 4) uint8, the newest last."""

    def __init__(self, num_envs: int, screen: tuple[int, int]) -> None:
        self.frames = np.zeros((num_envs, STACK, *screen), np.uint8)

    def push(self, screens: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Take in screens (num_envs, H, W / 4); an episode's ``first`` one fills its stack. Returns the frames."""
        self.frames[:, :-1] = self.frames[:, 1:]
        self.frames[:, -1] = screens
        self.frames[first] = screens[first, None]
        return self.frames


class DQNAgent:
    """The network, its target and its optimizer."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._device = torch.device(settings.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.online = self._network()
        self.target = self._network().requires_grad_(False)
        self.target.load_state_dict(self.online.state_dict())
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=settings.lr, eps=1e-4)
        self.updates = 0

    def _network(self) -> SimpleDQN:
        wanted = self._settings
        network = SimpleDQN(wanted.feature_dim, wanted.n_actions, wanted.num_quantiles, screen=wanted.screen)
        return network.to(self._device)

    @torch.inference_mode()
    def act(self, frames: np.ndarray, features: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
        """(B,) int64 actions: random ones with probability ``epsilon``, else those of the highest Q."""
        random = rng.random(len(frames)) < epsilon
        actions = rng.integers(self._settings.n_actions, size=len(frames))
        if not random.all():
            greedy = expected(self.online(self._tensor(frames), self._tensor(features))).argmax(dim=1)
            actions = np.where(random, actions, greedy.cpu().numpy())
        return actions

    def learn(self, batch: Batch) -> tuple[np.ndarray, dict[str, float]]:
        """One update; returns each transition's absolute error (B,) for its priority, and what happened."""
        actions = self._tensor(batch.actions)[:, None, None]  # (B, 1, 1)
        quantiles = self.online(self._tensor(batch.frames), self._tensor(batch.features))  # (B, A, N)
        chosen = quantiles.gather(1, actions.expand(-1, -1, quantiles.shape[2])).squeeze(1)  # (B, N)
        losses, errors = quantile_huber(chosen, self._targets(batch))  # (B,), (B,)
        loss = (self._tensor(batch.weights) * losses).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.online.parameters(), _MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.updates += 1
        if self.updates % self._settings.target_update == 0:
            self.target.load_state_dict(self.online.state_dict())
        told = {"td_loss": loss.item(), "q_mean": chosen.mean().item(), "grad_norm": norm.item()}
        return errors.cpu().numpy(), told

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over the online network's ``weights``.

        Raises:
            RuntimeError: they belong to another network.
        """
        self.online.load_state_dict(dict(weights))

    @torch.no_grad()
    def _targets(self, batch: Batch) -> Tensor:
        """(B, N): the online network chooses the next action, the target values it (van Hasselt et al. 2016)."""
        frames, features = self._tensor(batch.next_frames), self._tensor(batch.next_features)
        best = expected(self.online(frames, features)).argmax(dim=1)[:, None, None]  # (B, 1, 1)
        values = self.target(frames, features)  # (B, A, N)
        values = values.gather(1, best.expand(-1, -1, values.shape[2])).squeeze(1)  # (B, N)
        return self._tensor(batch.returns)[:, None] + self._tensor(batch.discounts)[:, None] * values

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def quantile_huber(chosen: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(losses (B,), absolute errors of the means (B,)) of quantiles (B, N) against target samples (B, N').

    Quantile regression with Huber's kappa 1 (Dabney et al. 2018). For one quantile (the median) it is half the plain
    Huber loss, so it is doubled there.
    """
    count = chosen.shape[1]
    levels = (torch.arange(count, device=chosen.device) + 0.5) / count  # (N,)
    wide_chosen, wide_targets = torch.broadcast_tensors(chosen[:, :, None], targets[:, None, :])  # (B, N, N')
    huber = functional.huber_loss(wide_chosen, wide_targets, reduction="none")
    below = (wide_targets < wide_chosen).detach().float()
    losses = ((levels[:, None] - below).abs() * huber).mean(dim=2).sum(dim=1)
    errors = (targets.mean(dim=1) - chosen.mean(dim=1)).abs().detach()
    return losses * (2.0 if count == 1 else 1.0), errors
