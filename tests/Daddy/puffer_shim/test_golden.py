"""Records of fixed play, by their hash: code that is meant to be only faster must not change them.

After a deliberate change of records or cartridge, run this file as a script: it prints the new values.
"""

import hashlib

import gymnasium
import numpy as np

from Daddy.puffer_shim.record import RECORD
from Daddy.puffer_shim.record_env import RecordEnv
from Daddy.puffer_shim.red import make_red_env
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording

ROM = "5c0fd9c267b6d569cb36cb79ea63402603bac3b7"
WALKTHROUGH = "7e2fab515395c1833d5afa185a1ef1be0022c714"
RANDOM_PLAY = "117bba47293915d5827d5a356f70f1ff0feebb17"
FIELDS = (
    "episode_id", "episode_step", "episode_return", "tiles", "r_env", "required_count", "map_id", "x", "y", "facing",
    "in_battle", "badges", "text_open", "is_first", "terminated", "truncated", "milestones", "structured", "screen",
)  # fmt: skip


class FromState(gymnasium.Wrapper):
    """Starts every episode from one savestate exactly."""

    def __init__(self, env: gymnasium.Env, state: bytes) -> None:
        super().__init__(env)
        self.state = state

    def reset(self, **_):
        return self.env.reset(options={"state": self.state})


def hash_of(env: RecordEnv, actions, episode: int) -> str:
    """SHA-1 over the named fields of all records; a new episode begins after every ``episode`` actions."""
    digest = hashlib.sha1()
    try:
        for number, action in enumerate(actions):
            rows = [env.reset(seed=7 if number == 0 else None)[0].copy()] if number % episode == 0 else []
            rows.append(env.step(action)[0])
            for row in rows:
                record = row.view(RECORD)
                for name in FIELDS:
                    digest.update(record[name].tobytes())
    finally:
        env.close()
    return digest.hexdigest()


def walkthrough_hash() -> str:
    """The whole game from power-on: battles, shops, items, both crests."""
    emulator = Emulator(resolve_rom(None))
    state = emulator.save_state()
    emulator.close()
    actions = [KEYS.index(key) for key in Recording.load().keys]
    return hash_of(RecordEnv(FromState(make_red_env({}, None), state), 4_000), actions, len(actions))


def random_hash() -> str:
    """Random play over several episodes: starts, truncations, menus."""
    actions = np.random.default_rng(0).integers(7, size=600).tolist()
    return hash_of(RecordEnv(make_red_env({}, None), 150), actions, 150)


def test_the_hashes_belong_to_this_cartridge(monkeypatch):
    monkeypatch.delenv("POKEMON_RED_ROM", raising=False)
    assert resolve_rom(None).sha1 == ROM, "the cartridge changed: run this file and put its output here"


def test_the_walkthrough_gives_the_same_records_as_ever(monkeypatch):
    monkeypatch.delenv("POKEMON_RED_ROM", raising=False)
    assert walkthrough_hash() == WALKTHROUGH


def test_random_play_gives_the_same_records_as_ever(monkeypatch):
    monkeypatch.delenv("POKEMON_RED_ROM", raising=False)
    assert random_hash() == RANDOM_PLAY


if __name__ == "__main__":
    print(f'ROM = "{resolve_rom(None).sha1}"\nWALKTHROUGH = "{walkthrough_hash()}"\nRANDOM_PLAY = "{random_hash()}"')
