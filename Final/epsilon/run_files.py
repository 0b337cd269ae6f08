"""RunFiles: the run directory, in the layout that all trainers of this repository share.

config.json, command.txt, env.txt, status.json (once a second), episodes.csv, evaluations.csv, metrics.csv, and
checkpoints/step_N.safetensors with the network's weights.
"""

from __future__ import annotations

import csv
import dataclasses
import importlib.metadata
import json
import os
import platform
import shlex
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from Final.epsilon.episodes import Episode
from Final.epsilon.errors import EpsilonError, UsageError
from Final.epsilon.settings import TrainConfig

EPISODE_COLUMNS = (
    "episode_id", "env_id", "length_steps", "return_total", "return_total_with_intrinsic", "return_env", "return_rnd",
    "return_novel", "return_bayes", "milestones_reached", "posterior_summary", "alarm_triggered", "start_step_global",
    "end_step_global", "savestate_tag", "map", "badges", "tiles", "terminated", "truncated",
)  # fmt: skip
EVALUATION_COLUMNS = (
    "step_global", "episode", "epsilon", "seed", "length_steps", "return_env", "milestones", "milestones_reached",
    "badges", "tiles", "map", "seconds",
)  # fmt: skip
METRICS_COLUMNS = ("step_global", "unix_time", "tag", "value")
_LIBRARIES = ("torch", "numpy", "pyboy", "gymnasium")
_KEEP = 3


class RunFiles:
    """Writes one run. Rows are flushed as they come; small files and checkpoints are replaced in one go."""

    def __init__(self, config: TrainConfig, more: Mapping[str, Any]) -> None:
        """Create the directory; ``more`` stands in config.json beside the settings.

        Raises:
            UsageError: it exists or cannot be written.
        """
        self.path = Path(config.runs_dir) / config.run_name
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            raise UsageError(f"run directory {self.path} exists; choose another --run-name") from None
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror}; choose another --runs-dir") from None
        self._tag = Path(config.init_state).stem
        self._checkpoints: list[Path] = []
        _replace(self.path / "config.json", json.dumps({**dataclasses.asdict(config), **more}, indent=2) + "\n")
        command = shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]])
        _replace(self.path / "command.txt", command + "\n")
        _replace(self.path / "env.txt", _versions())
        self._episodes = _Table(self.path / "episodes.csv", EPISODE_COLUMNS)
        self._evaluations = _Table(self.path / "evaluations.csv", EVALUATION_COLUMNS)
        self._metrics = _Table(self.path / "metrics.csv", METRICS_COLUMNS)
        self._written = 0.0
        self._status: dict[str, Any] = {
            "run_name": config.run_name, "phase": "training", "pid": os.getpid(), "host": socket.gethostname(),
            "step_global": 0, "total_steps": config.total_steps, "sps": 0.0, "episodes": 0, "last_checkpoint": None,
            "exit_code": None,
        }  # fmt: skip
        self.status()

    def status(self, force: bool = True, **values: Any) -> None:
        """Update status.json; without ``force`` at most once a second."""
        self._status.update(values)
        now = time.time()
        if force or now - self._written >= 1.0:
            self._written = now
            status = {**self._status, "heartbeat": now, "loop_heartbeat": now}
            _replace(self.path / "status.json", json.dumps(status, indent=1) + "\n")

    def episode(self, episode: Episode, map_name: str) -> None:
        """A row of episodes.csv. What this agent does not have (intrinsic rewards, posteriors) is 0 or empty."""
        self._status["episodes"] += 1
        self._episodes.write({
            "episode_id": episode.episode_id, "env_id": episode.env_id, "length_steps": episode.length,
            "return_total": round(episode.return_env, 6), "return_env": round(episode.return_env, 6),
            "return_total_with_intrinsic": round(episode.return_total, 6),
            "return_rnd": 0.0, "return_novel": 0.0, "return_bayes": 0.0, "alarm_triggered": 0,
            "milestones_reached": ";".join(episode.milestones),
            "start_step_global": episode.start_step, "end_step_global": episode.end_step,
            "savestate_tag": self._tag, "map": map_name, "badges": episode.badges, "tiles": episode.tiles,
            "terminated": int(episode.terminated), "truncated": int(episode.truncated),
        })  # fmt: skip

    def evaluation(self, rows: list[dict[str, Any]]) -> None:
        """Rows of evaluations.csv."""
        for row in rows:
            self._evaluations.write(row)

    def metrics(self, step_global: int, values: Mapping[str, float]) -> None:
        """Rows of metrics.csv."""
        now = round(time.time(), 3)
        for tag, value in values.items():
            row = {"step_global": step_global, "unix_time": now, "tag": tag, "value": f"{value:.8g}"}
            self._metrics.write(row)

    def checkpoint(self, step_global: int, weights: Mapping[str, Tensor]) -> Path:
        """Save the weights; the newest three checkpoints stay."""
        folder = self.path / "checkpoints"
        folder.mkdir(exist_ok=True)
        path = folder / f"step_{step_global:012d}.safetensors"
        temporary = folder / f".{path.name}"
        save_file({name: tensor.cpu().contiguous() for name, tensor in weights.items()}, temporary)
        os.replace(temporary, path)
        self._checkpoints = [p for p in self._checkpoints if p != path] + [path]
        for old in self._checkpoints[:-_KEEP]:
            old.unlink(missing_ok=True)
        self._checkpoints = self._checkpoints[-_KEEP:]
        self.status(last_checkpoint={"step_global": step_global, "path": str(path), "unix_time": time.time()})
        return path

    def close(self) -> None:
        """Close the files."""
        for table in (self._episodes, self._evaluations, self._metrics):
            table.close()


class _Table:
    """A CSV file with fixed columns; each row is flushed."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, columns, restval="", lineterminator="\n")
        self._writer.writeheader()
        self._file.flush()
        self.close = self._file.close

    def write(self, row: Mapping[str, Any]) -> None:
        self._writer.writerow(row)
        self._file.flush()


def load_run(path: Path) -> tuple[TrainConfig, int, dict[str, Tensor]]:
    """(settings, step, weights) of a run directory's newest checkpoint, or of one ``.safetensors`` file of a run.

    Raises:
        UsageError: no such run. EpsilonError: a damaged checkpoint.
    """
    files = [path] if path.suffix == ".safetensors" else sorted((path / "checkpoints").glob("step_*.safetensors"))
    if not files or not files[-1].is_file():
        raise UsageError(f"{path} holds no checkpoint; name a run directory of Final.epsilon.train or one of its "
                         "checkpoints/step_N.safetensors")
    file = files[-1].absolute()
    try:
        settings = json.loads((file.parent.parent / "config.json").read_text(encoding="utf-8"))
        known = {spec.name for spec in dataclasses.fields(TrainConfig)}
        config = TrainConfig(**{name: value for name, value in settings.items() if name in known})
        config.reward_modules = tuple(config.reward_modules)
        return config, int(file.stem.removeprefix("step_")), load_file(file)
    except SafetensorError as error:
        raise EpsilonError(f"{file} is damaged ({error}); name an older checkpoint of the run") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is no run of Final.epsilon.train: {error}; name another one") from None


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _versions() -> str:
    lines = [f"python {platform.python_version()}", f"platform {platform.platform()}", f"cores {os.cpu_count()}"]
    return "\n".join(lines + [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]) + "\n"
