"""Reads data/maps/*.txt into Map objects and checks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from art import Tileset
from scripts import FACINGS
from tables import Tables
from textfile import Line, is_blank, lookup, number, read_lines, string

WALKABLE = ("walk", "grass", "door", "mat")
SIDES = ("north", "south", "west", "east")
MAX_CELLS = 1780
MAX_PERSONS = 15
MAX_WARPS = 32


@dataclass
class Thing:
    """A person, trainer or item of a map."""

    line: Line
    kind: str
    name: str
    x: int
    y: int
    sprite: str
    facing: str
    wander: bool = False
    text: str | None = None
    script: str | None = None
    hidden_if: str | None = None
    shown_if: str | None = None
    sight: int = 0
    party: str = ""
    event: str = ""
    before: str = ""
    after: str = ""
    win: str | None = None
    item: str = ""


@dataclass
class Map:
    """One map as its file describes it."""

    path: str
    const: str
    line: Line
    id: int = -1
    name: str = ""
    tileset_name: str = ""
    place: tuple[int, int] = (0, 0)
    border: str | None = None
    tileset: Tileset | None = None
    grid: list[str] = field(default_factory=list)
    grid_lines: list[Line] = field(default_factory=list)
    connections: dict[str, tuple[Line, str, int]] = field(default_factory=dict)
    warps: list[tuple[Line, int, int, str, int, int]] = field(default_factory=list)
    signs: list[tuple[Line, int, int, str | None, str | None]] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    steps: list[tuple[Line, int, int, str]] = field(default_factory=list)
    encounters: list[tuple[str, int, int, int]] = field(default_factory=list)
    encounter_kind: str | None = None
    encounter_rate: int = 0
    blackout: tuple[int, int] | None = None
    onload: tuple[Line, str] | None = None
    scripts: dict[str, list[Line]] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Cells per row."""
        return len(self.grid[0])

    @property
    def height(self) -> int:
        """Rows of cells."""
        return len(self.grid)

    @property
    def outdoor(self) -> bool:
        """True for towns and routes."""
        return self.tileset_name == "outdoor"

    def behaviour(self, x: int, y: int) -> str:
        """What the cell does."""
        return self.tileset.cells[self.tileset.index(self.grid[y][x])].behaviour

    def walkable(self, x: int, y: int) -> bool:
        """True when the player may stand there."""
        return 0 <= x < self.width and 0 <= y < self.height and self.behaviour(x, y) in WALKABLE

    def need_walkable(self, line: Line, x: int, y: int) -> None:
        """Raises unless the player may stand at (x, y)."""
        if not self.walkable(x, y):
            raise line.error(f"({x},{y}) of {self.const} is not a cell to stand on")


