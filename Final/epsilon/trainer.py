"""train(): the loop. Games step in their processes while the network learns here."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from statistics import fmean

import numpy as np
import torch

from Final.epsilon.agent import AgentSettings, DQNAgent, FrameStack
from Final.epsilon.episodes import EpisodeTracker
from Final.epsilon.errors import UsageError
from Final.epsilon.evaluation import evaluate, make_pool, summarize, summary_line
from Final.epsilon.player import FEATURES, SCREEN
from Final.epsilon.pool import RESET, Pool
from Final.epsilon.replay import Replay
from Final.epsilon.run_files import RunFiles
from Final.epsilon.settings import EVAL_EPSILON, TrainConfig
from Final.epsilon.stop import StopSignals
from pokemonred_puffer.config import EnvConfig
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.emulator import BUTTONS
from pokemonred_puffer.rom import Rom, resolve_rom


class StoppedError(Exception):
    """A stop was asked for in the middle of an evaluation."""


def train(cfg: TrainConfig, signals: StopSignals) -> int:
    """Train as ``cfg`` says and return the exit code; see RunFiles for what it leaves.

    Raises:
        UsageError: the run directory or the device cannot be used. RomError: no usable ROM. WorkerError: emulators
            failed; what was learnt is saved before.
    """
    torch.set_num_threads(1)
    rom = resolve_rom(cfg.rom or None, cfg.allow_rom_mismatch)
    agent = build_agent(cfg)
    with make_pool(cfg, cfg.num_envs) as pool:
        pool.send(np.full(cfg.num_envs, RESET), {i: cfg.seed + i for i in range(cfg.num_envs)})
        rows = pool.receive()  # what cannot start fails here, before there is a run directory
        more = {"agent": "epsilon", "rom_sha1": rom.sha1, "action_freq": EnvConfig().action_freq}
        files = RunFiles(cfg, more)
        try:
            return Training(cfg, agent, pool, rows, files, map_names(rom), signals).run()
        finally:
            files.close()


def build_agent(cfg: TrainConfig) -> DQNAgent:
    """The agent of a run.

    Raises:
        UsageError: no CUDA device.
    """
    if cfg.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device is cuda, but torch finds no such device; use --device cpu")
    return DQNAgent(AgentSettings(
        FEATURES, len(BUTTONS), SCREEN, cfg.num_quantiles, cfg.lr, cfg.target_update, cfg.seed, cfg.device
    ))


def map_names(rom: Rom) -> Callable[[int], str]:
    """Map id -> name as the ROM's own table has it, else the disassembly's."""
    world = rom.world
    names = {int(m): m.name for m in MapIds} if world is None else {int(m["id"]): m["name"] for m in world["maps"]}
    return lambda map_id: names.get(map_id, f"map_{map_id}")


class Training:
    """One run's loop and its counters. ``train_seconds`` stands still during evaluations."""

    def __init__(
        self, cfg: TrainConfig, agent: DQNAgent, pool: Pool, rows: np.ndarray, files: RunFiles,
        map_name: Callable[[int], str], signals: StopSignals,
    ) -> None:  # fmt: skip
        """``rows`` (num_envs,) ROW are the first ones that ``pool`` gave."""
        self._rows = rows
        self.cfg, self.agent, self.pool, self.files, self.map_name, self.signals = (
            cfg, agent, pool, files, map_name, signals
        )  # fmt: skip
        acting, sampling = np.random.SeedSequence(cfg.seed).spawn(2)
        self._acting, self._sampling = np.random.default_rng(acting), np.random.default_rng(sampling)
        self.replay = Replay(
            cfg.buffer_size, cfg.num_envs, SCREEN, FEATURES, n_step=cfg.n_step, gamma=cfg.gamma,
            alpha=cfg.priority_alpha,
        )  # fmt: skip
        self._stack, self._episodes = FrameStack(cfg.num_envs, SCREEN), EpisodeTracker(cfg.num_envs)
        self.step = self.learnt = 0
        self._credit = 0.0
        self._losses: dict[str, list[float]] = {}
        self._recent: deque = deque(maxlen=50)
        self.train_seconds, self._resumed = 0.0, time.monotonic()
        self._evaluated = self._logged = -1

    def run(self) -> int:
        """Play, learn, log, evaluate and save until the steps are done or a stop is asked for."""
        cfg = self.cfg
        code = 1
        with self.signals:
            try:
                while self.step < cfg.total_steps and not self.signals.code:
                    self._iterate()
                if cfg.eval_interval and self._evaluated != self.step:
                    self._evaluate()
                code = self.signals.code
            finally:
                if self._logged != self.step:
                    self._log()
                path = self.files.checkpoint(self.step, self.agent.online.state_dict())
                phase = "failed" if code == 1 else "stopped" if code else "done"
                self.files.status(phase=phase, exit_code=code, step_global=self.step)
        print(f"{phase} at step {self.step:,}; python -m Final.epsilon.evaluate {self.files.path} plays {path.name}")
        return code

    def _iterate(self) -> None:
        """Answer the rows of every env, and learn while they step."""
        cfg, before, rows = self.cfg, self.step, self._rows
        frames = self._stack.push(rows["screen"], rows["is_first"])
        ended = rows["terminated"] | rows["truncated"]
        self.step += int(np.count_nonzero(~rows["is_first"]))
        actions = self.agent.act(frames, rows["features"], cfg.epsilon(self.step), self._acting)
        self.pool.send(np.where(ended, RESET, actions))
        self.replay.add(
            rows["screen"], rows["features"], actions, rows["reward"], rows["is_first"], rows["terminated"],
            rows["truncated"],
        )  # fmt: skip
        for episode in self._episodes.add(rows, self.step):
            self._recent.append(episode)
            self.files.episode(episode, self.map_name(episode.map_id))
        self._learn(self.step - before)
        self.files.status(force=False, step_global=self.step, sps=self._speed())
        if self._due(cfg.log_interval, before):
            self._log()
        if self._due(cfg.save_interval, before):
            self.files.checkpoint(self.step, self.agent.online.state_dict())
        if self._due(cfg.eval_interval, before):
            self._evaluate()
        self._rows = self.pool.receive()

    def _due(self, every: int, before: int) -> bool:
        return bool(every) and self.step // every > before // every

    def _learn(self, steps: int) -> None:
        cfg = self.cfg
        if self.step < cfg.learning_starts or not self.replay.ready:
            return
        self._credit += steps * cfg.replay_ratio / cfg.batch_size
        while self._credit >= 1.0:
            self._credit -= 1.0
            batch = self.replay.sample(cfg.batch_size, cfg.beta(self.step), self._sampling)
            errors, told = self.agent.learn(batch)
            self.replay.update(batch.places, errors)
            self.learnt += cfg.batch_size
            for name, value in told.items():
                self._losses.setdefault(name, []).append(value)

    def _speed(self) -> float:
        return self.step / max(self._seconds(), 1e-6)

    def _seconds(self) -> float:
        return self.train_seconds + time.monotonic() - self._resumed

    def _log(self) -> None:
        self._logged = self.step
        values = {
            "charts/SPS": self._speed(), "time/train_seconds": self._seconds(),
            "charts/epsilon": self.cfg.epsilon(self.step), "charts/updates": self.agent.updates,
            "replay/ratio": self.learnt / max(self.step, 1), "replay/size": len(self.replay),
            **{f"losses/{name}": fmean(found) for name, found in self._losses.items()},
        }  # fmt: skip
        if self._recent:
            values["charts/episodic_return_env"] = fmean(e.return_env for e in self._recent)
            values["charts/episodic_return_total"] = fmean(e.return_total for e in self._recent)
            values["milestone/mean_per_episode"] = fmean(len(e.milestones) for e in self._recent)
            values["explore/tiles_mean"] = fmean(e.tiles for e in self._recent)
        self._losses = {}
        self.files.metrics(self.step, values)
        shown = " ".join(f"{tag.split('/')[1]}={value:,.4g}" for tag, value in values.items())
        print(f"[step {self.step:,}/{self.cfg.total_steps:,}] {shown}", flush=True)

    def _evaluate(self) -> None:
        """Evaluate the present weights with training's clock stopped; a stop cuts it short and its rows are dropped."""

        def tick() -> None:
            if self.signals.code:
                raise StoppedError
            self.files.status(force=False)

        if self.signals.code:
            return
        self.train_seconds, self._evaluated = self._seconds(), self.step
        try:
            epsilons = (0.0, EVAL_EPSILON)
            rows = evaluate(self.cfg, self.agent, self.step, self.cfg.eval_episodes, epsilons, self.map_name, tick)
            self.files.evaluation(rows)
            for summary in summarize(rows):
                kind = "greedy" if summary["epsilon"] == 0 else "noisy"
                means = {f"eval/{kind}_{key}": value for key, value in summary.items() if key.endswith("_mean")}
                self.files.metrics(self.step, means)
                print(f"[eval] {summary_line(self.step, summary)}", flush=True)
        except StoppedError:
            print("[eval] cut short by the stop", flush=True)
        finally:
            self._resumed = time.monotonic()
