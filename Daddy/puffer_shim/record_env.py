"""RecordEnv: any env with upstream's surface, seen from outside as one flat record per step."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from Daddy.puffer_shim.normalise import adapt, telemetry_of
from Daddy.puffer_shim.record import RECORD, SCALARS
from Daddy.puffer_shim.screens import pack_screen
from Daddy.puffer_shim.structured import LAYOUT, StructuredEncoder
from Daddy.puffer_shim.visits import VisitCounts

RECORD_SPACE = gymnasium.spaces.Box(0, 255, (RECORD.itemsize,), np.uint8)


class RecordEnv(gymnasium.Env):
    """Wraps an env whose observation holds ``screen``; observations are RECORD rows as (RECORD.itemsize,) uint8.

    Its numbers come from its ``telemetry()`` when it has one, else from its memory through ``read_m`` (see normalise).
    ``row`` (RECORD.itemsize,) uint8 is where the record is written, e.g. a row of shared memory; an env that can draws
    its screen straight into it.
    ``reset(seed=s)`` seeds the env with s; later resets without a seed draw from a generator seeded with s. An episode
    of ``max_episode_steps`` steps is truncated here even if the env itself never truncates, the first one after
    ``first_episode_steps`` already, if given. Infos are always empty.
    """

    observation_space = RECORD_SPACE

    def __init__(
        self, env: gymnasium.Env, max_episode_steps: int, first_episode_steps: int | None = None,
        row: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.env = env = adapt(env)
        self.action_space = env.action_space
        self.max_episode_steps = max_episode_steps
        self._next_limit = first_episode_steps or max_episode_steps
        self._limit = self._next_limit
        self._telemetry = telemetry_of(env)
        self._row = np.zeros(RECORD.itemsize, np.uint8) if row is None else row
        record = self._row.view(RECORD)
        self._milestones, self._screen = record["milestones"][0], record["screen"][0]
        self._encoder = StructuredEncoder(record["structured"][0])
        self._drawn_in_place = hasattr(env.unwrapped, "observe_screen_only")
        if self._drawn_in_place:
            env.unwrapped.observe_screen_only(self._screen)
        self._rng = np.random.default_rng()
        self._episode_id = self._step = 0
        self._return = 0.0
        self._visits = VisitCounts(record["structured"][0][LAYOUT["visits"]])

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """First record of a new episode; ``options`` go to the env (``{"state": bytes}`` starts from a savestate)."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        else:
            seed = int(self._rng.integers(2**31))
        observation, _ = self.env.reset(seed=seed, options=options)
        self._episode_id += 1
        self._step, self._return = 0, 0.0
        self._limit, self._next_limit = self._next_limit, self.max_episode_steps
        self._visits.clear()
        self._write(observation, 0.0, is_first=True)
        return self._row, {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        observation, reward, terminated, truncated, _ = self.env.step(int(action))
        self._step += 1
        reward = float(reward)
        self._return += reward
        truncated = not terminated and (bool(truncated) or self._step >= self._limit)
        self._write(observation, reward, terminated=bool(terminated), truncated=truncated)
        return self._row, reward, bool(terminated), truncated, {}

    def render(self) -> np.ndarray:
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    def _write(
        self, observation: dict, reward: float, *, is_first: bool = False, terminated: bool = False,
        truncated: bool = False,
    ) -> None:  # fmt: skip
        now = self._telemetry()
        map_id, x, y = now.map_id, now.x, now.y
        self._visits.visit(map_id, x, y)
        SCALARS.pack_into(
            self._row, 0,
            self._episode_id, self._step, self._return, self._visits.tiles, reward, now.required_count,
            map_id, x, y, now.facing, now.in_battle, now.badges, now.text_open, is_first, terminated, truncated,
        )  # fmt: skip
        self._encoder.encode(now, self._step / self.max_episode_steps)
        self._milestones[:] = now.milestones
        if not self._drawn_in_place:
            self._screen[:] = pack_screen(observation["screen"])
