"""How long exploration memory lasts. Without one of these an environment forgets at every reset.

All work on the innermost environment's `exploration` (ExplorationMemory); rewards follow by themselves, since a reset
takes the memory as it then is for the new baseline.
"""
from __future__ import annotations

from collections import OrderedDict
from typing import Any

import gymnasium

from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.wrappers.settings import settings_of


class OnResetExplorationWrapper(gymnasium.Wrapper):
    """Keeps the memory over resets and clears it at every `full_reset_frequency`-th, or up to `jitter` resets later."""

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        settings = settings_of("OnResetExplorationWrapper", config, {"full_reset_frequency": 1, "jitter": 0})
        self.full_reset_frequency, self.jitter = settings["full_reset_frequency"], settings["jitter"]
        if self.full_reset_frequency < 1 or self.jitter < 0:
            raise ConfigError("OnResetExplorationWrapper: full_reset_frequency must be >= 1 and jitter >= 0")
        self.unwrapped.clear_exploration_on_reset = False
        self._resets_left = 0

    def reset(self, **kwargs: Any) -> tuple[Any, dict]:
        """Clears the memory when it is due, then resets."""
        if self._resets_left <= 0:
            self.unwrapped.exploration.clear()
            self._resets_left = self.full_reset_frequency + int(self.unwrapped.np_random.integers(self.jitter + 1))
        self._resets_left -= 1
        return self.env.reset(**kwargs)


class OnResetLowerToFixedValueWrapper(gymnasium.Wrapper):
    """Keeps the memory over resets and lowers its values to `fixed_value` at each, so that old ground is worth a part.

    `fixed_value.explore` is what counts; the other keys name memories that this environment does not keep.
    """

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        defaults = dict.fromkeys(("coords", "map_ids", "npc", "cut", "explore"), 0.33)
        settings = settings_of("OnResetLowerToFixedValueWrapper", config, {"fixed_value": {}})
        fixed = settings_of("OnResetLowerToFixedValueWrapper.fixed_value", settings["fixed_value"], defaults)
        self.fixed_value = float(fixed["explore"])
        self.unwrapped.clear_exploration_on_reset = False

    def reset(self, **kwargs: Any) -> tuple[Any, dict]:
        """Lowers the values, then resets."""
        self.unwrapped.exploration.lower(self.fixed_value)
        return self.env.reset(**kwargs)


class DecayWrapper(gymnasium.Wrapper):
    """Multiplies visited values by `step_forgetting_factor` every `forgetting_frequency` steps, down to 0.15.

    `coords` and `explore` are what decays; the other factors name memories that this environment does not keep.
    """

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        names = (
            "npc", "coords", "map_ids", "explore", "start_menu", "pokemon_menu", "stats_menu", "bag_menu",
            "action_bag_menu",
        )  # fmt: skip
        settings = settings_of("DecayWrapper", config, {"step_forgetting_factor": {}, "forgetting_frequency": 10})
        factors = settings_of(
            "DecayWrapper.step_forgetting_factor", settings["step_forgetting_factor"], dict.fromkeys(names, 1.0)
        )
        self.coords, self.explore = float(factors["coords"]), float(factors["explore"])
        self.forgetting_frequency = int(settings["forgetting_frequency"])
        if self.forgetting_frequency < 1:
            raise ConfigError("DecayWrapper: forgetting_frequency must be at least 1")

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Steps, then decays when it is due (the next reward shows the loss)."""
        result = self.env.step(action)
        if self.unwrapped.step_count % self.forgetting_frequency == 0:
            self.unwrapped.exploration.decay(self.coords, self.explore)
        return result


class LRUCache:
    """The last `capacity` distinct keys used; `touch` returns the key that falls out, or None."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._keys: OrderedDict[Any, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    def touch(self, key: Any) -> Any | None:
        """Marks `key` as the newest."""
        self._keys[key] = None
        self._keys.move_to_end(key)
        return self._keys.popitem(last=False)[0] if len(self._keys) > self.capacity else None

    def clear(self) -> None:
        """Forgets all keys."""
        self._keys.clear()


class MaxLengthWrapper(gymnasium.Wrapper):
    """Remembers only the last `capacity` distinct coordinates; older ones become new again."""

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        capacity = int(settings_of("MaxLengthWrapper", config, {"capacity": 1750})["capacity"])
        if capacity < 1:
            raise ConfigError("MaxLengthWrapper: capacity must be at least 1")
        self.cache = LRUCache(capacity)

    def reset(self, **kwargs: Any) -> tuple[Any, dict]:
        """Resets; forgets the order of visits when the memory itself is forgotten."""
        result = self.env.reset(**kwargs)
        if self.unwrapped.clear_exploration_on_reset:
            self.cache.clear()
        self._touch()
        return result

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Steps, then forgets the oldest coordinate when there are too many."""
        result = self.env.step(action)
        self._touch()
        return result

    def _touch(self) -> None:
        now = self.unwrapped.telemetry()
        oldest = self.cache.touch((now.tileset, (now.x, now.y, now.map_id)))
        if oldest is not None:
            self.unwrapped.exploration.forget(*oldest)
