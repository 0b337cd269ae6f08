"""Decoding of memory: everything on made-up WRAM, through the code that the environment runs."""
from __future__ import annotations

import pytest
from fake_game import move_to, put_bag, put_party, set_event

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.data.events import EVENTS
from pokemonred_puffer.data.items import Items
from pokemonred_puffer.ram_map import Snapshot, decode_bcd, encode_bcd, event_bit, item_groups


def test_words_of_the_party_are_big_endian(image):
    image.write(ram.wPartyCount, 1)
    image.write(ram.wPartyMons, bytes([0x99, 0x00, 0x17]))  # 23 HP
    image.write(ram.wPartyMons + 34, bytes([0x01, 0x02]))
    mon = Snapshot(image).party_mons[0]
    assert (mon["species"], mon["hp"], mon["max_hp"]) == (0x99, 23, 0x102)


def test_every_field_of_the_party_struct_is_where_the_game_has_it(image):
    image.write(ram.wPartyCount, 2)
    image.write(ram.wPartyMons + 44, bytes(range(44)))
    mon = Snapshot(image).party_mons[1]
    assert mon["status"] == 4 and mon["type1"] == 5 and mon["type2"] == 6
    assert mon["moves"].tolist() == [8, 9, 10, 11] and mon["pp"].tolist() == [29, 30, 31, 32]
    assert mon["level"] == 33 and mon["attack"] == 36 << 8 | 37 and mon["special"] == 42 << 8 | 43


@pytest.mark.parametrize(("raw", "value"), [("000000", 0), ("002175", 2175), ("999999", 999_999), ("0000ff", 99)])
def test_money_is_binary_coded_decimal(image, raw, value):
    image.write(ram.wPlayerMoney, bytes.fromhex(raw))
    assert Snapshot(image).money == value


@pytest.mark.parametrize("value", [0, 7, 3000, 102_700, 999_999, 1_000_000, -5])
def test_bcd_round_trip_saturates(value):
    assert decode_bcd(encode_bcd(value)) == min(max(value, 0), 999_999)


def test_bag_stops_at_its_count_and_at_the_terminator(image):
    put_bag(image, (Items.POTION, 3), (Items.OAKS_PARCEL, 1))
    assert Snapshot(image).bag == (bytes([0x14, 0x46]), bytes([3, 1]))
    image.write(ram.wNumBagItems, 9)  # a count beyond the terminator is junk
    assert len(Snapshot(image).bag[0]) == 2
    image.write(ram.wNumBagItems, 200)
    image.write(ram.wBagItems, bytes([1, 1] * 20))
    assert len(Snapshot(image).bag[0]) == 20


def test_place_facing_text_and_badges(image):
    move_to(image, 0x28, 5, 3)
    image.write(ram.wSpritePlayerStateData1FacingDirection, 12)
    image.write(ram.wFontLoaded, 1)
    image.write(ram.wObtainedBadges, 0b101)
    image.write(ram.wCurMapHeight, bytes([6, 5]))
    snapshot = Snapshot(image)
    assert (snapshot.map_id, snapshot.x, snapshot.y, snapshot.facing, snapshot.text_open) == (0x28, 5, 3, 3, 1)
    assert snapshot.badges == 0b101 and snapshot.map_size == (12, 10)


def test_event_bits_are_least_significant_first(image):
    set_event(image, EVENTS["EVENT_BEAT_BROCK"])
    assert image.read(0xD755) == 0x80  # the address and bit that the specification names
    events = Snapshot(image).events
    assert event_bit(events, EVENTS["EVENT_BEAT_BROCK"]) == 1 and event_bit(events, EVENTS["EVENT_BEAT_MISTY"]) == 0


@pytest.mark.parametrize(
    ("address", "value", "bit"), [(0xD665, 4, 0), (0xD5AE, 0x40, 1), (0xD728, 0x40, 2), (0xD72E, 0x01, 3)]
)
def test_extras_outside_the_event_flags(image, address, value, bit):
    assert Snapshot(image).extras == 0
    image.write(address, value)
    assert Snapshot(image).extras == 1 << bit


def test_treasures_are_hidden_objects(image):
    image.write(0xD5BE, 0x04)
    assert Snapshot(image).treasures == 1
    image.write(0xD5BF, 0x10)
    assert Snapshot(image).treasures == 3


def test_opponent_is_read_only_in_battle(image):
    image.write(ram.wEnemyMonHP, bytes([0x01, 0x00]))
    image.write(ram.wEnemyMonMaxHP, bytes([0x02, 0x00]))
    image.write(ram.wEnemyMonLevel, 14)
    assert Snapshot(image).enemy_max_hp == 0
    image.write(ram.wIsInBattle, 2)
    snapshot = Snapshot(image)
    assert (snapshot.enemy_hp, snapshot.enemy_max_hp, snapshot.enemy_level) == (256, 512, 14)


def test_safari_steps_and_blackout_map(image):
    image.write(ram.wSafariSteps, bytes([0x01, 0xF6]))
    image.write(ram.wLastBlackoutMap, 2)
    snapshot = Snapshot(image)
    assert (snapshot.safari_steps, snapshot.blackout_map) == (502, 2)


def test_item_groups():
    assert item_groups(bytes([Items.HM_01, Items.HM_02, Items.LEMONADE, Items.POTION])) == (1, 1, 2)


def test_party_count_of_junk_memory_is_capped(image):
    put_party(image, {"level": 5})
    image.write(ram.wPartyCount, 0xFF)
    assert Snapshot(image).party_count == 6
