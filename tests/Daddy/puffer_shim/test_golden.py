"""Records of fixed play, by their hash: code that is meant to be only faster must not change them.

After a deliberate change of records or cartridge, run this file as a script: it prints the new values.
"""

import hashlib

import gymnasium
import numpy as np

from Daddy.puffer_shim.record import RECORD
from Daddy.puffer_shim.record_env import RecordEnv
from Daddy.puffer_shim.red import make_red_env
from Daddy.puffer_shim.structured import LAYOUT
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording

ROM = "5c0fd9c267b6d569cb36cb79ea63402603bac3b7"
WALKTHROUGH = {
    "episode_id": "677fd9e3", "episode_step": "99ca8839", "episode_return": "2022ad2a", "tiles": "3c14667f",
    "r_env": "f71ca3fe", "required_count": "a6a596bc", "map_id": "1fcb5312", "x": "0ca5ed7a", "y": "b55412a6",
    "facing": "566176f1", "in_battle": "527e671f", "badges": "cbc9e036", "text_open": "3f84c9fa",
    "is_first": "471df046", "terminated": "5646e2ee", "truncated": "41123775", "milestones": "678c17dd",
    "screen": "9a649f0c", "structured map_bits": "ade69687", "structured x": "d3cc9406", "structured y": "976289d8",
    "structured x_bits": "5946bd5f", "structured y_bits": "07348da5", "structured facing": "b5db4812",
    "structured battle": "9794c0b5", "structured text_open": "9d340834", "structured no_control": "951fd63b",
    "structured enemy_level": "c24c3670", "structured enemy_hp": "be1369e1", "structured progress": "c3c6c22b",
    "structured party_count": "228886b1", "structured levels": "29b8d4c4", "structured hp": "ee7d12ae",
    "structured badges": "5e3301c6", "structured milestones": "b5f7b547", "structured key_items": "b3fe9abc",
    "structured bag_count": "d5948f58", "structured money": "7c867e97", "structured required_count": "1eba18d2",
    "structured pp": "53a046c8", "structured zero": "5646e2ee",
}  # fmt: skip
RANDOM_PLAY = {
    "episode_id": "b96d4789", "episode_step": "2fe85714", "episode_return": "2c02e177", "tiles": "08c5ccd9",
    "r_env": "51abce8b", "required_count": "39aaa86b", "map_id": "ac6a7359", "x": "c7101d9e", "y": "f9469023",
    "facing": "5aaf1d8b", "in_battle": "9f1ea267", "badges": "9f1ea267", "text_open": "26d82815",
    "is_first": "9ace05e6", "terminated": "9f1ea267", "truncated": "a1ff1711", "milestones": "a6dd4560",
    "screen": "31cca513", "structured map_bits": "111bab03", "structured x": "1b65949e", "structured y": "5f0d1677",
    "structured x_bits": "b315e411", "structured y_bits": "dd86cfe6", "structured facing": "1f8316f0",
    "structured battle": "a8919978", "structured text_open": "a580bca2", "structured no_control": "9f1ea267",
    "structured enemy_level": "9f1ea267", "structured enemy_hp": "9f1ea267", "structured progress": "a7296dfb",
    "structured party_count": "9f1ea267", "structured levels": "3c02c015", "structured hp": "3c02c015",
    "structured badges": "14f0ec4d", "structured milestones": "aac12b85", "structured key_items": "a6dd4560",
    "structured bag_count": "9f1ea267", "structured money": "8010bb7d", "structured required_count": "9f1ea267",
    "structured pp": "6912c53a", "structured zero": "9f1ea267",
}  # fmt: skip
FIELDS = (
    "episode_id", "episode_step", "episode_return", "tiles", "r_env", "required_count", "map_id", "x", "y", "facing",
    "in_battle", "badges", "text_open", "is_first", "terminated", "truncated", "milestones", "screen",
)  # fmt: skip
PARTS = (*FIELDS, *(f"structured {name}" for name in LAYOUT if name != "visits"))  # those have their own tests


class FromState(gymnasium.Wrapper):
    """Starts every episode from one savestate exactly."""

    def __init__(self, env: gymnasium.Env, state: bytes) -> None:
        super().__init__(env)
        self.state = state

    def reset(self, **_):
        return self.env.reset(options={"state": self.state})


def hashes_of(env: RecordEnv, actions, episode: int) -> dict[str, str]:
    """Field or feature -> hash of it over all records; a new episode begins after every ``episode`` actions."""
    digests = {name: hashlib.sha1() for name in PARTS}
    try:
        for number, action in enumerate(actions):
            rows = [env.reset(seed=7 if number == 0 else None)[0].copy()] if number % episode == 0 else []
            rows.append(env.step(action)[0])
            for row in rows:
                record = row.view(RECORD)
                for name, digest in digests.items():
                    field, _, feature = name.partition(" ")
                    value = record[field][0]
                    digest.update((value[LAYOUT[feature]] if feature else value).tobytes())
    finally:
        env.close()
    return {name: digest.hexdigest()[:8] for name, digest in digests.items()}


def walkthrough_hashes() -> dict[str, str]:
    """The whole game from power-on: battles, shops, items, both crests."""
    emulator = Emulator(resolve_rom(None))
    state = emulator.save_state()
    emulator.close()
    actions = [KEYS.index(key) for key in Recording.load().keys]
    return hashes_of(RecordEnv(FromState(make_red_env({}, None), state), 4_000), actions, len(actions))


def random_hashes() -> dict[str, str]:
    """Random play over several episodes: starts, truncations, menus."""
    actions = np.random.default_rng(0).integers(7, size=600).tolist()
    return hashes_of(RecordEnv(make_red_env({}, None), 150), actions, 150)


def test_the_hashes_belong_to_this_cartridge(monkeypatch):
    monkeypatch.delenv("POKEMON_RED_ROM", raising=False)
    assert resolve_rom(None).sha1 == ROM, "the cartridge changed: run this file and put its output here"


def test_the_walkthrough_gives_the_same_records_as_ever(monkeypatch):
    monkeypatch.delenv("POKEMON_RED_ROM", raising=False)
    assert walkthrough_hashes() == WALKTHROUGH


def test_random_play_gives_the_same_records_as_ever(monkeypatch):
    monkeypatch.delenv("POKEMON_RED_ROM", raising=False)
    assert random_hashes() == RANDOM_PLAY


if __name__ == "__main__":
    print(f'ROM = "{resolve_rom(None).sha1}"')
    for title, found in (("WALKTHROUGH", walkthrough_hashes()), ("RANDOM_PLAY", random_hashes())):
        print(f"{title} = {{", *(f'    "{name}": "{value}",' for name, value in found.items()), "}", sep="\n")
