"""Environments in other processes, and on a real emulator without a game."""
from __future__ import annotations

import hashlib
import multiprocessing

import numpy as np
import pytest

from pokemonred_puffer import rom as rom_module
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.errors import StateError
from pokemonred_puffer.factory import make_env


def work(settings: dict, queue) -> None:
    """Runs in the child."""
    env = make_env(settings)
    observation, _ = env.reset(seed=4)
    queue.put((env.unwrapped.env_id, observation["screen"].shape, env.step(0)[3]))
    env.close()


def test_spawned_process_builds_its_own_environment(tiny_settings):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=work, args=({**tiny_settings, "env_id": 5}, queue))
    child.start()
    try:
        assert queue.get(timeout=60) == (5, (72, 20, 1), False)
    finally:
        child.join(30)
    assert child.exitcode == 0


def test_several_environments_in_one_process_do_not_disturb_each_other(tiny_settings):
    first, second = RedGymEnv(tiny_settings), RedGymEnv(tiny_settings)
    first.reset(seed=0)
    second.reset(seed=0)
    first.emulator.write(0xD35E, 9)
    assert second.read_m("wCurMap") == 0
    first.close()
    second.close()


def test_state_round_trip_on_the_emulator(tiny_settings):
    env = RedGymEnv(tiny_settings)
    env.reset(seed=0)
    env.emulator.write(0xD35E, 9)
    state = env.save_state()
    fresh = RedGymEnv(tiny_settings)
    observation, _ = fresh.reset(options={"state": state})
    assert observation["map_id"].tolist() == [9]
    assert np.array_equal(observation["screen"], env.reset(options={"state": state})[0]["screen"])
    env.close()
    fresh.close()


def test_noop_frames_follow_the_seed(tiny_settings, monkeypatch):
    def frames(seed):
        env = RedGymEnv({**tiny_settings, "noop_max": 1000})
        counted = []
        tick = env.emulator.tick
        env.reset(seed=seed)
        monkeypatch.setattr(env.emulator, "tick", lambda n, render=False: (counted.append(n), tick(n, render)))
        env.reset(seed=seed)
        env.reset()
        env.close()
        return counted

    assert frames(1) == frames(1) != frames(2)


@pytest.mark.parametrize("name", ["missing.state", "junk.state"])
def test_unreadable_initial_states(tiny_settings, tmp_path, name):
    (tmp_path / "junk.state").write_bytes(b"junk" * 100)
    env = RedGymEnv({**tiny_settings, "init_state": str(tmp_path / name)})
    with pytest.raises(StateError, match=name):
        env.reset(seed=0)
    env.close()


def test_named_initial_state(tiny_settings, tmp_path):
    env = RedGymEnv(tiny_settings)
    env.reset(seed=0)
    env.emulator.write(0xD35E, 12)
    (tmp_path / "here.state").write_bytes(env.save_state())
    env.close()
    env = RedGymEnv({**tiny_settings, "state_dir": str(tmp_path), "init_state": "here"})
    assert env.reset(seed=0)[0]["map_id"].tolist() == [12]
    env.close()


def test_red_asks_for_a_savestate(tiny_settings, rom_file, monkeypatch):
    monkeypatch.setattr(rom_module, "RED_SHA1", hashlib.sha1(rom_file.read_bytes()).hexdigest())
    env = RedGymEnv({**tiny_settings, "allow_rom_mismatch": False})
    with pytest.raises(StateError, match=r"init_state.*PyBoy 2\.7\.0"):
        env.reset(seed=0)
    env.close()
