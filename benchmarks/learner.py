"""Learned transitions per second: of the learner alone with its split, from the straightforward learner to the present
one, and inside the whole training loop; and what acting costs.

    python -m benchmarks.learner [--quick] [--json [FILE]] [--sections alone steps acting loop] [--rounds 5]

One torch thread; the replay holds the cartridge's recorded game. "cpu" rates use processor time, which holds still on a
busy machine, where of the others only the shares mean anything. Rounds are interleaved; tables show medians, and shares
are medians of the rounds' own shares. The loop is `train_slim` in a process of its own, its learner alone is measured
right before it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

import torch

from benchmarks.env_peers import run_shim
from benchmarks.learner_alone import Speed, act_ms, make_agent, preset_settings, speed, split
from benchmarks.learner_loop import LoopSpeed, run_loop
from benchmarks.learner_slow import FIRST, rows
from benchmarks.rounds import measure, run_sections
from Daddy.build import choose_device
from Daddy.config import preset
from Daddy.stepping import FusedStepper, PlainStepper

SECTIONS = ("alone", "steps", "acting", "loop")
SHAPES = {  # name: (preset, sequences, learned steps, burn-in); the presets' own are starred
    "slim 8 x 20": ("slim", 8, 20, 8),
    "slim 16 x 20 *": ("slim", 16, 20, 8),
    "slim 32 x 40": ("slim", 32, 40, 8),
    "large 8 x 80 *": ("big", 8, 80, 20),
}
SLIM = "slim 16 x 20 *"
ACTING = {"slim, 8 envs": ("slim", 8), "slim, 16 envs": ("slim", 16), "large, 32 envs": ("big", 32)}
GPU_SHAPES = {"large 256 x 80": ("big", 256, 80, 40)}


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    torch.set_num_threads(1)
    report: dict[str, Any] = {"device": device_name(args.device)}
    text = [f"device {report['device']}"]
    return run_sections(SECTION, args, report, text)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learner", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows, one round of each, under a minute")
    parser.add_argument("--json", nargs="?", const="-", help="print one JSON object instead, or write it to this file")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="what to measure")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repetitions; the loop gets half of them")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement of the learner alone")
    parser.add_argument("--window", type=float, default=20.0, help="seconds that one training loop is watched")
    parser.add_argument("--ratios", nargs="+", default=["16", "4", "auto"], help="replay ratios of the training loops")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda, of the learner alone")
    parser.add_argument("--only", nargs="+", default=[], help="rows whose name contains one of these, without the star")
    args = parser.parse_args(argv)
    args.log_interval = 1_000
    if args.quick:
        args.rounds, args.seconds, args.window, args.ratios, args.log_interval = 1, 0.5, 6.0, ["16"], 200
        args.only = args.only or ["16 x 20", "8 x 80", FIRST, "differ", "slim, 8"]
    args.device = choose_device(args.device)[0].type
    return args


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "cpu, one thread"


@cache
def agent_of(device: str, name: str, batch_size: int, seq_len: int, burn_in: int) -> Any:
    return make_agent(preset_settings(name, batch_size=batch_size, seq_len=seq_len, burn_in=burn_in), device)


def select(names: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """The rows whose name contains a word; all without words."""
    return {name: value for name, value in names.items() if not words or any(word in name for word in words)}


def alone(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """Rate and split of each shape."""
    shapes = select(SHAPES | (GPU_SHAPES if args.device == "cuda" else {}), args.only)
    agents = {name: agent_of(args.device, *shape) for name, shape in shapes.items()}
    speeds = measure({n: partial(speed, a) for n, a in agents.items()}, args.rounds, args.seconds)
    splits = measure({n: partial(split, a) for n, a in agents.items()}, args.rounds, args.seconds)
    report["alone"] = {name: medians([s._asdict() for s in found]) for name, found in speeds.items()}
    report["split_ms"] = {name: medians(found) for name, found in splits.items()}
    if SLIM in agents:
        report |= {"learned_per_s": report["alone"][SLIM]["per_s"], "split": report["split_ms"][SLIM],
                   "bytes_per_transition": agents[SLIM].replay.bytes_per_transition()}  # fmt: skip
    text.append(f"{'network, sequences x steps':28}{'cpu ms/update':>14}{'learned/s':>11}{'learned/s cpu':>15}")
    text += [f"{name:28}{row['cpu_ms']:14.1f}{row['per_s']:11.0f}{row['per_cpu_s']:15.0f}"
             for name, row in report["alone"].items()]  # fmt: skip
    text += ["", split_table(report["split_ms"])]


def split_table(splits: dict[str, dict[str, float]]) -> str:
    """A row per phase, a column per shape: milliseconds and share of an update."""
    phases = next(iter(splits.values()), {})
    lines = [f"{'ms and share of an update':28}" + "".join(f"{name:>20}" for name in splits)]
    for phase in phases:
        cells = (f"{of[phase]:11.2f} {of[phase] / of['update']:8.1%}" for of in splits.values())
        lines.append(f"{phase:28}" + "".join(cells))
    return "\n".join(lines)


def steps(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """From the straightforward learner to the present one, slim at its preset's batch, on the CPU."""
    wanted = select(rows(), args.only)
    with in_process(False) as plain, in_process(True) as keeping:
        runs = {name: partial(remotely, plain if "allocator" in slow else keeping, slow)
                for name, slow in wanted.items()}  # fmt: skip
        found = measure(runs, args.rounds, args.seconds)
    rates = {name: [s.per_cpu_s for s in speeds] for name, speeds in found.items()}
    report["steps"] = {name: {"per_cpu_s": statistics.median(values), "over_first": ratio(rates, name, FIRST)}
                       for name, values in rates.items()}  # fmt: skip
    report["present_over_straightforward"] = ratio(rates, list(rows())[-1], FIRST)
    text.append(f"\n{'slim 16 x 20, steps add up':56}{'learned/s cpu':>14}{'gain':>7}{'so far':>8}")
    for before, name in zip([FIRST, *rates], rates, strict=False):
        gain, total = ratio(rates, name, before), ratio(rates, name, FIRST)
        text.append(f"{name:56}{statistics.median(rates[name]):14.0f}{shown(gain):>7}{shown(total):>8}")


