"""Compiles story scripts to the byte code that src/script.c runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tables import Tables, bcd
from textfile import ASK_WIDTH, Line, lookup, number, pages, string

OPS = (
    "end say ask if ifnot ifitem ifnoitem iflead ifmoney ifbadge give take set clear mon heal heal_here money pay "
    "battle badge shop warp hide show walk push face goto dex wait pick"
).split()
Encode = Callable[[bytes], bytes]
FACINGS = {"down": 0, "up": 4, "left": 8, "right": 12}


def word(value: int) -> bytes:
    """Two bytes, low first."""
    return value.to_bytes(2, "little")


@dataclass
class Code:
    """Bytes with places that hold addresses: {position: offset within the same bytes}."""

    data: bytearray = field(default_factory=bytearray)
    fixes: dict[int, int] = field(default_factory=dict)

    def append(self, other: Code | bytes) -> int:
        """Adds bytes or other code at the end; returns where it begins."""
        start = len(self.data)
        if isinstance(other, Code):
            self.fixes.update({start + at: start + to for at, to in other.fixes.items()})
            self.data += other.data
        else:
            self.data += other
        return start

    def address(self, target: int) -> None:
        """Adds a word that will be the address of an offset."""
        self.fixes[len(self.data)] = target
        self.data += b"\0\0"

    def placed(self, base: int) -> bytes:
        """The final bytes at an address."""
        out = bytearray(self.data)
        for at, to in self.fixes.items():
            out[at : at + 2] = word(base + to)
        return bytes(out)


class ScriptCompiler:
    """Turns the lines of one script into Code. Names of maps and persons come from the world."""

    def __init__(self, tables: Tables, maps: dict[str, object], persons: dict[str, int], encode: Encode) -> None:
        self.tables, self.maps, self.persons, self.encode = tables, maps, persons, encode
        self.code = Code()
        self.labels: dict[str, int] = {}
        self.jumps: list[tuple[Line, int, str]] = []

    def compile(self, lines: list[Line]) -> Code:
        """Compiles a whole script; labels are local to it."""
        for line in lines:
            self.line(line, line.words())
        self.code.data.append(OPS.index("end"))
        for line, at, label in self.jumps:
            self.code.fixes[at] = lookup(line, self.labels, label, "label")
        return self.code

    def emit(self, op: str, *operands: int | bytes) -> None:
        """One instruction."""
        self.code.data.append(OPS.index(op))
        for operand in operands:
            self.code.data += operand if isinstance(operand, bytes) else bytes((operand,))

    def say(self, line: Line, text: str) -> None:
        """One `say` instruction with its pages."""
        self.emit("say", self.encode(pages(line, text)))

    def jump(self, line: Line, label: str) -> None:
        """A word that becomes the label's address."""
        self.jumps.append((line, len(self.code.data), label))
        self.code.data += b"\0\0"

    def line(self, line: Line, words: list[str]) -> None:
        """One script command."""
        name = words[0]
        if name == "label":
            self.labels[self._arg(line, words, 1)] = len(self.code.data)
            return
        method = getattr(self, f"do_{name}", None)
        if method is None:
            raise line.error(f"unknown script command {name}")
        method(line, words)

    def _arg(self, line: Line, words: list[str], n: int) -> str:
        if n >= len(words):
            raise line.error(f"`{words[0]}` needs {n} operand(s) at least")
        return words[n]

    def _event(self, line: Line, words: list[str]) -> bytes:
        return word(lookup(line, self.tables.events, self._arg(line, words, 1), "event"))

    def _item(self, line: Line, name: str) -> int:
        return lookup(line, self.tables.items, name, "item").id

    def _species(self, line: Line, name: str) -> int:
        return lookup(line, self.tables.species, name, "species").id

    def _person(self, line: Line, name: str) -> int:
        return lookup(line, self.persons, name, "person of this map")

    def _number(self, line: Line, words: list[str], n: int, low: int, high: int) -> int:
        return number(line, self._arg(line, words, n), low, high)

    def _money(self, line: Line, words: list[str]) -> bytes:
        return bytes(bcd(self._number(line, words, 1, 0, 999_999)))

    def _facing(self, line: Line, name: str) -> int:
        return lookup(line, FACINGS, name, "direction")

    def do_end(self, line: Line, words: list[str]) -> None:
        self.emit("end")

    def do_say(self, line: Line, words: list[str]) -> None:
        self.say(line, string(line, self._arg(line, words, 1)))

    def do_ask(self, line: Line, words: list[str]) -> None:
        self.emit("ask")
        self.jump(line, self._arg(line, words, 2))
        self.code.data += self.encode(pages(line, string(line, words[1]), ASK_WIDTH))

    def do_if(self, line: Line, words: list[str]) -> None:
        self.emit(words[0], self._event(line, words))
        self.jump(line, self._arg(line, words, 2))

    do_ifnot = do_if

    def do_ifitem(self, line: Line, words: list[str]) -> None:
        self.emit(words[0], self._item(line, self._arg(line, words, 1)))
        self.jump(line, self._arg(line, words, 2))

    do_ifnoitem = do_ifitem

    def do_iflead(self, line: Line, words: list[str]) -> None:
        self.emit("iflead", self._number(line, words, 1, 1, 100))
        self.jump(line, self._arg(line, words, 2))

    def do_ifmoney(self, line: Line, words: list[str]) -> None:
        self.emit("ifmoney", self._money(line, words))
        self.jump(line, self._arg(line, words, 2))

    def do_ifbadge(self, line: Line, words: list[str]) -> None:
        self.emit("ifbadge", self._number(line, words, 1, 0, 7))
        self.jump(line, self._arg(line, words, 2))

    def do_give(self, line: Line, words: list[str]) -> None:
        count = self._number(line, words, 2, 1, 99) if len(words) > 2 else 1
        self.emit("give", self._item(line, self._arg(line, words, 1)), count)

    def do_take(self, line: Line, words: list[str]) -> None:
        self.emit("take", self._item(line, self._arg(line, words, 1)))

    def do_set(self, line: Line, words: list[str]) -> None:
        self.emit(words[0], self._event(line, words))

    do_clear = do_set

    def do_mon(self, line: Line, words: list[str]) -> None:
        self.emit("mon", self._species(line, self._arg(line, words, 1)), self._number(line, words, 2, 2, 100))

    def do_heal(self, line: Line, words: list[str]) -> None:
        self.emit(words[0])

    do_heal_here = do_heal

    def do_money(self, line: Line, words: list[str]) -> None:
        self.emit(words[0], self._money(line, words))

    do_pay = do_money

    def do_battle(self, line: Line, words: list[str]) -> None:
        name = self._arg(line, words, 1)
        lookup(line, self.tables.trainers, name, "trainer")
        self.emit("battle", list(self.tables.trainers).index(name))

    def do_badge(self, line: Line, words: list[str]) -> None:
        self.emit("badge", self._number(line, words, 1, 0, 7))

    def do_shop(self, line: Line, words: list[str]) -> None:
        if not 2 <= len(words) <= 11:
            raise line.error("a shop sells one to ten items")
        self.emit("shop", len(words) - 1, *(self._item(line, w) for w in words[1:]))

    def do_warp(self, line: Line, words: list[str]) -> None:
        target = lookup(line, self.maps, self._arg(line, words, 1), "map")
        x, y = self._number(line, words, 2, 0, 254), self._number(line, words, 3, 0, 254)
        target.need_walkable(line, x, y)
        self.emit("warp", target.id, x, y)

    def do_hide(self, line: Line, words: list[str]) -> None:
        self.emit(words[0], self._person(line, self._arg(line, words, 1)))

    do_show = do_hide

    def do_walk(self, line: Line, words: list[str]) -> None:
        who = self._person(line, self._arg(line, words, 1))
        self.emit("walk", who, self._facing(line, self._arg(line, words, 2)), self._number(line, words, 3, 1, 20))

    def do_push(self, line: Line, words: list[str]) -> None:
        self.emit("push", self._facing(line, self._arg(line, words, 1)), self._number(line, words, 2, 1, 20))

    def do_face(self, line: Line, words: list[str]) -> None:
        self.emit("face", self._facing(line, self._arg(line, words, 1)))

    def do_goto(self, line: Line, words: list[str]) -> None:
        self.emit("goto")
        self.jump(line, self._arg(line, words, 1))

    def do_dex(self, line: Line, words: list[str]) -> None:
        self.emit("dex", self._species(line, self._arg(line, words, 1)))

    def do_wait(self, line: Line, words: list[str]) -> None:
        self.emit("wait", self._number(line, words, 1, 1, 255))
