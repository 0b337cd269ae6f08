"""Play a run's newest checkpoint from the true start: ``python -m Final.epsilon.evaluate runs/first --epsilon 0``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from Final.epsilon.errors import EpsilonError, UsageError, run_command
from Final.epsilon.settings import EVAL_EPSILON, Parser


def main(argv: list[str] | None = None) -> int:
    """Parse ``argv``, play, print; returns the exit code."""
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _evaluate(arguments))


def _parser() -> Parser:
    parser = Parser(prog="python -m Final.epsilon.evaluate", description="Play a run's newest checkpoint from the true "
                    "start and print milestones per episode.")
    parser.add_argument("path", type=Path, metavar="RUN", help="run directory, or one of its checkpoints")
    parser.add_argument("--episodes", type=int, default=8, help="episodes for each epsilon (default: 8)")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[0.0, EVAL_EPSILON], metavar="E",
                        help=f"shares of random actions (default: 0 {EVAL_EPSILON})")
    parser.add_argument("--seed", type=int, help="seed of the first episode (default: from the run's seed)")
    parser.add_argument("--max-episode-steps", type=int, help="length of an episode (default: the run's)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    return parser


def _evaluate(arguments: argparse.Namespace) -> int:
    if arguments.episodes < 1:
        raise UsageError(f"--episodes is {arguments.episodes}; it must be at least 1")
    if arguments.seed is not None and arguments.seed < 0:
        raise UsageError(f"--seed is {arguments.seed}; it must be 0 or more")
    for epsilon in arguments.epsilon:
        if not 0 <= epsilon <= 1:
            raise UsageError(f"--epsilon is {epsilon}; it must be between 0 and 1")
    import torch

    from Final.epsilon.evaluation import evaluate, summarize, summary_line
    from Final.epsilon.run_files import load_run
    from Final.epsilon.settings import validate
    from Final.epsilon.trainer import build_agent, map_names
    from pokemonred_puffer.rom import resolve_rom

    torch.set_num_threads(1)
    config, step, weights = load_run(arguments.path)
    if arguments.max_episode_steps is not None:
        config.max_episode_steps = arguments.max_episode_steps
    config.device = "cpu"
    rom = resolve_rom(validate(config).rom or None, config.allow_rom_mismatch)
    agent = build_agent(config)
    try:
        agent.load(weights)
    except RuntimeError:
        raise EpsilonError(f"{arguments.path} holds weights of another network; name a run of this version") from None
    rows = evaluate(config, agent, step, arguments.episodes, arguments.epsilon, map_names(rom), seed=arguments.seed)
    summaries = summarize(rows)
    if arguments.json:
        print(json.dumps({"step_global": step, "summaries": summaries, "episodes": rows}))
        return 0
    for summary in summaries:
        print(summary_line(step, summary))
        for name, share in summary["milestones"].items():
            print(f"  {name:42} {share:6.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
