"""Errors that end a command with one line and an exit code.

0 done, 1 failure, 2 usage, 3 bad ROM or savestate, 130 Ctrl-C, 143 SIGTERM (both after saving, once training has
begun). The env's own errors carry the same ``exit_code`` attribute.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


class EpsilonError(Exception):
    """A failure whose message says what to do."""

    exit_code = 1


class UsageError(EpsilonError):
    """Settings that cannot work."""

    exit_code = 2


class WorkerError(EpsilonError):
    """An emulator process failed; carries the exit code of the cause."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def run_command(command: Callable[[], int]) -> int:
    """Run ``command``; an expected error becomes its line on stderr and its exit code."""
    try:
        return command()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        code = getattr(error, "exit_code", 1 if isinstance(error, OSError) else None)
        if code is None:
            raise
        print(f"error: {error}", file=sys.stderr)
        return code
