"""The savestates of a run: ``savestates/*.state``, an entry beside each, and ``registry.json`` with all of them.

Whatever is damaged is recovered from the rest: an entry stands in ``registry.json``, with its counts, and in a JSON
file of its own. What cannot be trusted goes to ``savestates/quarantine/`` with a line, and the run goes on.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from Daddy.curriculum.savestates import Savestate, frontier, parse_entry, read_checked, read_entry, read_limited
from Daddy.puffer_shim.capture import write_atomically

FORMAT = 1
INDEX = "registry.json"
PER_MILESTONE = 3
IN_ALL = 768
_MASTERED = 0.75  # success rate; by the prior four successes in a row
_MAX_INDEX_BYTES = 16 * 2**20


class Registry:
    """Savestates by a number that holds for this process. `notes` collects what a person should read.

    No method raises for what is wrong on disk, except where it says so.
    """

    def __init__(self, directory: Path, rom_sha1: str, pyboy: str) -> None:
        self.directory, self.rom_sha1, self.pyboy = directory, rom_sha1, pyboy
        self.notes: list[str] = []
        self._by_id: dict[int, Savestate] = {}
        self._data: dict[str, bytes] = {}  # by file
        self._next_id = 1

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[tuple[int, Savestate]]:
        return iter(self._by_id.items())

    def get(self, spawn_id: int) -> Savestate | None:
        """The savestate of that number, if it is still here."""
        return self._by_id.get(spawn_id)

    @property
    def full(self) -> bool:
        """Whether another savestate would have one dropped."""
        return len(self._by_id) >= IN_ALL

    def of_kind(self, milestone: str) -> list[Savestate]:
        """The savestates of that milestone."""
        return [entry for entry in self._by_id.values() if entry.milestone == milestone]

    def count(self, milestone: str) -> int:
        """How many savestates that milestone has."""
        return len(self.of_kind(milestone))

    def weakest(self, milestone: str) -> float:
        """The least strength among the savestates of that milestone; infinite if there is none."""
        return min((entry.strength for entry in self.of_kind(milestone)), default=math.inf)

    # --- reading

    def load(self) -> None:
        """Take in what the directory holds."""
        if not self.directory.is_dir():
            return
        index = self._index()
        known, reasons = self._survey((*index, *self._beside()))
        for path in sorted(self.directory.glob("*.state")):
            if path.name not in known:
                self.set_aside(path.name, reasons.get(path.name, "it has no entry that can be read"))
        for entry in sorted(known.values(), key=lambda e: (e.created_at_step, e.file)):
            self._enter(entry)
        self._sweep()
        if set(known) != {entry.file for entry in index}:
            _try(self.save)
        if known:
            self.notes.append(f"{len(known)} savestates in {self.directory}")

    def survey(self, more: Iterable[Savestate] = ()) -> tuple[dict[str, Savestate], dict[str, str]]:
        """(savestates that can be used, why others cannot), by file, of the directory's entries and `more`.

        Changes nothing.
        """
        return self._survey((*self._index(), *self._beside(), *more))

    def _survey(self, entries: Iterable[Savestate]) -> tuple[dict[str, Savestate], dict[str, str]]:
        """As `survey`; of several entries for a file the first one that can be used counts."""
        known: dict[str, Savestate] = {}
        reasons: dict[str, str] = {}
        for entry in entries:
            if entry.file in known:
                continue
            reason = self._usable(entry)
            if reason is None:
                known[entry.file] = entry
                reasons.pop(entry.file, None)
            else:
                reasons[entry.file] = reason
        return known, reasons

    def _index(self) -> list[Savestate]:
        """Entries of registry.json that can be read."""
        path = self.directory / INDEX
        if not path.exists():
            return []
        try:
            rows = json.loads(read_limited(path, _MAX_INDEX_BYTES))["savestates"]
            if not isinstance(rows, list):
                raise ValueError("it holds no list")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self.notes.append(f"{path} cannot be read ({error}); made anew from the files beside the savestates")
            return []
        return [entry for row in rows if (entry := self._parsed(row)) is not None]

    def _parsed(self, row: Any) -> Savestate | None:
        try:
            return parse_entry(row)
        except ValueError as error:
            self.notes.append(f"an entry of {INDEX} is not used: {error}")
            return None

    def _beside(self) -> Iterator[Savestate]:
        for path in sorted(self.directory.glob("*.json")):
            if path.name != INDEX:
                try:
                    yield read_entry(path)
                except (OSError, ValueError, RecursionError):
                    continue  # the registry may know it; a savestate that nobody knows is set aside

    def _usable(self, entry: Savestate) -> str | None:
        """Why a savestate cannot be used; None if it can."""
        if entry.rom_sha1 != self.rom_sha1:
            return f"it is of the ROM with SHA-1 {entry.rom_sha1}, running is {self.rom_sha1}"
        if entry.pyboy != self.pyboy:
            return f"it is of PyBoy {entry.pyboy}, running is {self.pyboy}"
        try:
            read_checked(self.directory / entry.file, entry.size, entry.sha256)
        except (OSError, ValueError) as error:
            return str(error)
        return None

    def read(self, spawn_id: int) -> bytes | None:
        """The savestate's bytes; None, and it is quarantined, if they are no longer what they were."""
        entry = self._by_id[spawn_id]
        if entry.file not in self._data:
            try:
                self._data[entry.file] = read_checked(self.directory / entry.file, entry.size, entry.sha256)
            except (OSError, ValueError) as error:
                self.quarantine(spawn_id, str(error))
                return None
        return self._data[entry.file]

    # --- changing

    def add(self, entry: Savestate) -> int:
        """Enter a savestate whose files are written, with the belief about its kind; returns its number.

        Raises:
            OSError: its entry could not be written, and it is not entered.
        """
        number = self.add_unlisted(entry)
        self.list_all()
        return number

    def add_unlisted(self, entry: Savestate) -> int:
        """`add` without registry.json, for many at once: `list_all` when they are in. Raises like `add`."""
        entry.lean_on(self.of_kind(entry.milestone))
        write_atomically(self.directory / f"{entry.name}.json", (json.dumps(vars(entry), indent=1) + "\n").encode())
        number = self._enter(entry)
        self._prune(entry)
        return number

    def list_all(self) -> None:
        """Write registry.json, or note that it could not be written."""
        try:
            self.save()
        except OSError as error:
            self.notes.append(f"{INDEX} not written ({error}); the entries beside the savestates are")

    def _enter(self, entry: Savestate) -> int:
        number, self._next_id = self._next_id, self._next_id + 1
        self._by_id[number] = entry
        return number

    def save(self) -> None:
        """Write registry.json.

        Raises:
            OSError: the disk refused; the old content stands.
        """
        head = json.dumps({"format": FORMAT, "rom_sha1": self.rom_sha1, "pyboy": self.pyboy})
        # One line each: indented, and copied by asdict, 384 of them hold training up for 16 ms instead of 4.
        rows = ",\n".join(json.dumps(vars(entry)) for entry in self._by_id.values())
        write_atomically(self.directory / INDEX, f'{head[:-1]}, "savestates": [\n{rows}\n]}}\n'.encode())

    def _prune(self, newest: Savestate) -> None:
        """Keep to the caps as far as everything that can be started behind stays so."""
        others = [n for n, entry in self._by_id.items() if entry is not newest]
        same = [n for n in others if self._by_id[n].milestone == newest.milestone]
        if len(same) >= PER_MILESTONE:
            self._drop_one(same, partial(_worth_beside, newest))
        while len(self._by_id) > IN_ALL:
            copies = Counter(entry.milestone for entry in self._by_id.values())
            if not self._drop_one([n for n in others if n in self._by_id], partial(_worth, copies)):
                break

    def _drop_one(self, candidates: Iterable[int], worth: Callable[[Savestate], Any]) -> bool:
        """Drop the candidate that is worth least and can be spared, the frontier last; False if there is none."""
        ahead = {number for number, _ in frontier(self)}  # nothing succeeds from there yet
        for number in sorted(candidates, key=lambda n: (n in ahead, worth(self._by_id[n]))):
            entry = self._by_id[number]
            rest = set().union(*(e.covers() for n, e in self._by_id.items() if n != number))
            spare = entry.is_stepping_stone or self.count(entry.milestone) > 1
            if spare and entry.covers() <= rest:
                del self._by_id[number]
                self._data.pop(entry.file, None)
                self.delete(entry.file)
                return True
        return False

    def delete(self, file: str) -> None:
        """Delete a savestate that is not entered, and what lies beside it."""
        for ending in (".json", ".state", ".safetensors"):
            path = self.directory / (file.removesuffix(".state") + ending)
            _try(lambda path=path: path.unlink(missing_ok=True))

    def quarantine(self, spawn_id: int, reason: str) -> None:
        """Use a savestate no more."""
        entry = self._by_id.pop(spawn_id)
        self._data.pop(entry.file, None)
        self.set_aside(entry.file, reason)
        _try(self.save)

    def set_aside(self, file: str, reason: str) -> None:
        """Move a savestate that is in use no more, and what lies beside it, to the quarantine; a note says why."""
        self.notes.append(f"savestate {file} is not used: {reason}")
        aside = self.directory / "quarantine"
        _try(lambda: aside.mkdir(exist_ok=True))
        for ending in (".state", ".json", ".safetensors"):
            name = file.removesuffix(".state") + ending
            if (self.directory / name).exists():
                _try(lambda name=name: os.replace(self.directory / name, aside / name))

    def _sweep(self) -> None:
        """Delete what killed writers left: temporary files, and entries and memories without a savestate."""
        for path in self.directory.glob(".*.tmp"):
            _try(lambda path=path: path.unlink(missing_ok=True))
        for path in (*self.directory.glob("*.json"), *self.directory.glob("*.safetensors")):
            if path.name != INDEX and not path.with_suffix(".state").exists():
                _try(lambda path=path: path.unlink(missing_ok=True))

    # --- counts, as a part of a checkpoint

    def counts(self) -> dict[str, list[float]]:
        """name -> [attempts, successes, alpha, beta, took]."""
        return {e.name: [e.attempts, e.successes, e.alpha, e.beta, e.took] for e in self._by_id.values()}

    def set_counts(self, counts: dict[str, list[float]]) -> None:
        """Take back `counts`; savestates that it does not know keep theirs."""
        for entry in self._by_id.values():
            if entry.name in counts:
                attempts, successes, entry.alpha, entry.beta, *took = counts[entry.name]
                entry.attempts, entry.successes = int(attempts), int(successes)
                entry.took = took[0] if took else entry.took  # checkpoints of before 2026-11-28, 22:00, have none


def _worth_beside(newest: Savestate, entry: Savestate) -> tuple[bool, float, float]:
    """Of a kind that `newest` has come to: what is worn and no stronger goes first, then the weakest."""
    return not entry.gives_way_to(newest.strength), entry.strength, entry.learnability


def _worth(copies: Mapping[str, int], entry: Savestate) -> tuple[bool, float]:
    """The mastered go first, the surest before the others; then copies, so that of every kind one stays while there is
    room: where one start in a hundred succeeds, no count tells yet which one."""
    mastered = entry.success_rate >= _MASTERED
    return not mastered, -entry.success_rate if mastered else -copies[entry.milestone]


def _try(action: Any) -> None:
    """Tidying up that may fail: a read-only directory is no reason to stop."""
    try:
        action()
    except OSError:
        pass
