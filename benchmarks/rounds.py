"""What the benchmarks share: interleaved rounds, so that ratios within a round hold on a machine that slows down."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

Measured = TypeVar("Measured")


def measure(
    runs: dict[str, Callable[[float], Measured]], rounds: int, seconds: float, limit_s: float = float("inf")
) -> dict[str, list[Measured]]:
    """What each run returns in each round for ``seconds``; no new round begins if it would end after ``limit_s``."""
    results: dict[str, list[Measured]] = {name: [] for name in runs}
    started = time.monotonic()
    for number in range(rounds):
        if number and (time.monotonic() - started) * (number + 1) / number > limit_s:
            break
        for name, run in runs.items():
            print(f"round {number + 1}/{rounds}: {name}", file=sys.stderr)
            results[name].append(run(seconds))
    return results


def run_sections(
    sections: dict[str, Callable[..., None]], args: argparse.Namespace, report: dict[str, Any], text: list[str]
) -> int:
    """Run the sections of ``args.sections``, each called with (args, report, text), and tell; returns the exit code.

    ``--json`` prints the report as one object instead of the text; ``--json FILE`` writes it beside the text.
    """
    for name in args.sections:
        sections[name](args, report, text)
    print(json.dumps(report) if args.json == "-" else "\n".join(text))
    if args.json not in (None, "-"):
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
    return 0
