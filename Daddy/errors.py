"""Errors that end a command with one clear line and a documented exit code.

Exit codes: 0 done, 1 failure (after saving, when emulators kept failing in mid-run), 2 usage, 3 bad ROM or savestate,
4 checkpoint refused, 130 Ctrl-C after saving, 143 SIGTERM after saving (130 and 143 also before training began, with
nothing to save).
Errors of the env and of the shim carry the same ``exit_code`` attribute; ``run_command`` treats them alike.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CHECKPOINT = 4
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class DaddyError(Exception):
    """A failure whose message says what to do about it."""

    exit_code = EXIT_FAILURE


class UsageError(DaddyError):
    """The command line or the config file asks for something that cannot be."""

    exit_code = EXIT_USAGE


class CheckpointError(DaddyError):
    """A checkpoint could not be written or must not be read."""

    exit_code = EXIT_CHECKPOINT


class StoppedEarlyError(BaseException):
    """SIGINT or SIGTERM before training began: nothing to save. It must get out, so it is no Exception."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("stopped before training began")
        self.exit_code = exit_code


def run_command(command: Callable[[], int]) -> int:
    """Run ``command`` and turn an expected error or an early Ctrl-C into its line on stderr and its exit code."""
    try:
        return command()
    except (KeyboardInterrupt, StoppedEarlyError) as stop:
        print("interrupted before training began; nothing to save", file=sys.stderr)
        return getattr(stop, "exit_code", EXIT_INTERRUPTED)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            print(f"error: {error}; make room or choose another --runs-dir", file=sys.stderr)
            return EXIT_FAILURE
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        print(f"error: {error}", file=sys.stderr)
        return code
