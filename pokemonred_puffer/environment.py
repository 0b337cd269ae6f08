"""RedGymEnv: reset and step. What they read, count and reward lives in the modules beside this one."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from pokemonred_puffer import boot
from pokemonred_puffer.access import MemoryAccess
from pokemonred_puffer.automation import build_automations
from pokemonred_puffer.config import EnvConfig, reward_weights
from pokemonred_puffer.emulator import BUTTONS, Emulator
from pokemonred_puffer.exploration import ExplorationMemory
from pokemonred_puffer.global_map import regions_of
from pokemonred_puffer.observation import PIXEL_VALUES, Observer, ScreenObserver, observation_space
from pokemonred_puffer.progress import Progress, milestone_tuple
from pokemonred_puffer.rewards.terms import RewardTerms
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.stats import EpisodeStats
from pokemonred_puffer.telemetry import Telemetry

__all__ = ["ACTION_SPACE", "PIXEL_VALUES", "VALID_ACTIONS", "VALID_ACTIONS_STR", "VALID_RELEASE_ACTIONS", "RedGymEnv"]

VALID_ACTIONS = BUTTONS
VALID_RELEASE_ACTIONS = tuple(f"release {name}" for name in BUTTONS)
VALID_ACTIONS_STR = BUTTONS
ACTION_SPACE = spaces.Discrete(len(VALID_ACTIONS))


class RedGymEnv(MemoryAccess, gymnasium.Env):
    """One game with upstream's surface. Actions: 0 down, 1 left, 2 right, 3 up, 4 a, 5 b, 6 start.

    Every `reset` starts a new episode: from the initial state, or from `options={"state": bytes}`. `truncated` becomes
    true after `max_steps` steps; `terminated` never does. Rewards are the change of the sum of the reward terms.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 60}  # noqa: RUF012
    render_mode = None
    REWARD_NAME = "baseline.ObjectRewardRequiredEventsMapIdsFieldMoves"

    def __init__(
        self,
        env_config: Mapping[str, Any] | EnvConfig | None = None,
        reward_config: Mapping[str, float] | None = None,
        emulator: Any = None,
    ) -> None:
        """`env_config`: keys of config.yaml's `env`, all optional. `reward_config`: weights (default: the class's set).

        `emulator` replaces the real one, for tests. Raises ConfigError, RomError or StateError.
        """
        self.config = EnvConfig.from_mapping(env_config)
        config = self.config
        weights = reward_weights(self.REWARD_NAME) if reward_config is None else reward_config
        self.reward_terms = RewardTerms(weights, config.map_id_scalefactor)
        if emulator is None:
            emulator = Emulator(resolve_rom(config.gb_path, config.allow_rom_mismatch), config.headless)
        self.emulator = emulator
        self.exploration = ExplorationMemory(
            regions_of(emulator.rom), config.exploration_inc, config.exploration_max
        )
        self.observer = Observer(emulator, self.exploration, config.reduce_res, config.two_bit)
        self._observe = self.observer.observe
        self.progress = Progress()
        self.stats = EpisodeStats()
        self.observation_space = observation_space(config.reduce_res, config.two_bit)
        self.action_space = spaces.Discrete(len(VALID_ACTIONS))
        self.clear_exploration_on_reset = True  # exploration wrappers take this over
        self.env_id = config.env_id
        self.max_steps = config.max_steps
        self.step_count = self.reset_count = 0
        self.total_reward = 0.0
        self._hold_frames, self._frames = config.hold_frames, config.action_freq
        self._automations = build_automations(config, emulator)
        self._reported = 0  # required count of the last milestone report
        self._initial: bytes | None = None
        self._telemetry: Telemetry | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Starts an episode and returns (observation, info).

        Without options: the initial state, up to `noop_max` frames later, with fresh random bytes in the game; both
        follow from the seed (given once or at each reset). With `options={"state": bytes}` (from `save_state()`): that
        state exactly, or with fresh random bytes when `seed` is given too. StateError if the state does not fit.
        """
        super().reset(seed=seed)
        state = (options or {}).get("state")
        if state is not None:
            self.emulator.load_state(state)
            if seed is not None:
                boot.stir(self.emulator, self.np_random, 0)
        else:
            self._load_initial()
            boot.stir(self.emulator, self.np_random, int(self.np_random.integers(self.config.noop_max + 1)))
        return self._begin_episode()

    def step(self, action: int) -> tuple[dict, float, bool, bool, dict]:
        """Holds a button for 8 of `action_freq` frames; returns (observation, reward, terminated, truncated, info)."""
        self._act(int(action))
        now = Telemetry(self.emulator)
        story = self._take(now)
        self.step_count += 1
        reward = self._reward(now, story)
        self.stats.take(now, int(action))
        truncated = self.step_count >= self.get_max_steps()
        return self._observe(now), reward, False, truncated, self._info(int(action), story)

    def observe_screen_only(self, out: np.ndarray) -> None:
        """From now on observations hold only `screen`, drawn packed into `out` (72, 20) uint8 and never copied."""
        self._observe = ScreenObserver(self.emulator, out).observe
        self.observation_space = spaces.Dict(screen=spaces.Box(0, 255, out.shape, np.uint8))

    def telemetry(self) -> Telemetry:
        """The last step's memory, progress and reward terms; see Telemetry. RuntimeError before the first reset."""
        if self._telemetry is None:
            raise RuntimeError("telemetry() needs a reset() first")
        return self._telemetry

    def save_state(self) -> bytes:
        """The emulator's state, for `reset(options={"state": ...})`; belongs to this ROM and PyBoy version."""
        return self.emulator.save_state()

    def update_state(self, state: bytes) -> tuple[dict, dict]:
        """`reset` with that state."""
        return self.reset(options={"state": state})

    def close(self) -> None:
        """Stops the emulator; nothing is written."""
        self.emulator.close()

    def get_max_steps(self) -> float:
        """Length of the episode in steps, after `max_steps_scaling`."""
        scale = self.config.max_steps_scaling
        return max(self.max_steps, self.max_steps * self.progress.required_count * scale) if scale else self.max_steps

    def get_game_state_reward(self) -> dict[str, float]:
        """The weighted reward terms one by one, upstream's keys."""
        return self.reward_terms.detailed(self.telemetry(), self.progress)

    def agent_stats(self, action: int) -> dict[str, Any]:
        """Upstream's `stats` of the episode so far."""
        return self.stats.agent_stats(self, action)

    def _load_initial(self) -> None:
        if self._initial is None:
            self._initial = boot.initial_state(self.emulator, self.config)
        else:
            self.emulator.load_state(self._initial)

    def _begin_episode(self) -> tuple[dict, dict]:
        self.step_count = 0
        self.reset_count += 1
        if self.clear_exploration_on_reset:
            self.exploration.clear()
        self.exploration.start_episode()
        self.progress.start_episode()
        now = Telemetry(self.emulator)
        self.stats.start_episode(now)
        self.progress.update(now)
        self.reward_terms.start_episode(now, self.progress, self.exploration)
        self._take(now)
        self.reward_terms.update(now, self.progress, self.exploration, story=False)
        self.total_reward = self._baseline = self.reward_terms.total()
        now.reward, now.total_reward, now.reward_terms = 0.0, 0.0, self.reward_terms.values
        info = self._milestone_info(now) if self.config.save_state else {}
        return self._observe(now), info

    def _act(self, action: int) -> None:
        for automation in self._automations:
            automation()
        if not self.config.disable_ai_actions:
            self.emulator.press(VALID_ACTIONS[action], self._hold_frames)
        self.emulator.tick(self._frames, True)

    def _take(self, now: Telemetry) -> bool:
        """Takes in a snapshot; True when flags, badges or the bag changed."""
        self._telemetry = now
        story = self.progress.update(now)
        self.exploration.visit(now, self.reward_terms.exploration_boost)
        now.take(self.progress, self.exploration, self.step_count)
        return story

    def _reward(self, now: Telemetry, story: bool) -> float:
        terms = self.reward_terms
        terms.update(now, self.progress, self.exploration, story)
        total = terms.total()
        reward, self.total_reward = total - self.total_reward, total
        now.step_count = self.step_count
        now.reward, now.total_reward, now.reward_terms = reward, total - self._baseline, terms.values
        return reward

    def _info(self, action: int, story: bool) -> dict[str, Any]:
        info: dict[str, Any] = {}
        every = self.config.log_frequency
        if every and self.step_count % every == 0:
            info = self.stats.log_info(self, action)
        if story and self.config.save_state:
            info |= self._milestone_info(self.telemetry())
        return info

    def _milestone_info(self, now: Telemetry) -> dict[str, Any]:
        """Upstream's milestone report with the emulator's state, once per growth of the required count."""
        if self.step_count and now.max_required_count <= self._reported:
            return {}
        self._reported = now.max_required_count
        return {
            "state": {milestone_tuple(now): self.save_state()},
            "required_count": now.required_count,
            "env_id": self.env_id,
        }
