"""The world as text: sizes, doors, and that the story can be walked from the bedroom to the shortcut."""
import pytest

from tests.cartridge.worldtext import DIRECTIONS, OPPOSITE, Walker, read_events, read_world

# Red's sizes in blocks of 2x2 cells: an upper bound, so that env code sized for Red fits.
RED_SIZES = {
    0x00: (10, 9), 0x01: (20, 18), 0x02: (20, 18), 0x03: (20, 18), 0x0C: (10, 18), 0x0D: (10, 36), 0x0E: (35, 9),
    0x0F: (45, 9), 0x21: (20, 9), 0x25: (4, 4), 0x26: (4, 4), 0x27: (4, 4), 0x28: (5, 6), 0x29: (7, 4), 0x2A: (4, 4),
    0x2B: (4, 4), 0x2F: (5, 4), 0x32: (5, 4), 0x33: (17, 24), 0x36: (5, 7), 0x38: (4, 4), 0x3A: (7, 4), 0x3B: (20, 18),
    0x3C: (14, 14), 0x3D: (20, 18), 0x40: (7, 4), 0x41: (5, 7), 0x43: (4, 4), 0x44: (7, 4),
}
START = ("REDS_HOUSE_2F", 3, 6)
# step script -> event that opens it
GATES = {
    # the script brings the player into the lab, where lab_gate keeps him until he has chosen
    ("PALLET_TOWN", "leave_town"): "EVENT_GOT_STARTER",
    ("VIRIDIAN_CITY", "north_road"): "EVENT_OAK_GOT_PARCEL",
    ("PEWTER_CITY", "west_road"): "EVENT_BEAT_BROCK",
    ("CERULEAN_CITY", "bridge"): "EVENT_BEAT_CERULEAN_RIVAL",
}
# event, map, person or step script that gives it, events needed before
BEATS = [
    ("EVENT_FOLLOWED_OAK_INTO_LAB", "PALLET_TOWN", "leave_town", ()),
    ("EVENT_GOT_STARTER", "OAKS_LAB", "BALL_LEAF", ("EVENT_FOLLOWED_OAK_INTO_LAB",)),
    ("EVENT_GOT_OAKS_PARCEL", "VIRIDIAN_MART", "errand", ()),
    ("EVENT_OAK_GOT_PARCEL", "OAKS_LAB", "OAK", ("EVENT_GOT_OAKS_PARCEL",)),
    ("EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_2", "VIRIDIAN_FOREST", "TANSY", ()),
    ("EVENT_BEAT_BROCK", "PEWTER_GYM", "BROCK", ()),
    ("EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD", "MT_MOON_B2F", "FERRIS", ()),
    ("EVENT_BEAT_CERULEAN_RIVAL", "CERULEAN_CITY", "bridge", ()),
    ("EVENT_BEAT_MISTY", "CERULEAN_GYM", "MISTY", ()),
    ("EVENT_GOT_HM01", "CERULEAN_CITY", "GRANNY", ("EVENT_BEAT_MISTY",)),
]


def closed(name, script, events):
    """Whether a step script turns the player back under `events`."""
    needed = GATES.get((name, script))
    return needed is not None and needed not in events


@pytest.fixture(scope="module")
def world():
    return read_world()


@pytest.fixture(scope="module")
def walker(world):
    return Walker(world, closed)


def play(walker, until=None):
    """Events reached by walking alone, in order of discovery; `until` is never done."""
    events = set()
    while True:
        seen = walker.reach(START, events)
        new = {beat[0] for beat in BEATS if beat[0] != until and can_do(walker, seen, events, beat)} - events
        if not new:
            return events, seen
        events |= new


def can_do(walker, seen, events, beat):
    """Whether a beat's person or step cell is reachable and its conditions hold."""
    _, name, who, needed = beat
    if not set(needed) <= events:
        return False
    area = walker.world[name]
    spots = [(t.x, t.y) for t in area.things if t.name == who]
    spots += [cell for cell, script in area.steps.items() if script == who]
    return any(walker.touches(seen, name, x, y) for x, y in spots)


def test_ids_and_sizes_fit_red(world):
    assert len(world) >= 20
    for area in world.values():
        width, height = area.size
        assert width % 2 == 0 and height % 2 == 0, area.name
        assert all(len(row) == width for row in area.rows), area.name
        red_width, red_height = RED_SIZES[area.number]
        assert width <= 2 * red_width and height <= 2 * red_height, area.name
    assert len({area.number for area in world.values()}) == len(world)


def test_every_cell_is_known(world, walker):
    for area in world.values():
        unknown = {char for row in area.rows for char in row} - set(walker.cells[area.tileset])
        assert not unknown, (area.name, unknown)


def test_places_do_not_overlap(world):
    boxes = [(a.name, *a.place, *a.size) for a in world.values()]
    for i, (name, x, y, w, h) in enumerate(boxes):
        for other, u, v, p, q in boxes[:i]:
            assert x + w <= u or u + p <= x or y + h <= v or v + q <= y, (name, other)


