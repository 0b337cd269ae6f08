"""``python -m Daddy.players random|walkthrough`` plays and leaves a run directory; ``evaluate RUN`` plays once more.

The walkthrough's recorded keys only work from power-on without the random bytes that other episodes begin with: it is
the ceiling of what a given number of steps allows, no agent.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich_argparse import RawDescriptionRichHelpFormatter

from Daddy.cli import Parser, add_flags, whole_number
from Daddy.config import evaluation_seed
from Daddy.errors import EXIT_OK, EXIT_TERMINATED, StoppedEarlyError, UsageError, run_command
from Daddy.players.settings import PLAYERS, PlayConfig, read_run


def main(argv: list[str] | None = None) -> int:
    """Parse ``argv`` and play; returns the exit code."""
    given = sys.argv[1:] if argv is None else argv
    previous = signal.signal(signal.SIGTERM, _stop_early)  # importing torch takes seconds
    try:
        if given and given[0] == "evaluate":
            arguments = _evaluate_parser().parse_args(given[1:])
            return run_command(lambda: _evaluate(arguments))
        values = vars(_play_parser().parse_args(given))
        return run_command(lambda: _play(values.pop("player"), PlayConfig(**values)))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _stop_early(*_: object) -> None:
    raise StoppedEarlyError(EXIT_TERMINATED)


def _play_parser() -> Parser:
    parser = Parser(
        prog="python -m Daddy.players", description=__doc__.split("\n\n")[1], allow_abbrev=False,
        formatter_class=RawDescriptionRichHelpFormatter, epilog="evaluate RUN --help has the flags of evaluate",
    )  # fmt: skip
    parser.add_argument("player", choices=PLAYERS)
    add_flags(parser, PlayConfig())
    return parser


def _evaluate_parser() -> Parser:
    parser = Parser(prog="python -m Daddy.players evaluate", description="Play a player's episodes again.")
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory")
    parser.add_argument("--episodes", type=whole_number, default=8, help="of random play (default: 8)")
    parser.add_argument("--seed", type=whole_number, help="of the first episode (default: from the run's seed)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    return parser


def _play(player: str, config: PlayConfig) -> int:
    from Daddy.players.play import run_player

    config.run_name = config.run_name or f"{player}_{time.strftime('%Y%m%d-%H%M%S')}"
    return run_player(player, config)


def _evaluate(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.episodes <= 1000:
        raise UsageError(f"--episodes is {arguments.episodes}; it must be between 1 and 1000")
    from Daddy.evaluation import summarize
    from Daddy.players.play import evaluate

    player, config = read_run(arguments.run)
    seed = evaluation_seed(config.seed) if arguments.seed is None else arguments.seed
    played = list(evaluate(player, config, arguments.episodes, seed))
    summary = summarize(played)
    if arguments.json:
        print(json.dumps({"step_global": 0, "summaries": [summary], "episodes": [asdict(e) for e in played]}))
        return EXIT_OK
    print(f"{player}: {len(played)} episodes, milestones {summary['milestones_mean']:.2f}, badges "
          f"{summary['badges_mean']:.2f}, return {summary['return_env_mean']:.2f}")
    for name, share in summary["milestones"].items():
        print(f"  {name:42} {share['share']:6.0%}  median step {share['median_steps']:,.0f}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
