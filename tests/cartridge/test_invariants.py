"""The fuzzer's rules notice what they are for: each broken byte in otherwise sound memory is reported."""
import pytest

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.bot.game import GAME_READY
from pokemonred_puffer.ram_map import WramImage
from tests.cartridge.invariants import MAX_BUSY, Invariants

WORLD = {"maps": [{"id": 5, "width": 8, "height": 6}], "species": {"153": {}}, "moves": {"33": {}}, "items": {"20": {}}}
MEMBER = ram.wPartyMons


@pytest.fixture
def memory():
    """Sound memory: one companion of level 5 with 20 of 20 HP, one kind of item, 3000 money."""
    image = WramImage()
    for address, data in (
        (GAME_READY, 1), (ram.wCurMap, 5), (ram.wCurMapWidth, 4), (ram.wCurMapHeight, 3), (ram.wPartyCount, 1),
        (ram.wPartySpecies, b"\x99\xff"), (MEMBER, b"\x99\x00\x14"), (MEMBER + 8, b"\x21"), (MEMBER + 29, b"\x23"),
        (MEMBER + 33, b"\x05\x00\x14"), (ram.wNumBagItems, b"\x01\x14\x03\xff"), (ram.wPlayerMoney, b"\x00\x30\x00"),
        (ram.wIsInBattle, 1), (ram.wEnemyMonHP, b"\x00\x05"), (ram.wEnemyMonMaxHP, b"\x00\x09"),
    ):
        image.write(address, data)
    return image


def test_sound_memory_is_accepted(memory):
    assert Invariants(WORLD).check(memory) is None


@pytest.mark.parametrize("address, data, report", [
    (ram.wCurMap, 9, "unknown map"),
    (ram.wXCoord, 8, "outside"),
    (ram.wYCoord, 255, "outside"),
    (ram.wCurMapWidth, 5, "claims size"),
    (ram.wSpritePlayerStateData1FacingDirection, 3, "facing"),
    (ram.wPartyCount, 7, "companions"),
    (ram.wPartySpecies + 1, 0, "no end"),
    (MEMBER, 0x98, "unknown species"),
    (MEMBER + 2, 21, "HP 21 of 20"),
    (MEMBER + 33, 0, "level 0"),
    (MEMBER + 33, 101, "level 101"),
    (MEMBER + 9, 0x22, "moves"),
    (MEMBER + 29, 63, "PP"),
    (ram.wNumBagItems, 21, "kinds of items"),
    (ram.wBagItems, 0x15, "bag ids"),
    (ram.wBagItems + 1, 0, "bag amounts"),
    (ram.wBagItems + 2, 0, "no end"),
    (ram.wPlayerMoney + 1, 0x3A, "no BCD"),
    (ram.wIsInBattle, 3, "battle kind"),
    (ram.wEnemyMonHP + 1, 10, "foe HP 10 of 9"),
])
def test_each_broken_byte_is_reported(memory, address, data, report):
    memory.write(address, data)
    assert report in Invariants(WORLD).check(memory)


def test_an_event_taken_back_is_reported(memory):
    invariants = Invariants(WORLD)
    memory.write(ram.wEventFlags, 4)
    assert invariants.check(memory) is None
    memory.write(ram.wEventFlags, 0)
    assert "event 0x2 was taken back" in invariants.check(memory)


def test_a_frozen_game_is_reported(memory):
    invariants = Invariants(WORLD)
    memory.write(GAME_READY, 0)
    reports = [invariants.check(memory) for _ in range(MAX_BUSY + 1)]
    assert reports[MAX_BUSY - 1] is None and "no key asked for" in reports[MAX_BUSY]
