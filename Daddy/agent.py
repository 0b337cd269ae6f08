"""The agent: acts in many envs, remembers what it saw, learns from it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from Daddy.actor import Actor
from Daddy.allocator import keep_freed_memory
from Daddy.averaging import WeightAverage
from Daddy.diagnostics import memory_staleness, ssm_half_lives
from Daddy.errors import DaddyError, UsageError
from Daddy.learner import Learner, LearnerConfig, UpdateResult
from Daddy.networks import PRESETS, HierarchicalQNetwork, NetworkSizes
from Daddy.replay_buffer import ReplayBatch, ReplayBuffer, ReplaySpec


@dataclass(frozen=True)
class AgentConfig:
    """Settings of the learner core.

    `sizes` overrides the preset `model_size`; the features end with `cell_planes` planes of 90 screen cells; `stride` 0
    means half of seq_len; batch_size counts sequences; learning_starts counts env steps; exploratory actions are
    repeated up to `longest_repeat` steps, greedy ones are held back by `repetition_penalty`; an update leaves
    `average_decay` of the average of weights, with which envs are acted in too if `act_with_average`.
    """

    model_size: str = "slim"
    sizes: NetworkSizes | None = None
    ablate: tuple[str, ...] = ()
    frame_stack: int = 2
    cell_planes: int = 0
    structured_dtype: str = "u1"
    seq_len: int = 40
    burn_in: int = 8
    n_step: int = 3
    stride: int = 0
    batch_size: int = 32
    buffer_size: int = 100_000
    learning_starts: int = 2_000
    prioritized: bool = True
    priority_alpha: float = 0.6
    priority_beta: float = 0.4
    priority_eta: float = 0.9
    longest_repeat: int = 1
    repetition_penalty: float = 0.0
    average_decay: float = 0.999
    act_with_average: bool = False
    seed: int = 0
    learner: LearnerConfig = field(default_factory=LearnerConfig)


def build_network(config: AgentConfig, num_actions: int, structured_dim: int) -> HierarchicalQNetwork:
    """The untrained network of these settings, drawn from torch's global generator."""
    sizes = config.sizes or PRESETS[config.model_size]
    return HierarchicalQNetwork(sizes, num_actions, structured_dim, config.frame_stack, config.ablate,
                                config.cell_planes)


