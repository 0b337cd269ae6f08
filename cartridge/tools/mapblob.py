"""Turns Map objects into the bytes that src/map.c reads, and into world.json."""

from __future__ import annotations

from art import BEHAVIOURS, Sprite, Tileset
from scripts import FACINGS, OPS, Code, Encode, ScriptCompiler, word
from tables import Tables
from textfile import BuildError, lookup
from world import SIDES, Map

FIRST_OBJECT_TILE = 24  # the player's
LAST_OBJECT_TILE = 124  # the exclamation mark
PF_WANDER, PF_TRAINER, PF_HIDDEN_IF, PF_SHOWN_IF, PF_WALKS = 1, 2, 4, 8, 16
NO_MISSABLE = 0xFF
RESERVED_MISSABLE = (0x46, 0xC2, 0xCC)  # bits that mean something else to code written for Red
HEAD_SIZE = 18 + 9 * 2 + 4 * 7
NO_EVENT = 0xFFFF
# Red's tileset numbers by the last word of a map's name, else by our tileset.
TILESET_IDS = {"POKECENTER": 6, "MART": 2, "LAB": 5, "GATE": 9}
DEFAULT_TILESET_IDS = {"outdoor": 0, "forest": 3, "cave": 17, "indoor": 8, "gym": 7}


def tileset_id(m: Map) -> int:
    """Red's number of the kind of place."""
    special = {"REDS_HOUSE_1F": 1, "REDS_HOUSE_2F": 4}
    if m.const in special:
        return special[m.const]
    return TILESET_IDS.get(m.const.rsplit("_", 1)[-1], DEFAULT_TILESET_IDS[m.tileset_name])


def town_of(m: Map, maps: dict[str, Map]) -> Map:
    """The outdoor map around a house: the nearest one by doors."""
    queue, seen = [m], {m.const}
    for here in queue:
        if here.outdoor:
            return here
        for _, _, _, target, _, _ in here.warps:
            if target not in seen:
                seen.add(target)
                queue.append(maps[target])
    raise m.line.error(f"no way leads out of {m.const}")


def packed_row(m: Map, row: str) -> bytes:
    """A count, then runs of up to 8 equal cells: 5 bits cell, 3 bits length - 1."""
    out, at = bytearray(), 0
    while at < len(row):
        n = next((n for n in range(1, 8) if row[at + n : at + n + 1] != row[at]), 8)
        out.append(m.tileset.index(row[at]) | (n - 1) << 5)
        at += n
    return bytes((len(out),)) + bytes(out)


class MissableNumbers:
    """Hands out the bits of wMissableObjectFlags."""

    def __init__(self) -> None:
        self.next = 0

    def take(self) -> int:
        """The next free bit."""
        while self.next in RESERVED_MISSABLE:
            self.next += 1
        self.next += 1
        return self.next - 1