def in_process(keeps_memory: bool) -> ProcessPoolExecutor:
    """A process for learners; the allocator's settings cannot be taken back within one."""
    return ProcessPoolExecutor(1, get_context("spawn"), _prepare, (keeps_memory,))


def _prepare(keeps_memory: bool) -> None:
    torch.set_num_threads(1)
    if not keeps_memory:
        import Daddy.agent

        Daddy.agent.keep_freed_memory = lambda: False


def remotely(pool: ProcessPoolExecutor, slow: frozenset[str], seconds: float) -> Speed:
    return pool.submit(speed_of, slow, seconds).result()


def speed_of(slow: frozenset[str], seconds: float) -> Speed:
    return speed(slow_agent(slow), seconds, slow)


@cache
def slow_agent(slow: frozenset[str]) -> Any:
    return make_agent(preset_settings("slim"), slow=slow)


def acting(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """Processor milliseconds of one call of `Actor.act` on a CPU, by the network's own pass and fused."""
    wanted, kinds = select(ACTING, args.only), {"own pass": PlainStepper, "fused": FusedStepper}
    runs = {(name, kind): partial(act_ms, *wanted[name], kinds[kind]) for name in wanted for kind in kinds}
    found = measure(runs, args.rounds, args.seconds / 2)
    report["acting_ms"] = {name: {kind: statistics.median(found[name, kind]) for kind in kinds} for name in wanted}
    text.append(f"\n{'ms of processor time per call of act':38}" + "".join(f"{kind:>10}" for kind in kinds))
    text += [f"{name:38}" + "".join(f"{ms:10.2f}" for ms in row.values()) for name, row in report["acting_ms"].items()]


def loop(args: argparse.Namespace, report: dict, text: list[str]) -> None:
    """The training loop beside the learner alone and beside the emulators alone."""
    slim = preset("slim")
    agent = agent_of("cpu", *SHAPES[SLIM])
    runs: dict[str, Callable[[float], Any]] = {"learner alone": lambda _: speed(agent, args.seconds)}
    for wanted in args.ratios:
        runs[wanted] = partial(_loop, wanted, args)
    if not args.quick:
        runs["emulators alone"] = lambda _: run_shim({"gb_path": None}, args.seconds, num_envs=slim.num_envs)
    found = measure(runs, max(args.rounds // 2, 1), args.window)
    report["learner_beside_loop_per_s"] = statistics.median(s.per_s for s in found["learner alone"])
    report["loops"] = {wanted: loop_row(found, wanted) for wanted in args.ratios}
    report["loop_over_learner"] = report["loops"][args.ratios[0]]["over_learner"]
    text.append(loop_table(report))


def _loop(wanted: str, args: argparse.Namespace, seconds: float) -> LoopSpeed:
    return run_loop(wanted, seconds, args.log_interval)


def loop_row(found: dict[str, list[Any]], wanted: str) -> dict[str, Any]:
    """Medians of a loop's rounds, and its shares of what was measured beside it."""
    loops: list[LoopSpeed] = found[wanted]
    row = {key: statistics.median(getattr(one, key) for one in loops) for key in ("learned_per_s", "sps", "ratio")}
    pairs = zip(loops, found["learner alone"], strict=True)
    row["over_learner"] = statistics.median(one.learned_per_s / alone.per_s for one, alone in pairs)
    busy = zip(loops, found["learner alone"], strict=True)  # what an update costs in the loop, gaps left out
    row["over_learner_cpu"] = statistics.median(
        one.learned_per_s / max(one.cores["learner"], 1e-9) / alone.per_cpu_s for one, alone in busy
    )
    envs = found.get("emulators alone")
    shares = [one.sps / rate for one, (rate, _) in zip(loops, envs, strict=True)] if envs else []
    row["over_env"] = statistics.median(shares) if shares else None
    return row | {key: medians([asdict(one)[key] for one in loops]) for key in ("shares", "cores")}


def loop_table(report: dict) -> str:
    lines = [f"\nlearner alone: {report['learner_beside_loop_per_s']:.0f} learned/s",
             f"{'loop at ratio':16}{'learned/s':>10}{'of alone':>9}{'of cpu':>8}{'steps/s':>9}"
             f"{'of env':>8}"]  # fmt: skip
    for wanted, row in report["loops"].items():
        head = f"{wanted} ({row['ratio']:.1f})"
        lines.append(f"{head:16}{row['learned_per_s']:10.0f}{row['over_learner']:9.2f}"
                     f"{row['over_learner_cpu']:8.2f}{row['sps']:9.0f}{shown(row['over_env']):>8}")  # fmt: skip
        lines.append("  time %: " + ", ".join(f"{name} {value:.0f}" for name, value in row["shares"].items()))
        lines.append("  cores: " + ", ".join(f"{name} {value:.2f}" for name, value in row["cores"].items()))
    return "\n".join(lines)


def medians(found: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in found) for key in found[0]}


def ratio(rates: dict[str, list[float]], name: str, of: str) -> float | None:
    """Median of the rounds' own ratios; None when one of the two was not measured."""
    if name not in rates or of not in rates:
        return None
    return statistics.median(mine / theirs for mine, theirs in zip(rates[name], rates[of], strict=True))


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


SECTION = {"alone": alone, "steps": steps, "acting": acting, "loop": loop}

if __name__ == "__main__":
    sys.exit(main())
