"""The training loop: collect, update, tell, save, evaluate."""
from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from pokemonred_puffer.ppo.board import Board, View
from pokemonred_puffer.ppo.building import choose_device, described, env_maker, make_policy, map_names, weights_of
from pokemonred_puffer.ppo.checkpoint import load_optimizer, newest, optimizer_tensors, save_checkpoint
from pokemonred_puffer.ppo.episodes import EpisodeEnd
from pokemonred_puffer.ppo.playing import Played, evaluation_rows, play, seed_for, summarize, summary_line
from pokemonred_puffer.ppo.rollout import Collector
from pokemonred_puffer.ppo.run_files import RunFiles
from pokemonred_puffer.ppo.scaling import ReturnScale
from pokemonred_puffer.ppo.settings import Settings
from pokemonred_puffer.ppo.stop import Stop
from pokemonred_puffer.ppo.update import PPO, PPOSettings
from pokemonred_puffer.ppo.vector import WorkerError, make_vector, plan_layout

_WINDOW = 100  # episodes of the running means


def train(settings: Settings, preset: str, config_path: str | None, notes: list[str]) -> int:
    """One run from its settings to its exit code. Raises PokemonRedError for what the user must mend."""
    path = Path(settings.runs_dir) / settings.run_name
    found = newest(path / "checkpoints") if settings.resume else None
    description = described(settings, preset, config_path)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        trainer = Trainer(settings, config_path, found)
        stack.callback(trainer.vector.close)
        resumed = (found[2]["step_global"] if found else 0) if settings.resume else None
        files = RunFiles(path, settings.total_steps, resumed)
        stack.callback(files.close)
        files.describe(description)
        board = stack.enter_context(Board(settings.dashboard, trainer.view, files.line))
        for line in [*notes, *trainer.describe()]:
            board.say(line)
        code = 1
        try:
            code = trainer.run(files, board, stop)
            return code
        finally:
            phase = {0: "done", 130: "stopped", 143: "stopped"}.get(code, "failed")
            files.status(phase=phase, exit_code=code, step_global=trainer.step)


