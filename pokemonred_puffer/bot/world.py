"""Route planning on the cartridge's world.json: cheapest walk between two cells over all maps."""
from __future__ import annotations

import heapq
from dataclasses import dataclass

from pokemonred_puffer.bot.game import DIRECTIONS

WALKABLE = ".gDm"
GRASS_COST = 4  # a step in grass may cost a fight
SIDES = {"u": "north", "d": "south", "l": "west", "r": "east"}

Cell = tuple[int, int, int]
Path = list[tuple[str, Cell]]


@dataclass(frozen=True)
class Thing:
    """Somebody or something on a map: kind is person, trainer or item."""

    kind: str
    map_id: int
    x: int
    y: int


class World:
    """world.json with maps by id: cells, doors, edges and persons."""

    def __init__(self, world: dict) -> None:
        self.ids = {name: area["id"] for name, area in world["maps"].items()}
        self.areas = {area["id"]: area for area in world["maps"].values()}
        self.events = world["events"]
        self.moves = {int(number): move for number, move in world["moves"].items()}
        self.effects = {(attack, defender): factor for attack, defender, factor in world["effects"]}
        self.tonics = {int(number) for number, name in world["items"].items() if "Tonic" in name}
        self.warps = {
            (area["id"], x, y): (self.ids[other], dx, dy)
            for area in self.areas.values()
            for x, y, other, dx, dy in area["warps"]
        }

    def thing(self, area: str, name: str) -> Thing:
        """The person, trainer or item called `name` on a map."""
        for entry in self.areas[self.ids[area]]["things"]:
            if entry["name"] == name:
                return Thing(entry["kind"], self.ids[area], entry["x"], entry["y"])
        raise KeyError(f"{area} has no {name}")

    def kind(self, cell: Cell) -> str:
        """The cell's letter in world.json's rows, "" outside the map."""
        area_id, x, y = cell
        rows = self.areas[area_id]["rows"]
        return rows[y][x] if 0 <= y < len(rows) and 0 <= x < len(rows[0]) else ""

    def step(self, cell: Cell, key: str, open_cells: str) -> Cell | None:
        """Where pressing a direction leads from a cell, None when it is blocked."""
        area_id, x, y = cell
        if key == "d" and self.kind(cell) == "m" and cell in self.warps:
            return self.warps[cell]
        dx, dy = DIRECTIONS[key]
        target = (area_id, x + dx, y + dy)
        kind = self.kind(target)
        if not kind:
            return self._over_edge(target, key)
        if kind == "L":
            return (area_id, x, y + 2) if key == "d" else None
        if kind not in open_cells:
            return None
        return target if kind == "m" else self.warps.get(target, target)

    def _over_edge(self, target: Cell, key: str) -> Cell | None:
        area_id, x, y = target
        edge = self.areas[area_id]["connect"].get(SIDES[key])
        if edge is None:
            return None
        other, offset = self.ids[edge[0]], edge[1]
        rows = self.areas[other]["rows"]
        entered = {
            "u": (other, x + offset, len(rows) - 1),
            "d": (other, x + offset, 0),
            "l": (other, len(rows[0]) - 1, y + offset),
            "r": (other, 0, y + offset),
        }[key]
        return entered if self.kind(entered) and self.kind(entered) in WALKABLE else None

    def plan(self, start: Cell, goals: set[Cell], blocked: set[Cell], cut: bool = False) -> Path | None:
        """Cheapest list of (key, expected cell) from start to any goal; None when there is no way.

        `blocked` cells are never entered; with `cut` thorn bushes count as passable.
        """
        open_cells = WALKABLE + ("c" if cut else "")
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
                price = cost + (GRASS_COST if self.kind(target) == "g" else 1)
                if price < best.get(target, 1 << 30):
                    best[target], came[target] = price, (cell, key)
                    heapq.heappush(heap, (price, target))
        return None


def _unwind(came: dict, start: Cell, cell: Cell) -> Path:
    path = []
    while cell != start:
        before, key = came[cell]
        path.append((key, cell))
        cell = before
    return path[::-1]
