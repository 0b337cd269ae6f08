"""The running game at points of the walkthrough: gates hold, defeats cost half the money, a press is a step."""
import hashlib

import pytest

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.bot.game import Game, StuckError, act
from pokemonred_puffer.bot.player import Player
from pokemonred_puffer.bot.world import World
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import CARTRIDGE_DIR, resolve_rom
from pokemonred_puffer.walkthrough import Recording

pytestmark = pytest.mark.skipif(not (CARTRIDGE_DIR / "walkthrough.json").is_file(), reason="no recorded walkthrough")
POINTS = ("BEDROOM", "EVENT_OAK_ASKED_TO_CHOOSE_MON", "VIRIDIAN_CITY", "EVENT_GOT_POKEDEX", "ROUTE_2", "PEWTER_CITY")


@pytest.fixture(scope="module")
def rom():
    return resolve_rom(CARTRIDGE_DIR / "cartridge.gb")


@pytest.fixture(scope="module")
def world(rom):
    return World(rom.world)


@pytest.fixture(scope="module")
def emulator(rom):
    emulator = Emulator(rom)
    yield emulator
    emulator.close()


@pytest.fixture(scope="module")
def states(emulator):
    """{milestone: savestate} on the way to the third town."""
    recording = Recording.load()
    numbers = {recording.milestones[name]: name for name in POINTS}
    found = {}
    for i, key in enumerate(recording.keys[: max(numbers)], 1):
        act(emulator, key)
        if i in numbers:
            found[numbers[i]] = emulator.save_state()
    return found


@pytest.fixture
def player(emulator, states, world):
    """A function that puts the scripted player at a milestone."""
    def at(name, limit=400):
        emulator.load_state(states[name])
        player = Player(Game(emulator, limit=limit), world)
        player.clear()
        return player

    return at


def test_one_press_is_one_step_in_every_direction(player):
    game = player("BEDROOM").game
    start = game.place
    for key, moved in (("u", (0, -1)), ("l", (-1, 0)), ("d", (0, 1)), ("r", (1, 0))):
        before = game.place
        game.press(key)
        assert game.place == (before[0], before[1] + moved[0], before[2] + moved[1])
        assert game.ready
    assert game.place == start


def test_the_ready_byte_and_the_text_flag_follow_the_menu(player):
    game = player("BEDROOM").game
    assert game.ready and not game.text_open
    game.press("s")
    assert game.ready and game.text_open and game.cursor()
    game.press("b")
    game.settle()
    assert not game.text_open


@pytest.mark.parametrize("point, goal, beyond", [
    ("EVENT_OAK_ASKED_TO_CHOOSE_MON", ("OAKS_LAB", 4, 9), "PALLET_TOWN"),
    ("VIRIDIAN_CITY", ("VIRIDIAN_CITY", 6, 0), "ROUTE_2"),
    ("PEWTER_CITY", ("PEWTER_CITY", 0, 8), "ROUTE_3"),
])
def test_story_gates_turn_the_player_back(player, world, point, goal, beyond):
    walker = player(point)
    cell = (world.ids[goal[0]], *goal[1:])
    seen = set()
    with pytest.raises(StuckError):
        while True:
            walker.walk_to(cell, until=lambda: seen.add(walker.game.place))
            assert cell not in seen, "the gate let the player pass"
    assert world.ids[beyond] not in {place[0] for place in seen}


def test_a_hedge_stays_without_the_hook(player, world):
    walker = player("PEWTER_CITY", limit=1500)
    walker.walk_to((world.ids["ROUTE_2"], 15, 10))
    walker.game.press("d")
    walker.game.press("a")
    walker.clear()
    walker.game.press("d")
    walker.game.settle()
    assert walker.game.place == (world.ids["ROUTE_2"], 15, 10)


def test_defeat_costs_half_the_money_and_heals(player, emulator, world):
    game = player("ROUTE_2").game
    emulator.write(ram.wPlayerMoney, bytes.fromhex("001235"))
    for slot in range(game.party_count):
        emulator.write(ram.wPartyMons + slot * ram.PARTY_STRUCT + 1, b"\x00\x01\x00\x08")  # 1 HP and poisoned
    fainted = False
    for key in "ud" * 4 + "aaab" * 8:
        game.press(key)
        fainted = fainted or game.in_battle == 255
    assert fainted
    assert game.money == 617
    assert game.health == 1.0 and game.party(4) == 0
    assert game.place[0] == world.ids["VIRIDIAN_POKECENTER"]
    assert game.in_battle == 0


def test_shopping_moves_money_into_the_bag(player, world):
    walker = player("EVENT_GOT_POKEDEX", limit=600)
    money, charms = walker.game.money, walker.game.has(world.charm)
    walker.shop("VIRIDIAN_MART", "Bond Charm", 2)
    assert walker.game.has(world.charm) == charms + 2
    assert walker.game.money <= money - 400 or walker.game.money == money // 2 - 400  # a lost fight on the way


def test_same_keys_same_memory(emulator, states):
    digests = set()
    for _ in range(2):
        emulator.load_state(states["ROUTE_2"])
        for key in "uuuudlrudasbuurrddlla" * 12:
            act(emulator, key)
        digests.add(hashlib.sha1(emulator.read_range(0xC000, 0x1F00)).hexdigest())
    assert len(digests) == 1
