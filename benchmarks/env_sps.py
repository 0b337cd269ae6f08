"""Env steps per second of each way to run many envs, as shares of bare emulators.

    python -m benchmarks.env_sps [--quick] [--json [FILE]] [--rounds 5] [--seconds 1.5] [--envs 8 32]

The ceiling, "bare", is one process per core that presses a random button, runs the same frames, packs the same screen
and reads the same memory through PyBoy's public API, with no env, reward or vector around it. "cpu us" is the processor
time per step of all processes together: it counts polling, leaves waiting out and holds still on a busy machine, where
of the rates only the shares mean anything. Rounds are interleaved, so that a machine that slows down slows everybody;
tables show medians, and shares are medians of the rounds' own shares.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import env_loops, env_peers
from benchmarks.env_loops import Rate
from benchmarks.rounds import measure, run_sections

SECTIONS = ("layouts", "share", "scaling", "frames")
HEADLINE = "puffer {}, 2 batches"
QUICK_LIMIT_S = 30.0  # no new round after this
Runs = dict[str, Callable[[float], Rate]]
Rounds = dict[str, list[Rate]]


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    report: dict[str, Any] = {"seconds": args.seconds, "workers": args.workers}
    text: list[str] = []
    return run_sections(SECTION, args, report, text)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.env_sps", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="16 envs, layouts and share only, under a minute")
    parser.add_argument("--json", nargs="?", const="-", help="print one JSON object instead, or write it to this file")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="what to measure")
    parser.add_argument("--envs", type=int, nargs="+", default=[8, 32], help="env counts of the layouts")
    parser.add_argument("--workers", type=int, default=2, help="worker processes, and bare processes")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repetitions")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of one measurement")
    parser.add_argument("--only", nargs="+", default=[], help="layouts whose name contains one of these, and bare")
    parser.add_argument("--rom", help="Game Boy ROM (default: the free cartridge)")
    args = parser.parse_args(argv)
    args.config = {"gb_path": args.rom}
    args.limit_s = float("inf")
    if args.quick:
        args.envs, args.seconds, args.sections, args.limit_s = [16], 0.5, ["layouts", "share"], QUICK_LIMIT_S
    return args


def layouts(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """Every layout in every round, and the headline figures."""
    bare = partial(env_loops.in_processes, args.workers)
    runs: Runs = {
        "bare": partial(bare, env_loops.bare_step, args.config),
        "bare, our reading": partial(bare, env_loops.fast_bare_step, args.config),
        "record env": partial(bare, env_loops.record_step, args.config),
        **env_peers.vector_layouts(args.config, args.envs, args.workers, variants=not args.quick),
    }
    rounds = measure(select(runs, args.only), args.rounds, args.seconds, args.limit_s)
    report["layouts"] = rounds
    report |= headline(rounds, args.envs[-1])
    text.append(table(rounds))


def headline(rounds: Rounds, envs: int) -> dict[str, Any]:
    """The figures that the targets are about; null for what was not measured or is not installed."""
    names = {
        "bare_sps": "bare", "bare_fast_sps": "bare, our reading", "record_sps": "record env",
        "serial_sps": f"serial {envs}", "puffer_sps": HEADLINE.format(envs), "stock_sps": f"stock pufferlib {envs}",
        "gym_async_sps": f"gymnasium AsyncVectorEnv {envs}", "sb3_subproc_sps": f"SB3 SubprocVecEnv {envs}",
    }  # fmt: skip
    found = {key: median_rate(rounds.get(name)) for key, name in names.items()}
    puffer = names["puffer_sps"]
    for key, name in names.items():
        if key != "puffer_sps":
            found[f"puffer_over_{key.removesuffix('_sps')}"] = share(rounds, puffer, name)
    return {**found, "puffer_layout": puffer, "rounds": len(rounds["bare"])}


def share_of_step(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """What each part of a step costs, in one process; our share is what comes on top of the drawn frames."""
    costs = env_loops.costs_in_one_process(args.config, max(args.rounds, 5), steps=200 if args.quick else 400)
    medians = {name: statistics.median(values) for name, values in costs.items()}
    frames = medians["frames, last one drawn"]
    report["step_us"] = {name: round(value, 1) for name, value in medians.items()}
    report["our_share"] = statistics.median(
        1 - tick / whole for tick, whole in zip(costs["frames, last one drawn"], costs["record env"], strict=True)
    )
    text.append(f"\n{'one process: a step is':34}{'cpu us':>9}{'of it not frames':>18}")
    text.extend(f"{name:34}{cost:9.0f}{max(0.0, 1 - frames / cost):18.1%}" for name, cost in medians.items())


def scaling(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """Rate and cost per step of two batches, start-up and memory from few to many envs."""
    counts = [count for count in (2, 4, 8, 16, 32, 64) if count % args.workers == 0]
    runs = {
        str(count): partial(
            env_peers.run_shim, args.config, num_envs=count, num_workers=args.workers, batch_size=count // 2
        )
        for count in counts
    }
    rounds = measure(runs, args.rounds, args.seconds)
    text.append(f"\n{'envs, 2 batches':>16}{'steps/s':>9}{'cpu us':>8}{'start s':>9}{'MB/env':>8}")
    report["scaling"] = {}
    for name, rates in rounds.items():
        start_s, megabytes = env_peers.start_up(args.config, int(name), args.workers)
        rate, cost = median_rate(rates), statistics.median(cost for _, cost in rates)
        report["scaling"][name] = {"sps": rate, "cpu_us": cost, "start_s": start_s, "pss_mb_per_env": megabytes}
        text.append(f"{name:>16}{rate:9.0f}{cost:8.0f}{start_s:9.2f}{megabytes:8.1f}")


def frames_per_step(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """Bare, record env and headline layout at 24, 12 and 8 frames per step."""
    runs: Runs = {}
    envs = args.envs[-1]
    for frames in (24, 12, 8):
        config = {**args.config, "action_freq": frames}
        bare = partial(env_loops.in_processes, args.workers)
        runs[f"bare, {frames} frames"] = partial(bare, env_loops.bare_step, config)
        runs[f"record env, {frames} frames"] = partial(bare, env_loops.record_step, config)
        runs[f"{HEADLINE.format(envs)}, {frames} frames"] = partial(
            env_peers.run_shim, config, num_envs=envs, num_workers=args.workers, batch_size=envs // 2
        )
    rounds = measure(runs, args.rounds, args.seconds)
    report["frames"] = rounds
    for frames in (24, 12, 8):
        of_these = {name: rates for name, rates in rounds.items() if name.endswith(f" {frames} frames")}
        text.append("\n" + table(of_these, f"bare, {frames} frames"))


SECTION = {"layouts": layouts, "share": share_of_step, "scaling": scaling, "frames": frames_per_step}


def select(runs: Runs, words: list[str]) -> Runs:
    """The runs whose name contains a word, and always the ceiling."""
    return {name: run for name, run in runs.items() if not words or name == "bare" or any(w in name for w in words)}


def median_rate(rates: list[Rate] | None) -> float | None:
    return statistics.median(rate for rate, _ in rates) if rates else None


def share(rounds: Rounds, name: str, of: str) -> float | None:
    """Median of the rounds' own shares, or None when one of the two was not measured."""
    if name not in rounds or of not in rounds:
        return None
    return statistics.median(mine / theirs for (mine, _), (theirs, _) in zip(rounds[name], rounds[of], strict=True))


def table(rounds: Rounds, ceiling: str = "bare") -> str:
    """One row per run: median, range and share of the ceiling."""
    lines = [f"{'layout':34}{'steps/s':>9}{'min':>9}{'max':>9}{'share':>8}{'cpu us':>8}"]
    for name, measured in rounds.items():
        rates, costs = zip(*measured, strict=True)
        lines.append(
            f"{name:34}{statistics.median(rates):9.0f}{min(rates):9.0f}{max(rates):9.0f}"
            f"{share(rounds, name, ceiling):8.2f}{statistics.median(costs):8.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
