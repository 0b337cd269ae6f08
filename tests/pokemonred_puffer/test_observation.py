"""The observation is what its space declares, and its packing loses nothing."""
from __future__ import annotations

import numpy as np
import pytest
from fake_game import move_to, put_bag, put_party

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.observation import PIXEL_VALUES, pack2bit, unpack2bit
from pokemonred_puffer.rom import resolve_rom


def test_packing_is_lossless_and_leftmost_first():
    levels = np.random.default_rng(0).integers(0, 4, (5, 72, 80), dtype=np.uint8)
    packed = pack2bit(levels)
    assert packed.shape == (5, 72, 20) and packed.dtype == np.uint8
    assert np.array_equal(unpack2bit(packed), levels)
    assert pack2bit(np.array([[3, 0, 1, 2]], np.uint8)).tolist() == [[0b11000110]]


def test_emulators_packing_agrees_with_the_plain_one(rom_file):
    emulator = Emulator(resolve_rom(rom_file, allow_mismatch=True))
    emulator.tick(2, True)
    pixels = np.random.default_rng(1).choice(PIXEL_VALUES, (144, 160))
    emulator._half[:] = pixels[::2, ::2]
    assert np.array_equal(emulator.screen_packed(), pack2bit(emulator.screen_gray()))
    assert np.array_equal(PIXEL_VALUES[emulator.screen_gray()], pixels[::2, ::2])
    emulator.close()


@pytest.mark.parametrize(
    ("reduce_res", "two_bit", "shape"),
    [(True, True, (72, 20, 1)), (True, False, (72, 80, 1)), (False, True, (144, 40, 1)), (False, False, (144, 160, 1))],
)
def test_observation_is_in_its_space(make_fake_env, reduce_res, two_bit, shape):
    env = make_fake_env(reduce_res=reduce_res, two_bit=two_bit)
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["screen"].shape == observation["visited_mask"].shape == shape
    assert env.observation_space.contains(env.step(0)[0])


def test_all_frame_forms_show_the_same_picture(make_fake_env, fake):
    forms = {}
    for reduce_res in (True, False):
        for two_bit in (True, False):
            env = make_fake_env(reduce_res=reduce_res, two_bit=two_bit)
            screen = env.reset(seed=0)[0]["screen"][:, :, 0]
            forms[reduce_res, two_bit] = PIXEL_VALUES[unpack2bit(screen)] if two_bit else screen
    assert np.array_equal(forms[True, True], forms[True, False])
    assert np.array_equal(forms[False, True], fake.picture)
    assert np.array_equal(forms[True, True], fake.picture[::2, ::2])


def test_observation_stays_in_its_space_on_junk_memory(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    rng = np.random.default_rng(2)
    for _ in range(20):
        fake.data[0xC000:0xE000] = rng.bytes(0x2000)
        assert env.observation_space.contains(env.step(0)[0])


def test_values_of_the_keys(make_fake_env, fake):
    put_party(fake, {"hp": 23, "max_hp": 40, "level": 6, "species": 0x99, "moves": [1, 2, 0, 0], "speed": 300})
    fake.write(ram.wPartyMons + 44, bytes([7] * 44))  # beyond the count: must not show
    put_bag(fake, (0x14, 3))
    fake.write(ram.wLastBlackoutMap, 1)
    fake.write(ram.wEventFlags, 0xFF)
    observation, _ = make_fake_env().reset(seed=0)
    assert observation["hp"].tolist() == [23, 0, 0, 0, 0, 0] and observation["speed"][0] == 300
    assert observation["moves"][0].tolist() == [1, 2, 0, 0] and observation["species"].tolist() == [0x99, 0, 0, 0, 0, 0]
    assert observation["bag_items"][:2].tolist() == [0x14, 0] and observation["bag_quantity"][0] == 3
    assert observation["map_id"].tolist() == [0x26] and observation["blackout_map_id"].tolist() == [1]
    assert observation["battle_type"].tolist() == [1] and observation["events"][0] == 255


@pytest.mark.parametrize(("in_battle", "shown"), [(0xFF, 0), (0, 1), (1, 2), (2, 3)])
def test_battle_type(make_fake_env, fake, in_battle, shown):
    fake.write(ram.wIsInBattle, in_battle)
    observation, _ = make_fake_env().reset(seed=0)
    assert observation["battle_type"].tolist() == [shown]


def test_visited_mask_shows_the_players_tracks_and_hides_them_in_battle(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    move_to(fake, 0x26, 4, 6)  # one to the right
    levels = unpack2bit(env.step(2)[0]["visited_mask"][:, :, 0])
    expected = np.zeros((72, 80), np.uint8)
    expected[4 * 8 - 3 : 5 * 8 - 3, 3 * 8 : 5 * 8] = 3  # row 4, columns 3 and 4 of the window, 3 lines cut off the top
    assert np.array_equal(levels, expected)
    fake.write(ram.wIsInBattle, 1)
    assert not env.step(0)[0]["visited_mask"].any()


def test_arrays_that_did_not_change_cannot_be_overwritten(make_fake_env):
    env = make_fake_env()
    observation, _ = env.reset(seed=0)
    with pytest.raises(ValueError):
        observation["hp"][0] = 1
