#!/usr/bin/env python3
"""Draws the cartridge's text pictures into one PNG, so that a person can judge them together.

    python3 cartridge/tools/preview.py sheet.png              # every picture and a few screens
    python3 cartridge/tools/preview.py town.png --map PALLET_TOWN            # a whole map
    python3 cartridge/tools/preview.py view.png --map PALLET_TOWN --at 9 5   # the screen of a player who stands there

Each screen appears twice: as the console shows it (160x144) and as an agent sees it (every second pixel, 80x72).
Needs nothing but Python. A picture is a list of rows, a row a bytearray of grey values (255 white ... 0 black).
"""
from __future__ import annotations

import argparse
import struct
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GREY = {".": 255, "-": 170, "+": 85, "#": 0}
SPRITE_GREY = {"-": 255, "+": 85, "#": 0}  # `.` is transparent
PAPER = 200  # colour of the sheet around the pictures
FIRST_SOLID = {"outdoor": "T", "forest": "T", "cave": "#", "indoor": "X", "gym": "X"}


# ---- reading -------------------------------------------------------------------------------------------------------

def read_blocks(path: Path, words: tuple[str, ...]) -> list[tuple[list[str], list[str]]]:
    """Splits an art file into (header words, picture rows); `words` are the directives that start a block."""
    blocks: list[tuple[list[str], list[str]]] = []
    for line in path.read_text(encoding="ascii").splitlines():
        first = line.split(" ", 1)[0]
        if first in words:
            blocks.append((line.split(), []))
        elif line and set(line) <= set(".-+#") and blocks:
            blocks[-1][1].append(line)
    return blocks


def paint(rows: list[str], grey: dict[str, int] = GREY) -> list[bytearray]:
    return [bytearray(grey[c] for c in row) for row in rows]


def read_cells() -> dict[str, dict[str, list[str]]]:
    """Tileset name -> cell character -> 16 rows."""
    sets: dict[str, dict[str, list[str]]] = {}
    for head, rows in read_blocks(ROOT / "art/cells.txt", ("tileset", "cell")):
        if head[0] == "tileset":
            current = sets.setdefault(head[1], {})
        else:
            current[head[1]] = rows
    return sets


def read_sprites() -> dict[str, dict[str, list[str]]]:
    """Sprite name -> frame name -> 16 rows."""
    sprites: dict[str, dict[str, list[str]]] = {}
    for head, rows in read_blocks(ROOT / "art/sprites.txt", ("sprite", "frame")):
        if head[0] == "sprite":
            current = sprites.setdefault(head[1], {})
        else:
            current[head[1]] = rows
    return sprites


def read_named(file: str, *words: str) -> dict[str, list[str]]:
    """`front X`, `back X`, `glyph X` -> rows, keyed by X (for `back`: "back X")."""
    named = {}
    for head, rows in read_blocks(ROOT / "art" / file, words):
        named[f"back {head[1]}" if head[0] == "back" else head[1]] = rows
    return named


class Map:
    """What a preview needs of a map file: tileset, grid, and who stands where."""

    def __init__(self, name: str) -> None:
        path = ROOT / "data/maps" / f"{name}.txt"
        if not path.exists():
            raise SystemExit(f"no map {name}: expected {path.relative_to(ROOT.parent)}")
        self.tileset, self.grid, self.people = "outdoor", [], []
        in_grid = False
        for line in path.read_text(encoding="ascii").splitlines():
            if line in ("grid", "end") and (in_grid or line == "grid"):
                in_grid = line == "grid"
            elif in_grid:
                self.grid.append(line)
            else:
                self._directive(line.split())

    def _directive(self, words: list[str]) -> None:
        if words[:1] == ["tileset"]:
            self.tileset = words[1]
        elif words[:1] in (["person"], ["trainer"]):
            self.people.append((int(words[2]), int(words[3]), words[4], words[5]))
        elif words[:1] == ["item"]:
            self.people.append((int(words[1]), int(words[2]), "ball", "down"))

    def cell(self, x: int, y: int) -> str:
        inside = 0 <= y < len(self.grid) and 0 <= x < len(self.grid[y])
        return self.grid[y][x] if inside else FIRST_SOLID[self.tileset]


# ---- drawing -------------------------------------------------------------------------------------------------------

def canvas(width: int, height: int, grey: int = PAPER) -> list[bytearray]:
    return [bytearray([grey]) * width for _ in range(height)]


def blit(target: list[bytearray], picture: list[bytearray], x: int, y: int) -> None:
    """Copies a picture, clipped to the target."""
    for j, row in enumerate(picture):
        if 0 <= y + j < len(target):
            line = target[y + j]
            left, right = max(0, -x), min(len(row), len(line) - x)
            if right > left:
                line[x + left:x + right] = row[left:right]


