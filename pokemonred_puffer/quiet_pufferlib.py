"""The only import of pufferlib, made quiet and harmless.

Importing pufferlib 3.0.0 drops a symlink called ``resources`` into the working directory (and fails where that is
read-only) and silences every DeprecationWarning of the process. With its requirement shimmy installed, importing
gymnasium loads gym, which prints a retirement notice.
"""
from __future__ import annotations

import contextlib
import io
import os
import warnings


def _no_symlink(*_: object, **__: object) -> None:
    """What os.symlink does while pufferlib is being imported."""


@contextlib.contextmanager
def _contained():
    real_symlink, os.symlink = os.symlink, _no_symlink
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        os.symlink = real_symlink


with _contained():
    import gymnasium  # noqa: F401 (before anything else imports it)
    import pufferlib.vector as vector
    from pufferlib.emulation import GymnasiumPufferEnv

__all__ = ["GymnasiumPufferEnv", "vector"]
