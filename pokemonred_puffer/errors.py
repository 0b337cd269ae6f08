"""The package's exceptions. Every message is one line that names the fix; `exit_code` is what a command returns."""
from __future__ import annotations

import difflib
from collections.abc import Iterable


class PokemonRedError(Exception):
    """Base of all errors that the user can do something about."""

    exit_code = 1


class RomError(PokemonRedError):
    """The ROM is missing, unreadable, truncated or not one that the environment knows."""

    exit_code = 3


class StateError(PokemonRedError):
    """A savestate is unreadable, or belongs to another ROM or another PyBoy version."""

    exit_code = 3


class ConfigError(PokemonRedError):
    """A setting has an unknown name or a value that cannot work."""

    exit_code = 2


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` for the nearest known name, or an empty string."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""