class Trainer:
    """The parts of one run. `found` is the checkpoint to go on from: (path, tensors, state)."""

    def __init__(self, settings: Settings, config_path: str | None, found: tuple[Path, dict, dict] | None) -> None:
        self.settings = settings
        self.maker = env_maker(settings, config_path)
        self.names = map_names(settings)
        self.device, self._why_device = choose_device(settings.device)
        self.layout = plan_layout(settings.vectorization, settings.num_envs, settings.num_workers,
                                  settings.env_batch_size)
        self.steps = settings.batch_size // settings.num_envs // settings.bptt_horizon * settings.bptt_horizon
        self.vector = make_vector(self.maker, self.layout, settings.max_episode_steps)
        torch.manual_seed(settings.seed)
        dtype = self.vector.emulated["emulated_observation_dtype"]
        self.policy = make_policy(settings, dtype, int(self.vector.single_action_space.n)).to(self.device)
        loss = {name: getattr(settings, name) for name in PPOSettings.__dataclass_fields__}
        self.ppo = PPO(self.policy, PPOSettings(**loss), settings.learning_rate, settings.seed, self.device)
        self.scale = ReturnScale(settings.num_envs, settings.gamma) if settings.scale_rewards else None
        self.first_step = self.episodes = self.updates = 0
        self.earlier_seconds = self.seconds = 0.0
        self._evaluated = self._saved = self._logged = 0
        self._resumed_from = found[0] if found else None
        if found:
            self._load(found[1], found[2])
        seed = (settings.seed * 1_000 + self.first_step) % 2**31  # a resumed run does not play its beginning again
        self.collector = Collector(self.vector, settings.num_envs, settings.bptt_horizon, self.steps, self.policy, seed,
                                   self.scale, self.device)
        self._episode_start = np.full(settings.num_envs, self.first_step)
        self._recent: deque[EpisodeEnd] = deque(maxlen=_WINDOW)
        self.view = View(settings.run_name, self.first_step, settings.total_steps)
        self.parts = {"rollout": 0.0, "learn": 0.0}
        self.vector.async_reset(seed)

    @property
    def step(self) -> int:
        return self.first_step + self.collector.steps_played

    def describe(self) -> list[str]:
        """Lines for the start of a run."""
        s, count = self.settings, sum(p.numel() for p in self.policy.parameters())
        where = f"{self.layout.num_workers} workers" if self.layout.num_workers else "this process"
        lines = [
            f"{s.num_envs} envs in {where}, {self.layout.batch_size} to a batch"
            + (f" ({self.layout.note})" if self.layout.note else ""),
            f"{s.policy}: {count:,} parameters on {self.device} ({self._why_device}); rollouts of {self.steps} x "
            f"{s.num_envs} steps, {s.update_epochs} epochs of minibatches of {s.minibatch_size}",
        ]
        return lines + ([f"resuming from {self._resumed_from}: envs start anew"] if self._resumed_from else [])

    def run(self, files: RunFiles, board: Board, stop: Stop) -> int:
        """Trains until `total_steps` or a signal; returns the exit code."""
        s = self.settings
        self._files, self._board, self._stop = files, board, stop
        try:
            while self.step < s.total_steps and not stop.requested:
                if not self._iterate():
                    break
                self._due()
        except WorkerError:
            self.save()  # weights are whole: only the rollout is lost
            raise
        if self._saved != self.step or not self.updates:
            self.save()
        if s.eval_interval and not stop.requested and self._evaluated != self.step:
            self.evaluate()
        self._tell()
        return stop.exit_code if stop.requested else 0

    def _iterate(self) -> bool:
        """One rollout and its update; False when a signal cut it short."""
        started = time.perf_counter()
        rollout = self.collector.collect(self._on_episode, self._going_on)
        collected = time.perf_counter()
        self.parts["rollout"] += collected - started
        if rollout is not None:
            if self.settings.anneal_lr:
                left = max(0.0, 1 - self.step / self.settings.total_steps)
                self.ppo.set_learning_rate(self.settings.learning_rate * left)
            self.view.losses = self.ppo.update(rollout)
            self.updates += 1
            self.parts["learn"] += time.perf_counter() - collected
        self.seconds += time.perf_counter() - started
        return rollout is not None

    def _going_on(self) -> bool:
        self._files.status(force=False, step_global=self.step)
        self._board.refresh()
        return not self._stop.requested

    def _due(self) -> None:
        s, step = self.settings, self.step
        self._look()
        if step // s.log_interval > self._logged // s.log_interval:
            self._tell()
        if s.save_interval and step // s.save_interval > self._saved // s.save_interval:
            self.save()
        if s.eval_interval and step // s.eval_interval > self._evaluated // s.eval_interval:
            self.evaluate()

    def _look(self) -> None:
        view, played = self.view, self.collector.steps_played
        view.step, view.updates, view.parts = self.step, self.updates, self.parts
        view.seconds = self.seconds
        view.sps = played / self.seconds if self.seconds else 0.0
        view.remaining = max(view.total - view.step, 0) / view.sps if view.sps else float("inf")
        if self._recent:
            view.stats = {
                "episodes": float(self.episodes), "return": fmean(e.return_env for e in self._recent),
                "length": fmean(e.length for e in self._recent), "tiles": fmean(e.tiles for e in self._recent),
                "milestones": fmean(len(e.milestones) for e in self._recent),
                "best": float(max(len(e.milestones) for e in self._recent)),
                "badges": fmean(e.badges for e in self._recent),
            }  # fmt: skip

    def _tell(self) -> None:
        self._look()
        self._logged, view = self.step, self.view
        values = {"charts/SPS": view.sps, "time/train_seconds": self.earlier_seconds + self.seconds,
                  "charts/updates": float(self.updates),
                  "charts/learning_rate": self.ppo.optimizer.param_groups[0]["lr"]}  # fmt: skip
        values |= {f"losses/{name}": value for name, value in view.losses.items()}
        values |= {f"episode/{name}": value for name, value in view.stats.items()}
        values |= {f"time/{name}_seconds": value for name, value in self.parts.items()}
        values |= {"reward/deviation": self.scale.deviation} if self.scale else {}
        self._write(values)
        self._files.status(step_global=self.step, sps=round(view.sps, 1), episodes=self.episodes)
        self._board.interval()

    def _write(self, values: dict[str, float]) -> None:
        self._files.metrics(self.step, values)
        if self.settings.track:
            if not hasattr(self, "_tensorboard"):
                from torch.utils.tensorboard import SummaryWriter

                self._tensorboard = SummaryWriter(str(self._files.path / "tb"))
            for tag, value in values.items():
                self._tensorboard.add_scalar(tag, value, self.step)
            self._tensorboard.flush()

    def _on_episode(self, end: EpisodeEnd) -> None:
        self._files.episode(self.episodes, end, self.step, int(self._episode_start[end.env_id]),
                            Path(self.settings.init_state or "boot").stem,
                            self.names.get(end.map_id, f"map_{end.map_id}"))  # fmt: skip
        self._episode_start[end.env_id] = self.step
        self.episodes += 1
        self._recent.append(end)

    def evaluate(self) -> None:
        """Plays from the true start with the policy as it is; its time is none of the training's."""
        s, self._evaluated = self.settings, self.step
        played: list[Played] = list(play(self.maker, self.policy, s.eval_episodes, seed_for(s.seed), self.device,
                                         self._going_on))  # fmt: skip
        if self._stop.requested:
            self._board.say("evaluation cut short by the signal; its episodes are not told")
            return
        self._files.evaluation(evaluation_rows(self.step, played, self.names))
        summaries = [summarize([p for p in played if p.kind == kind]) for kind in sorted({p.kind for p in played})]
        self._board.say(f"[eval] step {self.step:,} " + " | ".join(map(summary_line, summaries)))
        self._write({f"eval/{group['kind']}_{name}": value for group in summaries for name, value in group.items()
                     if name.endswith("_mean")})  # fmt: skip

    def save(self) -> None:
        """A checkpoint of everything but the envs."""
        self._saved = self.step
        tensors = {f"policy.{name}": value for name, value in self.policy.state_dict().items()}
        tensors |= optimizer_tensors(self.ppo.optimizer) | {"generator": self.collector.generator.get_state()}
        state: dict[str, Any] = {
            "updates": self.updates, "episodes": self.episodes, "train_seconds": self.earlier_seconds + self.seconds,
            "rng": self.ppo.rng.bit_generator.state, "scale": self.scale.state_dict() if self.scale else None,
        }  # fmt: skip
        path = save_checkpoint(self._files.checkpoints, self.step, tensors, state)
        self._files.status(last_checkpoint={"step_global": self.step, "path": str(path), "unix_time": time.time()})
        self._board.say(f"[checkpoint] {path} | go on: python -m pokemonred_puffer.train train --run-name "
                        f"{self.settings.run_name} --resume")

    def _load(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        self.policy.load_state_dict(weights_of(tensors))
        load_optimizer(self.ppo.optimizer, tensors)
        self.ppo.rng.bit_generator.state = state["rng"]
        self.first_step = self._evaluated = self._saved = self._logged = int(state["step_global"])
        self.updates, self.episodes = int(state["updates"]), int(state["episodes"])
        self.earlier_seconds = float(state["train_seconds"])
        if self.scale and state["scale"]:
            self.scale.load_state_dict(state["scale"])
