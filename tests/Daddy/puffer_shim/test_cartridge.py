"""The shim around the real env on the free cartridge."""

import gymnasium
import numpy as np
import pytest
from vector_play import play

from Daddy.puffer_shim import MILESTONES, make_vector, map_names
from Daddy.puffer_shim.record_env import RecordEnv
from Daddy.puffer_shim.red import make_red_env
from pokemonred_puffer.errors import ConfigError, RomError
from pokemonred_puffer.rom import CARTRIDGE_PATH

pytestmark = pytest.mark.skipif(not CARTRIDGE_PATH.is_file(), reason="the cartridge is not built")
STEPS, ENVS, EPISODE = 60, 4, 25


def play_cartridge(**settings) -> list[np.ndarray]:
    """Each env's records under fixed random actions."""
    return play(make_vector({}, num_envs=ENVS, seed=3, max_episode_steps=EPISODE, **settings), STEPS)


@pytest.fixture(scope="module")
def serial() -> list[np.ndarray]:
    return play_cartridge(backend="serial")


@pytest.mark.parametrize("layout", [{"num_workers": 2}, {"num_workers": 4, "batch_size": 2}], ids=str)
def test_worker_processes_play_the_same_game(serial, layout):
    for mine, theirs in zip(play_cartridge(**layout), serial, strict=True):
        assert mine.tobytes() == theirs.tobytes()


def test_reward_terms_have_names_and_add_up_to_the_reward(serial):
    vector = make_vector({}, num_envs=1, backend="serial", max_episode_steps=EPISODE)
    vector.close()
    assert "exploration" in vector.reward_term_names and len(set(vector.reward_term_names)) > 5
    records = np.concatenate(serial)
    assert np.abs(records["reward_terms"].sum(axis=1) - records["r_env"]).max() < 1e-5
    explored = records["reward_terms"][:, vector.reward_term_names.index("exploration")]
    assert (explored > 0).any() and not records["reward_terms"][records["is_first"] == 1].any()


def test_records_show_a_game_being_played(serial):
    records = np.concatenate(serial)
    assert len(np.unique(records["screen"], axis=0)) > 20
    assert records["tiles"].max() > 2
    assert records["is_first"].sum() == ENVS * len(range(0, STEPS, EPISODE + 1))
    assert records["truncated"].sum() == ENVS * (STEPS // (EPISODE + 1))
    assert set(records["map_id"]) <= set(map_names())
    assert not records["milestones"].any(), f"random play cannot reach {MILESTONES[0]} in {EPISODE} steps"


def test_envs_differ_by_their_seeds(serial):
    assert len({records["screen"].tobytes() for records in serial}) == ENVS


def test_names_of_maps_are_the_cartridges_own():
    names = map_names()
    assert len(names) > 10
    assert not any(word in name.lower() for word in ("pallet", "viridian") for name in names.values())


def test_a_bad_rom_or_reward_is_refused_before_any_worker_starts(tmp_path):
    rom = tmp_path / "other.gb"
    rom.write_bytes(bytes(0x8000))
    with pytest.raises(RomError, match="unknown ROM"):
        make_vector({"gb_path": str(rom)}, num_envs=2, max_episode_steps=9)
    with pytest.raises(ConfigError, match="reward"):
        make_vector({}, num_envs=2, max_episode_steps=9, reward_name="baseline.NoSuchReward")


class Fork(gymnasium.Env):
    """The real env seen as an unmodified fork: upstream's surface and no telemetry."""

    def __init__(self, env: gymnasium.Env, memory: str) -> None:
        self.action_space, self.reset, self.step, self.close = env.action_space, env.reset, env.step, env.close
        self.read_m, self.observation_space = env.read_m, env.observation_space
        self.save_state = env.save_state
        if memory == "through pyboy":
            self.pyboy = env.pyboy


@pytest.mark.parametrize("memory", ["through pyboy", "byte by byte"])
def test_a_fork_without_telemetry_gives_the_same_records(memory):
    native = RecordEnv(make_red_env({}, None), EPISODE)
    fork = RecordEnv(Fork(make_red_env({"two_bit": False, "reduce_res": False}, None), memory), EPISODE)
    try:
        assert native.reset(seed=1)[0].tobytes() == fork.reset(seed=1)[0].tobytes()
        assert fork.reward_term_names == ()
        for action in (0, 2, 3, 4, 1, 6, 5):
            native.step(action), fork.step(action)
            assert not fork.record["reward_terms"].any()
            native.record["reward_terms"] = 0.0
            assert native.record.tobytes() == fork.record.tobytes()
    finally:
        native.close()
        fork.close()