def test_connections_are_mutual_and_agree_with_places(world):
    for area in world.values():
        for side, (other, offset) in area.connections.items():
            back = world[other].connections[OPPOSITE[side]]
            assert back == (area.name, -offset), (area.name, side)
            axis = 0 if side in ("north", "south") else 1
            assert area.place[axis] - world[other].place[axis] == offset, (area.name, side)


def test_warps_land_on_free_cells(world, walker):
    everything = set(read_events())
    for area in world.values():
        for cell, target in area.warps.items():
            assert walker.behaviour((area.name, *cell)) in ("door", "mat", "walk"), (area.name, cell)
            assert walker.enterable(target, everything), (area.name, cell, target)


def test_things_stand_inside_and_events_are_declared(world, walker):
    known = read_events()
    for area in world.values():
        assert len(area.things) <= 15, area.name
        for thing in area.things:
            assert walker.behaviour((area.name, thing.x, thing.y)) is not None, thing
            used = {word for word in thing.words if word.startswith("EVENT_")}
            assert used <= set(known), thing
        for lines in area.scripts.values():
            for words in lines:
                assert {w for w in words if w.startswith("EVENT_")} <= set(known), (area.name, words)
        for script in area.steps.values():
            assert script in area.scripts, (area.name, script)


def test_event_numbers_are_unique_and_in_range():
    numbers = list(read_events().values())
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= n < 2560 for n in numbers)


def test_the_story_can_be_walked_to_the_end(walker):
    events, seen = play(walker)
    assert events == {beat[0] for beat in BEATS}
    unreached = {name for name in walker.world if not any(place[0] == name for place in seen)}
    assert not unreached


def test_every_person_item_and_sign_can_be_faced(world, walker):
    events, seen = play(walker)
    for area in world.values():
        for x, y in [(t.x, t.y) for t in area.things] + area.signs:
            gone = any((t.x, t.y) == (x, y) and not t.present(events) for t in area.things)
            assert gone or walker.touches(seen, area.name, x, y), (area.name, x, y)


@pytest.mark.parametrize("missing, unreachable", [
    ("EVENT_FOLLOWED_OAK_INTO_LAB", "ROUTE_1"),
    ("EVENT_GOT_STARTER", "ROUTE_1"),
    ("EVENT_GOT_OAKS_PARCEL", "ROUTE_2"),
    ("EVENT_OAK_GOT_PARCEL", "ROUTE_2"),
    ("EVENT_BEAT_BROCK", "ROUTE_3"),
    ("EVENT_BEAT_CERULEAN_RIVAL", "CERULEAN_GYM"),
])
def test_gates_hold(walker, missing, unreachable):
    _, seen = play(walker, until=missing)
    assert not any(place[0] == unreachable for place in seen)


def test_cut_trees_hold_and_shorten_the_way(walker):
    events, _ = play(walker, until="EVENT_GOT_HM01")
    item = next(t for t in walker.world["ROUTE_22"].things if t.kind == "item")
    south, north = ("ROUTE_2", 4, 28), ("ROUTE_2", 11, 0)
    before, after = walker.reach(south, events), walker.reach(south, events | {"EVENT_GOT_HM01"})
    assert not walker.touches(walker.reach(START, events), "ROUTE_22", item.x, item.y)
    assert walker.touches(walker.reach(START, events | {"EVENT_GOT_HM01"}), "ROUTE_22", item.x, item.y)
    assert before[north] > after[north] + 40


@pytest.mark.parametrize("name, cells, start, goal", [
    ("VIRIDIAN_FOREST", [(14, 26), (15, 26), (16, 26)], (10, 28), (19, 1)),
    ("VIRIDIAN_FOREST", [(18, 2), (19, 2), (20, 2)], (10, 28), (19, 1)),
    ("PEWTER_GYM", [(2, 7), (3, 7), (4, 7), (5, 7), (6, 7)], (4, 12), (4, 3)),
    ("MT_MOON_B2F", None, (17, 5), (2, 14)),
    ("CERULEAN_GYM", None, (4, 12), (4, 3)),
    ("VIRIDIAN_FOREST", None, (10, 28), (19, 1)),
])
def test_guards_cannot_be_walked_around(walker, name, cells, start, goal):
    """Every way from start to goal crosses a cell that a trainer watches."""
    if cells is None:
        cells = watched(walker.world[name])
    for cell in cells:
        assert walker.behaviour((name, *cell)) in ("walk", "grass"), cell
    guarded = set(cells)
    stack, seen = [start], {start}
    while stack:
        x, y = stack.pop()
        for dx, dy in DIRECTIONS.values():
            place = (x + dx, y + dy)
            if place not in seen and place not in guarded and walker.enterable((name, *place), set()):
                seen.add(place)
                stack.append(place)
    assert goal not in seen


def watched(area):
    """Cells that the map's trainers see."""
    cells = []
    for thing in area.things:
        if thing.kind == "trainer":
            dx, dy = DIRECTIONS[thing.words[5]]
            cells += [(thing.x + i * dx, thing.y + i * dy) for i in range(1, int(thing.words[7]) + 1)]
    return cells