class MapBlob:
    """One map's bytes: header first, everything it points to behind it."""

    def __init__(self, m: Map, maps: dict[str, Map], tables: Tables, sprites: list[Sprite],
                 missable: MissableNumbers, encode: Encode):
        self.map, self.maps, self.tables, self.missable, self.encode = m, maps, tables, missable, encode
        self.sprites = {s.name: (n, s) for n, s in enumerate(sprites)}
        self.persons = {t.name: n for n, t in enumerate(m.things, 1)}
        self.code = Code(bytearray(HEAD_SIZE))
        self.offsets: dict[str, int] = {}
        self.script_at: dict[str, int] = {}
        self.missable_of = [self._missable(t) for t in m.things]
        self._build()

    def _missable(self, thing) -> int:
        hidden = {w for lines in self.map.scripts.values() for line in lines for w in line.words()[1:2]
                  if line.words()[0] in ("hide", "show")}
        if thing.kind == "item" or thing.hidden_if or thing.shown_if or thing.name in hidden:
            return self.missable.take()
        return NO_MISSABLE

    def _compiler(self) -> ScriptCompiler:
        return ScriptCompiler(self.tables, self.maps, self.persons, self.encode)

    def _build(self) -> None:
        m = self.map
        self.offsets["grid"] = self.code.append(b"".join(packed_row(m, row) for row in m.grid))
        self.offsets["name"] = self.code.append(m.name.encode("ascii") + b"\0")
        for name, lines in m.scripts.items():
            self.script_at[name] = self.code.append(self._compiler().compile(lines))
        self._warps()
        self._pictures()
        self._things()
        self._places("signs", [(x, y, self.script_at[s] if s else self._text(line, text))
                               for line, x, y, text, s in m.signs])
        self._places("steps", [(x, y, self.script_at[s]) for _, x, y, s in m.steps])
        self.offsets["mons"] = self.code.append(bytes(b for e in m.encounters for b in e))

    def _text(self, line, text: str) -> int:
        compiler = self._compiler()
        compiler.say(line, text)
        compiler.emit("end")
        return self.code.append(compiler.code)

    def _warps(self) -> None:
        data = bytes(b for _, x, y, to, dx, dy in self.map.warps for b in (x, y, self.maps[to].id, dx, dy))
        self.offsets["warps"] = self.code.append(data)

    def _places(self, what: str, entries: list[tuple[int, int, int]]) -> None:
        self.offsets[what] = len(self.code.data)
        for x, y, target in entries:
            self.code.data += bytes((x, y))
            self.code.address(target)

    def _pictures(self) -> None:
        """Which figures go to which object tiles; wanderers get their walking frames when there is room."""
        self.picture_tile: dict[str, int] = {}
        self.walking: set[str] = set()
        wanted = list(dict.fromkeys(t.sprite for t in self.map.things))
        for thing in self.map.things:
            lookup(thing.line, self.sprites, thing.sprite, "sprite")
        still = {name: min(3, len(self.sprites[name][1].frames)) for name in wanted}
        tile, left, records = FIRST_OBJECT_TILE, sum(still.values()) * 4, b""
        for name in wanted:
            number, sprite = self.sprites[name]
            frames = still[name]
            left -= frames * 4
            moves = any(t.sprite == name and (t.wander or t.kind == "trainer") for t in self.map.things)
            if moves and len(sprite.frames) == 6 and tile + 24 + left <= LAST_OBJECT_TILE:
                frames = 6
                self.walking.add(name)
            if tile + frames * 4 > LAST_OBJECT_TILE:
                raise self.map.line.error("too many different sprites in this map (8 at most)")
            self.picture_tile[name] = tile
            records += bytes((number, frames, tile))
            tile += frames * 4
        self.offsets["pictures"] = self.code.append(records)

    def _thing_script(self, n: int, thing) -> int:
        if thing.script:
            return self.script_at[thing.script]
        if thing.text is not None:
            return self._text(thing.line, thing.text)
        compiler = self._compiler()
        event = word(self.tables.events[thing.event])
        if thing.kind == "item":
            compiler.emit("pick", self.tables.items[thing.item].id, n, event)
        else:
            compiler.emit("if", event)
            compiler.jump(thing.line, "after")
            compiler.say(thing.line, thing.before)
            compiler.emit("battle", list(self.tables.trainers).index(thing.party))
            compiler.emit("set", event)
            if thing.win:
                compiler.say(thing.line, thing.win)
            compiler.emit("end")
            compiler.labels["after"] = len(compiler.code.data)
            compiler.say(thing.line, thing.after)
        return self.code.append(compiler.compile([]))

    def _things(self) -> None:
        scripts = [self._thing_script(n, t) for n, t in enumerate(self.map.things, 1)]
        self.offsets["persons"] = len(self.code.data)
        for thing, script, missable in zip(self.map.things, scripts, self.missable_of, strict=True):
            flags = PF_WANDER * thing.wander | PF_TRAINER * (thing.kind == "trainer")
            flags |= PF_HIDDEN_IF * bool(thing.hidden_if or thing.kind == "item") | PF_SHOWN_IF * bool(thing.shown_if)
            flags |= PF_WALKS * (thing.sprite in self.walking)
            event = thing.hidden_if or thing.shown_if or thing.event
            self.code.data += bytes((self.sprites[thing.sprite][0], thing.x, thing.y, FACINGS[thing.facing], flags))
            self.code.data += bytes((thing.sight, self.picture_tile[thing.sprite], missable))
            self.code.data += word(self.tables.events[event] if event else NO_EVENT)
            self.code.address(script)

    def size(self) -> int:
        """Bytes in the bank."""
        return len(self.code.data)

    def placed(self, base: int, tilesets: list[str], places: dict[str, tuple[int, int]]) -> bytes:
        """Final bytes at an address; places maps each map to (bank, address) for the neighbours' cells."""
        m = self.map
        kind = {None: 0, "grass": 1, "cavern": 2}[m.encounter_kind]
        border = [c.name for c in m.tileset.cells].index(m.border)
        head = bytes((m.id, tilesets.index(m.tileset_name), tileset_id(m), m.width, m.height, border))
        head += bytes((town_of(m, self.maps).id, m.outdoor, len(m.warps), len(m.things), len(m.signs), len(m.steps)))
        head += bytes((len(m.encounters), m.encounter_rate, kind, len(self.picture_tile), *(m.blackout or (255, 255))))
        for what in ("grid", "warps", "persons", "signs", "steps", "mons"):
            head += word(base + self.offsets[what])
        head += word(base + self.script_at[m.onload[1]] if m.onload else 0)
        head += word(base + self.offsets["pictures"]) + word(base + self.offsets["name"])
        for side in SIDES:
            head += self._connection(side, places)
        if len(head) != HEAD_SIZE:
            raise BuildError(f"the map header has {len(head)} bytes instead of {HEAD_SIZE}")
        return head + self.code.placed(base)[HEAD_SIZE:]

    def _connection(self, side: str, places: dict[str, tuple[int, int]]) -> bytes:
        if side not in self.map.connections:
            return bytes((0xFF, 0, 0, 0, 0, 0, 0))
        _, target, offset = self.map.connections[side]
        other = self.maps[target]
        bank, address = places[target]
        return bytes((other.id, offset & 0xFF, other.width, other.height)) + word(address) + bytes((bank,))