class Agent:
    """Actor, replay and learner.

    An update runs on a thread of its own between `start_update` and `finish_update`, while this one goes on to act and
    observe with the weights from before. What is sampled and when weights and priorities change depends on the calls
    alone, never on how fast the threads are.
    """

    def __init__(self, config: AgentConfig, num_envs: int, num_actions: int, structured_dim: int,
                 device: torch.device | str = "cpu"):
        """Raises UsageError for an unknown model size or a replay that cannot fit."""
        if config.sizes is None and config.model_size not in PRESETS:
            raise UsageError(f"--model-size is {config.model_size!r}; choose from {', '.join(PRESETS)}")
        self.config, self.device = config, torch.device(device)
        seeds = np.random.SeedSequence(config.seed).spawn(3)
        self._act_rng, self._sample_rng = (np.random.default_rng(s) for s in seeds[:2])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seeds[2].generate_state(1)[0]))
            network = build_network(config, num_actions, structured_dim)
        spec = self._replay_spec(network, num_envs, structured_dim)
        self.replay = ReplayBuffer(spec)
        if self.device.type == "cpu":
            keep_freed_memory()  # after the rings: they should stay lazily mapped
        self.learner = Learner(config.learner, spec, network, self.device)
        self.actor = self._make_actor(self.learner.online, num_envs, config.longest_repeat)
        self.average = WeightAverage(self.learner.online, config.average_decay)
        self._acting = self.average.network if config.act_with_average else self.learner.online
        self._thread = ThreadPoolExecutor(1, "learner", initializer=torch.set_num_threads, initargs=(1,))
        self._update: tuple[ReplayBatch, Future] | None = None
        self._pending: tuple[np.ndarray, np.ndarray] | None = None

    def _replay_spec(self, network: HierarchicalQNetwork, num_envs: int, structured_dim: int) -> ReplaySpec:
        config = self.config
        return ReplaySpec(
            num_envs=num_envs, capacity=config.buffer_size, structured_dim=structured_dim,
            state_width=sum(network.state_sizes), seq_len=config.seq_len, burn_in=config.burn_in, n_step=config.n_step,
            frame_stack=config.frame_stack, stride=config.stride or max(config.seq_len // 2, 1),
            prioritized=config.prioritized, alpha=config.priority_alpha, beta=config.priority_beta,
            eta=config.priority_eta, structured_dtype=config.structured_dtype,
        )  # fmt: skip

    def describe(self) -> list[str]:
        """Lines that tell a person what will learn and what it costs."""
        count = sum(p.numel() for p in self.learner.online.parameters())
        spec, each = self.replay.spec, self.replay.bytes_per_transition()
        rows = spec.ring * spec.num_envs
        return [
            f"network {self.config.model_size}: {count:,} parameters on {self.device}, {self._precision_line()}",
            f"replay: {rows:,} transitions of {each:,.0f} bytes = {rows * each / 2**30:.2f} GiB",
        ]

    def _precision_line(self) -> str:
        auto = self.config.learner.precision == "auto"
        return f"learning in {self.learner.precision} ({'auto: what the hardware is fast at' if auto else 'as asked'})"

    def act(self, rows: Mapping[str, np.ndarray] | np.ndarray, reward: np.ndarray, env_ids: np.ndarray,
            epsilon: np.ndarray) -> np.ndarray:
        """Actions int32 (B,) for one observation of each env in env_ids (B,), without repeats.

        rows has fields screen u1 (B, 72, 20), structured u1 (B, F), is_first (B,); reward f4 (B,) is the total reward
        that arrived with it; epsilon float (B,). Follow with `observe` to store the rows.
        """
        actions, memories = self.actor.act(rows, reward, env_ids, epsilon, self._act_rng, self.replay.due(env_ids))
        self._pending = (np.array(env_ids), memories)
        return actions

    def observe(self, rows: Mapping[str, np.ndarray] | np.ndarray, reward: np.ndarray, actions: np.ndarray,
                env_ids: np.ndarray) -> None:
        """Store the rows that `act` was just called with; rows also has fields terminated and truncated (B,).

        Raises:
            ValueError: the last `act` was for other envs, so the stored memory would belong elsewhere.
        """
        if self._pending is None or not np.array_equal(self._pending[0], env_ids):
            raise ValueError("observe() must follow act() for the same env_ids")
        memories, self._pending = self._pending[1], None
        self.actor.remember_actions(env_ids, actions)
        first, terminated = np.array(rows["is_first"], dtype=bool), np.array(rows["terminated"], dtype=bool)
        last = terminated | np.array(rows["truncated"], dtype=bool)
        self.replay.add(rows["screen"], rows["structured"], actions, reward, first, last, terminated,
                        np.asarray(env_ids), memories, self.actor.take_begun())

    def can_learn(self, step_global: int) -> bool:
        """Enough was collected for an update."""
        return step_global >= self.config.learning_starts and self.replay.sequences >= self.config.batch_size

    def learn(self) -> dict[str, float]:
        """One update from start to finish. See `can_learn`."""
        self.start_update()
        return self.finish_update()

    def start_update(self, lr_left: float = 1.0) -> None:
        """Sample a batch and begin to learn from it on the learner's thread, at a share of the learning rate.

        The last update must be finished.
        """
        if self._update is not None:
            raise RuntimeError("finish the running update before the next one starts")
        self.learner.set_lr_left(lr_left)
        batch = self.replay.sample(self.config.batch_size, self._sample_rng)
        self._update = (batch, self._thread.submit(self._timed_update, batch))

    def _timed_update(self, batch: ReplayBatch) -> tuple[UpdateResult, float]:
        start = time.perf_counter()
        return self.learner.update(batch), time.perf_counter() - start

    def finish_update(self) -> dict[str, float]:
        """Wait for the running update, then take over its priorities and weights; {} if none is running.

        Returns metrics by tag and "learned", the transitions in it, and "seconds" that it took.

        Raises:
            DaddyError: the loss is no longer finite.
        """
        if self._update is None:
            return {}
        (batch, future), self._update = self._update, None
        result, seconds = future.result()
        self.replay.update_priorities(batch.slots, batch.starts, result.td_max, result.td_mean)
        self.average.take(self.learner.online, self.learner.updates)
        self.actor.sync(self._acting)
        return {
            **result.metrics, "replay/td_max_mean": float(result.td_max.mean()),
            "replay/weight_mean": float(batch.weights.mean()), "replay/sequences": float(self.replay.sequences),
            "learned": float(result.learned), "seconds": seconds,
        }  # fmt: skip

    def diagnose(self) -> dict[str, float]:
        """Staleness of stored memories in a sample of the replay, and the SSM's half-lives; no update may be running.

        {} until a batch can be sampled. Draws from a generator of its own, so that looking changes nothing.
        """
        if self._update is not None:
            raise RuntimeError("finish the running update before looking into the memory")
        if self.replay.sequences < self.config.batch_size:
            return {}
        batch = self.replay.sample(self.config.batch_size, np.random.default_rng(self.learner.updates))
        inputs = self.learner.prepare(batch)
        stale = memory_staleness(self.actor.network, self.replay, batch, inputs.cells, inputs.core)
        return {**stale, **ssm_half_lives(self.actor.network)}

    def new_actor(self, num_envs: int) -> Actor:
        """A separate actor with the present acting weights, for evaluation."""
        return self._make_actor(self.actor.network, num_envs)

    def _make_actor(self, network: HierarchicalQNetwork, num_envs: int, longest_repeat: int = 1) -> Actor:
        penalty = self.config.repetition_penalty
        return Actor(network, num_envs, self.device, longest_repeat, repetition_penalty=penalty)

    def state_dict(self) -> dict[str, Any]:
        """Nested dicts of tensors and plain values; the replay is separate (`replay.state_dict`), for its size.

        No update may be running.
        """
        return {
            "learner": self.learner.state_dict(), "average": dict(self.average.network.state_dict()),
            "actor": self.actor.state_dict(),
            "act_rng": self._act_rng.bit_generator.state, "sample_rng": self._sample_rng.bit_generator.state,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            DaddyError: it belongs to another network or number of envs.
        """
        self.learner.load_state_dict(state["learner"])
        if state["actor"]["memory"].shape != self.actor.state_dict()["memory"].shape:
            raise DaddyError(f"the saved run had {len(state['actor']['memory'])} envs; use the same --num-envs")
        self.actor.load_state_dict(state["actor"])
        average = state.get("average", state["learner"]["online"])  # checkpoints of before 2026-11-28 have none
        self.average.network.load_state_dict(average)
        self.actor.sync(self._acting)
        self._act_rng.bit_generator.state = state["act_rng"]
        self._sample_rng.bit_generator.state = state["sample_rng"]
