"""RecordEnv: any env with upstream's surface, seen from outside as one flat record per step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from Daddy.puffer_shim.events import SpawnFailed, one_line
from Daddy.puffer_shim.normalise import adapt, telemetry_of
from Daddy.puffer_shim.record import RECORD, REWARD_TERMS, SCALARS
from Daddy.puffer_shim.screens import pack_screen
from Daddy.puffer_shim.structured import LAYOUT, StructuredEncoder
from Daddy.puffer_shim.visits import VisitCounts

BRIEF = 0.25  # share of the steps of a patient true start that others get
RECORD_SPACE = gymnasium.spaces.Box(0, 255, (RECORD.itemsize,), np.uint8)


@dataclass(frozen=True)
class EpisodeRules:
    """When a training episode ends early and what begins anew within it.

    An episode is truncated ``stall_steps`` steps after its start or its last milestone, one from a savestate after
    ``spawn_steps``; 0: never for that. ``paced`` holds (bit of a milestone, steps) in the milestones' order: while that
    is the first one missing, at least so many steps are given, a quarter of them after a savestate, times the patience
    that the start was ordered with. ``novelty_span`` "milestone" lets the visit counts begin anew with each milestone,
    not only with each "episode". Any episode ends after ``longest`` steps (0: at the env's own limit); the records go
    on telling the used share of that limit.
    """

    stall_steps: int = 0
    spawn_steps: int = 0
    novelty_span: str = "episode"
    paced: tuple[tuple[int, int], ...] = ()
    longest: int = 0

    def span(self, owned: bytes, from_savestate: bool, patience: float = 1.0) -> int:
        """Steps that an episode gets for its next milestone, 0 for any number; bit i of ``owned`` is milestone i."""
        steps = self.spawn_steps if from_savestate else self.stall_steps
        wanted = self._pace(owned) * (BRIEF if from_savestate else 1.0)
        return max(steps, int(patience * wanted)) if steps else 0

    def least_span(self, owned: bytes, from_savestate: bool) -> int:
        """The same with the least patience that any start is ordered with."""
        return self.span(owned, from_savestate, patience=0.0 if from_savestate else BRIEF)

    def stretch(self, owned: bytes) -> float:
        """How many times as long as ``spawn_steps`` an episode from a savestate with these milestones gets at most."""
        return self.span(owned, from_savestate=True) / self.spawn_steps if self.spawn_steps else 1.0

    def _pace(self, owned: bytes) -> int:
        """Steps in ``paced`` for the first milestone missing, 0 for none."""
        bits = int.from_bytes(owned, "little")
        return next((steps for bit, steps in self.paced if not bits >> bit & 1), 0)


class RecordEnv(gymnasium.Env):
    """Wraps an env whose observation holds ``screen``; observations are RECORD rows as (RECORD.itemsize,) uint8.

    Its numbers come from its ``telemetry()`` when it has one, else from its memory through ``read_m`` (see normalise).
    ``row`` (RECORD.itemsize,) uint8 is where the record is written, e.g. a row of shared memory; an env that can draws
    its screen straight into it.
    ``reset(seed=s)`` seeds the env with s; later resets without a seed draw from a generator seeded with s. An episode
    of ``max_episode_steps`` steps is truncated here even if the env itself never truncates, the first one after
    ``first_episode_steps`` already, if given, and any by ``rules``. Infos are always empty. ``report`` is called with a
    SpawnFailed.
    """

    observation_space = RECORD_SPACE

    def __init__(
        self, env: gymnasium.Env, max_episode_steps: int, first_episode_steps: int | None = None,
        row: np.ndarray | None = None, env_id: int = 0, rules: EpisodeRules | None = None,
    ) -> None:  # fmt: skip
        self.env = env = adapt(env)
        self.env_id = env_id
        self.report: Callable[[SpawnFailed], None] = lambda event: None
        self.action_space = env.action_space
        self.max_episode_steps = max_episode_steps
        self._next_limit = first_episode_steps or max_episode_steps
        self._longest = self._limit = self._next_limit
        self._rules = rules or EpisodeRules()
        self._telemetry = telemetry_of(env)
        self._row = np.zeros(RECORD.itemsize, np.uint8) if row is None else row
        self.record = record = self._row.view(RECORD)[0]  # the last record, a view
        self._milestones, self._screen, self._terms = record["milestones"], record["screen"], record["reward_terms"]
        self._encoder = StructuredEncoder(record["structured"])
        self._drawn_in_place = hasattr(env.unwrapped, "observe_screen_only")
        if self._drawn_in_place:
            env.unwrapped.observe_screen_only(self._screen)
        self._rng = np.random.default_rng()
        self._episode_id = self._step = self._spawn_id = 0
        self._next_seed: int | None = None
        self._next_spawn: tuple[int, bytes | None, float] = (0, None, 1.0)
        self._return = 0.0
        self._term_values: tuple[float, ...] = ()  # the env's running terms as of the last record
        self._visits = VisitCounts(record["structured"][LAYOUT["visits"]])

    @property
    def reward_term_names(self) -> tuple[str, ...]:
        """Names of the first places of the record's ``reward_terms``; none before the first reset or for a fork.

        Raises:
            ValueError: the env has more terms than the record has places.
        """
        names = tuple(getattr(self._telemetry(), "reward_terms", ()))
        if len(names) > REWARD_TERMS:
            raise ValueError(f"the env has {len(names)} reward terms; the record holds {REWARD_TERMS}")
        return names

    def spawn_next(self, spawn_id: int, state: bytes | None, patience: float = 1.0) -> None:
        """Start the next episode, and only that one, from ``state``, known as ``spawn_id``; None is the true start.

        ``patience``, at most 1, is the share of what ``EpisodeRules`` allow for a milestone that it gets.
        """
        self._next_spawn = (spawn_id, state, patience)

    def seed_next(self, seed: int) -> None:
        """What ``seed`` would be for a next ``reset`` without one."""
        self._next_seed = seed

    def count_from(self, episodes: int) -> None:
        """Number the coming episodes after ``episodes`` earlier ones, of an env that this one replaces."""
        self._episode_id = episodes

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """First record of a new episode; ``options`` go to the env (``{"state": bytes}`` starts from a savestate)."""
        seed, self._next_seed = self._next_seed if seed is None else seed, None
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        else:
            seed = int(self._rng.integers(2**31))
        observation = self._reset_env(seed, options)
        self._episode_id += 1
        self._step, self._return = 0, 0.0
        self._longest, self._next_limit = self._next_limit, self.max_episode_steps
        self._visits.clear()
        self._term_values = ()
        now = self._telemetry()
        self._owned = now.milestones.tobytes()
        self._allow_steps()
        self._write(now, observation, 0.0, is_first=True)
        return self._row, {}

    def _allow_steps(self) -> None:
        span = self._rules.span(self._owned, self._spawn_id != 0, self._patience)
        longest = min(self._longest, self._rules.longest or self._longest)
        self._limit = min(longest, self._step + span) if span else longest

    def _note_milestones(self, now: Any) -> None:
        """What a new milestone starts: counts of places, and another span of the episode."""
        owned = now.milestones.tobytes()
        if owned == self._owned:
            return
        self._owned = owned
        self._allow_steps()
        if self._rules.novelty_span == "milestone":
            self._visits.count_anew()

    def _reset_env(self, seed: int, options: dict | None) -> dict:
        """The env's first observation, from its spawn if it takes it, else from its true start."""
        (spawn_id, state, self._patience), self._next_spawn, self._spawn_id = self._next_spawn, (0, None, 1.0), 0
        if state is None:
            return self.env.reset(seed=seed, options=options)[0]
        try:
            observation, _ = self.env.reset(seed=seed, options={"state": state})
        except Exception as error:  # an emulator raises whatever its parser trips over
            self.report(SpawnFailed(self.env_id, spawn_id, one_line(error)))
            self._patience = 1.0
            return self.env.reset(seed=seed)[0]
        self._spawn_id = spawn_id
        return observation

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        observation, reward, terminated, truncated, _ = self.env.step(int(action))
        self._step += 1
        reward = float(reward)
        self._return += reward
        now = self._telemetry()
        self._note_milestones(now)
        truncated = not terminated and (bool(truncated) or self._step >= self._limit)
        self._write(now, observation, reward, action=int(action), terminated=bool(terminated), truncated=truncated)
        return self._row, reward, bool(terminated), truncated, {}

    def render(self) -> np.ndarray:
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    def _write(
        self, now: Any, observation: dict, reward: float, *, action: int = -1, is_first: bool = False,
        terminated: bool = False, truncated: bool = False,
    ) -> None:  # fmt: skip
        map_id, x, y = now.map_id, now.x, now.y
        walking = not (now.text_open or now.in_battle)
        self._visits.visit(map_id, x, y, action if walking else -1)
        SCALARS.pack_into(
            self._row, 0,
            self._episode_id, self._step, self._spawn_id, self._return, self._visits.tiles, reward, now.required_count,
            map_id, x, y, now.facing, now.in_battle, now.badges, now.text_open, is_first, terminated, truncated,
        )  # fmt: skip
        self._encoder.encode(now, self._step / self.max_episode_steps)
        self._write_terms(tuple(getattr(now, "reward_terms", {}).values()))
        self._milestones[:] = now.milestones
        if not self._drawn_in_place:
            self._screen[:] = pack_screen(observation["screen"])

    def _write_terms(self, values: tuple[float, ...]) -> None:
        before, self._term_values = self._term_values, values
        if values == before or not before:
            self._terms.fill(0.0)
        else:
            self._terms[: len(values)] = np.subtract(values, before)
