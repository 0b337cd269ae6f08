"""Route planning on the cartridge's world.json: cheapest walk between two cells over all maps."""
from __future__ import annotations

import heapq
from dataclasses import dataclass

from pokemonred_puffer.bot.game import DIRECTIONS

WALKABLE = ("walk", "grass", "door", "mat")
GRASS_COST = 4  # a step in grass may cost a fight
WATCHED_COST = 25  # a cell that a trainer watches does
FACINGS = {"down": "d", "up": "u", "left": "l", "right": "r"}
SIDES = {"u": "north", "d": "south", "l": "west", "r": "east"}

Cell = tuple[int, int, int]
Path = list[tuple[str, Cell]]


@dataclass(frozen=True)
class Thing:
    """Somebody or something on a map."""

    map_id: int
    x: int
    y: int


class World:
    """world.json by map id: cells, doors, edges, persons; and what the tables say about moves."""

    def __init__(self, world: dict) -> None:
        self.ids = {area["const"]: area["id"] for area in world["maps"]}
        self.areas = {area["id"]: area for area in world["maps"]}
        self.events = world["events"]
        self.moves = {int(number): move for number, move in world["moves"].items()}
        self.effects = {(attack, defender): factor for attack, defender, factor in world["effects"]}
        self.tonics = {int(number) for number, item in world["items"].items() if "POTION" in item["const"]}
        self.charm = next(int(number) for number, item in world["items"].items() if item["const"] == "POKE_BALL")
        self.warps = {
            (area["id"], warp["x"], warp["y"]): (warp["map"], *warp["to"])
            for area in self.areas.values()
            for warp in area["warps"]
        }

    def thing(self, area: str, name: str) -> Thing:
        """The person or trainer called `name` on a map, or the item of that kind lying there."""
        entry = self.areas[self.ids[area]]
        for thing in (*entry["persons"], *entry["trainers"], *entry["items"]):
            if name in (thing["name"], thing.get("item")):
                return Thing(self.ids[area], thing["x"], thing["y"])
        raise KeyError(f"{area} has no {name}")

    def watched(self, beaten) -> set[Cell]:
        """Cells that trainers see; `beaten(event number)` tells who has been fought."""
        cells = set()
        for area in self.areas.values():
            for trainer in area["trainers"]:
                if not beaten(self.events[trainer["event"]]):
                    cells |= self._line(area["id"], trainer)
        return cells

    def _line(self, area_id: int, trainer: dict) -> set[Cell]:
        dx, dy = DIRECTIONS[FACINGS[trainer["facing"]]]
        return {(area_id, trainer["x"] + dx * i, trainer["y"] + dy * i) for i in range(1, trainer["sight"] + 1)}

    def kind(self, cell: Cell) -> str:
        """Behaviour of a cell (walk, grass, door, mat, ledge, cut, counter, solid, water), "" outside the map."""
        area_id, x, y = cell
        area = self.areas[area_id]
        inside = 0 <= x < area["width"] and 0 <= y < area["height"]
        return area["behaviour"][area["grid"][y][x]] if inside else ""

    def step(self, cell: Cell, key: str, open_cells: tuple[str, ...]) -> Cell | None:
        """Where pressing a direction leads from a cell, None when it is blocked."""
        area_id, x, y = cell
        if key == "d" and self.kind(cell) == "mat" and cell in self.warps:
            return self.warps[cell]
        dx, dy = DIRECTIONS[key]
        target = (area_id, x + dx, y + dy)
        kind = self.kind(target)
        if not kind:
            return self._over_edge(target, key)
        if kind == "ledge":
            return (area_id, x, y + 2) if key == "d" else None
        if kind not in open_cells:
            return None
        return target if kind == "mat" else self.warps.get(target, target)

    def _over_edge(self, target: Cell, key: str) -> Cell | None:
        area_id, x, y = target
        edge = self.areas[area_id]["connections"].get(SIDES[key])
        if edge is None:
            return None
        other, offset = self.areas[edge["map"]], edge["offset"]
        entered = {
            "u": (other["id"], x + offset, other["height"] - 1),
            "d": (other["id"], x + offset, 0),
            "l": (other["id"], other["width"] - 1, y + offset),
            "r": (other["id"], 0, y + offset),
        }[key]
        return entered if self.kind(entered) in WALKABLE else None

    def plan(
        self, start: Cell, goals: set[Cell], blocked: set[Cell], cut: bool = False, watched: set[Cell] = frozenset()
    ) -> Path | None:
        """Cheapest list of (key, expected cell) from start to any goal; None when there is no way.

        `blocked` cells are never entered, `watched` ones avoided; with `cut` thorn bushes count as passable.
        """
        open_cells = (*WALKABLE, "cut") if cut else WALKABLE
        best: dict[Cell, int] = {start: 0}
        came: dict[Cell, tuple[Cell, str]] = {}
        heap = [(0, start)]
        while heap:
            cost, cell = heapq.heappop(heap)
            if cell in goals:
                return _unwind(came, start, cell)
            if cost > best[cell]:
                continue
            for key in DIRECTIONS:
                target = self.step(cell, key, open_cells)
                if target is None or target in blocked:
                    continue
                price = cost + self._price(target, watched)
                if price < best.get(target, 1 << 30):
                    best[target], came[target] = price, (cell, key)
                    heapq.heappush(heap, (price, target))
        return None

    def _price(self, cell: Cell, watched: set[Cell]) -> int:
        if cell in watched:
            return WATCHED_COST
        return GRASS_COST if self.kind(cell) == "grass" else 1


def _unwind(came: dict, start: Cell, cell: Cell) -> Path:
    path = []
    while cell != start:
        before, key = came[cell]
        path.append((key, cell))
        cell = before
    return path[::-1]
