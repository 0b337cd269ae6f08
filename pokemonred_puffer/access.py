"""Upstream's small accessors, kept because wrappers and other people's scripts call them on an environment."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from pokemonred_puffer import boot
from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.data.events import REQUIRED_EVENTS, EventFlags
from pokemonred_puffer.data.flags import Flags
from pokemonred_puffer.data.items import REQUIRED_ITEMS, Items
from pokemonred_puffer.data.party import PartyMons


class MemoryAccess:
    """Mixin for RedGymEnv: reads the emulator's memory by address or by the disassembly's name."""

    @property
    def pyboy(self):
        """The PyBoy object."""
        return self.emulator.pyboy

    @property
    def screen(self):
        """PyBoy's screen object."""
        return self.emulator.screen

    @property
    def events(self) -> EventFlags:
        return EventFlags(self.emulator)

    @property
    def flags(self) -> Flags:
        return Flags(self.emulator)

    @property
    def missables(self) -> bytes:
        """wMissableObjectFlags, 32 bytes."""
        return self.emulator.read_range(ram.wMissableObjectFlags, 32)

    @property
    def party(self) -> PartyMons:
        return PartyMons(self.emulator)

    @property
    def required_events(self) -> set[str]:
        """Required events that hold now."""
        events = self.events
        return {name for name in REQUIRED_EVENTS if events.get_event(name)}

    @property
    def required_items(self) -> set[str]:
        """Required items in the bag now."""
        bag = set(self.telemetry().bag[0])
        return {Items(item).name for item in REQUIRED_ITEMS if item in bag}

    @property
    def init_state_path(self) -> Path:
        """The savestate file that episodes start from (it need not exist while init_state is "boot")."""
        return boot.state_path(self.config)

    @property
    def progress_reward(self) -> dict[str, float]:
        """The weighted reward terms one by one."""
        return self.get_game_state_reward()

    @property
    def explore_map(self) -> np.ndarray:
        """(484, 476) float32 values of visited cells."""
        return self.exploration.explore_map

    @property
    def reward_explore_map(self) -> np.ndarray:
        """(484, 476) float32, `explore_map` with the maps' boosts."""
        return self.exploration.reward_explore_map

    @property
    def seen_coords(self) -> dict:
        """tileset -> (x, y, map) -> value."""
        return self.exploration.seen_coords

    @property
    def seen_map_ids(self) -> np.ndarray:
        """(256,) uint8."""
        return self.exploration.seen_map_ids

    @property
    def seen_warps(self) -> dict:
        """(map left, map entered, warp id) -> 1.0."""
        return self.exploration.seen_warps

    def read_m(self, address: str | int) -> int:
        """One byte, by address or name (`"wCurMap"`); AttributeError for unknown names."""
        return self.emulator.read(getattr(ram, address) if isinstance(address, str) else address)

    def read_short(self, address: str | int) -> int:
        """A big-endian word."""
        first = getattr(ram, address) if isinstance(address, str) else address
        return self.emulator.read(first) << 8 | self.emulator.read(first + 1)

    def read_bit(self, address: str | int, bit: int) -> bool:
        """One bit of a byte."""
        return bool(self.read_m(address) >> bit & 1)

    def get_game_coords(self) -> tuple[int, int, int]:
        """(x, y, map id)."""
        return ram.read_coords(self.emulator)

    def get_badges(self) -> int:
        """Number of badges."""
        return self.read_m("wObtainedBadges").bit_count()

    def get_levels_sum(self) -> int:
        """Sum of the party's levels."""
        return int(self.telemetry().party_levels.sum())

    def screen_obs(self) -> dict[str, np.ndarray]:
        """`screen` and `visited_mask` of the picture as it stands."""
        return {"screen": self.observer.screen(), "visited_mask": self.observer.visited_mask()}

    def render(self) -> np.ndarray:
        """(144, 160) uint8 grey picture, not a view."""
        return self.emulator.screen_full()
