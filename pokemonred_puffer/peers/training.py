"""One run of a peer: SB3's own loop, with a callback that writes the run directory all trainers share."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from pokemonred_puffer.config import load_config
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.peers import models
from pokemonred_puffer.peers.envs import env_maker, make_envs
from pokemonred_puffer.peers.settings import PeerSettings
from pokemonred_puffer.ppo.episodes import EPISODE, EpisodeEnd
from pokemonred_puffer.ppo.playing import AT_ONCE, Played, evaluation_rows, seed_for
from pokemonred_puffer.ppo.run_files import RunFiles
from pokemonred_puffer.ppo.stop import Stop
from pokemonred_puffer.ppo.vector import probe_spaces
from pokemonred_puffer.rom import Rom, resolve_rom

_WINDOW = 50


def train(peer: str, settings: PeerSettings) -> int:
    """Trains and returns the exit code. Raises PokemonRedError for what the user must mend."""
    torch.set_num_threads(1)
    rom = resolve_rom(settings.rom or None, settings.allow_rom_mismatch)
    probe_spaces(env_maker(settings))
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        vector = models.vector_env(peer, make_envs(settings, stagger=True), workers=True)
        stack.callback(vector.close)
        vector.seed(settings.seed * 1_000)
        model = models.build(peer, vector, settings)
        files = RunFiles(Path(settings.runs_dir) / settings.run_name, settings.total_steps, None)
        stack.callback(files.close)
        files.describe({**asdict(settings), "agent": peer, "rom_sha1": rom.sha1,
                        "action_freq": load_config()["env"]["action_freq"]})
        diary, code = Diary(peer, settings, files, map_names(rom), stop), 1
        files.status()
        try:
            model.learn(settings.total_steps, callback=diary.callback())
            diary.finish(model)
            code = stop.exit_code if stop.requested else 0
            return code
        finally:
            phase = {0: "done", 130: "stopped", 143: "stopped"}.get(code, "failed")
            files.status(phase=phase, exit_code=code, step_global=diary.step)


class Diary:
    """What a run tells. `step` counts env steps; the clock stands still during evaluations."""

    def __init__(self, peer: str, settings: PeerSettings, files: RunFiles, names: dict[int, str], stop: Stop) -> None:
        self._peer, self._settings, self._files, self._names, self._stop = peer, settings, files, names, stop
        self.step = self._episodes = self._logged = self._evaluated = 0
        self._starts = np.zeros(settings.num_envs, int)
        self._recent: list[EpisodeEnd] = []
        self._before, self._since = 0.0, time.perf_counter()

    def callback(self) -> Any:
        """For `model.learn`."""
        from stable_baselines3.common.callbacks import BaseCallback

        look = self._look

        class Callback(BaseCallback):
            def _on_step(self) -> bool:
                return look(self.model, self.num_timesteps, self.locals["infos"])

        return Callback()

    def finish(self, model: Any) -> None:
        """The end of the training: weights, an evaluation if there are any, and the last numbers."""
        if self._settings.eval_interval and not self._stop.requested and self._evaluated != self.step:
            self._evaluate(model)
        self._log()
        path = models.save(model, self._files.path / "checkpoints", self.step)
        self._files.status(last_checkpoint={"step_global": self.step, "path": str(path), "unix_time": time.time()})

    def _look(self, model: Any, step: int, infos: list[dict]) -> bool:
        s, before, self.step = self._settings, self.step, step
        for end in (info[EPISODE] for info in infos if EPISODE in info):
            self._files.episode(self._episodes, end, step, int(self._starts[end.env_id]), "boot",
                                self._names.get(end.map_id, f"map_{end.map_id}"))  # fmt: skip
            self._starts[end.env_id] = step
            self._episodes += 1
            self._recent = [*self._recent, end][-_WINDOW:]
        self._files.status(force=False, step_global=step, episodes=self._episodes, sps=round(step / self._seconds(), 1))
        if step // s.log_interval > before // s.log_interval:
            self._log()
        if s.eval_interval and step // s.eval_interval > before // s.eval_interval:
            self._evaluate(model)
        return not self._stop.requested and step < s.total_steps  # RecurrentPPO would fill its last rollout

    def _seconds(self) -> float:
        return max(self._before + time.perf_counter() - self._since, 1e-9)

    def _log(self) -> None:
        if self._logged == self.step:
            return
        self._logged, seconds = self.step, self._seconds()
        values = {"charts/SPS": self.step / seconds, "time/train_seconds": seconds}
        if self._recent:
            values["episode/milestones"] = fmean(len(e.milestones) for e in self._recent)
            values["episode/return"] = fmean(e.return_env for e in self._recent)
        self._files.metrics(self.step, values)
        shown = " ".join(f"{tag.split('/')[1]}={value:,.4g}" for tag, value in values.items())
        print(f"[step {self.step:,}/{self._settings.total_steps:,}] {shown}", flush=True)

    def _evaluate(self, model: Any) -> None:
        self._before, self._evaluated = self._seconds(), self.step
        played = list(play(self._peer, model, self._settings, self._settings.eval_episodes,
                           seed_for(self._settings.seed), lambda: not self._stop.requested))  # fmt: skip
        if not self._stop.requested:
            self._files.evaluation(evaluation_rows(self.step, played, self._names))
        self._since = time.perf_counter()


def play(
    peer: str, model: Any, settings: PeerSettings, episodes: int, seed: int, wanted: Callable[[], bool] = lambda: True
) -> Iterator[Played]:
    """`episodes` of each kind from the true start, from seeds `seed`, `seed` + 1, ...; ends early when `wanted` says
    no."""
    for kind in models.kinds(peer):
        for begin in range(0, episodes, AT_ONCE):
            count = min(AT_ONCE, episodes - begin)
            yield from _wave(peer, model, replace(settings, num_envs=count), kind, seed + begin, wanted)


def _wave(
    peer: str, model: Any, settings: PeerSettings, kind: float, seed: int, wanted: Callable[[], bool]
) -> Iterator[Played]:
    started, count = time.monotonic(), settings.num_envs
    vector = models.vector_env(peer, make_envs(settings, stagger=False), workers=False)
    player = models.Player(model, kind, seed)
    torch.manual_seed(seed)
    try:
        vector.seed(seed)
        observation, first, left = vector.reset(), np.ones(count, bool), set(range(count))
        while left and wanted():
            observation, _, first, infos = vector.step(player.act(observation, first))
            for end in (info[EPISODE] for info in infos if EPISODE in info):
                if end.env_id in left:
                    left.remove(end.env_id)
                    yield Played(kind, seed + end.env_id, end, round(time.monotonic() - started, 3))
    finally:
        vector.close()


def map_names(rom: Rom) -> dict[int, str]:
    """Map id -> name as the running ROM calls it."""
    if rom.world is None:
        return {int(map_id): map_id.name for map_id in MapIds}
    return {int(entry["id"]): str(entry["name"]) for entry in rom.world["maps"]}
