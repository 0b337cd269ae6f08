"""Data banks, the C compiler, the ROM image and the symbol file."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from pathlib import Path

from textfile import BuildError

ROM_SIZE = 0x10000
BANK_SIZE = 0x4000
DATA_BANKS = (2, 3)
CODE_START = 0x280
ASSEMBLY = ("crt0", "copy", "marks")  # in this order from the start of the code
RAM_START, RAM_END = 0xDA90, 0xDEF0
CC = ["sdcc", "-msm83", "--std-c11"]
FLAGS: list[str] = []
TITLE = b"CRESTBOUND"
MBC5 = 0x19

# The disassembly's names of moments -> our routine that runs at that moment.
HOOKS = {
    "DisplayStartMenu": "start_menu",
    "RedisplayStartMenu": "start_menu_again",
    "StartMenu_Item": "bag_menu",
    "StartMenu_Item.choseItem": "mark_item_chosen",
    "StartMenu_Pokemon": "party_pages",
    "StartMenu_Pokemon.choseStats": "mark_stats_page",
    "DisplayTextID.spriteHandling": "mark_sprite_text",
    "CheckForHiddenObject.foundMatchingObject": "mark_hidden_object",
    "IsSpriteOrSignInFrontOfPlayer.retry": "mark_sign_retry",
    "HandleBlackOut": "player_blackout",
    "SetLastBlackoutMap.done": "mark_blackout_map",
    "UsedCut.canCut": "mark_cut_yes",
    "UsedCut.nothingToCut": "mark_cut_no",
    "AnimateHealingMachine": "healing_machine",
    "CheckWarpsNoCollisionLoop": "mark_warp",
    "ItemUseBall.loop": "mark_ball",
    "TryDoWildEncounter.gotWildEncounterType": "mark_encounter",
}
# Names inside the structs above, as (name, base, offset, step, count).
DERIVED = [
    ("wSpritePlayerStateData1FacingDirection", "wSpriteStateData1", 9, 0, 1),
    ("wSprite{:02d}StateData1PictureID", "wSpriteStateData1", 0x10, 16, 15),
    ("wSprite{:02d}StateData2MapY", "wSpriteStateData2", 0x14, 16, 15),
    ("wSprite{:02d}StateData2MapX", "wSpriteStateData2", 0x15, 16, 15),
    ("wPartyMon{}", "wPartyMons", 0, 44, 6),
    ("wPartyMon{}HP", "wPartyMons", 1, 44, 6),
    ("wPartyMon{}Status", "wPartyMons", 4, 44, 6),
    ("wPartyMon{}Moves", "wPartyMons", 8, 44, 6),
    ("wPartyMon{}Exp", "wPartyMons", 14, 44, 6),
    ("wPartyMon{}PP", "wPartyMons", 29, 44, 6),
    ("wPartyMon{}Level", "wPartyMons", 33, 44, 6),
    ("wPartyMon{}MaxHP", "wPartyMons", 34, 44, 6),
    ("wEnemyMon{}", "wEnemyMons", 0, 44, 6),
    ("wEnemyMon{}HP", "wEnemyMons", 1, 44, 6),
    ("wEnemyMon{}Level", "wEnemyMons", 33, 44, 6),
    ("wEnemyMonSpecies", "wEnemyMon", 0, 0, 1),
    ("wEnemyMonHP", "wEnemyMon", 1, 0, 1),
    ("wEnemyMonStatus", "wEnemyMon", 4, 0, 1),
    ("wEnemyMonLevel", "wEnemyMon", 14, 0, 1),
    ("wEnemyMonMaxHP", "wEnemyMon", 15, 0, 1),
    ("wBattleMonSpecies", "wBattleMon", 0, 0, 1),
    ("wBattleMonHP", "wBattleMon", 1, 0, 1),
    ("wBattleMonLevel", "wBattleMon", 14, 0, 1),
]


class Banks:
    """Places data in banks 2 and 3, first fit."""

    def __init__(self) -> None:
        self.data = {bank: bytearray() for bank in DATA_BANKS}

    def reserve(self, size: int, what: str) -> tuple[int, int]:
        """(bank, address) of size fresh bytes."""
        for bank, data in self.data.items():
            if len(data) + size <= BANK_SIZE:
                address = 0x4000 + len(data)
                data += bytes(size)
                return bank, address
        left = " and ".join(str(BANK_SIZE - len(d)) for d in self.data.values())
        raise BuildError(f"{what} has {size} bytes; the data banks have only {left} left")

    def write(self, place: tuple[int, int], content: bytes) -> None:
        """Fills a reserved place."""
        bank, address = place
        at = address - 0x4000
        self.data[bank][at : at + len(content)] = content

    def add(self, content: bytes, what: str) -> tuple[int, int]:
        """reserve() and write()."""
        place = self.reserve(len(content), what)
        self.write(place, content)
        return place


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError((done.stderr or done.stdout).strip())


# SDCC 4.2.0 sometimes keeps a value in l or h and then points hl at the stack. Such a use of l or h:
_USES_HL = re.compile(
    r"(srl|sla|sra|rl|rr|rlc|rrc|swap|bit|res|set|inc|dec)\s+(\d,\s*)?[hl]$"
    r"|(and|or|xor|add|adc|sub|sbc|cp)\s+a,\s*[hl]$|ld\s+a,\s*[hl]$"
)
_LOADS_HL = re.compile(r"(ld\s+hl,|ld\s+[hl],|pop\s+hl|add\s+hl|call\s)")


def check_assembly(path: Path) -> None:
    """Refuses compiler output that computes with l or h right after `ldhl sp` overwrote them."""
    lost, before, place = False, "", path.name
    for line in path.read_text("ascii").split("\n"):
        text = line.strip()
        if text.startswith(";"):
            place = text[1:] if ".c:" in text else place
            continue
        if text.startswith("ldhl"):
            lost = True
        elif _LOADS_HL.match(text) or re.match(r"_\w+:", text):
            lost = False
        elif re.match(r"(jr|jp)\s+\d+\$|ret$", text) and not before.startswith("inc\ta"):
            lost = False  # another way leads to the next line, except into a shift loop
        elif lost and _USES_HL.match(text):
            raise BuildError(f"{place.strip()} <- sdcc loses a value here; write it another way (tools/rom.py)")
        before = text


def compile_and_link(
    sources: Path, generated: dict[str, str], folder: Path, flags: list[str]
) -> tuple[bytes, dict[str, int]]:
    """Compiles src/*.c, src/*.s and the generated files in folder; returns bank 0-1 bytes and the symbols."""
    if shutil.which("sdcc") is None:
        raise BuildError("sdcc is missing: apt-get install --no-install-recommends sdcc (4.2.0, Debian bookworm)")
    for path in sorted(sources.iterdir()):
        shutil.copy(path, folder / path.name)
    for name, text in generated.items():
        (folder / name).write_text(text, "ascii")
    objects = []
    for name in ASSEMBLY:
        _run(["sdasgb", "-o", f"{name}.rel", f"{name}.s"], folder)
        objects.append(f"{name}.rel")
    for path in sorted(folder.glob("*.c")):
        _run([*CC, *flags, "-c", path.name], folder)
        check_assembly(path.with_suffix(".asm"))
        objects.append(path.with_suffix(".rel").name)
    link = ["-msm83", "--no-std-crt0", "--code-loc", hex(CODE_START), "--data-loc", hex(RAM_START)]
    _run(["sdcc", *link, *objects, "-o", "game.ihx"], folder)
    return _read_ihx(folder / "game.ihx"), _read_map(folder / "game.map")


def _read_ihx(path: Path) -> bytes:
    image = bytearray(2 * BANK_SIZE)
    for line in path.read_text("ascii").split():
        record = bytes.fromhex(line[1:])
        count, address, kind = record[0], record[1] << 8 | record[2], record[3]
        if kind != 0 or not count:
            continue
        if address + count > len(image):
            raise BuildError(f"the code reaches 0x{address + count:X}; it must end at 0x8000")
        image[address : address + count] = record[4 : 4 + count]
    return bytes(image)


def _read_map(path: Path) -> dict[str, int]:
    symbols = {}
    for match in re.finditer(r"^\s+([0-9A-F]{8})\s+(\S+)", path.read_text("ascii"), re.M):
        symbols[match[2]] = int(match[1], 16)
    return symbols


def check_memory(symbols: dict[str, int], ram: list[tuple[str, int, int]]) -> None:
    """Our own variables fit, fixed variables do not overlap each other or them, bank 0 helpers are in bank 0."""
    if symbols.get("l__INITIALIZER", 0):
        raise BuildError("a C variable has an initial value: the start-up code does not copy those")
    data_end = symbols["s__DATA"] + symbols["l__DATA"]
    if data_end > RAM_END:
        raise BuildError(f"own variables end at 0x{data_end:X}, past 0x{RAM_END:X}")
    for name in ("_far_read", "_far_copy", "_far_vram"):
        if symbols[name] >= BANK_SIZE:
            raise BuildError(f"{name} must be in bank 0")
    areas = [*ram, ("own variables", symbols["s__DATA"], symbols["l__DATA"])]
    areas.sort(key=lambda area: area[1])
    for (a, start, size), (b, after, _) in itertools.pairwise(areas):
        if start + size > after:
            raise BuildError(f"src/ram.h: {a} (0x{start:X}, {size} bytes) overlaps {b} (0x{after:X})")


def read_ram(path: Path) -> list[tuple[str, int, int]]:
    """(name, address, size) of every fixed variable in ram.h."""
    out = []
    for line in path.read_text("ascii").split("\n"):
        match = re.match(r"#define (\w+) BYTE(S?)\(0x([0-9A-F]{4})(?:, (\d+))?\)", line)
        if match:
            out.append((match[1], int(match[3], 16), int(match[4] or 1)))
    return out


def image(code: bytes, banks: Banks) -> bytes:
    """The 64 KiB ROM with its header; the logo field stays empty."""
    rom = bytearray(ROM_SIZE)
    rom[: len(code)] = code
    for bank, data in banks.data.items():
        rom[bank * BANK_SIZE : bank * BANK_SIZE + len(data)] = data
    rom[0x134 : 0x134 + len(TITLE)] = TITLE
    rom[0x147], rom[0x148] = MBC5, 1
    rom[0x14D] = -sum(b + 1 for b in rom[0x134:0x14D]) & 0xFF
    total = sum(rom) & 0xFFFF
    rom[0x14E:0x150] = total.to_bytes(2, "big")
    return bytes(rom)


def _symbol(name: str, address: int) -> str:
    bank = 1 if 0x4000 <= address < 0x8000 else 0
    return f"{bank:02X}:{address:04X} {name}"


def symbol_file(symbols: dict[str, int], ram: list[tuple[str, int, int]]) -> str:
    """The .sym text: hooks, own routines, memory names; sorted by address."""
    table = {name: symbols[f"_{routine}"] for name, routine in HOOKS.items()}
    table |= {name[1:]: at for name, at in symbols.items() if re.fullmatch(r"_[a-z]\w+", name) and at < 0x8000}
    table |= {name: at for name, at, _ in ram}
    base = {name: at for name, at, _ in ram}
    for pattern, struct, offset, step, count in DERIVED:
        for n in range(count):
            table[pattern.format(n + 1)] = base[struct] + offset + n * step
    lines = [_symbol(name, at) for name, at in sorted(table.items(), key=lambda item: (item[1], item[0]))]
    return "; names of the cartridge's routines and memory\n" + "\n".join(lines) + "\n"
