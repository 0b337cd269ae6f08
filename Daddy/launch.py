"""What the entry points share: settings first, heavy imports only once they are known to be good."""

from __future__ import annotations

import dataclasses
import signal
from types import FrameType
from typing import Any

from Daddy.cli import explicit_settings
from Daddy.config import TrainConfig, preset, validate
from Daddy.errors import EXIT_TERMINATED, StoppedEarlyError, run_command
from Daddy.resume import continued, wants_resume


def launch(preset_name: str, prog: str, description: str, argv: list[str] | None) -> int:
    """Parse flags over the preset (or over the run to resume) and train; returns the exit code."""

    def command() -> int:
        defaults = preset(preset_name)
        config = settle(defaults, explicit_settings(prog, description, defaults, argv))
        from Daddy.loop import run_training
        from Daddy.run_dir import default_run_name

        config.run_name = config.run_name or default_run_name(preset_name)
        return run_training(config)

    previous = signal.signal(signal.SIGTERM, _stop_early)  # importing torch takes seconds
    try:
        return run_command(command)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _stop_early(_number: int, _frame: FrameType | None) -> None:
    raise StoppedEarlyError(EXIT_TERMINATED)


def settle(defaults: TrainConfig, explicit: dict[str, Any]) -> TrainConfig:
    """The settings of this start: explicit ones over the defaults, or over those of the run that is resumed.

    Raises:
        UsageError: settings that cannot work, or cannot change on resume.
    """
    config = dataclasses.replace(defaults, **explicit)
    return continued(config, explicit) if wants_resume(config) else validate(config)
