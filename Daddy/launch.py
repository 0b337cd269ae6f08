"""What the entry points share: settings first, heavy imports only once they are known to be good."""

from __future__ import annotations

from Daddy.cli import parse_config
from Daddy.config import preset
from Daddy.errors import run_command


def launch(preset_name: str, prog: str, description: str, argv: list[str] | None) -> int:
    """Parse flags over the preset and train; returns the exit code."""

    def command() -> int:
        config = parse_config(prog, description, preset(preset_name), argv)
        from Daddy.loop import run_training
        from Daddy.run_dir import default_run_name

        config.run_name = config.run_name or default_run_name(preset_name)
        return run_training(config)

    return run_command(command)
