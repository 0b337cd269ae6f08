"""Acts: keeps each env's memory, frame stack and last action, and never builds an autograd graph."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from Daddy.exploration import RepeatedExploration
from Daddy.frames import HEIGHT, PACKED_WIDTH, pack2bit, unpack2bit
from Daddy.networks import HierarchicalQNetwork
from Daddy.repetition import RepetitionPenalty
from Daddy.stepping import FusedStepper, PlainStepper


class Actor:
    """A copy of the network with the state of `num_envs` envs; any subset of them acts in one call."""

    def __init__(self, network: HierarchicalQNetwork, num_envs: int, device: torch.device, longest_repeat: int = 1,
                 stepper: type[PlainStepper] | type[FusedStepper] | None = None, repetition_penalty: float = 0.0):
        """`longest_repeat` bounds how long an exploratory action is repeated; 1 is plain epsilon-greedy.

        `repetition_penalty` above 0 needs records as rows, see `RepetitionPenalty`. `stepper` advances the memory;
        without one, it is what is fast on `device`.
        """
        self._exploration = RepeatedExploration(num_envs, longest_repeat)
        self._penalty = RepetitionPenalty(num_envs, repetition_penalty) if repetition_penalty else None
        self.network = copy.deepcopy(network).requires_grad_(False).to(device)
        self.device = device
        self._memory = network.initial_state(num_envs, device)  # flat (num_envs, W)
        self._frames = np.zeros((num_envs, network.frame_stack, HEIGHT, PACKED_WIDTH), dtype=np.uint8)
        self._last_action = np.zeros(num_envs, dtype=np.int64)
        self._begun_with: dict[int, np.ndarray] = {}  # env -> memory that its coming first row keeps
        stepper = stepper or (FusedStepper if device.type == "cpu" else PlainStepper)
        self._stepper = stepper(self.network, num_envs)

    def sync(self, network: HierarchicalQNetwork) -> None:
        """Take over the weights of `network`."""
        with torch.no_grad():
            for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
                mine.copy_(theirs)
        self._stepper.load(self._frames)

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
        env_ids = np.ascontiguousarray(env_ids, dtype=np.int64)
        ids = torch.from_numpy(env_ids).to(self.device)
        first = np.array(rows["is_first"], dtype=bool)
        before = self._memory.replace(self._memory.flat.index_select(0, ids))
        forgets = first & ~np.isin(env_ids, list(self._begun_with)) if self._begun_with else first
        if forgets.any():
            before.flat[torch.from_numpy(forgets).to(self.device)] = 0.0
        rounded = np.zeros((0, before.flat.shape[1]), np.float16)
        if stored is not None and stored.any():
            kept = torch.from_numpy(stored).to(self.device)
            halves = before.flat[kept].half()
            before.flat[kept], rounded = halves.float(), halves.cpu().numpy()
        core = self._core(rows["structured"], env_ids, reward, first)
        frames = self._push(env_ids, rows["screen"], first)
        q, after = self._stepper.step(frames, env_ids, first, core, before)
        self._memory.flat.index_copy_(0, ids, after)
        return q.cpu().numpy(), rounded

    def _core(self, structured: np.ndarray, env_ids: np.ndarray, reward: np.ndarray, first: np.ndarray) -> torch.Tensor:
        """`networks.core_inputs` of one step, in numpy: its small operations cost a quarter there."""
        count, features = structured.shape
        core = np.zeros((count, self.network.core_dim), np.float32)
        core[:, :features] = structured
        if structured.dtype == np.uint8:
            core[:, :features] /= 255.0
        core[np.arange(count), features + self._last_action[env_ids]] = ~first
        reward = np.asarray(reward, dtype=np.float32)
        core[:, -1] = np.where(first, 0.0, np.sign(reward) * np.sqrt(np.abs(reward)))
        return torch.from_numpy(core)

    def _push(self, env_ids: np.ndarray, screen: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The packed stacks (B, K, 72, 20) that end with `screen` (B, 72, 20)."""
        stack = self._frames[env_ids]
        stack[first] = 0
        stack[:, :-1] = stack[:, 1:].copy()
        stack[:, -1] = screen
        self._frames[env_ids] = stack
        return stack

    def remember_actions(self, env_ids: np.ndarray, actions: np.ndarray) -> None:
        """Tell which actions (B,) were taken; the memory sees them at the next observation."""
        self._last_action[env_ids] = actions

    def act(self, rows: Mapping[str, np.ndarray] | np.ndarray, reward: np.ndarray, env_ids: np.ndarray,
            epsilon: np.ndarray, rng: np.random.Generator,
            stored: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Epsilon-greedy actions int32 (B,) and what `q_values` stored; epsilon float (B,)."""
        q, memories = self.q_values(rows, reward, env_ids, stored)
        if self._penalty:
            q = self._penalty.applied(q, rows, env_ids)
        first = np.array(rows["is_first"], dtype=bool)
        actions = self._exploration.choose(q.argmax(axis=1), q.shape[1], env_ids, first, epsilon, rng)
        if self._penalty:
            self._penalty.took(actions, env_ids)
        self.remember_actions(env_ids, actions)
        return actions, memories

    def state_dict(self) -> dict[str, Any]:
        """Memory, frames, last and repeated actions of every env; the weights belong to the learner."""
        return {
            "memory": self._memory.flat, "frames": torch.from_numpy(unpack2bit(self._frames)),
            "last_action": torch.from_numpy(self._last_action),
            "exploration": self._exploration.state_dict(),
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave, for the same number of envs."""
        self._memory.flat.copy_(state["memory"])
        self._frames[:] = pack2bit(np.asarray(state["frames"]))
        self._last_action[:] = np.asarray(state["last_action"])
        self._stepper.load(self._frames)
        self._exploration.load_state_dict(state["exploration"])
