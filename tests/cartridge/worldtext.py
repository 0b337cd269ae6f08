"""The cartridge's world, read from its text files for tests (independent of `cartridge/build.py`)."""
import re
import shlex
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "cartridge"
DIRECTIONS = {"down": (0, 1), "up": (0, -1), "left": (-1, 0), "right": (1, 0)}
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}
WALKABLE = {"walk", "grass", "door", "mat"}


@dataclass
class TextMap:
    """One map file: grid rows, warps {(x, y): (map, x, y)}, things that stand on cells, steps {(x, y): script}."""

    name: str
    number: int = -1
    title: str = ""
    tileset: str = ""
    place: tuple = (0, 0)
    rows: list = field(default_factory=list)
    connections: dict = field(default_factory=dict)
    warps: dict = field(default_factory=dict)
    things: list = field(default_factory=list)
    signs: list = field(default_factory=list)
    steps: dict = field(default_factory=dict)
    scripts: dict = field(default_factory=dict)

    @property
    def size(self):
        """(width, height) in cells."""
        return len(self.rows[0]), len(self.rows)


@dataclass(frozen=True)
class Thing:
    """A person, trainer or item: kind, cell, and the event that hides or shows it."""

    kind: str
    name: str
    x: int
    y: int
    hidden_if: str | None
    shown_if: str | None
    words: tuple

    def present(self, events):
        """Whether it stands there when `events` are set."""
        if self.hidden_if:
            return self.hidden_if not in events
        return self.shown_if is None or self.shown_if in events


def cell_behaviours():
    """{tileset: {char: behaviour}} from art/cells.txt."""
    table, tileset = {}, None
    for line in (ROOT / "art" / "cells.txt").read_text().splitlines():
        if line.startswith("tileset "):
            tileset = table.setdefault(line.split()[1], {})
        elif line.startswith("cell "):
            _, char, _, behaviour = line.split()[:4]
            tileset[char] = behaviour
    return table


def words_of(line):
    """Words of one directive; quoted strings stay whole, a trailing comment goes."""
    return shlex.split(line, comments=True)


def _after(words, key):
    return words[words.index(key) + 1] if key in words else None


def _thing(words):
    kind = words[0]
    if kind == "item":
        return Thing(kind, words[3], int(words[1]), int(words[2]), words[4], None, tuple(words))
    hidden, shown = _after(words, "hidden_if"), _after(words, "shown_if")
    return Thing(kind, words[1], int(words[2]), int(words[3]), hidden, shown, tuple(words))


def _directive(current, words):
    key, rest = words[0], words[1:]
    if key == "id":
        current.number = int(rest[0], 0)
    elif key == "name":
        current.title = rest[0]
    elif key == "tileset":
        current.tileset = rest[0]
    elif key == "place":
        current.place = (int(rest[0]), int(rest[1]))
    elif key == "connect":
        current.connections[rest[0]] = (rest[1], int(rest[2]))
    elif key == "warp":
        current.warps[int(rest[0]), int(rest[1])] = (rest[2], int(rest[3]), int(rest[4]))
    elif key in ("person", "item", "trainer"):
        current.things.append(_thing(words))
    elif key == "sign":
        current.signs.append((int(rest[0]), int(rest[1])))
    elif key == "step":
        current.steps[int(rest[0]), int(rest[1])] = rest[2]


def read_map(path):
    """Parse one map file into a TextMap."""
    lines = path.read_text().splitlines()
    current, script, in_grid = TextMap(path.stem), None, False
    for line in lines:
        if in_grid:
            in_grid = line.strip() != "end"
            if in_grid:
                current.rows.append(line)
        elif line.strip() == "grid":
            in_grid = True
        elif line.startswith("script "):
            script = current.scripts.setdefault(line.split()[1], [])
        elif line.strip() and not line.lstrip().startswith("#"):
            words = words_of(line)
            if script is not None:
                script.append(tuple(words))
            else:
                _directive(current, words)
    return current


def read_world():
    """{name: TextMap} of every map file."""
    return {path.stem: read_map(path) for path in sorted((ROOT / "data" / "maps").glob("*.txt"))}


def read_events():
    """{event name: number} of data/events.txt."""
    text = (ROOT / "data" / "events.txt").read_text()
    return {name: int(number, 0) for name, number in re.findall(r"^event (\w+) (\w+)", text, re.M)}


class Walker:
    """Breadth-first walking over all maps under story gates.

    `closed(map name, script name, events)` says whether a `step` script turns the player back.
    """

    def __init__(self, world, closed):
        self.world = world
        self.closed = closed
        self.cells = cell_behaviours()

    def behaviour(self, place):
        """Behaviour of cell (map, x, y), or None outside the grid."""
        name, x, y = place
        area = self.world[name]
        width, height = area.size
        if not (0 <= x < width and 0 <= y < height):
            return None
        return self.cells[area.tileset][area.rows[y][x]]

    def blocked(self, place, events):
        """Whether a person, trainer or item stands on the cell."""
        name, x, y = place
        return any((thing.x, thing.y) == (x, y) and thing.present(events) for thing in self.world[name].things)

    def enterable(self, place, events):
        """Whether the player can stand on the cell."""
        kind = self.behaviour(place)
        passable = kind in WALKABLE or (kind == "cut" and "EVENT_GOT_HM01" in events)
        return passable and not self.blocked(place, events)

    def over_edge(self, name, x, y):
        """Cell behind a map edge by its connection, or None."""
        area = self.world[name]
        height = area.size[1]
        side = "north" if y < 0 else "south" if y >= height else "west" if x < 0 else "east"
        if side not in area.connections:
            return None
        other, offset = area.connections[side]
        other_width, other_height = self.world[other].size
        return {
            "north": (other, x + offset, other_height - 1),
            "south": (other, x + offset, 0),
            "west": (other, other_width - 1, y + offset),
            "east": (other, 0, y + offset),
        }[side]

    def moves(self, place, events):
        """Cells one step away, with warps, ledges and edges taken."""
        name, x, y = place
        if self.behaviour(place) == "mat" and (x, y) in self.world[name].warps:
            yield self.world[name].warps[x, y]
        for direction, (dx, dy) in DIRECTIONS.items():
            target = (name, x + dx, y + dy)
            kind = self.behaviour(target)
            if kind is None:
                target = self.over_edge(*target)
            elif kind == "ledge" and direction == "down":
                target = (name, x, y + 2)
            if target is not None and self.enterable(target, events):
                yield from self._arrive(target, events)

    def _arrive(self, place, events):
        name, x, y = place
        area = self.world[name]
        script = area.steps.get((x, y))
        if script and self.closed(name, script, events):
            return
        if (x, y) in area.warps and self.behaviour(place) != "mat":
            yield area.warps[x, y]
        else:
            yield place

    def reach(self, start, events):
        """{cell: steps} of every (map, x, y) reachable from `start`."""
        seen, queue = {start: 0}, deque([start])
        while queue:
            place = queue.popleft()
            for target in self.moves(place, events):
                if target not in seen:
                    seen[target] = seen[place] + 1
                    queue.append(target)
        return seen

    def touches(self, seen, name, x, y):
        """Whether someone at a reached cell can face (x, y), also across a counter."""
        for dx, dy in DIRECTIONS.values():
            near = (name, x + dx, y + dy)
            if near in seen:
                return True
            if self.behaviour(near) == "counter" and (name, x + 2 * dx, y + 2 * dy) in seen:
                return True
        return False
