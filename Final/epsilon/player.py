"""Player: one game seen as one fixed row of numbers per observation."""

from __future__ import annotations

from typing import Any

import numpy as np

from Final.epsilon.epsilon_env import EpsilonEnv
from Final.epsilon.reward_modules import make_modules
from pokemonred_puffer.data.milestones import MILESTONE_BYTES, MILESTONES
from pokemonred_puffer.factory import make_env

SCREEN = (72, 20)  # 72 rows of 80 pixels, four 2-bit pixels to a byte, the leftmost in bits 7-6
_WIDTHS = {
    "map": 8, "x": 6, "y": 6, "facing": 4, "battle": 3, "text": 1, "enemy_hp": 1, "party": 1, "lead_level": 1,
    "lead_hp": 1, "time": 1, "milestones": len(MILESTONES),
}  # fmt: skip
FEATURES = sum(_WIDTHS.values())
ROW = np.dtype([
    ("reward", "<f4"),  # the modules' sum for arriving here; 0 on first rows
    ("env_reward", "<f4"),  # the env's own
    ("step", "<u4"),  # steps of this episode so far
    ("tiles", "<u4"),  # distinct (map, x, y) of this episode
    ("map_id", "u1"),
    ("badges", "u1"),
    ("is_first", "?"),  # first observation of an episode: no transition leads here
    ("terminated", "?"),
    ("truncated", "?"),
    ("milestones", "u1", (MILESTONE_BYTES,)),
    ("features", "u1", (FEATURES,)),  # 0..255
    ("screen", "u1", SCREEN),
])  # fmt: skip
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")  # (256, 8)


class Player:
    """A RedGymEnv inside an EpsilonEnv that writes each observation into ``row``, a ROW scalar view."""

    def __init__(self, env_config: dict[str, Any], reward: str, reward_modules: tuple[str, ...], row: np.void) -> None:
        """``env_config`` as for ``make_env``; its ``max_steps`` truncates episodes.

        Raises:
            PokemonRedError: unknown names, bad ROM or state.
        """
        modules = make_modules(reward_modules)
        self.env = EpsilonEnv(make_env({"log_frequency": 0, **env_config}, reward), modules)
        self._red = self.env.unwrapped
        self._red.observe_screen_only(row["screen"])
        self._row = row

    def reset(self, seed: int | None = None) -> None:
        """Start an episode from the true start."""
        self.env.reset(seed=seed)
        self._write(0.0, 0.0, True, False, False)

    def step(self, action: int) -> None:
        """Press one button."""
        _, reward, terminated, truncated, info = self.env.step(action)
        self._write(reward, info["env_reward"], False, terminated, truncated and not terminated)

    def close(self) -> None:
        self.env.close()

    def _write(self, reward: float, env_reward: float, first: bool, terminated: bool, truncated: bool) -> None:
        now, row = self._red.telemetry(), self._row
        row["reward"], row["env_reward"], row["is_first"] = reward, env_reward, first
        row["terminated"], row["truncated"] = terminated, truncated
        row["step"] = step = 0 if first else now.step_count
        row["tiles"], row["map_id"], row["badges"] = now.tiles, now.map_id, now.badges
        row["milestones"] = now.milestones
        row["features"] = features(now, step / self._red.get_max_steps())


def features(now: Any, time: float) -> np.ndarray:
    """(FEATURES,) uint8 from a Telemetry; ``time`` is the share of the episode that is over, 0..1."""
    lead = now.party_mons[0]  # zeros when there is none
    battle = min(now.in_battle, 2)
    parts = (
        _BITS[now.map_id], _BITS[now.x][:6], _BITS[now.y][:6], np.arange(4) == now.facing, np.arange(3) == battle,
        (now.text_open, now.enemy_hp_fraction, now.party_count / 6, min(int(lead["level"]), 100) / 100,
         min(int(lead["hp"]) / max(int(lead["max_hp"]), 1), 1.0), min(time, 1.0)),
        np.unpackbits(now.milestones, bitorder="little", count=len(MILESTONES)),
    )  # fmt: skip
    return (255 * np.concatenate(parts)).astype(np.uint8)
