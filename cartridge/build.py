#!/usr/bin/env python3
"""Builds the cartridge: `python3 cartridge/build.py` writes the ROM, symbols and world.json into the package;
`--check` only compares the committed files with a rebuild (exit 1 when they differ)."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "tools"))

import art  # noqa: E402
import rom  # noqa: E402
from mapblob import MapBlob, MissableNumbers, cell_rows, op_names, town_of, world_json  # noqa: E402
from pack import pack  # noqa: E402
from pairs import PairCoder  # noqa: E402
from tables import Tables, c_tables, read_tables  # noqa: E402
from textfile import BuildError  # noqa: E402
from world import Map, read_maps  # noqa: E402

OUT = HERE.parent / "pokemonred_puffer" / "data" / "cartridge"
EMOTE_TILE = 124
COUNTS = {"N_SPECIES": "species", "N_MOVES": "moves", "N_ITEMS": "items", "N_EFFECTS": "effects"}


def place_pictures(banks: rom.Banks, tables: Tables) -> dict:
    """Puts battle pictures and dex texts into the data banks."""
    fronts, backs = art.read_battle(HERE / "art" / "battle.txt", HERE)
    placed: dict = {"fronts": {}, "backs": {}, "about": {}}
    for name, (size, data) in fronts.items():
        bank, address = banks.add(pack(data), f"front {name}")
        placed["fronts"][name] = (size, address, bank)
    for name, data in backs.items():
        bank, address = banks.add(pack(data), f"back {name}")
        placed["backs"][name] = (address, bank)
    for name, entry in tables.species.items():
        bank, address = banks.add(entry.values["about"].encode("ascii") + b"\0", "dex text")
        placed["about"][name] = (address, bank)
    return placed


def map_blobs(maps: dict[str, Map], tables: Tables, sprites) -> tuple[dict[str, MapBlob], PairCoder]:
    """All maps compiled, their text squeezed with pairs learned from that text."""
    texts: list[bytes] = []

    def collect(text: bytes) -> bytes:
        texts.append(text)
        return text

    def compiled(encode) -> dict[str, MapBlob]:
        missable = MissableNumbers()
        return {name: MapBlob(m, maps, tables, sprites, missable, encode) for name, m in maps.items()}

    compiled(collect)
    coder = PairCoder(texts)
    return compiled(coder.encode), coder


def place_maps(banks: rom.Banks, maps: dict[str, Map], blobs: dict[str, MapBlob], tilesets) -> list[str]:
    """Puts the maps into the data banks; returns the C rows of the index."""
    places = {name: banks.reserve(blob.size(), name) for name, blob in blobs.items()}
    grids = {name: (bank, at + blobs[name].offsets["grid"]) for name, (bank, at) in places.items()}
    rows = []
    for name, blob in blobs.items():
        bank, address = places[name]
        banks.write(places[name], blob.placed(address, list(tilesets), grids))
        rows.append(f"    {{{maps[name].id}, {bank}, {address}}},")
    return rows


def tileset_source(banks: rom.Banks, tilesets: dict[str, art.Tileset]) -> list[str]:
    """C tables of the tilesets; the tiles go into the data banks."""
    out, rows = [], []
    for name, tileset in tilesets.items():
        tiles = b"".join(tileset.tiles)
        bank, address = banks.add(pack(tiles), f"tileset {name}")
        cells = ", ".join(str(n) for row in cell_rows(tileset) for n in row)
        out.append(f"static const u8 cells_{name}[] = {{{cells}}};")
        rows.append(f"    {{cells_{name}, {address}, {bank}, {len(tiles)}}},")
    return [*out, "const Tileset tilesets[] = {", *rows, "};"]


def picture_source(banks: rom.Banks, sprites: list[art.Sprite]) -> list[str]:
    """C table of the figures."""
    rows = []
    for sprite in sprites:
        bank, address = banks.add(pack(b"".join(sprite.frames), 192), f"sprite {sprite.name}")
        rows.append(f"    {{{sprite.id}, {address}, {bank}}},")
    return ["const Picture pictures[] = {", *rows, "};"]


def healer_rows(maps: dict[str, Map]) -> list[str]:
    """Town -> healer's map, the start's home first (the default)."""
    homes = [m for m in maps.values() if m.blackout]
    homes.sort(key=lambda m: (town_of(m, maps).id, m.id))
    return [f"    {{{town_of(m, maps).id}, {m.id}}}," for m in homes]


def defines(tables: Tables, tilesets, sprites, maps, title, banks: rom.Banks) -> dict[str, object]:
    """Numbers that the C code needs by name; places font and title."""
    font = art.read_font(HERE / "art" / "font.txt", HERE)
    font_bank, font_at = banks.add(pack(font), "the font")
    tiles = b"".join(title.tiles)
    title_bank, title_at = banks.add(pack(tiles), "the title picture")
    map_bank, map_at = banks.add(bytes(title.cells), "the title picture")
    names = list(tilesets)
    outdoor = tilesets["outdoor"]
    numbers: dict[str, object] = {key: len(getattr(tables, what)) for key, what in COUNTS.items()}
    numbers |= {
        "N_HEALERS": len(healer_rows(maps)),
        "FONT_ADDR": font_at, "FONT_BANK": font_bank, "FONT_SIZE": len(font),
        "TITLE_TILES": title_at, "TITLE_BANK": title_bank, "TITLE_SIZE": len(tiles), "TITLE_MAP": map_at,
        "TITLE_MAP_BANK": map_bank,
        "TITLE_W": title.width, "TITLE_H": title.height, "TITLE_PROMPT": f'"{title.prompt}"',
        "TILESET_OUTDOOR": names.index("outdoor"), "TILESET_FOREST": names.index("forest"),
        "CELL_AFTER_CUT": next(i for i, c in enumerate(outdoor.cells) if c.behaviour == "walk"),
        "EMOTE_TILE": EMOTE_TILE, "EMOTE_PICTURE": next(n for n, s in enumerate(sprites) if s.name == "emote"),
        "PICTURE_BALL": art.SPRITE_IDS["ball"], "ITEM_HM_01": tables.items["HM_01"].id,
    }
    return numbers


def generated_files(banks: rom.Banks) -> tuple[dict[str, str], dict]:
    """gen_data.h and gen_data.c from data/ and art/, and the content of world.json."""
    tables = read_tables(HERE / "data", HERE)
    tilesets = art.read_cells(HERE / "art" / "cells.txt", HERE)
    sprites = art.read_sprites(HERE / "art" / "sprites.txt", HERE)
    title = art.read_title(HERE / "art" / "title.txt", HERE)
    maps = read_maps(HERE / "data" / "maps", HERE, tables, tilesets)
    numbers = defines(tables, tilesets, sprites, maps, title, banks)
    header = ["#ifndef GEN_DATA_H", "#define GEN_DATA_H", '#include "tables.h"', '#include "map.h"']
    header += [f"#define {key} {value}" for key, value in numbers.items()]
    header += ["extern const Species species[N_SPECIES];", "extern const Learn learnsets[];",
               "extern const Move moves[N_MOVES];", "extern const Item items[N_ITEMS];",
               "extern const Trainer trainers[];", "extern const Effect effects[N_EFFECTS];",
               "extern const Tileset tilesets[];", "extern const Picture pictures[];",
               "extern const Healer healers[N_HEALERS];", "extern const MapIndex mapIndex[];",
               "extern const u8 textPairs[];", "const char *type_name(u8 id);", "#endif"]
    source = ['#include "gen_data.h"', *tileset_source(banks, tilesets), *picture_source(banks, sprites)]
    source += ["const Healer healers[N_HEALERS] = {", *healer_rows(maps), "};"]
    pictures = place_pictures(banks, tables)
    blobs, coder = map_blobs(maps, tables, sprites)
    source += ["const MapIndex mapIndex[] = {", *place_maps(banks, maps, blobs, tilesets), "};", coder.c_table()]
    source.append(c_tables(tables, pictures))
    return {"gen_data.h": "\n".join(header) + "\n", "gen_data.c": "\n".join(source)}, world_json(maps, tables)


def check_ops() -> None:
    """The byte code's numbers are the same here and in src/script.h."""
    text = (HERE / "src" / "script.h").read_text("ascii")
    inside = text[text.index("enum {") + 6 : text.index("};")]
    found = [name.strip()[3:].lower() for name in inside.split(",")]
    if found != op_names():
        raise BuildError("src/script.h: the OP_ names differ from tools/scripts.py")