class MapReader:
    """Parses one map file."""

    def __init__(self, path: Path, root: Path, tables: Tables) -> None:
        self.lines = [line for line in read_lines(path, root)]
        self.tables = tables
        self.map = Map(self.lines[0].path, path.stem, self.lines[0])
        self.script: list[Line] | None = None

    def read(self) -> Map:
        """The map, not yet checked against others."""
        i = 0
        while i < len(self.lines):
            line = self.lines[i]
            i += 1
            if is_blank(line):
                continue
            words = line.words()
            if words[0] == "grid":
                i = self._grid(i)
            elif words[0] in ("grass", "cavern"):
                i = self._encounters(line, words, i)
            elif words[0] == "script":
                self.script = []
                if words[1] in self.map.scripts:
                    raise line.error(f"script {words[1]} stands here twice")
                self.map.scripts[words[1]] = self.script
            elif self.script is not None:
                self.script.append(line)
            else:
                self._directive(line, words)
        return self.map

    def _directive(self, line: Line, words: list[str]) -> None:
        method = getattr(self, f"do_{words[0]}", None)
        if method is None:
            raise line.error(f"unknown line {words[0]}")
        try:
            method(line, words)
        except IndexError:
            raise line.error(f"`{words[0]}` needs more operands") from None

    def _grid(self, i: int) -> int:
        while i < len(self.lines):
            line = self.lines[i]
            i += 1
            if line.text.rstrip() == "end":
                return i
            self.map.grid.append(line.text.rstrip())
            self.map.grid_lines.append(line)
        raise self.lines[-1].error("the grid has no `end`")

    def _encounters(self, line: Line, words: list[str], i: int) -> int:
        self.map.encounter_kind = words[0]
        self.map.encounter_rate = number(line, words[1], 1, 255)
        rest = words[2:]
        while "}" not in rest:
            rest += self.lines[i].words()
            i += 1
        rest = [w for w in rest if w not in "{}"]
        for name, levels, weight in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
            kind = lookup(line, self.tables.species, name, "species").id
            low, _, high = levels.partition("-")
            entry = (kind, number(line, low, 2, 100), number(line, high or low, 2, 100), number(line, weight, 1, 255))
            if entry[1] > entry[2]:
                raise line.error(f"levels {levels} are the wrong way round")
            self.map.encounters.append(entry)
        if len(self.map.encounters) > 8 or sum(e[3] for e in self.map.encounters) > 255:
            raise line.error("at most 8 species and a total weight of 255 fit")
        return i

    def do_map(self, line: Line, words: list[str]) -> None:
        if words[1] != self.map.const:
            raise line.error(f"the file is called {self.map.const}.txt but holds map {words[1]}")

    def do_id(self, line: Line, words: list[str]) -> None:
        self.map.id = number(line, words[1], 0, 247)

    def do_name(self, line: Line, words: list[str]) -> None:
        self.map.name = string(line, words[1], 16)

    def do_tileset(self, line: Line, words: list[str]) -> None:
        self.map.tileset_name = words[1]

    def do_place(self, line: Line, words: list[str]) -> None:
        self.map.place = (number(line, words[1], -999, 9999), number(line, words[2], -999, 9999))

    def do_border(self, line: Line, words: list[str]) -> None:
        self.map.border = words[1]

    def do_connect(self, line: Line, words: list[str]) -> None:
        lookup(line, {s: 0 for s in SIDES}, words[1], "side")
        self.map.connections[words[1]] = (line, words[2], number(line, words[3], -120, 120))

    def do_warp(self, line: Line, words: list[str]) -> None:
        x, y, dx, dy = (number(line, w, 0, 254) for w in (words[1], words[2], words[4], words[5]))
        self.map.warps.append((line, x, y, words[3], dx, dy))

    def do_sign(self, line: Line, words: list[str]) -> None:
        script = words[4] if words[3] == "script" else None
        text = None if script else string(line, words[3])
        self.map.signs.append((line, number(line, words[1], 0, 254), number(line, words[2], 0, 254), text, script))

    def do_step(self, line: Line, words: list[str]) -> None:
        self.map.steps.append((line, number(line, words[1], 0, 254), number(line, words[2], 0, 254), words[3]))

    def do_blackout(self, line: Line, words: list[str]) -> None:
        self.map.blackout = (number(line, words[1], 0, 254), number(line, words[2], 0, 254))

    def do_onload(self, line: Line, words: list[str]) -> None:
        self.map.onload = (line, words[1])

    def _thing(self, line: Line, words: list[str], kind: str, at: int = 2) -> Thing:
        x, y = number(line, words[at], 0, 254), number(line, words[at + 1], 0, 254)
        thing = Thing(line, kind, words[1] if at == 2 else "", x, y, "ball", "down")
        self.map.things.append(thing)
        return thing

    def do_person(self, line: Line, words: list[str]) -> None:
        thing = self._thing(line, words, "person")
        thing.sprite, thing.facing = words[4], words[5]
        lookup(line, FACINGS, thing.facing, "direction")
        if words[6] not in ("still", "wander"):
            raise line.error("after the direction comes `still` or `wander`")
        thing.wander = words[6] == "wander"
        rest = words[7:]
        if rest[0] == "script":
            thing.script, rest = rest[1], rest[2:]
        else:
            thing.text, rest = string(line, rest[0]), rest[1:]
        for key, value in zip(rest[::2], rest[1::2], strict=True):
            if key not in ("hidden_if", "shown_if"):
                raise line.error(f"unknown {key}; hidden_if or shown_if")
            lookup(line, self.tables.events, value, "event")
            setattr(thing, key, value)

    def do_trainer(self, line: Line, words: list[str]) -> None:
        thing = self._thing(line, words, "trainer")
        thing.sprite, thing.facing = words[4], words[5]
        lookup(line, FACINGS, thing.facing, "direction")
        options = dict(zip(words[6::2], words[7::2], strict=True))
        missing = {"sight", "party", "event", "before", "after"} - options.keys()
        if missing or options.keys() - {"sight", "party", "event", "before", "after", "win"}:
            raise line.error("a trainer has: sight N party T event E before TEXT after TEXT [win TEXT]")
        thing.sight = number(line, options["sight"], 0, 8)
        thing.party, thing.event = options["party"], options["event"]
        lookup(line, self.tables.trainers, thing.party, "trainer")
        lookup(line, self.tables.events, thing.event, "event")
        thing.before, thing.after = string(line, options["before"]), string(line, options["after"])
        thing.win = string(line, options["win"]) if "win" in options else None

    def do_item(self, line: Line, words: list[str]) -> None:
        thing = self._thing(line, words, "item", 1)
        thing.item, thing.event = words[3], words[4]
        lookup(line, self.tables.items, thing.item, "item")
        lookup(line, self.tables.events, thing.event, "event")
        thing.name = f"ITEM_{thing.x}_{thing.y}"


