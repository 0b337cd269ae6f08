"""Collects rollouts: T rows of every env, in the order in which the vector delivers its batches."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pokemonred_puffer.ppo.episodes import EPISODE, EpisodeEnd
from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.ppo.scaling import ReturnScale


@dataclass
class Rollout:
    """Rows 0..T of all N envs, each (T + 1, N, ...). Row t: an observation, what the step into it delivered (reward,
    terminated, truncated), whether it begins an episode (`starts`), and the action taken there with its log
    probability and value. `memory` holds the LSTM state before every row that begins a segment of `horizon` rows:
    twice (T / horizon, N, H)."""

    observations: np.ndarray
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    starts: Tensor
    actions: Tensor
    logprobs: Tensor
    values: Tensor
    memory: tuple[Tensor, Tensor]
    horizon: int

    @classmethod
    def empty(cls, steps: int, envs: int, horizon: int, space, hidden_size: int) -> Rollout:
        """Room for `steps` (a multiple of `horizon`) + 1 rows of observations in `space` (a Box)."""
        shape = (steps + 1, envs)

        def flags() -> Tensor:
            return torch.zeros(shape, dtype=torch.bool)

        return cls(
            np.zeros((*shape, *space.shape), space.dtype), torch.zeros(shape), flags(), flags(), flags(),
            torch.zeros(shape, dtype=torch.int64), torch.zeros(shape), torch.zeros(shape),
            tuple(torch.zeros(steps // horizon, envs, hidden_size) for _ in range(2)), horizon,
        )  # fmt: skip

    @property
    def steps(self) -> int:
        return len(self.rewards) - 1

    @property
    def valid(self) -> Tensor:
        """(T, N) bool: rows whose action was played. After a row that ends an episode the env resets instead."""
        return ~(self.terminated | self.truncated)[:-1]

    def roll(self) -> None:
        """The last row becomes the first of the next rollout."""
        for rows in (self.observations, self.rewards, self.terminated, self.truncated, self.starts, self.actions,
                     self.logprobs, self.values):  # fmt: skip
            rows[0] = rows[-1]


class Collector:
    """Plays with a policy and fills rollouts.

    The row after a rollout's last one is needed for its value, and its action is sent at once so that no emulator
    waits: it is row 0 of the next rollout, taken by the policy before the update (its ratio in the loss is right).
    """

    def __init__(self, vector, num_envs: int, horizon: int, steps: int, policy: RecurrentPolicy, seed: int,
                 scale: ReturnScale | None = None, device: torch.device | str = "cpu") -> None:
        """`vector` has been reset; `steps` rows to a rollout."""
        self.policy, self.scale, self.device = policy, scale, torch.device(device)
        self.rollout = Rollout.empty(steps, num_envs, horizon, vector.single_observation_space, policy.hidden_size)
        self.generator = torch.Generator().manual_seed(seed)
        self.num_envs = num_envs
        self.steps_played = 0
        self._vector, self._state = vector, policy.initial_state(num_envs)
        self._memory_of_next = policy.initial_state(num_envs)
        self._row = np.zeros(num_envs, np.int64)  # the row that each env fills next
        self._ended = torch.ones(num_envs, dtype=torch.bool)  # the last row ended an episode, or there was none

    def collect(self, on_episode: Callable[[EpisodeEnd], None] = lambda _: None,
                wanted: Callable[[], bool] = lambda: True) -> Rollout | None:
        """The next rollout (the same object each time); None when `wanted` says no before it is full."""
        self.policy.eval()
        rollout = self.rollout
        if self._row.any():
            rollout.roll()
            for stored, now in zip(rollout.memory, self._memory_of_next, strict=True):
                stored[0] = now
            self._row[:] = 1
        while self._row.min() <= rollout.steps:
            if not wanted():
                return None
            self._play_batch(on_episode)
        return rollout

    def _play_batch(self, on_episode: Callable[[EpisodeEnd], None]) -> None:
        observations, rewards, terminated, truncated, infos, env_ids, _ = self._vector.recv()
        row, envs = int(self._row[env_ids[0]]), slice(int(env_ids[0]), int(env_ids[-1]) + 1)
        done = terminated | truncated
        starts = self._ended[envs].clone()  # first rows of episodes
        rollout, last = self.rollout, row == self.rollout.steps
        rollout.observations[row, envs] = observations
        scaled = self.scale.scale(rewards, done, env_ids) if self.scale else rewards
        rollout.rewards[row, envs] = torch.from_numpy(np.array(scaled, np.float32))
        rollout.terminated[row, envs] = torch.from_numpy(terminated.copy())
        rollout.truncated[row, envs] = torch.from_numpy(truncated.copy())
        rollout.starts[row, envs] = starts
        self._ended[envs] = torch.from_numpy(done.copy())
        if row % rollout.horizon == 0:
            for stored, state in zip(self._memory_of_next if last else rollout.memory, self._state, strict=True):
                (stored if last else stored[row // rollout.horizon])[envs] = state[envs].to("cpu")
        self._act(row, envs, starts)
        self._vector.send(rollout.actions[row, envs].numpy().astype(np.int32))
        self.steps_played += int((~starts).sum())
        self._row[env_ids] += 1
        for info in infos:
            if EPISODE in info:
                on_episode(info[EPISODE])

    @torch.no_grad()
    def _act(self, row: int, envs: slice, starts: Tensor) -> None:
        observations = torch.from_numpy(self.rollout.observations[row, envs])[None].to(self.device)
        state = tuple(part[envs] for part in self._state)
        logits, values, after = self.policy(observations, starts[None].to(self.device), state)
        logprobs = logits[0].float().log_softmax(-1).to("cpu")  # (B, A)
        actions = torch.multinomial(logprobs.exp(), 1, generator=self.generator)[:, 0]
        self.rollout.actions[row, envs] = actions
        self.rollout.logprobs[row, envs] = logprobs.gather(1, actions[:, None])[:, 0]
        self.rollout.values[row, envs] = values[0].float().to("cpu")
        for kept, new in zip(self._state, after, strict=True):
            kept[envs] = new
