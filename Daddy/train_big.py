"""The large run: ``python -m Daddy.train_big --num-envs 32 --total-steps 5_000_000 --run-name big_run_01``."""

from __future__ import annotations

import sys

from Daddy.launch import launch


def main(argv: list[str] | None = None) -> int:
    """Parse ``argv``, train, return the exit code."""
    return launch("big", "python -m Daddy.train_big", "Train the hierarchical recurrent DQN, large preset.", argv)


if __name__ == "__main__":
    sys.exit(main())
