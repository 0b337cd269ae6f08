"""Acts: keeps each env's memory, frame stack and last action, and never builds an autograd graph."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from Daddy.exploration import RepeatedExploration
from Daddy.frames import HEIGHT, WIDTH, unpack2bit
from Daddy.networks import HierarchicalQNetwork, core_inputs


class Actor:
    """A copy of the network with the state of `num_envs` envs; any subset of them acts in one call."""

    def __init__(self, network: HierarchicalQNetwork, num_envs: int, device: torch.device, longest_repeat: int = 1):
        """`longest_repeat` bounds how long an exploratory action is repeated; 1 is plain epsilon-greedy."""
        self._exploration = RepeatedExploration(num_envs, longest_repeat)
        self.network = copy.deepcopy(network).requires_grad_(False).to(device)
        self.device = device
        self._memory = network.initial_state(num_envs, device)  # flat (num_envs, W)
        self._frames = torch.zeros(num_envs, network.frame_stack, HEIGHT, WIDTH, dtype=torch.uint8)
        self._last_action = torch.zeros(num_envs, dtype=torch.int64)
        self._begun_with: dict[int, np.ndarray] = {}  # env -> memory that its coming first row keeps

    def sync(self, network: HierarchicalQNetwork) -> None:
        """Take over the weights of `network`."""
        with torch.no_grad():
            for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
                mine.copy_(theirs)

    def memory(self, env_id: int) -> np.ndarray:
        """The memory f2 (W,) that the next observation of an env will meet, unless that is an episode's first."""
        return self._memory.flat[env_id].half().cpu().numpy()

    def begin_with(self, env_id: int, memory: np.ndarray) -> None:
        """Let the next row of an env, an episode's first, meet `memory` f2 (W,) instead of zeros."""
        self._begun_with[env_id] = memory
        self._memory.flat[env_id] = torch.from_numpy(memory).float().to(self.device)

    def take_begun(self) -> dict[int, np.ndarray]:
        """What `begin_with` was told since the last call, by env."""
        begun, self._begun_with = self._begun_with, {}
        return begun

    @torch.inference_mode()
    def q_values(self, rows: Mapping[str, np.ndarray] | np.ndarray, reward: np.ndarray, env_ids: np.ndarray,
                 stored: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Advance the memory of envs `env_ids` (B,) over one observation each.

        rows has fields screen u1 (B, 72, 20), structured u1 (B, F) and is_first (B,); reward f4 (B,) arrived with it.
        `stored` bool (B,) marks envs whose memory goes to replay now: it is rounded to float16 before it is used, so
        that the learner restarts from exactly what the actor went on with. Returns the Q-values (B, A) and those
        memories float16 (n, W).
        """
        ids = torch.from_numpy(np.ascontiguousarray(env_ids, dtype=np.int64))
        first = torch.from_numpy(np.array(rows["is_first"], dtype=bool))
        forgets = first
        if self._begun_with:
            forgets = first & torch.tensor([int(env) not in self._begun_with for env in env_ids], dtype=torch.bool)
        before = self._memory.index(ids.to(self.device)).mask(forgets.to(self.device))
        kept = torch.from_numpy(np.zeros(len(ids), bool) if stored is None else stored).to(self.device)
        rounded = before.flat[kept].half()
        before.flat[kept] = rounded.float()
        core = core_inputs(
            torch.from_numpy(np.ascontiguousarray(rows["structured"])), self._last_action[ids],
            torch.from_numpy(np.asarray(reward, dtype=np.float32)), first, self.network.num_actions,
        ).to(self.device)  # fmt: skip
        frames = self._push(ids, rows["screen"], first).to(self.device)
        q, after, _ = self.network(frames, core, before, forgets.to(self.device))
        self._memory.flat[ids.to(self.device)] = after.flat
        return q.cpu().numpy(), rounded.cpu().numpy()

    def _push(self, ids: torch.Tensor, screen: np.ndarray, first: torch.Tensor) -> torch.Tensor:
        stack = self._frames[ids]  # (B, K, 72, 80)
        stack[first] = 0
        stack = torch.cat([stack[:, 1:], torch.from_numpy(unpack2bit(np.ascontiguousarray(screen)))[:, None]], dim=1)
        self._frames[ids] = stack
        return stack

    def remember_actions(self, env_ids: np.ndarray, actions: np.ndarray) -> None:
        """Tell which actions (B,) were taken; the memory sees them at the next observation."""
        self._last_action[torch.from_numpy(np.ascontiguousarray(env_ids, dtype=np.int64))] = torch.from_numpy(
            actions.astype(np.int64)
        )

    def act(self, rows: Mapping[str, np.ndarray] | np.ndarray, reward: np.ndarray, env_ids: np.ndarray,
            epsilon: np.ndarray, rng: np.random.Generator,
            stored: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Epsilon-greedy actions int32 (B,) and what `q_values` stored; epsilon float (B,)."""
        q, memories = self.q_values(rows, reward, env_ids, stored)
        first = np.array(rows["is_first"], dtype=bool)
        actions = self._exploration.choose(q.argmax(axis=1), q.shape[1], env_ids, first, epsilon, rng)
        self.remember_actions(env_ids, actions)
        return actions, memories

    def state_dict(self) -> dict[str, Any]:
        """Memory, frames, last and repeated actions of every env; the weights belong to the learner."""
        return {
            "memory": self._memory.flat, "frames": self._frames, "last_action": self._last_action,
            "exploration": self._exploration.state_dict(),
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave, for the same number of envs."""
        self._memory.flat.copy_(state["memory"])
        self._frames.copy_(state["frames"])
        self._last_action.copy_(state["last_action"])
        self._exploration.load_state_dict(state["exploration"])
