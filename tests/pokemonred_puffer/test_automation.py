"""The switches that write memory."""
from __future__ import annotations

import pytest
from fake_game import put_party

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.ram_map import decode_bcd


def test_money_is_raised_only_when_low(make_fake_env, fake):
    fake.write(ram.wPlayerMoney, bytes.fromhex("002175"))
    env = make_fake_env(infinite_money=True)
    env.reset(seed=0)
    env.step(0)
    assert decode_bcd(fake.read_range(ram.wPlayerMoney, 3)) == 102_700
    fake.write(ram.wPlayerMoney, bytes.fromhex("012000"))
    env.step(0)
    assert decode_bcd(fake.read_range(ram.wPlayerMoney, 3)) == 12_000


def test_health_and_values_of_the_party_only(make_fake_env, fake):
    put_party(fake, {"hp": 1, "max_hp": 20, "level": 5})
    env = make_fake_env(infinite_health=True, perfect_ivs=True)
    env.reset(seed=0)
    env.step(0)
    mons = env.telemetry().party_mons
    assert (mons[0]["hp"], mons[0]["max_hp"], mons[1]["hp"]) == (128, 128, 0)
    assert mons[0]["dvs"].tolist() == [255, 255] and mons[0]["stat_exp"].tolist() == [0xFFFF] * 5
    assert mons[0]["pp"].tolist() == [0] * 4 and mons[0]["level"] == 5


@pytest.mark.parametrize(
    ("switch", "address", "before", "after"),
    [
        ("auto_flash", ram.wMapPalOffset, 6, 0),
        ("auto_flash", ram.wMapPalOffset, 3, 3),
        ("disable_wild_encounters", ram.wRepelRemainingSteps, 0, 255),
    ],
)
def test_single_bytes(make_fake_env, fake, switch, address, before, after):
    env = make_fake_env(**{switch: True})
    env.reset(seed=0)
    fake.write(address, before)
    env.step(0)
    assert fake.read(address) == after


def test_safari_steps_only_inside(make_fake_env, fake):
    env = make_fake_env(infinite_safari_steps=True)
    env.reset(seed=0)
    env.step(0)
    assert fake.read(ram.wSafariSteps + 1) == 0
    fake.write(ram.wCurMap, 0xDC)
    env.step(0)
    assert env.telemetry().safari_steps == 255
