"""Compiles the pictures in art/ to the console's 2 bits per pixel tiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from textfile import BuildError, Line, is_blank, lookup, number, pop_picture, read_lines, string

BEHAVIOURS = ("walk", "solid", "grass", "ledge", "cut", "door", "counter", "mat", "water")
# Red's ids of tiles that outside code looks for, by cell name (lower left tile).
PINNED = {"outdoor": {"cut_tree": 0x3D, "tall_grass": 0x52, "water": 0x14}}
FRAMES = ("down", "up", "left", "down_walk", "up_walk", "left_walk")
EXTRA_GLYPHS = (
    ["frame_tl", "frame_t", "frame_tr", "frame_l", "frame_r", "frame_bl", "frame_b", "frame_br"]
    + ["cursor", "cursor_off", "more", "hp_l"]
    + [f"hp_{n}" for n in range(9)]
    + ["hp_r", "lv", "owned"]
)
FIRST_EXTRA = 0xDF - 0x80
MAX_TILES = 128
MAX_CELLS = 32
SPRITE_IDS = {"player": 1, "rival": 2, "scientist": 3, "lad": 4, "ball": 0x3D}


def tile_bytes(picture: list[list[int]], x: int, y: int) -> bytes:
    """The 16 bytes of the 8x8 tile at pixel (x, y)."""
    out = bytearray()
    for row in picture[y : y + 8]:
        low = high = 0
        for shade in row[x : x + 8]:
            low = low << 1 | shade & 1
            high = high << 1 | shade >> 1
        out += bytes((low, high))
    return bytes(out)


def all_tiles(picture: list[list[int]]) -> list[bytes]:
    """Tiles of a picture, row by row."""
    return [tile_bytes(picture, x, y) for y in range(0, len(picture), 8) for x in range(0, len(picture[0]), 8)]


def double(picture: list[list[int]]) -> list[list[int]]:
    """Every pixel twice as wide and high."""
    return [[shade for shade in row for _ in (0, 1)] for row in picture for _ in (0, 1)]


@dataclass
class Cell:
    """A 16x16 picture of a map with its behaviour."""

    char: str
    name: str
    behaviour: str
    tiles: list[bytes]


@dataclass
class Tileset:
    """The cells of one look; `tiles` are the different 8x8 tiles, `numbers` four per cell."""

    name: str
    cells: list[Cell] = field(default_factory=list)
    tiles: list[bytes] = field(default_factory=list)
    numbers: list[list[int]] = field(default_factory=list)

    def index(self, char: str) -> int | None:
        """Number of the cell with this letter."""
        return next((i for i, cell in enumerate(self.cells) if cell.char == char), None)

    def assign(self) -> None:
        """Numbers the tiles: pinned ones first, then in order of use, equal tiles shared."""
        pins = PINNED.get(self.name, {})
        ids = {cell.tiles[2]: pins[cell.name] for cell in self.cells if cell.name in pins}
        free = (n for n in range(10 * MAX_TILES) if n not in ids.values())
        for cell in self.cells:
            for tile in cell.tiles:
                if tile not in ids:
                    ids[tile] = next(free)
            self.numbers.append([ids[tile] for tile in cell.tiles])
        count = max(ids.values()) + 1
        if len(self.cells) > MAX_CELLS:
            raise BuildError(f"art/cells.txt: tileset {self.name} has {len(self.cells)} cells, at most {MAX_CELLS} fit")
        if len(ids) > MAX_TILES or count > MAX_TILES:
            raise BuildError(f"art/cells.txt: tileset {self.name} has {len(ids)} different tiles; {MAX_TILES} fit")
        by_id = {n: tile for tile, n in ids.items()}
        self.tiles = [by_id.get(n, bytes(16)) for n in range(count)]


def read_cells(path: Path, root: Path) -> dict[str, Tileset]:
    """All tilesets by name."""
    tilesets: dict[str, Tileset] = {}
    current, lines, i = None, read_lines(path, root), 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if is_blank(line):
            continue
        words = line.text.split()
        if words[0] == "tileset" and len(words) == 2:
            current = tilesets.setdefault(words[1], Tileset(words[1]))
        elif words[0] == "cell" and len(words) == 4 and current is not None:
            if words[3] not in BEHAVIOURS:
                raise line.error(f"unknown behaviour {words[3]}; one of {' '.join(BEHAVIOURS)}")
            picture = pop_picture(lines, i, 16, 16)
            i += 16
            current.cells.append(Cell(words[1], words[2], words[3], all_tiles(picture)))
        else:
            raise line.error("expected `tileset NAME` or `cell CHAR NAME BEHAVIOUR`")
    for tileset in tilesets.values():
        tileset.assign()
    return tilesets


@dataclass
class Sprite:
    """A 16x16 figure: frames in the order down, up, left, then walking; 64 bytes each."""

    name: str
    id: int
    frames: list[bytes]


def _sprite_tiles(picture: list[list[int]]) -> bytes:
    tl, tr, bl, br = all_tiles(picture)
    return tl + bl + tr + br


def read_sprites(path: Path, root: Path) -> list[Sprite]:
    """All sprites in file order."""
    found: list[tuple[str, dict[str, bytes]]] = []
    lines, i = read_lines(path, root), 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if is_blank(line):
            continue
        words = line.text.split()
        if words[0] == "sprite" and len(words) == 2:
            found.append((words[1], {}))
        elif words[0] == "frame" and len(words) == 2 and found and words[1] in FRAMES:
            found[-1][1][words[1]] = _sprite_tiles(pop_picture(lines, i, 16, 16))
            i += 16
        else:
            raise line.error(f"expected `sprite NAME` or `frame {'|'.join(FRAMES)}`")
    return [_finish_sprite(name, frames, n) for n, (name, frames) in enumerate(found)]


def _finish_sprite(name: str, frames: dict[str, bytes], n: int) -> Sprite:
    if "down" not in frames:
        raise BuildError(f"art/sprites.txt: sprite {name} has no `frame down`")
    order = [f for f in FRAMES if f in frames]
    if len(order) not in (1, 6):
        raise BuildError(f"art/sprites.txt: sprite {name} needs one frame or all of {' '.join(FRAMES)}")
    return Sprite(name, SPRITE_IDS.get(name, 0x10 + n), [frames[f] for f in order])


def read_battle(path: Path, root: Path) -> tuple[dict[str, tuple[int, bytes]], dict[str, bytes]]:
    """Front pictures {species: (tiles per side, bytes)} and back pictures, doubled to 64x64."""
    fronts, backs = {}, {}
    lines, i = read_lines(path, root), 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if is_blank(line):
            continue
        words = line.text.split()
        if len(words) != 2 or words[0] not in ("front", "back"):
            raise line.error("expected `front SPECIES` or `back NAME`")
        size = len(lines[i].text.rstrip()) if i < len(lines) else 0
        if size not in ((32, 40) if words[0] == "front" else (32,)):
            raise line.error(f"{words[0]} pictures are 32 or 40 (back: 32) wide, found {size}")
        picture = pop_picture(lines, i, size, size)
        i += size
        if words[0] == "front":
            fronts[words[1]] = (size // 8, b"".join(all_tiles(picture)))
        else:
            backs[words[1]] = b"".join(all_tiles(double(picture)))
    return fronts, backs


def read_font(path: Path, root: Path) -> bytes:
    """The 128 tiles from number 0x80 on: printable ASCII, then frames and signs."""
    glyphs: dict[str, bytes] = {}
    lines, i = read_lines(path, root), 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if is_blank(line):
            continue
        words = line.text.split()
        if words[0] != "glyph" or len(words) != 2:
            raise line.error("expected `glyph NAME`")
        glyphs[words[1]] = tile_bytes(pop_picture(lines, i, 8, 8), 0, 0)
        i += 8
    place = Line("art/font.txt", 1, "")
    glyphs[" "] = lookup(place, glyphs, "space", "glyph")
    out = b"".join(glyphs.get(chr(c), bytes(16)) for c in range(0x20, 0x7F))
    out += b"".join(lookup(place, glyphs, name, "glyph") for name in EXTRA_GLYPHS)
    return out


@dataclass
class Title:
    """The title picture: different tiles, tile numbers row by row, size in tiles, prompt."""

    tiles: list[bytes]
    cells: list[int]
    width: int
    height: int
    prompt: str


def read_title(path: Path, root: Path) -> Title:
    """The title screen."""
    prompt, picture = "Press A", None
    lines, i = read_lines(path, root), 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if is_blank(line):
            continue
        words = line.words()
        if words[0] == "title" and len(words) == 3:
            width, height = number(line, words[1], 8, 144), number(line, words[2], 8, 64)
            picture = pop_picture(lines, i, height, width)
            i += height
        elif words[0] == "prompt":
            prompt = string(line, words[1], 18)
        else:
            raise line.error("expected `title W H` or `prompt TEXT`")
    if picture is None:
        raise BuildError("art/title.txt: no `title W H`")
    tiles: list[bytes] = []
    cells = []
    for tile in all_tiles(picture):
        if tile not in tiles:
            tiles.append(tile)
        cells.append(tiles.index(tile))
    if len(tiles) > MAX_TILES:
        raise BuildError(f"art/title.txt: {len(tiles)} different tiles, at most {MAX_TILES} fit")
    return Title(tiles, cells, width // 8, height // 8, prompt)
