"""Takes the dashboard's snapshots: it looks at every batch for some microseconds, and twice a second at everything."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from Daddy.agent import Agent
from Daddy.config import TrainConfig
from Daddy.curriculum import Curriculum, NoCurriculum
from Daddy.episodes import EpisodeTracker
from Daddy.intrinsic import RewardMixer
from Daddy.logging_utils import RunLogger
from Daddy.progress import IntervalStats, episode_scalars
from Daddy.puffer_shim import VectorEnv, map_regions
from Daddy.resume import resume_command
from Daddy.snapshot import EnvCell, MilestoneRow, RewardTerm, RunInfo, Saved, Snapshot, WorldView
from Daddy.stopwatch import Stopwatch
from Daddy.watch.places import Places
from Daddy.watch.trends import AlarmList, Curve, Speed
from Daddy.watch.usage import UsageMeter

_PERIOD_S = 0.5
_SLOW_PERIOD_S = 2.0  # for what costs more than a look
_DEAD_AFTER_BATCHES, _DEAD_AFTER_S = 20, 5.0  # without a record, while the others go on
_FRESH_S = 2.0  # means of a younger interval are too noisy to show
_STATS = (
    ("return env", "charts/episodic_return_env"), ("return total", "charts/episodic_return_total"),
    ("length", "charts/episodic_length"), ("milestones", "milestone/mean_per_episode"),
    ("milestones best", "milestone/best_recent"), ("tiles", "explore/tiles_mean"),
)  # fmt: skip
_CURVES = (
    ("return env", "charts/episodic_return_env"), ("milestones", "milestone/mean_per_episode"),
    ("td_loss", "losses/td_loss"),
)  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """The parts of the training loop that a snapshot is made from; they are only read."""

    agent: Agent
    mixer: RewardMixer
    vector: VectorEnv
    episodes: EpisodeTracker
    interval: IntervalStats
    clock: Stopwatch
    curriculum: Curriculum | NoCurriculum


class Watch:
    """``tick`` once per batch; hands a snapshot to the logger's console when one is due. Does nothing in plain mode."""

    def __init__(self, config: TrainConfig, logger: RunLogger, parts: Parts) -> None:
        self._config, self._logger, self._parts = config, logger, parts
        self._on = logger.console.mode != "plain"
        if not self._on:
            return
        regions = map_regions(config.rom or None, config.allow_rom_mismatch)
        self._places = Places(regions, config.num_envs)
        self._last = np.zeros((3, config.num_envs), np.uint8)  # map_id, in_battle, text_open of each env
        self._ticks, self._seen = 0, np.zeros((config.num_envs, 2))  # tick and time of each env's last record
        self._usage = UsageMeter(parts.agent.device)
        self._run = self._describe_run()
        self._speed, self._alarms = Speed(), AlarmList()
        self._curves = {name: Curve() for name in ("steps/s", *(name for name, _ in _CURVES))}
        self._means: dict[str, float] = {}
        self._budget: dict[str, float] = {}
        self._world: WorldView | None = None
        self._badges = 0
        self._started = self._taken = self._slow_at = time.monotonic()

    def tick(
        self, rows: np.ndarray, env_ids: np.ndarray, step_global: int, learned: int, epsilon: np.ndarray
    ) -> None:
        """Look at one batch of records (B,); ``learned`` transitions so far, ``epsilon`` (num_envs,)."""
        if not self._on:
            return
        self._places.add(rows, env_ids)
        self._ticks += 1
        self._seen[env_ids] = self._ticks, time.monotonic()
        for kept, field in zip(self._last, ("map_id", "in_battle", "text_open"), strict=True):
            kept[env_ids] = rows[field]
        self._badges = max(self._badges, *rows["badges"].tolist(), key=int.bit_count)
        if time.monotonic() - self._taken >= _PERIOD_S:
            self.show(step_global, learned, epsilon)

    def show(self, step_global: int, learned: int, epsilon: np.ndarray) -> None:
        """Hand over a snapshot now."""
        if self._on:
            self._taken = time.monotonic()
            self._logger.console.show(self._snapshot(self._taken, step_global, learned, epsilon))

    def _snapshot(self, now: float, step: int, learned: int, epsilon: np.ndarray) -> Snapshot:
        config, episodes = self._config, self._parts.episodes
        self._speed.add(now, step, learning=learned > 0)
        if now - self._slow_at >= _SLOW_PERIOD_S:
            self._slow_at = now
            self._look_closely()
        return Snapshot(
            run=self._run, step=step, total_steps=config.total_steps,
            phase="training" if learned else "collecting", elapsed_s=now - self._started, sps=self._speed.now(),
            eta_s=self._speed.left(config.total_steps - step), episodes=episodes.completed,
            epsilon=(float(epsilon.mean()), float(epsilon.min()), float(epsilon.max())), learned=learned,
            usage=self._usage.read(), time_budget=tuple(self._budget.items()), losses=self._losses(),
            stats=tuple((name, self._means[tag]) for name, tag in _STATS if tag in self._means),
            rewards=self._rewards(), milestones=self._milestones(), badges=f"{self._badges:08b}"[::-1],
            curriculum=self._parts.curriculum.mix(),
            envs=self._envs(), worker_restarts=self._parts.vector.worker_restarts,
            alarms=self._alarms.update(now, self._standing()), world=self._world,
            series=tuple((name, tuple(curve.points)) for name, curve in self._curves.items()), saved=self._saved(),
        )  # fmt: skip

    def _look_closely(self) -> None:
        """Renew what is too dear or too noisy for every snapshot."""
        parts = self._parts
        if parts.interval.seconds() >= _FRESH_S or not self._means:
            self._means = parts.interval.means() | episode_scalars(list(parts.episodes.recent))
            self._budget = parts.clock.shares()
        self._world = self._places.view()
        values = {"steps/s": self._speed.now()} | {name: self._means.get(tag, math.nan) for name, tag in _CURVES}
        for name, value in values.items():
            if math.isfinite(value):
                self._curves[name].add(value)

    def _losses(self) -> tuple[tuple[str, float], ...]:
        return tuple((tag.partition("/")[2], v) for tag, v in self._means.items() if tag.startswith("losses/"))

    def _rewards(self) -> tuple[RewardTerm, ...]:
        weights = {"env": 1.0} | self._parts.mixer.weights
        return tuple(RewardTerm(name, self._means.get(f"reward/{name}", 0.0), w) for name, w in weights.items())

    def _milestones(self) -> tuple[MilestoneRow, ...]:
        posteriors = self._logger.monitor.posteriors() if self._logger.monitor else ()
        reached = set(self._logger.names.milestones(self._parts.episodes.ever))
        return tuple(
            MilestoneRow(p.milestone, p.mean, p.lo95, p.hi95, p.attempts, p.milestone in reached, p.alarm_level)
            for p in posteriors
        )

    def _envs(self) -> tuple[EnvCell, ...]:
        unseen = np.array([self._ticks, time.monotonic()]) - self._seen
        dead = (unseen > (_DEAD_AFTER_BATCHES, _DEAD_AFTER_S)).all(axis=1)  # [num_envs]
        states = np.select([dead, self._last[1] > 0, self._last[2] > 0], ["dead", "battle", "text"], "walk")
        names = [self._logger.names.map(map_id) for map_id in self._last[0].tolist()]
        return tuple(EnvCell(name, state) for name, state in zip(names, states.tolist(), strict=True))

    def _standing(self) -> dict[str, tuple[int, str]]:
        """key -> (level, text) of what is wrong now."""
        found = {text: (2, f"{text}: free disk space; training goes on") for text in self._logger.alarms()}
        for name, value in self._losses():
            if not math.isfinite(value):
                found[name] = (2, f"{name} is {value}: go back to a checkpoint with a lower --lr")
        share = self._curves["steps/s"].collapsed()
        if share is not None:
            found["speed"] = (1, f"steps/s fell to {share:.0%} of their median: does something else use the machine?")
        for posterior in self._logger.monitor.posteriors() if self._logger.monitor else ():
            if posterior.alarm_level:
                found[posterior.milestone] = (posterior.alarm_level, posterior.alarm_text())
        return found

    def _saved(self) -> Saved | None:
        saved = self._logger.last_checkpoint
        if saved is None:
            return None
        return Saved(saved["step_global"], max(time.time() - saved["unix_time"], 0.0), resume_command(self._config))

    def _describe_run(self) -> RunInfo:
        config, agent = self._config, self._parts.agent
        params = sum(p.numel() for p in agent.learner.online.parameters())
        cores = [name for name in ("cnn", "gru", "lstm", "ssm") if name not in config.ablate]
        model = f"{config.model_size} {'-'.join(cores)}"
        device = str(agent.device)
        return RunInfo(config.run_name, model, params, device, f"{config.backend} {config.num_envs} envs")
