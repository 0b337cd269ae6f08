"""Small run directories written by hand, for what reads them."""

import csv
import json
from pathlib import Path

from Daddy.logs import schema

CONFIG = {"seed": 1, "total_steps": 1000, "num_envs": 2, "max_episode_steps": 50, "reward": "baseline.X", "rom": "",
          "rom_sha1": "aa", "action_freq": 24}  # fmt: skip


def write_run(path: Path, *, config=(), status=(), episodes=(), evaluations=(), metrics=()) -> Path:
    """``episodes`` as dicts over defaults, ``evaluations`` as (step, epsilon, [names of each episode]), ``metrics`` as
    (step, tag, value)."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(CONFIG | dict(config)))
    done = {"phase": "done", "exit_code": 0, "step_global": 1000, "total_steps": 1000, "sps": 10.0}
    (path / "status.json").write_text(json.dumps(done | dict(status)))
    (path / "command.txt").write_text("python -m old\npython -m some.trainer --seed 1\n")
    default = dict.fromkeys(schema.EPISODE_COLUMNS, "") | {"savestate_tag": "boot", "badges": 0, "return_env": 0.0}
    rows = [default | {"milestones_reached": "", "end_step_global": 0} | dict(e) for e in episodes]
    write_csv(path / schema.EPISODES, schema.EPISODE_COLUMNS, rows)
    write_csv(path / schema.EVALUATIONS, schema.EVALUATION_COLUMNS, [
        row for group in evaluations for row in evaluation_rows(*group)
    ])  # fmt: skip
    write_csv(path / schema.METRICS, schema.METRICS_COLUMNS, [
        {"step_global": step, "unix_time": 0.0, "tag": tag, "value": value} for step, tag, value in metrics
    ])  # fmt: skip
    return path


def evaluation_rows(step: int, epsilon: float, episodes: list[list[str]]) -> list[dict]:
    """Rows of evaluations.csv; milestone n of an episode was reached at step n + 1, each is worth 1 of reward."""
    return [
        {"step_global": step, "episode": number, "epsilon": epsilon, "seed": number, "length_steps": 50,
         "return_env": float(len(names)), "milestones": len(names),
         "milestones_reached": ";".join(f"{name}@{i + 1}" for i, name in enumerate(names)), "badges": 0, "tiles": 3,
         "map": "Town", "seconds": 0.1}
        for number, names in enumerate(episodes)
    ]  # fmt: skip


def write_csv(path: Path, columns, rows) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