def blit_sprite(target: list[bytearray], rows: list[str], x: int, y: int, mirror: bool = False) -> None:
    for j, row in enumerate(rows):
        for i, c in enumerate(reversed(row) if mirror else row):
            if c in SPRITE_GREY and 0 <= y + j < len(target) and 0 <= x + i < len(target[0]):
                target[y + j][x + i] = SPRITE_GREY[c]


def half(picture: list[bytearray]) -> list[bytearray]:
    """What an agent's observation keeps: [::2, ::2]."""
    return [row[::2] for row in picture[::2]]


def enlarge(picture: list[bytearray], n: int) -> list[bytearray]:
    wide = (bytearray(v for v in row for _ in range(n)) for row in picture)
    return [bytearray(row) for row in wide for _ in range(n)]


def png(picture: list[bytearray]) -> bytes:
    """An 8-bit greyscale PNG."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", len(picture[0]), len(picture), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in picture), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# ---- screens -------------------------------------------------------------------------------------------------------

class Art:
    """All pictures of the game, read once."""

    def __init__(self) -> None:
        self.cells = read_cells()
        self.sprites = read_sprites()
        self.battle = read_named("battle.txt", "front", "back")
        self.glyphs = read_named("font.txt", "glyph")
        self.title = read_blocks(ROOT / "art/title.txt", ("title",))[0][1]

    def window(self, game_map: Map, x0: int, y0: int, width: int, height: int) -> list[bytearray]:
        """Part of a map: `width` x `height` cells from cell (x0, y0), with its people."""
        out = canvas(width * 16, height * 16)
        for y in range(height):
            for x in range(width):
                rows = self.cells[game_map.tileset][game_map.cell(x0 + x, y0 + y)]
                blit(out, paint(rows), x * 16, y * 16)
        for x, y, sprite, facing in game_map.people:
            self.figure(out, sprite, facing, (x - x0) * 16, (y - y0) * 16)
        return out

    def figure(self, out: list[bytearray], sprite: str, facing: str, x: int, y: int) -> None:
        frames = self.sprites[sprite]
        name = "left" if facing == "right" else facing
        blit_sprite(out, frames.get(name, frames["down"]), x, y, mirror=facing == "right")

    def screen(self, name: str, x: int, y: int, facing: str = "down", walking: bool = False) -> list[bytearray]:
        """The 160x144 picture of a player who stands on cell (x, y)."""
        out = self.window(Map(name), x - 4, y - 4, 10, 9)
        frame = ("left" if facing == "right" else facing) + ("_walk" if walking else "")
        blit_sprite(out, self.sprites["player"][frame], 64, 64, mirror=facing == "right")
        return out

    def text(self, out: list[bytearray], words: str, x: int, y: int) -> None:
        """Words in 8x8 letters; x and y in tiles."""
        for i, c in enumerate(words):
            self.glyph(out, "space" if c == " " else c, x + i, y)

    def glyph(self, out: list[bytearray], name: str, x: int, y: int) -> None:
        blit(out, paint(self.glyphs[name]), x * 8, y * 8)

    def frame(self, out: list[bytearray], x: int, y: int, width: int, height: int) -> None:
        """A text box; all numbers in tiles."""
        for j in range(height):
            for i in range(width):
                row = "t" if j == 0 else "b" if j == height - 1 else ""
                column = "l" if i == 0 else "r" if i == width - 1 else ""
                self.glyph(out, f"frame_{row}{column}" if row or column else "space", x + i, y + j)

    def health(self, out: list[bytearray], pixels: int, x: int, y: int) -> None:
        """A bar of six pieces of which `pixels` (0-48) columns are filled."""
        self.glyph(out, "hp_l", x, y)
        for i in range(6):
            self.glyph(out, f"hp_{min(8, max(0, pixels - 8 * i))}", x + 1 + i, y)
        self.glyph(out, "hp_r", x + 7, y)


def dialog(art: Art) -> list[bytearray]:
    out = art.screen("PALLET_TOWN", 6, 6, "down")
    art.frame(out, 0, 12, 20, 6)
    art.text(out, "The lake hums at", 1, 14)
    art.text(out, "night. I hum back.", 1, 16)
    art.glyph(out, "more", 18, 17)
    return out


def menu(art: Art) -> list[bytearray]:
    out = art.screen("ROUTE_1", 7, 12, "up", walking=True)
    art.frame(out, 10, 0, 10, 14)
    for i, word in enumerate(("LOG", "TEAM", "BAG", "QUILL", "SAVE", "CLOSE")):
        art.text(out, word, 12, 2 + 2 * i)
    art.glyph(out, "cursor", 11, 2)
    return out


def battle(art: Art, front: str, back: str) -> list[bytearray]:
    """A fight of `back` against `front`; the own creature is drawn at double size, as in the game."""
    out = canvas(160, 144, 255)
    blit(out, paint(art.battle[front]), 104, 8)
    blit(out, enlarge(paint(art.battle[f"back {back}"]), 2), 8, 32)
    art.text(out, front.capitalize(), 1, 0)
    art.glyph(out, "lv", 2, 1)
    art.text(out, "5", 3, 1)
    art.health(out, 30, 2, 2)
    art.text(out, back.capitalize(), 10, 7)
    art.glyph(out, "lv", 11, 8)
    art.text(out, "6", 12, 8)
    art.health(out, 44, 11, 9)
    art.text(out, "19/ 21", 12, 10)
    art.frame(out, 0, 12, 20, 6)
    for word, x, y in (("FIGHT", 4, 14), ("BAG", 12, 14), ("SWITCH", 4, 16), ("RUN", 12, 16)):
        art.text(out, word, x, y)
    art.glyph(out, "cursor", 3, 14)
    return out


def title(art: Art) -> list[bytearray]:
    out = canvas(160, 144, 255)
    blit(out, paint(art.title), (160 - len(art.title[0])) // 2, 24)
    art.text(out, "Press A", 6, 14)
    return out


def screens(art: Art) -> list[list[bytearray]]:
    """The mock screens by which the pictures are judged together."""
    return [
        title(art), dialog(art), menu(art),
        art.screen("PALLET_TOWN", 14, 10, "up"), art.screen("VIRIDIAN_CITY", 13, 5, "left", walking=True),
        art.screen("PEWTER_CITY", 10, 8, "down"), art.screen("ROUTE_3", 12, 6, "right"),
        art.screen("CERULEAN_CITY", 12, 10, "down"), art.screen("VIRIDIAN_FOREST", 10, 22, "left"),
        art.screen("MT_MOON_1F", 10, 14, "left"), art.screen("REDS_HOUSE_2F", 3, 5, "down"),
        art.screen("REDS_HOUSE_1F", 3, 4, "down"), art.screen("OAKS_LAB", 4, 5, "up"),
        art.screen("VIRIDIAN_POKECENTER", 6, 4, "up"), art.screen("VIRIDIAN_MART", 3, 5, "left"),
        art.screen("PEWTER_GYM", 4, 6, "up"), art.screen("CERULEAN_GYM", 4, 6, "up"),
        battle(art, "EMBERKIT", "SPROUTLE"), battle(art, "CRAGGORN", "DRIPLET"),
        battle(art, "STARLURE", "EMBERKIT"),
    ]


# ---- sheets --------------------------------------------------------------------------------------------------------

def grid(pictures: list[list[bytearray]], columns: int, gap: int = 4) -> list[bytearray]:
    """Pictures of any size, in rows of `columns`."""
    width = max(len(p[0]) for p in pictures) + gap
    height = max(len(p) for p in pictures) + gap
    out = canvas(columns * width + gap, -(-len(pictures) // columns) * height + gap)
    for i, picture in enumerate(pictures):
        blit(out, picture, gap + i % columns * width, gap + i // columns * height)
    return out


def stack(parts: list[list[bytearray]]) -> list[bytearray]:
    out = canvas(max(len(p[0]) for p in parts), sum(len(p) for p in parts))
    y = 0
    for part in parts:
        blit(out, part, 0, y)
        y += len(part)
    return out


def with_half(picture: list[bytearray]) -> list[bytearray]:
    """The picture and, on its right, what the agent keeps of it."""
    out = canvas(len(picture[0]) * 3 // 2 + 4, len(picture))
    blit(out, picture, 0, 0)
    blit(out, half(picture), len(picture[0]) + 4, 0)
    return out


def on_ground(art: Art, rows: list[str]) -> list[bytearray]:
    out = paint(art.cells["outdoor"]["."])
    blit_sprite(out, rows, 0, 0)
    return out


def sheet(art: Art) -> list[bytearray]:
    """Everything: screens, cells, figures, creatures, letters."""
    cells = [paint(rows) for cell_set in art.cells.values() for rows in cell_set.values()]
    figures = [on_ground(art, rows) for frames in art.sprites.values() for rows in frames.values()]
    return stack([
        grid([with_half(s) for s in screens(art)], 4),
        grid(cells, 48), grid(figures, 48),
        grid([paint(rows) for rows in art.battle.values()], 20),
        grid([paint(rows) for rows in art.glyphs.values()], 60, gap=2),
    ])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Draw the cartridge's pictures into a PNG.")
    parser.add_argument("out", type=Path, help="PNG file to write")
    parser.add_argument("--map", help="draw this map instead of the sheet, e.g. PALLET_TOWN")
    parser.add_argument("--at", type=int, nargs=2, metavar=("X", "Y"), help="only the screen around this cell")
    parser.add_argument("--scale", type=int, default=2, help="enlargement (default 2)")
    args = parser.parse_args(argv)
    if args.at and not args.map:
        parser.error("--at needs --map NAME")
    art = Art()
    if args.at:
        picture = with_half(art.screen(args.map, *args.at))
    elif args.map:
        game_map = Map(args.map)
        picture = art.window(game_map, 0, 0, len(game_map.grid[0]), len(game_map.grid))
    else:
        picture = sheet(art)
    args.out.write_bytes(png(enlarge(picture, args.scale)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