def cell_rows(tileset: Tileset) -> list[list[int]]:
    """Per cell: four tile numbers and the behaviour."""
    return [[*numbers, BEHAVIOURS.index(cell.behaviour)]
            for cell, numbers in zip(tileset.cells, tileset.numbers, strict=True)]


def _thing_json(n: int, thing) -> dict:
    out = {"id": n, "name": thing.name, "x": thing.x, "y": thing.y, "sprite": thing.sprite, "facing": thing.facing}
    keys = {"person": ("wander", "script", "hidden_if", "shown_if"), "trainer": ("sight", "party", "event"),
            "item": ("item", "event")}[thing.kind]
    return out | {key: getattr(thing, key) for key in keys}


def _map_json(m: Map, maps: dict[str, Map]) -> dict:
    rows = range(m.height)
    things = list(enumerate(m.things, 1))
    return {
        "id": m.id, "const": m.const, "name": m.name, "tileset": m.tileset_name, "town": town_of(m, maps).id,
        "width": m.width, "height": m.height, "place": list(m.place),
        "grid": ["".join(row) for row in m.grid],
        "walkable": ["".join("01"[m.walkable(x, y)] for x in range(m.width)) for y in rows],
        "behaviour": {c.char: c.behaviour for c in m.tileset.cells},
        "grass_cells": [[x, y] for y in rows for x in range(m.width) if m.behaviour(x, y) == "grass"],
        "encounters": {"kind": m.encounter_kind, "rate": m.encounter_rate,
                       "mons": [list(e) for e in m.encounters]} if m.encounters else None,
        "warps": [{"id": n, "x": x, "y": y, "map": maps[to].id, "to": [dx, dy], "mat": m.behaviour(x, y) == "mat"}
                  for n, (_, x, y, to, dx, dy) in enumerate(m.warps)],
        "connections": {side: {"map": maps[to].id, "offset": offset}
                        for side, (_, to, offset) in sorted(m.connections.items())},
        "persons": [_thing_json(n, t) for n, t in things if t.kind == "person"],
        "trainers": [_thing_json(n, t) for n, t in things if t.kind == "trainer"],
        "items": [_thing_json(n, t) for n, t in things if t.kind == "item"],
        "signs": [{"id": n, "x": x, "y": y} for n, (_, x, y, _, _) in enumerate(m.signs)],
        "steps": [{"x": x, "y": y, "script": script} for _, x, y, script in m.steps],
        "blackout": list(m.blackout) if m.blackout else None,
    }


def world_json(maps: dict[str, Map], tables: Tables) -> dict:
    """Everything that tools outside need to know of the world."""
    return {
        "maps": [_map_json(m, maps) for m in maps.values()],
        "start": {"map": 0x26, "x": 3, "y": 6},
        "ready": 0xDEF0,
        "events": tables.events,
        "species": {e.id: {"const": k, "name": e.name, "dex": e.values["dex"]} for k, e in tables.species.items()},
        "moves": {e.id: {"const": k, "name": e.name} | {v: e.values[v] for v in ("type", "power", "accuracy", "pp")}
                  for k, e in tables.moves.items()},
        "effects": [[tables.types[a].id, tables.types[d].id, f / 2] for a, d, f in tables.effects],
        "items": {e.id: {"const": k, "name": e.name} for k, e in tables.items.items()},
    }


def op_names() -> list[str]:
    """The byte code's names, for the check against src/script.h."""
    return OPS
