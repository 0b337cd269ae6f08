"""The curriculum of savestates: taken where an episode first gets somewhere, started from where there is most to learn.

`Curriculum.look` goes between receiving records and acting on them, `Curriculum.hear` takes what the emulators' side
reports. Everything else is told through the logger and the numbers of `scalars`.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from Daddy.curriculum.memory import read_memory, write_memory
from Daddy.curriculum.registry import PER_MILESTONE, Registry
from Daddy.curriculum.sampler import TRUE_START, Sampler
from Daddy.curriculum.savestates import TIERS, Savestate, frontier
from Daddy.curriculum.seeds import adopt
from Daddy.curriculum.triggers import Trigger, Triggers
from Daddy.exploration import BoldStarts
from Daddy.puffer_shim import (
    MILESTONES,
    Captured,
    CaptureFailed,
    EpisodeRules,
    SpawnFailed,
    VectorEnv,
    VectorEvent,
    milestone_names,
)
from Daddy.sweeping import Sweeps

_RECENT = 100  # starts and outcomes that the mix is told of
_PAUSE_STEPS = 5_000  # without captures after the disk refused one
_SAVE_S = 30.0  # between two writes of changed counts
_FADE_EVERY = 1_000  # steps
_HALF_LIFE = 200_000.0  # steps in which half of what is known of savestates fades
_ENTER_AFTER = 2  # turns of its env until a capture counts: by then every backend has told of it, so runs agree
_LOST_AFTER = 100  # turns
_MIX = (TRUE_START, *TIERS)


class Memories(Protocol):
    """What the curriculum needs of the actor."""

    def memory(self, env_id: int) -> np.ndarray: ...

    def begin_with(self, env_id: int, memory: np.ndarray) -> None: ...


class EventLog(Protocol):
    """What it needs of the logger; `tags` gives an episode's savestate_tag by its spawn_id."""

    tags: dict[int, str]

    def log_event(self, kind: str, text: str, **fields: Any) -> None: ...


@dataclass(frozen=True)
class CurriculumSettings:
    """`frozen`: the savestates and their posteriors stay as they are; `with_memory`: the agent's memory is kept with a
    savestate and restored; `swarm`: a savestate of a new kind, but for stepping stones, is where each env's next
    episode starts; `source`: a directory of savestates that an empty registry begins with. Episodes from a savestate
    where little succeeds act with `bold_epsilon` for their first `bold_steps` steps, as many times longer as `rules`
    let their episode last, or until their first milestone; `sweep_share` of them sweep the place instead. `milestones`
    is how many the ROM has: nothing is taken or started where all are owned."""

    true_share: float = 0.3
    frozen: bool = False
    swarm: bool = False
    with_memory: bool = True
    seed: int = 0
    source: Path | None = None
    bold_steps: int = 0
    bold_epsilon: float = 0.0
    sweep_share: float = 0.0
    rules: EpisodeRules = field(default_factory=EpisodeRules)
    milestones: int = len(MILESTONES)


@dataclass
class _Ordered:
    """A capture on its way; `moment` is its env's (episode_id, episode_step) then, `turns` its records since."""

    trigger: Trigger
    moment: tuple[int, int]
    step_global: int
    memory: np.ndarray | None
    turns: int = 0
    written: Captured | None = None


