"""The locked door on the cartridge, with the recorded game, and on a made-up memory as Red's."""
from __future__ import annotations

import pytest
from fake_game import move_to

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.data.milestones import milestone_names
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.factory import make_env
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording
from pokemonred_puffer.wrappers.locked_door import LockedDoorWrapper
from tests.cartridge.invariants import Invariants

DOWN, LEFT, RIGHT, UP, A, B = range(6)


@pytest.fixture(scope="module")
def power_on():
    emulator = Emulator(resolve_rom())
    state = emulator.save_state()
    emulator.close()
    return state


def played(power_on: bytes, steps: int, locked: str | None) -> tuple[set[str], list[str], list[str]]:
    """(maps entered, milestones in order, broken invariants) of so many recorded keys."""
    env, recording = make_env({"noop_max": 0, "log_frequency": 0}), Recording.load()
    outer = LockedDoorWrapper(env, {"map": locked}) if locked else env
    invariants, maps, told, broken = Invariants(env.emulator.rom.world), set(), [], []
    outer.reset(options={"state": power_on})
    for step, key in enumerate(recording.keys[:steps], 1):
        outer.step(KEYS.index(key))
        now = env.telemetry()
        if step < recording.milestones["BEDROOM"]:
            continue  # the game has not begun
        maps.add(MapIds(now.map_id).name)
        told += [name for name in milestone_names(now.milestones) if name not in told]
        problem = invariants.check(env.emulator)
        broken += [f"{step}: {problem}"] if problem else []
    outer.close()
    return maps, told, broken


@pytest.mark.parametrize(
    "locked, steps, last, beyond",
    [
        ("VIRIDIAN_MART", 1200, "EVENT_BATTLED_RIVAL_IN_OAKS_LAB", "VIRIDIAN_CITY"),  # a door
        ("VIRIDIAN_CITY", 600, "EVENT_BATTLED_RIVAL_IN_OAKS_LAB", "ROUTE_1"),  # a road
        ("VIRIDIAN_FOREST", 2500, "EVENT_GOT_POKEDEX", "VIRIDIAN_FOREST_SOUTH_GATE"),  # a door at the map's edge
        ("PALLET_TOWN", 200, None, "REDS_HOUSE_1F"),  # a mat
    ],
)  # fmt: skip
def test_the_recorded_game_comes_as_far_as_the_door_and_no_further(power_on, locked, steps, last, beyond):
    maps, told, broken = played(power_on, steps, locked)
    assert locked not in maps and beyond in maps, "he stands before it"
    assert (told[-1] if told else None) == last
    assert broken == []
    maps, told, broken = played(power_on, steps, None)
    assert locked in maps and broken == []
    assert last is None or told.index(last) < len(told) - 1, "without the lock there is more"


def test_one_who_is_inside_may_leave_and_stays_outside(power_on):
    env, recording = make_env({"noop_max": 0, "log_frequency": 0}), Recording.load()
    env.reset(options={"state": power_on})
    at = recording.milestones["EVENT_GOT_OAKS_PARCEL"]
    for key in recording.keys[:at]:
        env.step(KEYS.index(key))
    inside = int(MapIds.VIRIDIAN_MART)
    assert env.telemetry().map_id == inside
    outer = LockedDoorWrapper(env, {"map": "VIRIDIAN_MART"})
    for key in recording.keys[at : at + 40]:
        outer.step(KEYS.index(key))
        if env.telemetry().map_id != inside:
            break
    door = env.telemetry()
    for _ in range(3):
        outer.step(UP)
    before = env.telemetry()
    env.step(UP)
    after = env.telemetry()
    outer.close()
    assert (door.map_id, before.map_id, after.map_id) == (MapIds.VIRIDIAN_CITY, MapIds.VIRIDIAN_CITY, inside)
    assert (before.x, before.y) == (door.x, door.y), "he stands where he came out"


# --- Red keeps its roads in memory too


