"""A tiny env with upstream's surface and no emulator: a walk over a grid, its memory at Red's addresses."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from types import SimpleNamespace

import gymnasium
import numpy as np

from pokemonred_puffer import ram_map
from pokemonred_puffer.errors import RomError

MOVES = ((0, 1), (-1, 0), (1, 0), (0, -1))  # down, left, right, up; other actions stand still
SIZE = 12


class StandInEnv(gymnasium.Env):
    """Reward is a function of seed and path; reaching the far corner terminates. Never truncates by itself.

    ``env_config`` may ask for trouble in env ``troubled_env`` (0): {"trouble": "raise", "kill" or "stop", "at": step},
    with "at" 0 in the first reset; with {"once": path} only if that file cannot be found, which is then made.
    {"slow_s": seconds per step} concerns all envs. A savestate is two bytes, x and y; (99, 99) kills the process.
    """

    def __init__(self, env_config: dict) -> None:
        worker = multiprocessing.parent_process() is not None
        if env_config.get("bad_rom") or (worker and env_config.get("env_id") == env_config.get("bad_rom_in_env", -1)):
            raise RomError("stand-in.gb: unknown ROM")
        self.config = env_config
        self.action_space = gymnasium.spaces.Discrete(7)
        self.observation_space = gymnasium.spaces.Dict(
            screen=gymnasium.spaces.Box(0, 255, (72, 80, 1), np.uint8)
        )
        self.memory = ram_map.WramImage()
        self.steps = 0
        self.closed = False

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        super().reset(seed=seed)
        self.x, self.y = (int(v) for v in self.np_random.integers(SIZE - 2, size=2))
        if options and "state" in options:
            state = options["state"]
            self.x, self.y = state[:2] if self.config.get("long_states") else state
            if self.x == 99:
                os.kill(os.getpid(), signal.SIGKILL)
        if self.steps == 0:
            self._trouble()
        return self._observe(), {"huge": np.zeros(1000)}

    def step(self, action: int) -> tuple[dict, float, bool, bool, dict]:
        self.steps += 1
        self._trouble()
        dx, dy = MOVES[action] if action < 4 else (0, 0)
        self.x, self.y = min(max(self.x + dx, 0), SIZE - 1), min(max(self.y + dy, 0), SIZE - 1)
        reward = float(self.np_random.random()) + self.x
        return self._observe(), reward, self.x == self.y == SIZE - 1, False, {"huge": np.zeros(1000)}

    def read_m(self, address: int) -> int:
        return self.memory.read(address)

    def save_state(self) -> bytes:
        return bytes((self.x, self.y))

    def get_game_coords(self) -> tuple[int, int, int]:
        return self.x, self.y, 40

    def _trouble(self) -> None:
        config = self.config
        time.sleep(config.get("slow_s", 0))
        if config.get("env_id") != config.get("troubled_env", 0) or self.steps != config.get("at"):
            return
        if multiprocessing.parent_process() is None or ("once" in config and not _first_time(config["once"])):
            return
        if config["trouble"] == "raise":
            raise ValueError("the stand-in was told to fail")
        os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[config["trouble"]])

    def _observe(self) -> dict:
        for address, value in ((ram_map.wCurMap, 40), (ram_map.wXCoord, self.x), (ram_map.wYCoord, self.y)):
            self.memory.write(address, value)
        levels = self.np_random.choice(np.array([0, 85, 153, 255], np.uint8), (72, 80, 1))
        return {"screen": levels}

    def close(self) -> None:
        self.closed = True


class UnrulyEnv(StandInEnv):
    """A stand-in with upstream's constructor and habits: what it delivers breaks what it declares.

    Scalars come for (1,) boxes, bytes for 0/1 bounds, a battle type of 256 for a byte, and stats with their bytes
    swapped. Settings are read as attributes. A reset goes on with the running game, ignores its seed, and fails when
    the very first one has a state.
    """

    def __init__(self, env_config, reward_config) -> None:
        super().__init__(env_config)
        self.reward_event = reward_config.event
        self.max_steps, self.two_bit = env_config.max_steps, env_config.two_bit
        box = gymnasium.spaces.Box
        self.observation_space = gymnasium.spaces.Dict(
            screen=box(0, 255, (72, 80, 1), np.uint8), direction=box(0, 4, (1,), np.uint8),
            battle_type=box(0, 4, (1,), np.uint8), events=box(0, 1, (320,), np.uint8),
            hp=box(0, 714, (6,), np.uint32), maxHP=box(0, 714, (6,), np.uint32),
        )  # fmt: skip
        self.pyboy = SimpleNamespace(
            memory=self.memory.data, save_state=lambda file: file.write(bytes((self.x, self.y)))
        )
        self.memory.write(ram_map.wPartyCount, 1)
        self.memory.write(ram_map.wPartyMons + 1, (23).to_bytes(2, "big"))
        self.memory.write(ram_map.wPartyMons + 34, (24).to_bytes(2, "big"))

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        if options:
            self.x, self.y = self.x * 0 + options["state"][0], options["state"][1]  # no x before the first reset
            return self._observe(), {}
        return super().reset(seed=seed) if not hasattr(self, "x") else (self._observe(), {})

    def _observe(self) -> dict:
        hp, most = (int.from_bytes(n.to_bytes(2, "big"), "little") for n in (23, 24))
        return super()._observe() | {
            "direction": np.uint8(3), "battle_type": 256, "events": np.full(320, 0xA5, np.uint8),
            "hp": np.array([hp, 9, 0, 0, 0, 0], np.uint32), "maxHP": np.array([most, 9, 0, 0, 0, 0], np.uint32),
        }  # fmt: skip


class DyingEnv(UnrulyEnv):
    """Kills the process of env 0 in its 50th step."""

    def __init__(self, env_config, reward_config) -> None:
        super().__init__(env_config, reward_config)
        self.config = {"trouble": "kill", "at": 50, "env_id": env_config.env_id}


class Screenless(UnrulyEnv):
    """Observations without a picture."""

    def __init__(self, env_config, reward_config) -> None:
        super().__init__(env_config, reward_config)
        self.observation_space = gymnasium.spaces.Dict(events=self.observation_space["events"])


class Broken(UnrulyEnv):
    """Cannot be made."""

    def __init__(self, env_config, reward_config) -> None:
        raise FileNotFoundError(env_config.state_dir)


class NotAnEnv:
    """Has nothing of upstream's surface but a reset."""

    def reset(self) -> None: ...


def _first_time(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def make_stand_in(env_config: dict, reward_name: str | None) -> StandInEnv:
    """An env factory that pickles by name."""
    return StandInEnv(env_config)
