"""Evaluate a run from its true start: ``python -m Daddy.evaluate runs/first --episodes 16 --epsilon 0 0.05``.

Prints the mean of milestones per episode and, for each milestone, the share of episodes that reached it with its 95%
interval and the median step. Exit codes are those of training.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from Daddy.cli import comma_list
from Daddy.config import evaluation_seed
from Daddy.errors import EXIT_FAILURE, EXIT_OK, UsageError, run_command

_NICE = 10


def main(argv: list[str] | None = None) -> int:
    """Parse ``argv``, play, print; returns the exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _evaluate(arguments))


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(prog="python -m Daddy.evaluate", description=__doc__.split("\n\n")[1])
    parser.add_argument("path", type=Path, metavar="RUN_OR_CHECKPOINT", help="run directory (its newest checkpoint) or "
                        "one of its checkpoints")
    parser.add_argument("--episodes", type=int, default=8, help="episodes for each epsilon (default: 8)")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[0.0], metavar="E",
                        help="shares of random actions to play with (default: 0, greedy)")
    parser.add_argument("--seed", type=int, help="seed of the first episode (default: from the run's seed)")
    parser.add_argument("--max-episode-steps", type=int, help="steps of an episode (default: the run's)")
    parser.add_argument("--ablate", type=comma_list, default=(), metavar="{gru,lstm,ssm}",
                        help="take these levels' outputs away, to see what they are used for")
    parser.add_argument("--repetition-penalty", type=float, metavar="X",
                        help="play with this --repetition-penalty (default: the run's; 0: none)")
    parser.add_argument("--last-weights", action="store_true",
                        help="play with the weights of the last update, not with their average")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--trainer", type=int, help=argparse.SUPPRESS)  # process id of the run that started this
    return parser


def _evaluate(arguments: argparse.Namespace) -> int:
    _check(arguments)
    if arguments.trainer is not None:
        _step_back(arguments.trainer)
    import torch

    from Daddy.evaluation import EvalPlan, checkpoint_of, load_weights, play, report

    torch.set_num_threads(1)
    weights = load_weights(checkpoint_of(arguments.path), arguments.last_weights)
    seed = evaluation_seed(weights.config.seed) if arguments.seed is None else arguments.seed
    plan = EvalPlan(arguments.episodes, tuple(dict.fromkeys(arguments.epsilon)), seed, arguments.ablate,
                    arguments.max_episode_steps or 0, arguments.repetition_penalty)
    result = report(weights.step_global, list(play(weights, plan)), plan)
    print(json.dumps(result) if arguments.json else _table(result))
    return EXIT_OK


def _check(arguments: argparse.Namespace) -> None:
    if arguments.episodes < 1:
        raise UsageError(f"--episodes is {arguments.episodes}; it must be at least 1")
    wrong = [e for e in arguments.epsilon if not 0 <= e <= 1]
    if wrong:
        raise UsageError(f"--epsilon is {wrong[0]}; it must be between 0 and 1")
    if arguments.max_episode_steps is not None and arguments.max_episode_steps < 2:
        raise UsageError(f"--max-episode-steps is {arguments.max_episode_steps}; it must be at least 2")
    if arguments.repetition_penalty is not None and not 0 <= arguments.repetition_penalty <= 1:
        raise UsageError(f"--repetition-penalty is {arguments.repetition_penalty}; it must be between 0 and 1")
    unknown = set(arguments.ablate) - {"gru", "lstm", "ssm"}
    if unknown:
        raise UsageError(f"--ablate is {sorted(unknown)[0]!r}; choose from gru, lstm, ssm")


def _step_back(trainer: int) -> None:
    """Be a guest on the trainer's machine: low priority, no Ctrl-C of its own, gone when the trainer is gone."""
    os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(trainer,), daemon=True).start()


def _leave_with(trainer: int) -> None:
    while os.getppid() == trainer:
        time.sleep(1.0)
    os._exit(EXIT_FAILURE)


def _table(result: dict[str, Any]) -> str:
    lines = []
    for group in result["summaries"]:
        without = f", without {','.join(result['ablate'])}" if result["ablate"] else ""
        lines.append(
            f"step {result['step_global']:,}, epsilon {group['epsilon']:g}{without}: {group['episodes']} episodes, "
            f"milestones {group['milestones_mean']:.2f} (best {group['milestones_best']}), badges "
            f"{group['badges_mean']:.2f}, return {group['return_env_mean']:.2f}, tiles {group['tiles_mean']:.0f}, "
            f"length {group['length_mean']:.0f}"
        )
        for name, share in group["milestones"].items():
            lines.append(
                f"  {name:42} {share['share']:6.0%}  [{share['lo95']:.0%}, {share['hi95']:.0%}]"
                f"  median step {share['median_steps']:,.0f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
