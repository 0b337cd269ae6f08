"""What the benchmarks share: interleaved rounds, so that ratios within a round hold on a machine that slows down."""

from __future__ import annotations

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


def tell(report: dict[str, Any], text: list[str], target: str | None) -> None:
    """What ``--json [FILE]`` asks for: "-" prints the report as one object; a file name writes it beside the text."""
    print(json.dumps(report) if target == "-" else "\n".join(text))
    if target not in (None, "-"):
        with open(target, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
