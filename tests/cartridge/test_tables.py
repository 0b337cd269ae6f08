"""The cartridge's tables: names that fit, references that exist, numbers in range, and texts short enough to play."""
import re
import textwrap

import pytest

from tests.cartridge.worldtext import ROOT, read_world, words_of

NAME_LENGTHS = {"species": 10, "move": 12, "item": 12, "trainer": 13, "type": 8}
MAX_PAGES = 2
PAGE_WIDTH, PAGE_LINES = 18, 2
FORBIDDEN = re.compile(r"pok[eé]|nintendo|pikachu|gym leader|kanto|prof\.? oak", re.IGNORECASE)


def lines(table):
    """Words of every directive of data/TABLE.txt."""
    text = (ROOT / "data" / f"{table}.txt").read_text()
    return [words_of(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def declared(table, keyword):
    """{const: words} of the directives that begin with `keyword`."""
    return {words[1]: words for words in lines(table) if words[0] == keyword}


@pytest.fixture(scope="module")
def tables():
    files = {"species": "species", "move": "moves", "item": "items", "trainer": "trainers", "type": "types"}
    return {keyword: declared(file, keyword) for keyword, file in files.items()}


def test_names_fit_and_ids_differ(tables):
    for keyword, longest in NAME_LENGTHS.items():
        names = [next(w for w in words[2:] if w[0].isupper() and not w.isupper()) for words in tables[keyword].values()]
        assert all(len(name) <= longest for name in names), keyword
    for keyword in ("species", "move", "item", "type"):
        numbers = [int(words[2], 0) for words in tables[keyword].values()]
        assert len(set(numbers)) == len(numbers), keyword


def test_species_refer_to_types_moves_and_species(tables):
    for words in lines("species"):
        if words[0] == "types":
            assert set(words[1:]) <= set(tables["type"])
        elif words[0] == "start":
            assert set(words[1:]) <= set(tables["move"])
        elif words[0] == "learn":
            assert words[2] in tables["move"]
        elif words[0] == "evolve":
            assert words[2] in tables["species"]
        elif words[0] == "base":
            assert len(words) == 6 and all(25 <= int(w) <= 75 for w in words[1:])
        elif words[0] == "about":
            assert len(words[1]) <= 54


def test_every_species_can_hurt_at_level_one(tables):
    power = {name: int(words[words.index("power") + 1]) for name, words in tables["move"].items()}
    starts = [words[1:] for words in lines("species") if words[0] == "start"]
    assert len(starts) == len(tables["species"]) == 16
    assert all(any(power[move] for move in moves) for moves in starts)


def test_trainers_have_known_companions_and_all_of_them_fight(tables):
    world = read_world()
    used = {t.words[t.words.index("party") + 1] for area in world.values() for t in area.things if t.kind == "trainer"}
    scripts = [script for area in world.values() for script in area.scripts.values()]
    used |= {words[1] for script in scripts for words in script if words[0] == "battle"}
    assert used == set(tables["trainer"])
    for words in tables["trainer"].values():
        party = words[words.index("party") + 1 :]
        assert 1 <= len(party) // 2 <= 6 and set(party[::2]) <= set(tables["species"])


def texts():
    """(where, what a player reads) of every string in the data."""
    for path in sorted((ROOT / "data").rglob("*.txt")):
        for line in path.read_text().splitlines():
            for text in re.findall(r'"([^"]*)"', line) if not line.startswith("#") else ():
                yield path.name, text


def test_no_text_is_long_or_borrowed():
    for where, text in texts():
        wrapped = [textwrap.wrap(page, PAGE_WIDTH) for page in text.split("|")]
        assert sum(-(-len(page) // PAGE_LINES) for page in wrapped) <= MAX_PAGES, (where, text)
        assert all(len(line) <= PAGE_WIDTH for page in wrapped for line in page), (where, text)
        assert not FORBIDDEN.search(text), (where, text)
