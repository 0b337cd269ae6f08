"""One savestate on disk, and what its entry in the registry may hold."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from Daddy.beta import FORGETTING, BetaPrior
from Daddy.puffer_shim import MILESTONES, RED_MAPS

TIERS = ("early", "mid", "late")
LEVEL = "LEVEL_"  # how the kind of a savestate begins that was taken for a level
AFTER = "_AFTER_"  # between the place and the stage of the story in the kind of a stepping stone
STEPPING_STONES = (LEVEL, "MAP_")  # how kinds begin of which none is kept for its own sake
MAX_STATE_BYTES = 4 * 2**20
_MAX_ENTRY_BYTES = 64 * 2**10
_STATE_NAME = re.compile(r"\w{1,120}\.state", re.ASCII)
_PRIOR = BetaPrior()
_ADDED = {"strength": 0.0, "took": 0.0}  # fields that entries of before 2026-11-28 lack
_REMEMBERED = 1.0 / (1.0 - FORGETTING)  # attempts
PART = 12  # steps: side of the squares that maps are cut into; a room is one
_TOOK_RATE = 0.3  # of the average of what successes took
WORN = 12  # attempts after which a copy gives way to the next one of its kind that is as strong


@dataclass
class Savestate:
    """A savestate file and what is known of it. All but the counts stay as they were at its capture.

    `milestone` is what triggered the capture, `owned` the milestones at that moment; `memory` is the file of the
    agent's memory, empty if there is none; `strength` is the levels of the companions, each times its share of HP. An
    attempt is an episode from here that ended, a success one that reached a milestone not owned here; theta, the rate
    of successes, is Beta(alpha, beta) with forgetting, `fade` and what `led_on` adds. `took` is how many steps
    successes took to that milestone, on average; 0 before the first.
    """

    file: str
    milestone: str
    owned: list[str]
    tier: str
    map_id: int
    x: int
    y: int
    badges: int
    created_at_step: int
    parent: str
    sha256: str
    size: int
    pyboy: str
    rom_sha1: str
    memory: str = ""
    memory_sha256: str = ""
    memory_size: int = 0
    strength: float = 0.0
    attempts: int = 0
    successes: int = 0
    alpha: float = _PRIOR.alpha
    beta: float = _PRIOR.beta
    took: float = 0.0

    @property
    def name(self) -> str:
        """The file's name without its ending: the tag in logs."""
        return self.file.removesuffix(".state")

    @property
    def success_rate(self) -> float:
        """E[theta]."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def learnability(self) -> float:
        """E[theta (1 - theta)]: the most where success is as likely as failure, or unknown."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total * (total + 1.0))

    @property
    def evidence(self) -> float:
        """Attempts that alpha and beta stand for, those of others of its kind included."""
        return self.alpha + self.beta - _PRIOR.alpha - _PRIOR.beta

    def credit(self, took: int) -> None:
        """An episode from here has ended, which reached a milestone after so many steps; 0: none."""
        self.attempts += 1
        self.successes += took > 0
        self._learn(took > 0)
        if took:
            self.took += (took - self.took) * (_TOOK_RATE if self.took else 1.0)

    def led_on(self) -> None:
        """An episode that began elsewhere has reached a milestone from the part of a map that this one was taken in: a
        success, though no attempt."""
        self._learn(True)

    def _learn(self, success: bool) -> None:
        fade, rest = FORGETTING, 1.0 - FORGETTING
        self.alpha = fade * self.alpha + rest * _PRIOR.alpha + success
        self.beta = fade * self.beta + rest * _PRIOR.beta + (not success)

    def fade(self, keep: float) -> None:
        """Forget all but that share of what is known, tried or not: the policy has changed since."""
        self.alpha = _PRIOR.alpha + keep * (self.alpha - _PRIOR.alpha)
        self.beta = _PRIOR.beta + keep * (self.beta - _PRIOR.beta)

    def lean_on(self, kind: Iterable[Savestate]) -> None:
        """Begin with what is known of other savestates of its kind: most are replaced before they were tried often."""
        known = list(kind)
        successes = sum(entry.alpha - _PRIOR.alpha for entry in known)
        failures = sum(entry.beta - _PRIOR.beta for entry in known)
        share = min(1.0, _REMEMBERED / max(successes + failures, _REMEMBERED))
        self.alpha, self.beta = _PRIOR.alpha + share * successes, _PRIOR.beta + share * failures
        took = [entry.took for entry in known if entry.took]
        self.took = sum(took) / max(len(took), 1)

    def gives_way_to(self, strength: float) -> bool:
        """Whether it is worn and one of its kind with that strength is no weaker by a level."""
        return self.attempts >= WORN and strength > self.strength - 1.0

    @property
    def is_stepping_stone(self) -> bool:
        """Taken on the way between milestones, not at one."""
        return self.milestone.startswith(STEPPING_STONES)

    @property
    def place(self) -> str:
        """The part of a map that it stands in."""
        return place_at(self.map_id, self.x, self.y)

    @property
    def owned_bits(self) -> bytes:
        """`owned`, packed as in the records: bit i is MILESTONES[i]."""
        return np.packbits(np.isin(MILESTONES, self.owned), bitorder="little").tobytes()

    def covers(self) -> set[str]:
        """All that one can start behind by starting here."""
        return {*self.owned} if self.is_stepping_stone else {self.milestone, *self.owned}


