"""What the terminal can show: colours, glyphs, and which of the three output modes suits it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TextIO

from rich.color import ColorSystem
from rich.style import Style

MIN_FULL = (40, 10)  # columns, rows below which a full dashboard says less than a line

# Only colours that read on dark and on light backgrounds.
STYLES = {
    "": "", "border": "color(30)", "title": "bold cyan", "label": "color(245)", "value": "bold", "dim": "color(243)",
    "good": "green", "warn": "yellow", "bad": "bold red", "name": "bold magenta", "bar": "color(37)",
    "track": "color(239)", "env": "color(71)", "rnd": "color(133)", "novel": "color(68)", "bayes": "color(172)",
    "heat0": "color(240)", "heat1": "color(25)", "heat2": "color(31)", "heat3": "color(35)", "heat4": "color(148)",
    "heat5": "color(214)", "heat6": "color(203)", "agent": "bold color(199)", "spark": "color(74)",
    "map0": "color(71)", "map1": "color(68)", "map2": "color(172)", "map3": "color(133)", "map4": "color(37)",
    "map5": "color(203)",
}  # fmt: skip
_SYSTEMS = {"16": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "true": ColorSystem.TRUECOLOR}


@dataclass(frozen=True)
class Look:
    """``colors``: none, 16, 256 or true; ``unicode``: block, box and braille characters may be used."""

    colors: str = "256"
    unicode: bool = True

    def paint(self, text: str, style: str) -> str:
        """``text`` with the escape codes of ``style``, a key of STYLES."""
        before, after = _codes(style, self.colors)
        return before + text + after


@lru_cache(maxsize=256)
def _codes(style: str, colors: str) -> tuple[str, str]:
    parsed = Style.parse(STYLES[style])
    if colors == "none":
        parsed = parsed.without_color
    before, after = parsed.render("\0", color_system=_SYSTEMS.get(colors, ColorSystem.STANDARD)).split("\0")
    return before, after


def detect_look(stream: TextIO, env: Mapping[str, str] = os.environ) -> Look:
    """What ``stream`` can show, from the environment: NO_COLOR, TERM, COLORTERM and the locale."""
    return Look(_colors(env), _is_unicode(stream, env))


def _colors(env: Mapping[str, str]) -> str:
    if env.get("NO_COLOR"):
        return "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "true"
    return "256" if "256" in env.get("TERM", "") else "16"


def _is_unicode(stream: TextIO, env: Mapping[str, str]) -> bool:
    if "utf" not in (getattr(stream, "encoding", None) or "").lower() or env.get("TERM") == "linux":
        return False
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "utf-8"
    # Python replaces a C locale by LC_CTYPE=C.UTF-8 on its own (PEP 538); the terminal did not change by that.
    if not env.get("LC_ALL") and env.get("LC_CTYPE") == "C.UTF-8" and env.get("LANG") in ("C", "POSIX"):
        return False
    return "utf" in locale.lower()


def choose_dashboard(
    wanted: str, stream: TextIO | None = None, env: Mapping[str, str] = os.environ, size: tuple[int, int] | None = None
) -> tuple[str, str]:
    """Resolve ``--dashboard`` to (full, line or plain, reason); ``size`` is (columns, rows), asked for when None.

    Escape codes go to terminals only: on anything else every wish becomes plain.
    """
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        return "plain", "stdout is not a terminal"
    if env.get("TERM", "dumb") == "dumb":
        return "plain", "the terminal is dumb"
    if wanted != "auto":
        return wanted, "as asked"
    columns, rows = size or terminal_size(stream)
    if columns >= MIN_FULL[0] and rows >= MIN_FULL[1]:
        return "full", f"a terminal of {columns}x{rows}"
    return "line", f"a terminal of {columns}x{rows}; full needs {MIN_FULL[0]}x{MIN_FULL[1]}"


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """(columns, rows) of the terminal behind ``stream``; 80x24 when it cannot be asked."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns, rows = 0, 0
    return columns or 80, rows or 24