class Curriculum:
    """Orders captures and spawns of one vector env, credits episodes to where they began and keeps the registry."""

    def __init__(self, settings: CurriculumSettings, registry: Registry, vector: VectorEnv, memories: Memories) -> None:
        """Nothing is read before `open`."""
        self.settings, self.registry = settings, registry
        self._vector, self._memories = vector, memories
        self._triggers, self._sampler = Triggers(vector.num_envs), Sampler(settings.seed, settings.true_share)
        self._ordered: dict[str, _Ordered] = {}  # by file
        self._spawns: deque[str] = deque(maxlen=_RECENT)
        self._outcomes: deque[bool] = deque(maxlen=_RECENT)
        self._jumps: dict[int, int] = {}  # env -> savestate that the swarm sends it to
        self._bold = BoldStarts(vector.num_envs, settings.bold_steps, settings.bold_epsilon)
        self._sweeps = Sweeps(vector.num_envs, settings.bold_steps, settings.sweep_share, settings.seed)
        self._counts: dict[str, list[float]] = {}
        self._seen: Counter[str] = Counter()
        self._paused_until, self._saved_at, self._changed = 0, 0.0, False
        self._faded_at: int | None = None

    def open(self, logger: EventLog) -> None:
        """Read the registry and tell of it; call once the run directory exists and saved counts are loaded."""
        self._logger = logger
        self._seen = Counter(self._triggers.seen) if self.settings.frozen else self._triggers.seen
        self.registry.load()
        if self.settings.source is not None and not len(self.registry):
            self._adopt(self.settings.source)
        self.registry.set_counts(self._counts)
        logger.tags.update({number: entry.name for number, entry in self.registry})
        self._tell()

    def _adopt(self, source: Path) -> None:
        try:
            adopt(self.registry, source)
        except (OSError, ValueError) as error:
            self._logger.log_event("alarm", f"savestates of {source} not all taken over ({error}); training goes on")

    # --- between recv and act

    def look(self, rows: np.ndarray, env_ids: np.ndarray, step_global: int) -> None:
        """Take records (B,) that have just arrived, before the agent acts on them: restore memories of episodes that
        begin, order captures, credit episodes that end and say where their envs start next."""
        self._enter_written(set(env_ids.tolist()) if self._ordered else set())
        self._fade(step_global)
        for i in np.flatnonzero(rows["is_first"]):
            stretch = self.settings.rules.stretch(rows["milestones"][i].tobytes())
            self._begin(int(env_ids[i]), self.registry.get(int(rows["spawn_id"][i])), stretch)
        for trigger in self._triggers.update(rows, env_ids):
            if self._wants(trigger, step_global):
                row = rows[trigger.row]
                self._capture(trigger, (int(row["episode_id"]), int(row["episode_step"])), step_global)
        for i, kind in self._triggers.led_on:
            self._led_on(kind, self.registry.get(int(rows["spawn_id"][i])))
            self._sweeps.end(int(env_ids[i]))
            self._bold.end(int(env_ids[i]))
        for i in np.flatnonzero(rows["terminated"] | rows["truncated"]):
            self._credit(int(env_ids[i]), rows[i])
            self._send_on(int(env_ids[i]))
        self._save_counts()
        self._tell()

    def raised(self, epsilon: np.ndarray, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Epsilons (B,) for records `rows` (B,): `epsilon`, or more after a start from where little succeeds yet."""
        return self._bold.raised(epsilon, rows, env_ids)

    def played(self, actions: np.ndarray, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Actions int32 (B,) for records `rows` (B,): `actions`, or others where a place is swept."""
        return self._sweeps.played(actions, rows, env_ids)

    def _begin(self, env_id: int, entry: Savestate | None, stretch: float) -> None:
        doubtful = entry is not None and self._sampler.doubts(entry)
        sweeps = self._sweeps.begin(env_id, doubtful, stretch)
        self._bold.begin(env_id, doubtful and not sweeps, stretch)
        if entry is not None and entry.memory and self.settings.with_memory:
            self._restore(env_id, entry)

    def _restore(self, env_id: int, entry: Savestate) -> None:
        width = len(self._memories.memory(env_id))
        try:
            memory = read_memory(self.registry.directory, entry, width)
        except ValueError as error:
            entry.memory = ""
            self.registry.notes.append(f"{entry.file} starts with an empty memory: {error}")
            return
        self._memories.begin_with(env_id, memory)

    def _wants(self, trigger: Trigger, step_global: int) -> bool:
        """The first ones of a kind while there is room; one of each kind that true starts have not left behind; what
        is stronger by a level than one of them, as Go-Explore keeps the better state of a cell; and, to renew them,
        what is no weaker by a level than a worn one, and every doubling of how often the kind was seen. From one
        savestate, with one memory, a policy learns a way that it does not find from the next one (docs/LOG.md,
        2026-11-28)."""
        if self.settings.frozen or step_global < self._paused_until or not self._leads_on(trigger.owned):
            return False
        seen = self._triggers.seen[trigger.name]
        waiting = sum(ordered.trigger.name == trigger.name for ordered in self._ordered.values())
        copies = self.registry.count(trigger.name) + waiting
        few = copies < PER_MILESTONE and not self.registry.full
        lacking = not copies and len(trigger.owned) >= self._sampler.reach
        stronger = trigger.strength >= self.registry.weakest(trigger.name) + 1.0
        fresher = any(entry.gives_way_to(trigger.strength) for entry in self.registry.of_kind(trigger.name))
        return few or lacking or (not waiting and (stronger or fresher)) or seen & (seen - 1) == 0

    def _leads_on(self, owned: Collection[str]) -> bool:
        return len(owned) < self.settings.milestones

    def _capture(self, trigger: Trigger, moment: tuple[int, int], step_global: int) -> None:
        file = f"{trigger.name}_{datetime.now(UTC):%Y%m%dT%H%M%S_%fZ}.state"
        try:
            self.registry.directory.mkdir(exist_ok=True)
        except OSError as error:
            self._pause(step_global, str(error))
            return
        memory = self._memories.memory(trigger.env_id) if self.settings.with_memory else None
        self._ordered[file] = _Ordered(trigger, moment, step_global, memory)
        self._vector.capture(trigger.env_id, self.registry.directory / file, trigger.name)

    def _credit(self, env_id: int, row: np.void) -> None:
        if row["spawn_id"] == 0:
            self._sampler.true_start_ended(len(milestone_names(row["milestones"])), int(row["episode_step"]))
        entry = self.registry.get(int(row["spawn_id"]))
        if entry is None:
            return
        took = self._triggers.took(env_id)
        self._sampler.episode_ended(entry, int(row["episode_step"]))
        self._outcomes.append(took > 0)
        if not self.settings.frozen:
            entry.credit(took)
            self._changed = True

    def _fade(self, step_global: int) -> None:
        """Discounted Thompson sampling (Raj, Kalyani 2017, arXiv 1707.09727): every arm fades, so that one which failed
        long ago is tried again. Without it a policy that succeeds from a place in eight of eight times was thought to
        fail there, for failures of a million steps ago, and so not asked (docs/LOG.md, 2026-11-28)."""
        since = step_global if self._faded_at is None else self._faded_at
        self._faded_at = since
        if self.settings.frozen or step_global - since < _FADE_EVERY:
            return
        self._faded_at, keep = step_global, 0.5 ** ((step_global - since) / _HALF_LIFE)
        for _, entry in self.registry:
            entry.fade(keep)

    def _led_on(self, kind: str, began: Savestate | None) -> None:
        """Without it a success from far away, by luck, would tell nothing of where to practise: it is the way's end
        that is learned first. An episode that began there is credited when it ends."""
        if self.settings.frozen or (began is not None and began.milestone == kind):
            return
        for entry in self.registry.of_kind(kind):
            entry.led_on()
            self._changed = True

    def _send_on(self, env_id: int) -> None:
        jump = self._jumps.pop(env_id, 0)
        sent_to = jump if self.registry.get(jump) else 0
        useful = [pair for pair in self.registry if self._leads_on(pair[1].owned)]
        number = self._sampler.choose(useful, self._seen, self._triggers.ways, sent_to)
        state = self.registry.read(number) if number else None
        if number and state is None:  # it has just been quarantined
            return self._send_on(env_id)
        entry = self.registry.get(number)
        self._spawns.append(entry.tier if entry else TRUE_START)
        span = self.settings.rules.span(entry.owned_bits, from_savestate=True) if entry else 0
        return self._vector.spawn(env_id, state, number, self._sampler.patience(entry, span))

    # --- what the emulators' side reports

    def hear(self, events: Iterable[VectorEvent]) -> None:
        """Take the events of the vector env; other kinds are left alone."""
        for event in events:
            if isinstance(event, Captured) and Path(event.path).name in self._ordered:
                self._ordered[Path(event.path).name].written = event
            elif isinstance(event, CaptureFailed) and Path(event.path).name in self._ordered:
                self._pause(self._ordered.pop(Path(event.path).name).step_global, event.cause)
            elif isinstance(event, SpawnFailed) and self.registry.get(event.spawn_id):
                self.registry.quarantine(event.spawn_id, event.cause)
        self._tell()

    def _enter_written(self, envs: set[int]) -> None:
        """Enter captures of `envs`, each of which has delivered a record, once they are due."""
        for file, ordered in list(self._ordered.items()):
            ordered.turns += ordered.trigger.env_id in envs
            if ordered.written is not None and ordered.turns >= _ENTER_AFTER:
                self._register(ordered.written, self._ordered.pop(file))
            elif ordered.turns >= _LOST_AFTER:
                del self._ordered[file]

    def _register(self, event: Captured, ordered: _Ordered) -> None:
        if (event.episode_id, event.episode_step) != ordered.moment:
            self.registry.set_aside(Path(event.path).name, "its env was lost and replaced before it was taken")
            return
        trigger, parent = ordered.trigger, self.registry.get(event.spawn_id)
        entry = Savestate(
            Path(event.path).name, trigger.name, list(trigger.owned), trigger.tier, event.map_id, event.x, event.y,
            event.badges, ordered.step_global, parent.name if parent else "", event.sha256, event.size,
            self.registry.pyboy, self.registry.rom_sha1, strength=trigger.strength,
        )  # fmt: skip
        new_kind = self.registry.count(trigger.name) == 0
        try:
            if ordered.memory is not None:
                write_memory(self.registry.directory, entry, ordered.memory)
            number = self.registry.add(entry)
        except OSError as error:
            self.registry.delete(entry.file)  # on a full disk above all
            self._pause(ordered.step_global, str(error))
            return
        self._logger.tags[number] = entry.name
        if new_kind and self.settings.swarm and not entry.is_stepping_stone:
            self._jumps = dict.fromkeys(range(self._vector.num_envs), number)

    def _pause(self, step_global: int, cause: str) -> None:
        self._paused_until = step_global + _PAUSE_STEPS
        text = f"no savestate written ({cause}); training goes on, the next is tried in {_PAUSE_STEPS:,} steps"
        self._logger.log_event("alarm", text)

    def _save_counts(self) -> None:
        now = time.monotonic()
        if not self._changed or now - self._saved_at < _SAVE_S:
            return
        self._saved_at, self._changed = now, False
        try:
            self.registry.save()
        except OSError as error:
            self._logger.log_event("alarm", f"registry.json not written ({error}); training goes on, tried again soon")

    def _tell(self) -> None:
        notes, self.registry.notes = self.registry.notes, []
        for note in notes:
            self._logger.log_event("curriculum", note)

    # --- what is shown and saved

    def mix(self) -> tuple[tuple[str, float], ...]:
        """(true or tier, percent) of the last starts; before the first all are true starts."""
        counts, total = Counter(self._spawns), max(len(self._spawns), 1)
        shares = {name: 100.0 * counts[name] / total for name in _MIX}
        return tuple(shares.items()) if self._spawns else ((TRUE_START, 100.0), *((tier, 0.0) for tier in TIERS))

    def scalars(self) -> dict[str, float]:
        """What to plot."""
        entries, ahead = [entry for _, entry in self.registry], [entry for _, entry in frontier(self.registry)]
        return {
            **{f"curriculum/{name}_pct": percent for name, percent in self.mix()},
            "curriculum/bold": self._bold.take_share(),
            "curriculum/sweep": self._sweeps.take_share(),
            "curriculum/bottleneck": float(self._sampler.reach),
            "curriculum/frontier": float(max((len(entry.owned) for entry in ahead), default=0)),
            "curriculum/frontier_strength": max((entry.strength for entry in ahead), default=0.0),
            "curriculum/savestates": float(len(entries)),
            "curriculum/success_rate": float(np.mean(self._outcomes)) if self._outcomes else 0.0,
            "curriculum/learnability": float(np.mean([e.learnability for e in entries])) if entries else 0.0,
        }

    def state_dict(self) -> dict[str, Any]:
        """Counts and the sampler; the savestates themselves are files of the run."""
        return {
            "counts": self.registry.counts(), "sampler": self._sampler.state_dict(),
            "triggers": self._triggers.state_dict(), "sweeps": self._sweeps.state_dict(),
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave; before `open`. Empty: the saved run had no curriculum."""
        if not state:
            return
        self._counts = dict(state["counts"])
        self._sampler.load_state_dict(state["sampler"])
        self._triggers.load_state_dict(state["triggers"])
        if "sweeps" in state:  # checkpoints of before 2026-11-28 have none
            self._sweeps.load_state_dict(state["sweeps"])


class NoCurriculum:
    """Stands in for `Curriculum` without ``--curriculum``: every episode is a true start."""

    def open(self, logger: EventLog) -> None:
        """Nothing to read."""

    def look(self, rows: np.ndarray, env_ids: np.ndarray, step_global: int) -> None:
        """Nothing to order."""

    def raised(self, epsilon: np.ndarray, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Epsilons (B,) as they are."""
        return epsilon

    def played(self, actions: np.ndarray, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Actions (B,) as they are."""
        return actions

    def hear(self, events: Iterable[VectorEvent]) -> None:
        """Nothing to register."""

    def mix(self) -> tuple[tuple[str, float], ...]:
        """Nothing to show."""
        return ()

    def scalars(self) -> dict[str, float]:
        """Nothing to plot."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Nothing to save."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """A curriculum that is switched off rests in its files."""