def place_at(map_id: int, x: int, y: int) -> str:
    """MAP_<map>, with _X<column>Y<row> in all but its first square."""
    column, line = int(x) // PART, int(y) // PART
    part = f"_X{column}Y{line}" if column or line else ""
    return f"MAP_{RED_MAPS.get(int(map_id), map_id)}{part}"


def place_of(kind: str) -> str:
    """A kind of savestate without the stage of the story: the part of a map, whenever it was entered."""
    return kind.partition(AFTER)[0]


def at_stage(savestates: Iterable[tuple[int, Savestate]], stage: int) -> list[tuple[int, Savestate]]:
    """Those that own so many milestones."""
    return [pair for pair in savestates if len(pair[1].owned) == stage]


def frontier(savestates: Iterable[tuple[int, Savestate]]) -> list[tuple[int, Savestate]]:
    """Those that own the most milestones."""
    pairs = list(savestates)
    return at_stage(pairs, max((len(entry.owned) for _, entry in pairs), default=0))


def parse_entry(content: Any) -> Savestate:
    """An entry of ours from JSON.

    Raises:
        ValueError: a field is missing, of another type or out of range, or a file name leads elsewhere.
    """
    if not isinstance(content, Mapping):
        raise ValueError("no entry")
    values = {}
    for spec in dataclasses.fields(Savestate):
        value = content.get(spec.name, _ADDED.get(spec.name))
        if not _has_type(value, spec.type):
            raise ValueError(f"{spec.name} is {str(value)[:40]!r}")
        values[spec.name] = value
    entry = Savestate(**values)
    if not _STATE_NAME.fullmatch(entry.file) or entry.memory not in ("", f"{entry.name}.safetensors"):
        raise ValueError("its file name leads elsewhere")
    if entry.tier not in TIERS or not 0 < entry.size <= MAX_STATE_BYTES:
        raise ValueError("its tier or size cannot be")
    if not 0 <= entry.successes <= entry.attempts or not (entry.alpha > 0 and entry.beta > 0 and entry.took >= 0):
        raise ValueError("its counts cannot be")
    return entry


def _has_type(value: Any, wanted: str) -> bool:
    if wanted == "list[str]":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if wanted == "str":
        return isinstance(value, str)
    number = isinstance(value, int) or (wanted == "float" and isinstance(value, float) and math.isfinite(value))
    return number and not isinstance(value, bool) and abs(value) < 2**63


def read_entry(path: Path) -> Savestate:
    """The entry in the small JSON file beside a savestate.

    Raises:
        ValueError, OSError: there is none that can be read.
    """
    entry = parse_entry(json.loads(read_limited(path, _MAX_ENTRY_BYTES)))
    if entry.name != path.stem:
        raise ValueError("it describes another file")
    return entry


def read_checked(path: Path, size: int, sha256: str, limit: int = MAX_STATE_BYTES) -> bytes:
    """The content of a file of ours.

    Raises:
        OSError: it cannot be read. ValueError: it is another content.
    """
    data = read_limited(path, min(size, limit))
    if len(data) != size or hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("it is damaged (its SHA-256 is another one)")
    return data


def read_limited(path: Path, limit: int) -> bytes:
    """A plain file of at most `limit` bytes; ValueError for anything else, OSError if it cannot be read."""
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is missing")
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError("it is larger than it should be")
    return data
