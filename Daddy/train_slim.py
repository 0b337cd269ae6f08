"""The small run, same loop: ``python -m Daddy.train_slim --total-steps 200_000 --run-name slim_01``."""

from __future__ import annotations

import sys

from Daddy.launch import launch


def main(argv: list[str] | None = None) -> int:
    """Parse ``argv``, train, return the exit code."""
    return launch("slim", "python -m Daddy.train_slim", "Train the hierarchical recurrent DQN, slim preset.", argv)


if __name__ == "__main__":
    sys.exit(main())
