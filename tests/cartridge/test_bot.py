"""The scripted player's planning and fighting on made-up worlds and memory: no ROM needed."""
import pytest

from pokemonred_puffer.bot.battle import Fighter
from pokemonred_puffer.bot.game import BATTLE_STRUCT, ENEMY_STRUCT, GAME_READY, Game, StuckError
from pokemonred_puffer.bot.world import World
from pokemonred_puffer.ram_map import WramImage, wTileMap

NORMAL, WATER, GRASS = 0x00, 0x15, 0x16


BEHAVIOUR = {".": "walk", "#": "solid", "g": "grass", "L": "ledge", "c": "cut", "D": "door", "m": "mat"}


def area(number, name, grid, warps=(), connections=None, persons=()):
    """One world.json map; warps are (x, y, map id, x there, y there)."""
    warps = [{"x": x, "y": y, "map": other, "to": [u, v]} for x, y, other, u, v in warps]
    return {
        "id": number, "const": name, "grid": grid, "width": len(grid[0]), "height": len(grid), "behaviour": BEHAVIOUR,
        "warps": warps, "connections": connections or {}, "persons": list(persons), "trainers": [], "items": [],
    }


@pytest.fixture
def world():
    maps = [
        area(0, "TOWN", ["..D.", ".LL.", "....", "##c#"], [(2, 0, 2, 1, 1)], {"east": {"map": 1, "offset": 1}},
             [{"name": "ANNA", "x": 0, "y": 0}]),
        area(1, "FIELD", ["####", "..g.", "...."], (), {"west": {"map": 0, "offset": -1}}),
        area(2, "HOUSE", ["#..#", "#mm#"], [(1, 1, 0, 2, 0)]),
    ]
    moves = {"1": {"power": 35, "accuracy": 255, "type": NORMAL}, "2": {"power": 40, "accuracy": 255, "type": GRASS},
             "3": {"power": 0, "accuracy": 255, "type": NORMAL}}
    return World({"maps": maps, "events": {}, "moves": moves, "effects": [[GRASS, WATER, 2], [GRASS, GRASS, 0.5]],
                  "items": {"20": {"const": "POTION"}, "4": {"const": "POKE_BALL"}}})


def keys(path):
    """The keys of a path as a string."""
    return "".join(key for key, _ in path)


def test_ledges_are_one_way(world):
    assert keys(world.plan((0, 1, 0), {(0, 1, 2)}, set())) == "d"
    assert len(world.plan((0, 1, 2), {(0, 1, 0)}, set())) > 2


def test_doors_and_mats_change_the_map(world):
    path = world.plan((0, 3, 0), {(2, 2, 0)}, set())
    assert keys(path) in ("lur", "lru") and path[0][1] == (2, 1, 1)
    assert world.plan((2, 1, 1), {(0, 2, 0)}, set()) == [("d", (0, 2, 0))]


def test_edges_lead_to_the_neighbour_with_its_offset(world):
    assert world.plan((0, 3, 1), {(1, 0, 2)}, set()) == [("r", (1, 0, 2))]
    assert world.plan((0, 3, 2), {(1, 1, 2)}, set(), cut=False) is not None


def test_grass_and_people_are_walked_around(world):
    assert (1, 2, 1) not in [cell for _, cell in world.plan((1, 1, 1), {(1, 3, 1)}, set())]
    assert world.plan((1, 1, 1), {(1, 3, 1)}, {(1, 1, 2), (1, 2, 2)}) == [("r", (1, 2, 1)), ("r", (1, 3, 1))]


def test_thorns_open_only_with_the_hook(world):
    assert world.plan((0, 2, 2), {(0, 2, 3)}, set()) is None
    assert keys(world.plan((0, 2, 2), {(0, 2, 3)}, set(), cut=True)) == "d"


def test_unknown_people_are_an_error(world):
    assert world.thing("TOWN", "ANNA").x == 0
    with pytest.raises(KeyError, match="BERT"):
        world.thing("TOWN", "BERT")


def memory(moves, points, foe_types):
    """WRAM with our moves and the foe's types; all stats 10."""
    image = WramImage()
    image.write(GAME_READY, 1)
    image.write(BATTLE_STRUCT + 5, bytes([GRASS, GRASS]))
    image.write(BATTLE_STRUCT + 8, bytes(moves))
    image.write(BATTLE_STRUCT + 25, bytes(points))
    image.write(ENEMY_STRUCT + 5, bytes(foe_types))
    for stat in range(17, 25, 2):
        image.write(BATTLE_STRUCT + stat, b"\x00\x0a")
        image.write(ENEMY_STRUCT + stat, b"\x00\x0a")
    return image


@pytest.mark.parametrize("points, foe, slot", [
    ((9, 9, 9, 0), (WATER, WATER), 2),  # super effective
    ((9, 9, 9, 0), (GRASS, GRASS), 1),  # not very: the plain move is better
    ((9, 9, 0, 0), (WATER, WATER), 1),  # no points left
])
def test_best_move(world, points, foe, slot):
    game = Game(memory((3, 1, 2, 0), points, foe))
    assert Fighter(game, world).best_move() == slot


def test_screen_text_and_cursor_are_read():
    image = WramImage()
    image.write(wTileMap + 14 * 20 + 4, bytes(ord(c) + 0x60 for c in "FIGHT"))
    image.write(wTileMap + 14 * 20 + 3, 0xE7)
    game = Game(image)
    assert game.text()[14] == "    FIGHT           "
    assert game.cursor() == (3, 14)


def test_a_game_without_end_is_noticed():
    game = Game(WramImage(), limit=0)
    with pytest.raises(StuckError, match="no end after 0 actions"):
        game.press("a")
