"""Train the frozen older baseline: ``python -m Final.epsilon.train --run-name first --total-steps 200_000``."""

from __future__ import annotations

import sys
import time

from Final.epsilon.errors import run_command
from Final.epsilon.settings import parse_config
from Final.epsilon.stop import StopSignals


def main(argv: list[str] | None = None) -> int:
    """Parse ``argv`` and train; returns the exit code."""

    def command() -> int:
        config = parse_config(argv)
        config.run_name = config.run_name or time.strftime("epsilon_%Y%m%d-%H%M%S")
        signals = StopSignals()
        try:
            from Final.epsilon.trainer import train  # torch takes seconds: --help and usage errors do not wait for it

            return train(config, signals)
        finally:
            signals.restore()

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