@pytest.fixture
def red(make_fake_env, fake):
    """An env in Pewter at (10, 10), 20 x 18 blocks, with a door to the gym at (16, 17) and a road east to Route 3."""
    env = make_fake_env()
    move_to(fake, MapIds.PEWTER_CITY, 10, 10)
    fake.write(ram.wCurMapWidth, 20)
    fake.write(ram.wCurMapHeight, 18)
    fake.write(ram.wNumberOfWarps, 2)
    fake.write(ram.wWarpEntries, bytes((7, 14, 0, MapIds.MUSEUM_1F, 17, 16, 1, MapIds.PEWTER_GYM)))
    fake.write(ram.wCurMapConnections, 0b0101)
    fake.write(ram.wEastConnectedMap, MapIds.ROUTE_3)
    fake.write(ram.wSouthConnectedMap, MapIds.ROUTE_2)
    fake.write(ram.wWestConnectedMap, MapIds.ROUTE_3)  # left over from another map: its flag is not set
    return env


def pressed(env, fake, locked: str, x: int, y: int, action: int) -> str:
    outer = LockedDoorWrapper(env, {"map": locked})
    outer.reset(options={"state": bytes(fake.data)})
    move_to(fake, env.emulator.read(ram.wCurMap), x, y)
    outer.step(B)  # the env sees the place
    outer.step(action)
    return fake.pressed[-1][0]


@pytest.mark.parametrize(
    "locked, x, y, action, key",
    [
        ("PEWTER_GYM", 16, 18, UP, "b"), ("PEWTER_GYM", 15, 17, RIGHT, "b"), ("PEWTER_GYM", 16, 18, LEFT, "left"),
        ("PEWTER_GYM", 14, 8, UP, "up"), ("PEWTER_GYM", 16, 18, A, "a"), ("MUSEUM_1F", 14, 8, UP, "b"),
        ("ROUTE_3", 39, 12, RIGHT, "b"), ("ROUTE_3", 38, 12, RIGHT, "right"), ("ROUTE_3", 0, 12, LEFT, "left"),
        ("ROUTE_2", 9, 35, DOWN, "b"), ("ROUTE_3", 9, 35, DOWN, "down"), ("ROUTE_1", 39, 12, RIGHT, "right"),
    ],
)  # fmt: skip
def test_doors_and_roads_of_red(red, fake, locked, x, y, action, key):
    assert pressed(red, fake, locked, x, y, action) == key


def test_a_door_that_leads_outside_leads_to_the_last_map(red, fake):
    fake.write(ram.wWarpEntries, bytes((35, 9, 0, 0xFF)))
    fake.write(ram.wNumberOfWarps, 1)
    fake.write(ram.wCurMapConnections, 0)
    fake.write(ram.wLastMap, MapIds.ROUTE_4)
    assert pressed(red, fake, "ROUTE_4", 9, 35, DOWN) == "b"
    assert pressed(red, fake, "ROUTE_5", 9, 35, DOWN) == "down"


@pytest.mark.parametrize("address, value", [(ram.wIsInBattle, 1), (ram.wFontLoaded, 1)])
def test_keys_of_menus_and_battles_pass(red, fake, address, value):
    fake.write(address, value)
    assert pressed(red, fake, "PEWTER_GYM", 16, 18, UP) == "up"


def test_a_table_that_cannot_be_is_no_error(red, fake):
    fake.write(ram.wNumberOfWarps, 0xFF)
    assert pressed(red, fake, "PEWTER_GYM", 16, 18, UP) == "b"


def test_an_unknown_map_is_one_line(make_fake_env):
    with pytest.raises(ConfigError, match=r'no map VIRIDIAN_MARD.*did you mean "VIRIDIAN_MART"'):
        LockedDoorWrapper(make_fake_env(), {"map": "VIRIDIAN_MARD"})
    env = make_env({"noop_max": 0})
    with pytest.raises(ConfigError, match="the running game has no map SILPH_CO_1F"):
        LockedDoorWrapper(env, {"map": "SILPH_CO_1F"})
    env.close()


def test_the_packaged_set_locks_the_shop():
    env = make_env({"noop_max": 0}, wrappers_name="locked_door")
    assert env.locked == MapIds.VIRIDIAN_MART
    env.close()