def _check_grid(m: Map, tilesets: dict[str, Tileset]) -> None:
    if m.id < 0 or not m.grid:
        raise m.line.error("a map needs `id`, `name`, `tileset` and a grid")
    m.tileset = lookup(m.line, tilesets, m.tileset_name, "tileset")
    for line in m.grid_lines:
        row = line.text.rstrip()
        if len(row) != m.width:
            raise line.error(f"the row has {len(row)} cells, the first one {m.width}")
        for char in row:
            if m.tileset.index(char) is None:
                raise line.error(f"tileset {m.tileset_name} has no cell {char}")
    if m.width % 2 or m.height % 2 or m.width * m.height > MAX_CELLS or max(m.width, m.height) > 94:
        raise m.grid_lines[0].error(f"{m.width}x{m.height}: both must be even and at most {MAX_CELLS} cells in all")
    if m.border is None:
        m.border = next(c.name for c in m.tileset.cells if c.behaviour == "solid")
    if m.border not in {c.name for c in m.tileset.cells}:
        raise m.line.error(f"tileset {m.tileset_name} has no cell called {m.border} for the border")


def _check_places(m: Map, maps: dict[str, Map]) -> None:
    for line, x, y, target, dx, dy in m.warps:
        m.need_walkable(line, x, y)
        lookup(line, maps, target, "map").need_walkable(line, dx, dy)
    for line, x, y, script in m.steps:
        m.need_walkable(line, x, y)
        lookup(line, m.scripts, script, "script")
    for thing in m.things:
        if thing.x >= m.width or thing.y >= m.height:
            raise thing.line.error(f"({thing.x},{thing.y}) is outside of the map")
        if thing.script:
            lookup(thing.line, m.scripts, thing.script, "script")
    for line, x, y, _, script in m.signs:
        if x >= m.width or y >= m.height:
            raise line.error(f"({x},{y}) is outside of the map")
        if script:
            lookup(line, m.scripts, script, "script")
    if m.blackout:
        m.need_walkable(m.line, *m.blackout)
    if m.onload:
        lookup(m.onload[0], m.scripts, m.onload[1], "script")
    if len(m.things) > MAX_PERSONS or len(m.warps) > MAX_WARPS:
        raise m.line.error(f"at most {MAX_PERSONS} persons and items and {MAX_WARPS} warps fit in a map")


def _check_connections(m: Map, maps: dict[str, Map]) -> None:
    opposite = dict(zip(SIDES, ("south", "north", "east", "west"), strict=True))
    for side, (line, target, offset) in m.connections.items():
        other = lookup(line, maps, target, "map")
        back = other.connections.get(opposite[side])
        if back is None or back[1] != m.const or back[2] != -offset:
            raise line.error(f"{target} must answer with `connect {opposite[side]} {m.const} {-offset}`")
        if other.tileset_name != m.tileset_name:
            raise line.error(f"{target} has another tileset; use a warp")


def read_maps(folder: Path, root: Path, tables: Tables, tilesets: dict[str, Tileset]) -> dict[str, Map]:
    """All maps by name, checked, in order of their ids."""
    found = [MapReader(path, root, tables).read() for path in sorted(folder.glob("*.txt"))]
    maps = {m.const: m for m in sorted(found, key=lambda m: m.id)}
    ids: dict[int, str] = {}
    for m in maps.values():
        if m.id in ids:
            raise m.line.error(f"{m.const} and {ids[m.id]} have the same id")
        ids[m.id] = m.const
        _check_grid(m, tilesets)
    for m in maps.values():
        _check_places(m, maps)
        _check_connections(m, maps)
    return maps