@dataclass
class Prepared:
    """Everything but the compiled code: the same for every set of compiler flags."""

    banks: rom.Banks
    generated: dict[str, str]
    world: dict


def prepare() -> Prepared:
    """Compiles data/ and art/."""
    check_ops()
    banks = rom.Banks()
    return Prepared(banks, *generated_files(banks))


def build(prepared: Prepared, flags: list[str]) -> dict[str, bytes]:
    """All output files by name."""
    ram = rom.read_ram(HERE / "src" / "ram.h")
    with tempfile.TemporaryDirectory() as folder:
        code, symbols = rom.compile_and_link(HERE / "src", prepared.generated, Path(folder), flags)
    rom.check_memory(symbols, ram)
    text = json.dumps(prepared.world, separators=(",", ":"), sort_keys=True)
    return {
        "cartridge.gb": rom.image(code, prepared.banks),
        "cartridge.sym": rom.symbol_file(symbols, ram).encode("ascii"),
        "world.json": (text.replace('},{"behaviour"', '},\n{"behaviour"') + "\n").encode("ascii"),
    }


def usage_line(files: dict[str, bytes]) -> str:
    """One line about the sizes."""
    image = files["cartridge.gb"]
    used = [len(image[n * 0x4000 : (n + 1) * 0x4000].rstrip(b"\0")) for n in range(4)]
    return f"cartridge.gb: 64 KiB, bytes used in banks 0-3: {used[0]} {used[1]} {used[2]} {used[3]}"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    args = parser.parse_args()
    try:
        files = build(prepare(), rom.FLAGS)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if args.check:
        bad = [n for n, data in files.items() if not (OUT / n).is_file() or (OUT / n).read_bytes() != data]
        for name in bad:
            print(f"error: {name} differs from a rebuild; run python3 cartridge/build.py", file=sys.stderr)
        return 1 if bad else 0
    OUT.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (OUT / name).write_bytes(data)
    print(usage_line(files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
