"""``python -m Daddy.compare --agents random,puffer-ppo,dqn-slim --steps 200_000``: who learns more on equal budgets?"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich_argparse import RawDescriptionRichHelpFormatter

from Daddy.cli import Parser, add_flags
from Daddy.compare import output, plots
from Daddy.compare.agents import ABLATIONS, BASES, CURRICULA, Agent, label_of, parse_agents
from Daddy.compare.display import choose_display
from Daddy.compare.reading import RunData, read_run
from Daddy.compare.rows import Marks, Row, build_rows, check_comparable
from Daddy.compare.run_notes import Collected, Run
from Daddy.compare.settings import CompareConfig, validate
from Daddy.compare.supervisor import Supervisor, last_line, trained_seconds
from Daddy.errors import EXIT_FAILURE, EXIT_OK, UsageError, run_command

_EPILOG = f"""\
agents:   {", ".join(BASES)}
variants: of dqn-slim and dqn-large: {", ".join("+" + name for name in (*ABLATIONS, *CURRICULA))}

examples:
  %(prog)s --agents random,puffer-ppo,dqn-slim --steps 3_000 --seeds 1
  %(prog)s --agents dqn-slim,dqn-slim+no-ssm,dqn-slim+flat --steps 500_000
  %(prog)s --agents puffer-ppo,dqn-slim --minutes 30 --seeds 1,2,5 --out half_hour
  %(prog)s --agents runs/mine,runs/other      # existing runs: read and evaluated, not trained

The same command goes on where it stopped; finished runs stay. OUT/ gets table.md, table.csv, table.json and, with
matplotlib, curves_steps.png and curves_minutes.png.

exit codes: 0 at least one agent has a row, 1 none has, 2 usage, 130 Ctrl-C and 143 SIGTERM after the runs have saved
"""


def main(argv: list[str] | None = None) -> int:
    """Parse ``argv`` and compare; returns the exit code."""
    given = vars(build_parser().parse_args(argv))
    return run_command(lambda: compare(CompareConfig(**given)))


def build_parser() -> Parser:
    """The command's flags."""
    parser = Parser(
        prog="python -m Daddy.compare", usage="%(prog)s --agents NAME,... [flags]", epilog=_EPILOG, allow_abbrev=False,
        description="Run or collect several agents on the same env and budget; make the table and plots.",
        formatter_class=RawDescriptionRichHelpFormatter,
    )  # fmt: skip
    add_flags(parser, CompareConfig())
    return parser


def compare(config: CompareConfig) -> int:
    """Do what is missing, read all runs, write and print the tables; returns the exit code.

    Raises:
        UsageError: what cannot be run, read or compared.
    """
    agents, paths = parse_agents(validate(config))
    out = Path(config.out).absolute()
    lock = _take(out)
    try:
        runs = planned_runs(config, agents, out) + collected_runs(paths, agents, out)
        for run in runs:
            run.check(config)
            run.check_clock(config.minutes, trained_seconds(run.path))
        check_comparable([_Plan.of(run, config) for run in runs], config.force)
        stopped_by = _work(config, runs)
        if stopped_by is not None:
            _say("stopped; the runs have saved what they can, and the same command goes on")
            return 128 + stopped_by
        return tell(config, out, runs)
    finally:
        lock.release()


def planned_runs(config: CompareConfig, agents: Sequence[Agent], out: Path) -> list[Run]:
    """Every agent with the first seed, then with the next, so that an early stop leaves all agents."""
    seeds = config.seed_list
    folder = out / "runs"
    folder.mkdir(exist_ok=True)
    return [Run(agent, seed, folder) for seed in seeds for agent in agents if not agent.base.once or seed == seeds[0]]


def collected_runs(paths: Sequence[Path], agents: Sequence[Agent], out: Path) -> list[Run]:
    """Existing runs: those of one directory whose names differ only in the seed are one agent."""
    if not paths:
        return []
    (out / "collected").mkdir(exist_ok=True)
    keys = {path: (path.absolute().parent, label_of(path)) for path in paths}
    taken = [agent.name for agent in agents] + [label for _, label in set(keys.values())]
    names = {key: key[1] if taken.count(key[1]) == 1 else f"{key[0].name}/{key[1]}" for key in keys.values()}
    return [Collected(path, names[keys[path]], out / "collected") for path in paths]


def tell(config: CompareConfig, out: Path, runs: Sequence[Run]) -> int:
    """Read, write and print; returns the exit code.

    Raises:
        UsageError: the runs are not comparable.
    """
    groups: dict[str, list[RunData]] = {}
    for run in runs:
        data = read_run(run.path, run.agent.name, run.evaluation, run.notes())
        if not run.notes().get("command"):
            data.usable = data.usable and isinstance(run, Collected)
        data.trouble = "" if data.usable else _last_words(run)
        groups.setdefault(run.agent.name, []).append(data)
    warnings = check_comparable([data for group in groups.values() for data in group if data.usable], config.force)
    rows, marks = build_rows(groups)
    text = output.write_tables(out, rows, marks, warnings)
    _plot(out, rows)
    _print(config, out, rows, marks, text)
    return EXIT_OK if any(row.usable for row in rows) else EXIT_FAILURE


def _print(config: CompareConfig, out: Path, rows: Sequence[Row], marks: Marks, text: str) -> None:
    for failure in (failure for row in rows for failure in row.failures()):
        _say(f"not in the table: {output.failure_line(failure)}")
    try:
        if config.json:
            for row in rows:
                print(json.dumps(output.row_json(row, marks)), flush=True)
        else:
            print(output.short_table(rows), f"all of it: {out / 'table.md'}", sep="\n\n", flush=True)
    except BrokenPipeError:  # ``| head`` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plot(out: Path, rows: Sequence[Row]) -> None:
    try:
        for path in plots.draw(out, rows):
            _say(f"wrote {path}")
    except ImportError:
        _say(plots.MISSING)


def _work(config: CompareConfig, runs: Sequence[Run]) -> int | None:
    """Bring the runs to their ends; the number of the signal that stopped it, if one did."""
    with choose_display() as display:
        jobs, why = config.choose_jobs(len(runs))
        if any(not isinstance(run, Collected) for run in runs):
            display.say(f"{len(runs)} runs, {jobs} at a time ({why}); output of each in {runs[0].runs_dir}")
        supervisor = Supervisor(config, runs, jobs, display)
        supervisor.work()
        return supervisor.received


def _last_words(run: Run) -> str:
    return last_line(run.path / "train.log" if isinstance(run, Collected) else run.log)


def _take(out: Path) -> FileLock:
    """Create the directory and lock it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / "compare.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{out} is in use by another comparison; choose another --out") from None
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; choose another --out") from None
    return lock


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class _Plan:
    """What is known of a run before anything is run."""

    path: Path
    facts: dict[str, Any]

    @classmethod
    def of(cls, run: Run, config: CompareConfig) -> _Plan:
        """Settings to be for a run to make, the files' for one that exists."""
        if isinstance(run, Collected):
            return cls(run.path, read_run(run.path, run.agent.name).facts)
        return cls(run.path, {"reward": config.reward, "max_episode_steps": config.max_episode_steps})


if __name__ == "__main__":
    sys.exit(main())
