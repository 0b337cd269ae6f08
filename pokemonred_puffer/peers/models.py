"""The two algorithms with settings for a CPU and their weights as safetensors (their own files are pickles).

DQN sees four stacked frames, RecurrentPPO one, and has an LSTM. Numbers: RL Zoo's for Atari, brought to budgets of a
million steps and eight envs: DQN learns each transition four times, its replay holds 50,000 (each with eight frames,
2.5 GB). RecurrentPPO's rewards are divided by the running deviation of their discounted sums.
"""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from safetensors.torch import load_file, save_file

from pokemonred_puffer.errors import PokemonRedError
from pokemonred_puffer.peers.envs import FRAME_STACK
from pokemonred_puffer.peers.settings import PeerSettings

NOISE = 0.05  # random actions in DQN's second evaluation
GREEDY, SAMPLED = 0.0, 1.0  # column epsilon, as the PPO baseline has it


class CheckpointError(PokemonRedError):
    """A checkpoint is missing or does not fit."""

    exit_code = 4


def vector_env(peer: str, makers: list[Callable[[], gymnasium.Env]], workers: bool) -> Any:
    """SB3's vector env over `makers`, in processes of their own or in this one."""
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecFrameStack

    vector = SubprocVecEnv(makers) if workers else DummyVecEnv(makers)
    return VecFrameStack(vector, FRAME_STACK) if peer == "sb3-dqn" else vector


def build(peer: str, vector: Any, settings: PeerSettings) -> Any:
    """The untrained model on `vector`."""
    if peer == "sb3-dqn":
        from stable_baselines3 import DQN

        return DQN(
            "MultiInputPolicy", vector, learning_rate=1e-4, buffer_size=50_000, learning_starts=2_000, batch_size=32,
            gamma=0.99, train_freq=1, gradient_steps=1, target_update_interval=2_000, exploration_fraction=0.25,
            exploration_final_eps=0.05, seed=settings.seed, device="cpu",
        )  # fmt: skip
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.vec_env import VecNormalize

    vector = VecNormalize(vector, norm_obs=False, norm_reward=True, gamma=0.998)
    return RecurrentPPO(
        "MultiInputLstmPolicy", vector, n_steps=128, batch_size=256, n_epochs=4, learning_rate=2.5e-4, gamma=0.998,
        gae_lambda=0.95, ent_coef=0.01, clip_range=0.2, policy_kwargs={"lstm_hidden_size": 128}, seed=settings.seed,
        device="cpu",
    )  # fmt: skip


def kinds(peer: str) -> tuple[float, float]:
    """The two ways in which a peer is evaluated."""
    return (GREEDY, NOISE) if peer == "sb3-dqn" else (GREEDY, SAMPLED)


class Player:
    """Acts for the envs of an evaluation."""

    def __init__(self, model: Any, kind: float, seed: int) -> None:
        self._model, self._kind, self._rng, self._state = model, kind, np.random.default_rng(seed), None

    def act(self, observation: dict[str, np.ndarray], first: np.ndarray) -> np.ndarray:
        """Actions (B,); `first` bool (B,) marks first observations of episodes."""
        sampled = self._kind == SAMPLED
        actions, self._state = self._model.predict(observation, self._state, first, deterministic=not sampled)
        if not sampled and self._kind:
            random = self._rng.random(len(actions)) < self._kind
            actions = np.where(random, self._rng.integers(self._model.action_space.n, size=len(actions)), actions)
        return actions


def save(model: Any, folder: Path, step: int) -> Path:
    """Writes the policy's weights; only the newest stay."""
    folder.mkdir(exist_ok=True)
    path = folder / f"step_{step:012d}.safetensors"
    tensors = {name: tensor.clone().contiguous() for name, tensor in model.policy.state_dict().items()}
    save_file(tensors, path.with_suffix(".new"))
    path.with_suffix(".new").rename(path)
    for old in folder.glob("step_*.safetensors"):
        if old != path:
            old.unlink()
    return path


def load(model: Any, run: Path) -> int:
    """Takes back the weights of a run; returns their step. Raises CheckpointError."""
    files = sorted((run / "checkpoints").glob("step_*.safetensors"))
    if not files:
        raise CheckpointError(f"{run} has no checkpoint; wait until it has ended")
    try:
        model.policy.load_state_dict(load_file(files[-1]))
    except Exception as error:  # a damaged file raises safetensors' own, a foreign one torch's
        raise CheckpointError(f"{files[-1]} does not fit: {str(error).splitlines()[0]}") from error
    return int(files[-1].stem.removeprefix("step_"))
