"""A trainer in a fraction of a second: ``-m fake_trainer train`` and ``-m fake_trainer evaluate RUN``.

It "trains" ``--pace`` steps per look at the clock and leaves the run directory that all trainers share.
"""

import argparse
import json
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from run_directories import CONFIG, evaluation_rows, write_run


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("run", nargs="?")
    parser.add_argument("--pace", type=int, default=100)
    parser.add_argument("--crash-at", type=int, default=10**9)
    parser.add_argument("--resume", action="store_true")
    for name in ("run-name", "runs-dir", "reward"):
        parser.add_argument(f"--{name}")
    for name in ("total-steps", "seed", "num-envs", "max-episode-steps", "log-interval", "episodes"):
        parser.add_argument(f"--{name}", type=int)
    return parser.parse_known_args()[0]


def train(given: argparse.Namespace) -> int:
    path = Path(given.runs_dir) / given.run_name
    if given.resume:
        step = json.loads((path / "status.json").read_text())["step_global"]
        print(f"going on at {step}")
    else:
        names = ("seed", "total_steps", "num_envs", "max_episode_steps", "reward")
        config = {name: getattr(given, name) for name in names}
        write_run(path, config=CONFIG | config | {"agent": "fake"}, status={"phase": "training", "step_global": 0})
        step = 0
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(143))
    while step < given.total_steps and not stopped:
        step += given.pace
        if step >= given.crash_at:
            raise SystemExit("boom: the fake has crashed")
        time.sleep(0.02)
        with (path / "metrics.csv").open("a") as file:
            file.write(f"{step},0,time/train_seconds,{step / 10}\n")
        tell(path, given, step, "training", None)
    tell(path, given, step, "stopped" if stopped else "done", 143 if stopped else 0)
    return 143 if stopped else 0


def tell(path: Path, given: argparse.Namespace, step: int, phase: str, code: int | None) -> None:
    status = {"phase": phase, "exit_code": code, "step_global": step, "total_steps": given.total_steps, "sps": 10.0}
    new = path / "status.new"
    new.write_text(json.dumps(status))
    new.rename(path / "status.json")


def evaluate(given: argparse.Namespace) -> int:
    step = json.loads((Path(given.run) / "status.json").read_text())["step_global"]
    rows = [row for epsilon in (0.0, 1.0) for row in evaluation_rows(step, epsilon, [["A"]] * given.episodes)]
    print(json.dumps({"step_global": step, "episodes": rows}))
    return 0


if __name__ == "__main__":
    given = parse()
    sys.exit(evaluate(given) if given.command == "evaluate" else train(given))
