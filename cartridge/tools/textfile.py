"""Reading the cartridge's text files: lines with their place, words, quoted strings, wrapping."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TEXT_WIDTH = 18
ASK_WIDTH = 12
_TOKEN = re.compile(r'"([^"]*)"|(\S+)')


class BuildError(Exception):
    """One clear line: file:line: what is wrong."""


@dataclass(frozen=True)
class Line:
    """One line of a text file with its place for error messages."""

    path: str
    number: int
    text: str

    def error(self, message: str) -> BuildError:
        """An error that names this line."""
        return BuildError(f"{self.path}:{self.number}: {message}")

    def words(self) -> list[str]:
        """The line's words; a quoted string is one word that starts with a double quote."""
        out = []
        for match in _TOKEN.finditer(self.text):
            quoted, plain = match.groups()
            if plain is None:
                out.append('"' + quoted)
            elif plain.startswith("#") and match.start() > 0:
                break
            else:
                out.append(plain)
        return out


def read_lines(path: Path, root: Path) -> list[Line]:
    """All lines of a file, comments and blank lines included."""
    name = path.relative_to(root).as_posix()
    return [Line(name, n, text) for n, text in enumerate(path.read_text("ascii").split("\n"), 1)]


def is_blank(line: Line) -> bool:
    """True for lines that say nothing."""
    return not line.text.strip() or line.text.startswith("#")


def number(line: Line, word: str, low: int, high: int) -> int:
    """A decimal or 0x number within bounds."""
    try:
        value = int(word, 0)
    except ValueError:
        raise line.error(f"{word} is not a number") from None
    if not low <= value <= high:
        raise line.error(f"{word} must be between {low} and {high}")
    return value


def string(line: Line, word: str, longest: int | None = None) -> str:
    """The text of a quoted word."""
    if not word.startswith('"'):
        raise line.error(f'expected a "text", found {word}')
    text = word[1:]
    if longest is not None and len(text) > longest:
        raise line.error(f'"{text}" has {len(text)} letters, at most {longest} fit')
    return text


def lookup(line: Line, table: dict, name: str, what: str):
    """table[name], or an error that says what is missing."""
    if name not in table:
        raise line.error(f"unknown {what} {name}")
    return table[name]


def wrap(line: Line, text: str, width: int) -> list[str]:
    """Breaks one page's text into lines of at most width letters."""
    lines = [""]
    for word in text.split():
        if len(word) > width:
            raise line.error(f"the word {word} is longer than {width} letters")
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def pages(line: Line, text: str, width: int = TEXT_WIDTH) -> bytes:
    """Dialog bytes: two lines a page, `|` starts a page, form feeds between pages, 0 at the end."""
    out = []
    for part in text.split("|"):
        lines = wrap(line, part, width)
        out += ["\n".join(lines[i : i + 2]) for i in range(0, len(lines), 2)]
    return "\f".join(out).encode("ascii") + b"\0"


def pop_picture(lines: list[Line], start: int, rows: int, width: int, letters: str = ".-+#") -> list[list[int]]:
    """The picture whose rows begin at lines[start], as shades 0-3."""
    picture = []
    for line in lines[start : start + rows]:
        row = line.text.rstrip()
        if len(row) != width or set(row) - set(letters):
            raise line.error(f"a picture row needs {width} of {letters}, found {row!r}")
        picture.append([letters.index(c) for c in row])
    if len(picture) < rows:
        raise lines[-1].error(f"the picture ends early: {rows} rows are needed")
    return picture
