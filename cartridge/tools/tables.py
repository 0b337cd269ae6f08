"""Compiles species, moves, items, types, events and trainers to C tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from textfile import BuildError, Line, is_blank, lookup, number, read_lines, string, wrap

EFFECTS = (
    "none poison sleep attack_down defense_down speed_down special_down accuracy_down "
    "attack_up defense_up speed_up special_up drain first heal recoil"
).split()
USES = ["none", "heal", "ball", "cure_poison", "cure_all", "repel", "escape", "key"]
USES_WITH_NUMBER = ("heal", "ball", "repel")
GROWTH = ["medium", "fast", "slow"]
FACTORS = {"0": 0, "0.5": 1, "2": 4}


@dataclass
class Entry:
    """One named row of a table: its line and its values."""

    line: Line
    id: int
    name: str
    values: dict = field(default_factory=dict)


@dataclass
class Tables:
    """All tables by constant name, in file order."""

    events: dict[str, int] = field(default_factory=dict)
    types: dict[str, Entry] = field(default_factory=dict)
    effects: list[tuple[str, str, int]] = field(default_factory=list)
    moves: dict[str, Entry] = field(default_factory=dict)
    items: dict[str, Entry] = field(default_factory=dict)
    species: dict[str, Entry] = field(default_factory=dict)
    trainers: dict[str, Entry] = field(default_factory=dict)


def bcd(value: int) -> list[int]:
    """Three BCD bytes, high first."""
    return [int(f"{value:06d}"[i : i + 2], 16) for i in (0, 2, 4)]


def _rows(path: Path, root: Path):
    for line in read_lines(path, root):
        if not is_blank(line):
            words = line.words()
            if words:
                yield line, words


def _need(line: Line, words: list[str], least: int, usage: str) -> None:
    if len(words) < least:
        raise line.error(f"expected `{usage}`")


def _add(line: Line, table: dict, name: str, entry) -> None:
    if name in table:
        raise line.error(f"{name} stands here twice")
    table[name] = entry


def _read_events(t: Tables, path: Path, root: Path) -> None:
    for line, words in _rows(path, root):
        _need(line, words, 3, "event NAME NUMBER")
        _add(line, t.events, words[1], number(line, words[2], 0, 2559))
    seen: dict[int, str] = {}
    for name, value in t.events.items():
        if value in seen:
            raise BuildError(f"data/events.txt: {name} and {seen[value]} have the same number")
        seen[value] = name


def _read_types(t: Tables, path: Path, root: Path) -> None:
    for line, words in _rows(path, root):
        _need(line, words, 4, 'type NAME NUMBER "text" or effect ATTACKER DEFENDER FACTOR')
        if words[0] == "type":
            _add(line, t.types, words[1], Entry(line, number(line, words[2], 0, 255), string(line, words[3], 8)))
        else:
            lookup(line, t.types, words[1], "type")
            lookup(line, t.types, words[2], "type")
            t.effects.append((words[1], words[2], lookup(line, FACTORS, words[3], "factor (0, 0.5 or 2)")))


def _read_moves(t: Tables, path: Path, root: Path) -> None:
    for line, words in _rows(path, root):
        _need(line, words, 13, 'move NAME ID "text" TYPE power N accuracy N pp N effect E')
        lookup(line, {e: 0 for e in EFFECTS}, words[12], "effect")
        entry = Entry(line, number(line, words[2], 1, 165), string(line, words[3], 12))
        entry.values = {
            "type": lookup(line, t.types, words[4], "type").id,
            "power": number(line, words[6], 0, 250),
            "accuracy": number(line, words[8], 1, 100) * 255 // 100,
            "pp": number(line, words[10], 1, 40),
            "effect": EFFECTS.index(words[12]),
            "chance": number(line, words[13], 1, 100) if len(words) > 13 else 0,
        }
        _add(line, t.moves, words[1], entry)


def _read_items(t: Tables, path: Path, root: Path) -> None:
    for line, words in _rows(path, root):
        _need(line, words, 8, 'item NAME ID "text" price N use USE')
        use = words[7]
        lookup(line, {u: 0 for u in USES}, use, "use")
        entry = Entry(line, number(line, words[2], 1, 254), string(line, words[3], 12))
        arg = number(line, words[8], 1, 255) if use in USES_WITH_NUMBER and len(words) > 8 else 0
        entry.values = {"price": number(line, words[5], 0, 9999), "use": USES.index(use), "arg": arg}
        _add(line, t.items, words[1], entry)


def _species_line(t: Tables, entry: Entry, line: Line, words: list[str]) -> None:
    values = entry.values
    key, rest = words[0], words[1:]
    if key == "types":
        ids = [lookup(line, t.types, w, "type").id for w in rest]
        values["types"] = [ids[0], ids[-1]]
    elif key == "base":
        values["base"] = [number(line, w, 1, 255) for w in rest]
    elif key in ("catch", "exp"):
        values[key] = number(line, rest[0], 1, 255)
    elif key == "growth":
        lookup(line, {g: 0 for g in GROWTH}, rest[0], "growth")
        values["growth"] = GROWTH.index(rest[0])
    elif key == "start":
        values["start"] = [lookup(line, t.moves, w, "move").id for w in rest]
    elif key == "learn":
        values["learn"].append((number(line, rest[0], 2, 100), lookup(line, t.moves, rest[1], "move").id))
    elif key == "evolve":
        values["evolve"] = (number(line, rest[0], 2, 100), rest[1])
    elif key == "back":
        values["back"] = rest[0]
    elif key == "about":
        values["about"] = "\n".join(wrap(line, string(line, rest[0], 70), 18))
    else:
        raise line.error(f"unknown line {key}")


def _read_species(t: Tables, path: Path, root: Path) -> None:
    entry = None
    for line, words in _rows(path, root):
        if words[0] == "species":
            _need(line, words, 6, 'species NAME ID dex N "text"')
            entry = Entry(line, number(line, words[2], 1, 190), string(line, words[5], 10))
            dex = number(line, words[4], 1, 151)
            entry.values = {"dex": dex, "learn": [], "back": words[1], "about": "", "start": []}
            _add(line, t.species, words[1], entry)
        elif entry is None:
            raise line.error("a `species` line comes first")
        else:
            _need(line, words, 2, f"{words[0]} VALUE")
            _species_line(t, entry, line, words)
    for name, entry in t.species.items():
        for key in ("types", "base", "catch", "exp", "growth"):
            if key not in entry.values:
                raise entry.line.error(f"{name} has no `{key}` line")
        if "evolve" in entry.values:
            lookup(entry.line, t.species, entry.values["evolve"][1], "species")


def _read_trainers(t: Tables, path: Path, root: Path) -> None:
    for line, words in _rows(path, root):
        _need(line, words, 10, 'trainer NAME "text" class N money N party SPECIES LEVEL ...')
        entry = Entry(line, number(line, words[4], 1, 47), string(line, words[2], 13))
        pairs = words[8:]
        if len(pairs) % 2 or len(pairs) > 12:
            raise line.error("a party is one to six pairs SPECIES LEVEL")
        party = []
        for kind, level in zip(pairs[::2], pairs[1::2], strict=True):
            party += [lookup(line, t.species, kind, "species").id, number(line, level, 2, 100)]
        entry.values = {"money": number(line, words[6], 0, 255), "party": party}
        _add(line, t.trainers, words[1], entry)


def read_tables(data: Path, root: Path) -> Tables:
    """Reads all tables in data/."""
    t = Tables()
    _read_events(t, data / "events.txt", root)
    _read_types(t, data / "types.txt", root)
    _read_moves(t, data / "moves.txt", root)
    _read_items(t, data / "items.txt", root)
    _read_species(t, data / "species.txt", root)
    _read_trainers(t, data / "trainers.txt", root)
    return t


def _c(values) -> str:
    return ", ".join(str(v) for v in values)


def _pad(values: list[int], n: int) -> list[int]:
    return values + [0] * (n - len(values))


def _species_row(name: str, e: Entry, t: Tables, learn_at: int, art: dict) -> str:
    v = e.values
    evolve = (v["evolve"][0], t.species[v["evolve"][1]].id) if "evolve" in v else (0, 0)
    size, front, front_bank = lookup(e.line, art["fronts"], name, "front picture")
    back, back_bank = art["backs"].get(v["back"]) or lookup(e.line, art["backs"], "generic", "back picture")
    about, about_bank = art["about"][name]
    return (
        f'    {{{e.id}, {v["dex"]}, "{e.name}", {{{_c(v["types"])}}}, {{{_c(v["base"])}}}, '
        f"{v['catch']}, {v['exp']}, {v['growth']}, {{{_c(_pad(v['start'], 4))}}}, "
        f"{evolve[0]}, {evolve[1]}, {learn_at}, "
        f"{front}, {front_bank}, {size}, {back}, {back_bank}, {about}, {about_bank}}},"
    )


def c_tables(t: Tables, art: dict) -> str:
    """C source of the tables; art maps names to places of pictures and texts in the data banks."""
    learn, rows = [], []
    for name, e in t.species.items():
        rows.append(_species_row(name, e, t, len(learn), art))
        learn += [*sorted(e.values["learn"]), (0, 0)]
    out = ["const Species species[N_SPECIES] = {", *rows, "};"]
    out += ["const Learn learnsets[] = {", *(f"    {{{a}, {b}}}," for a, b in learn), "};"]
    out += ["const Move moves[N_MOVES] = {"]
    for e in t.moves.values():
        out.append(f'    {{{e.id}, "{e.name}", {_c(e.values.values())}}},')
    out += ["};", "const Item items[N_ITEMS] = {"]
    for e in t.items.values():
        v = e.values
        out.append(f'    {{{e.id}, "{e.name}", {{{_c(bcd(v["price"]))}}}, {v["use"]}, {v["arg"]}}},')
    out += ["};", "const Trainer trainers[] = {"]
    for e in t.trainers.values():
        party = e.values["party"]
        out.append(f'    {{{e.id}, {e.values["money"]}, "{e.name}", {len(party) // 2}, {{{_c(_pad(party, 12))}}}}},')
    out += ["};", "const Effect effects[N_EFFECTS] = {"]
    out += [f"    {{{t.types[a].id}, {t.types[b].id}, {f}}}," for a, b, f in t.effects]
    out += ["};", "static const TypeName typeNames[] = {"]
    out += [f'    {{{e.id}, "{e.name}"}},' for e in t.types.values()]
    out += ["};", "const char *type_name(u8 id)", "{", "    const TypeName *t = typeNames;"]
    out += ["    while (t->id != id)", "        t++;", "    return t->name;", "}"]
    return "\n".join(out) + "\n"
