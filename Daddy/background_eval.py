"""Evaluation beside training: every so often ``Daddy.evaluate`` plays the present weights in a process of its own.

Training only writes its weights down and looks, once per iteration, whether the answer has come. At most one evaluation
runs; while it does, the next one waits and then takes the weights of that moment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from torch import nn

from Daddy.checkpoint import save_checkpoint
from Daddy.config import TrainConfig
from Daddy.errors import CheckpointError
from Daddy.evaluation import weights_of
from Daddy.intrinsic import RewardMixer
from Daddy.logs.rows import evaluation_row

_POLL_S = 0.05
_LOG_TAIL = 200


class EvaluationLog(Protocol):
    """Where results go."""

    def log_event(self, kind: str, text: str) -> None: ...

    def log_evaluation(
        self, text: str, rows: Sequence[dict[str, Any]], scalars: dict[str, float], step_global: int
    ) -> None: ...


class BackgroundEvaluator:
    """Evaluates every ``eval_interval`` steps, 0 being never, in the run directory ``directory``.

    Whatever goes wrong here is one ``alarm`` event; training goes on and the next evaluation is tried when it is due.
    """

    def __init__(self, config: TrainConfig, directory: Path, log: EvaluationLog) -> None:
        self._config, self._directory, self._log = config, directory, log
        self._place = directory / "evaluation"
        self._process: subprocess.Popen | None = None
        self._due = config.eval_interval
        self._step = 0

    def tick(self, step_global: int, network: nn.Module, mixer: RewardMixer) -> None:
        """Collect an evaluation that has finished, and start one when it is due and none is running."""
        if self._process is not None and self._process.poll() is not None:
            self._collect()
        if self._config.eval_interval and self._process is None and step_global >= self._due:
            self._due = step_global + self._config.eval_interval
            self._start(step_global, network, mixer)

    def finish(self, stopped: Callable[[], bool], wait_s: float = 120.0) -> None:
        """Wait for the evaluation under way; after ``wait_s`` seconds, or once ``stopped()``, drop it and say so."""
        if self._process is None:
            return
        if self._process.poll() is None and not stopped():
            self._log.log_event("eval", f"waiting up to {wait_s:.0f} s for the evaluation of step {self._step:,}")
        deadline = time.monotonic() + wait_s
        while self._process.poll() is None and time.monotonic() < deadline and not stopped():
            time.sleep(_POLL_S)
        if self._process.poll() is None:
            again = f"python -m Daddy.evaluate {self._directory}"
            self._log.log_event("eval", f"of step {self._step:,} dropped; {again} plays the newest checkpoint")
        else:
            self._collect()

    def __enter__(self) -> BackgroundEvaluator:
        return self

    def __exit__(self, *_: object) -> None:
        """End the evaluation under way, if any, and remove its weights."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self._place, ignore_errors=True)

    def _start(self, step_global: int, network: nn.Module, mixer: RewardMixer) -> None:
        shutil.rmtree(self._place, ignore_errors=True)  # a killed process may have left newer weights
        try:
            path = save_checkpoint(self._place, step_global, weights_of(step_global, network, mixer), keep=1)
            with self._output("out").open("w") as out, self._output("err").open("w") as err:
                self._process = self._launch(path, out, err)
            self._step = step_global
        except (CheckpointError, OSError) as error:
            self._log.log_event("alarm", f"evaluation of step {step_global:,} could not start: {error}")

    def _launch(self, weights: Path, out: IO[str], err: IO[str]) -> subprocess.Popen:
        config = self._config
        epsilons = [str(e) for e in dict.fromkeys((0.0, config.eval_epsilon))]
        command = [
            sys.executable, "-m", "Daddy.evaluate", str(weights), "--json", "--trainer", str(os.getpid()),
            "--episodes", str(config.eval_episodes), "--epsilon", *epsilons,
        ]  # fmt: skip
        search_path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": search_path}
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, process_group=0
        )

    def _output(self, kind: str) -> Path:
        return self._place / f"evaluate.{kind}"

    def _collect(self) -> None:
        code, self._process = self._process.returncode, None
        try:
            if code != 0:
                self._log.log_event("alarm", f"evaluation of step {self._step:,} failed ({code}): {self._last_words()}")
                return
            result = json.loads(self._output("out").read_text(encoding="utf-8"))
            self._tell(result)
        except (OSError, ValueError, KeyError) as error:
            self._log.log_event("alarm", f"evaluation of step {self._step:,} is lost: {error}")

    def _last_words(self) -> str:
        lines = self._output("err").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][-_LOG_TAIL:] if lines else "it said nothing"

    def _tell(self, result: dict[str, Any]) -> None:
        parts, scalars = [], {}
        for group in result["summaries"]:
            kind = "greedy" if group["epsilon"] == 0 else "noisy"
            parts.append(
                f"{kind} (epsilon {group['epsilon']:g}, {group['episodes']} episodes): milestones "
                f"{group['milestones_mean']:.2f} (best {group['milestones_best']}) badges {group['badges_mean']:.2f} "
                f"return {group['return_env_mean']:.2f} tiles {group['tiles_mean']:.0f} len {group['length_mean']:.0f}"
            )
            scalars |= {f"eval/{kind}_{name}": value for name, value in group.items() if name.endswith("_mean")}
        rows = [evaluation_row(result["step_global"], *numbered) for numbered in enumerate(result["episodes"])]
        text = f"step {result['step_global']:,} " + " | ".join(parts)
        self._log.log_evaluation(text, rows, scalars, result["step_global"])
