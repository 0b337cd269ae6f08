"""Sequence replay: one ring of rows per env, 2-bit frames stored once, recurrent state only at sequence starts.

A row is one observation with the action chosen there, and the reward and end flags that arrived with it. Sequences of
burn_in + seq_len + n_step rows start at every `stride`-th row of a ring and may cross episodes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from Daddy.errors import UsageError
from Daddy.frames import FRAME_BYTES, HEIGHT, PACKED_WIDTH
from Daddy.sum_tree import SumTree

_FIRST, _LAST, _TERMINATED, _BEGUN_WITH = 1, 2, 4, 8
_MEMORY_SHARE = 0.9  # of the available memory; the rest is left to emulators, batches and the system
_ROW_ARRAYS = ("_screen", "_structured", "_action", "_reward", "_flags")  # (envs, ring, ...)
_SLOT_ARRAYS = ("_state", "_slot_start", "_cursor")


@dataclass(frozen=True)
class ReplaySpec:
    """Shape of a replay buffer. `capacity` counts rows over all envs; the rings round it down to whole strides.

    `structured_dtype` is u1, or f4 for observations that are vectors of numbers.
    """

    num_envs: int
    capacity: int
    structured_dim: int
    state_width: int
    seq_len: int
    burn_in: int
    n_step: int
    frame_stack: int
    stride: int
    prioritized: bool = True
    alpha: float = 0.6
    beta: float = 0.4
    eta: float = 0.9
    structured_dtype: str = "u1"

    @property
    def rows(self) -> int:
        """Rows of one sequence, L."""
        return self.burn_in + self.seq_len + self.n_step

    @property
    def lead(self) -> int:
        """Rows before a sequence that it needs too: older frames of the stack, and the action that led to its start."""
        return max(self.frame_stack - 1, 1)

    @property
    def ring(self) -> int:
        """Rows kept per env, C."""
        return self.capacity // self.num_envs // self.stride * self.stride


@dataclass
class ReplayBatch:
    """Sequences (B, lead + L) with their rows before the start; arrays are reused by the next `sample`.

    screen u1 (.., 72, 20), structured u1 (.., F), action u1, reward f4, is_first/is_last/terminated bool;
    state f2 (B, W) before row `lead`; weights f4 (B,), largest 1; slots, starts int64 (B,) name the sequences; begun,
    if any first row has a memory from before it: int64 (R, 2) which (sequence, row), and those memories f2 (R, W).
    """

    screen: np.ndarray
    structured: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    is_first: np.ndarray
    is_last: np.ndarray
    terminated: np.ndarray
    state: np.ndarray
    weights: np.ndarray
    slots: np.ndarray
    starts: np.ndarray
    begun: tuple[np.ndarray, np.ndarray] | None = None


class ReplayBuffer:
    """Per-env rings with prioritised sequence sampling. `add` and `sample` may be called from different threads."""

    def __init__(self, spec: ReplaySpec):
        """Allocate everything.

        Raises:
            UsageError: the rings are too short for one sequence, or do not fit into the memory that is available.
        """
        self.spec = spec
        self._check_size()
        envs, ring, slots = spec.num_envs, spec.ring, spec.ring // spec.stride
        self._screen = np.zeros((envs, ring, FRAME_BYTES), np.uint8)
        self._structured = np.zeros((envs, ring, spec.structured_dim), spec.structured_dtype)
        self._action = np.zeros((envs, ring), np.uint8)
        self._reward = np.zeros((envs, ring), np.float32)
        self._flags = np.zeros((envs, ring), np.uint8)
        self._state = np.zeros((envs * slots, spec.state_width), np.float16)
        self._cursor = np.zeros(envs, np.int64)  # rows ever written per env
        self._slot_start = np.full(envs * slots, -1, np.int64)
        self._tree = SumTree(envs * slots)
        self._begun: dict[tuple[int, int], np.ndarray] = {}  # (env, row) of a first row -> memory f2 (W,) before it
        self._max_priority = 1.0
        self.sequences = 0  # that can be sampled now
        self._batch: ReplayBatch | None = None
        self._lock = threading.Lock()

    def _check_size(self) -> None:
        spec = self.spec
        least = spec.num_envs * (-(-(spec.rows + spec.lead) // spec.stride) + 1) * spec.stride
        if spec.ring < least // spec.num_envs:
            raise UsageError(f"--buffer-size {spec.capacity} is too small for {spec.num_envs} envs and sequences of "
                             f"{spec.rows} rows; use at least {least}")
        need = int(spec.ring * spec.num_envs * bytes_per_transition(spec))
        have = int(psutil.virtual_memory().available * _MEMORY_SHARE)
        if need > have:
            fits = int(have / bytes_per_transition(spec))
            raise UsageError(f"--buffer-size {spec.capacity} needs {need / 2**30:.1f} GiB of memory and "
                             f"{have / 2**30:.1f} GiB may be used; use at most {fits}")

    def __len__(self) -> int:
        """Rows that are stored now, over all envs."""
        return int(np.minimum(self._cursor, self.spec.ring).sum())

    def bytes_per_transition(self) -> float:
        """Bytes that a stored row costs, everything counted."""
        return bytes_per_transition(self.spec)

    def due(self, env_ids: np.ndarray) -> np.ndarray:
        """bool (B,): the next row of the env starts a sequence, so `add` needs its recurrent state."""
        return self._cursor[env_ids] % self.spec.stride == 0

    def add(self, screen: np.ndarray, structured: np.ndarray, action: np.ndarray, reward: np.ndarray,
            is_first: np.ndarray, is_last: np.ndarray, terminated: np.ndarray, env_ids: np.ndarray,
            state: np.ndarray, begun_with: Mapping[int, np.ndarray] | None = None) -> None:
        """Append one row to each of some envs.

        screen u1 (B, 72, 20), structured u1 (B, F), action (B,) chosen at the row (ignored where is_last), reward f4
        (B,) received on arriving at it, flags bool (B,), env_ids int (B,) without repeats, state float (n, W): the
        memory before the row, for the n envs that are `due`, in order. begun_with maps envs whose row is_first to the
        memory f2 (W,) that their episode begins with, where that is not zeros.
        """
        with self._lock:
            cursor = self._cursor[env_ids]
            if not np.all(is_first | (cursor > 0)):
                raise ValueError(f"the first row of env {env_ids[~is_first & (cursor == 0)][0]} must begin an episode")
            at = (env_ids, cursor % self.spec.ring)
            self._screen[at] = screen.reshape(len(env_ids), FRAME_BYTES)
            self._structured[at] = structured
            self._action[at] = action
            self._reward[at] = reward
            self._flags[at] = is_first * _FIRST | is_last * _LAST | (terminated & is_last) * _TERMINATED
            self._cursor[env_ids] = cursor + 1
            if begun_with:
                self._keep_begun(begun_with)
            self._open_slots(env_ids, cursor, state)
            self._retire_and_release(env_ids, cursor)

    def _keep_begun(self, begun_with: Mapping[int, np.ndarray]) -> None:
        """Note the memories of the rows just added; those of overwritten rows go."""
        oldest = self._cursor - self.spec.ring
        self._begun = {at: memory for at, memory in self._begun.items() if at[1] >= oldest[at[0]]}
        for env, memory in begun_with.items():
            row = int(self._cursor[env]) - 1
            self._flags[env, row % self.spec.ring] |= _BEGUN_WITH
            self._begun[int(env), row] = memory.astype(np.float16)

    def _slot(self, env_ids: np.ndarray, start: np.ndarray) -> np.ndarray:
        per_env = self.spec.ring // self.spec.stride
        return env_ids * per_env + start // self.spec.stride % per_env

    def _open_slots(self, env_ids: np.ndarray, cursor: np.ndarray, state: np.ndarray) -> None:
        due = cursor % self.spec.stride == 0
        slots = self._slot(env_ids[due], cursor[due])
        self._slot_start[slots] = cursor[due]
        self._state.reshape(self._tree.size, self.spec.state_width)[slots] = state

    def _retire_and_release(self, env_ids: np.ndarray, cursor: np.ndarray) -> None:
        """Retire the sequence that just lost its oldest row; offer the one that just got its newest."""
        spec = self.spec
        lost = cursor - spec.ring + spec.lead
        retired = (lost >= 0) & (lost % spec.stride == 0)
        if retired.any():
            slots = self._slot(env_ids[retired], lost[retired])
            self.sequences -= int(np.count_nonzero(self._tree.get(slots)))
            self._tree.set(slots, 0.0)
        start = cursor + 1 - spec.rows
        ready = (start >= 0) & (start % spec.stride == 0)
        if ready.any():
            self._tree.set(self._slot(env_ids[ready], start[ready]), self._max_priority**self._exponent)
            self.sequences += int(np.count_nonzero(ready))

    @property
    def _exponent(self) -> float:
        return self.spec.alpha if self.spec.prioritized else 0.0

    def sample(self, count: int, rng: np.random.Generator) -> ReplayBatch:
        """Draw `count` sequences with replacement. At least one must be stored (`sequences`)."""
        with self._lock:
            batch = self._batch_of(count)
            batch.slots = self._tree.sample(count, rng)
            batch.starts = self._slot_start[batch.slots]
            batch.weights = self._weights(batch.slots)
            self._gather(batch)
            return batch

    def _weights(self, slots: np.ndarray) -> np.ndarray:
        weights = (self._tree.get(slots) / self._tree.total) ** -self.spec.beta
        return (weights / weights.max()).astype(np.float32)

    def _gather(self, batch: ReplayBatch) -> None:
        spec = self.spec
        env = batch.slots // (spec.ring // spec.stride)
        rows = batch.starts[:, None] + np.arange(-spec.lead, spec.rows)  # (B, lead + L)
        flat = (env[:, None] * spec.ring + rows % spec.ring).ravel()
        for name, target in (("_screen", batch.screen), ("_structured", batch.structured),
                             ("_action", batch.action), ("_reward", batch.reward)):
            source = getattr(self, name)
            width = source.shape[2:]
            np.take(source.reshape(-1, *width), flat, axis=0, out=target.reshape(-1, *width), mode="clip")
        flags = self._flags.reshape(-1)[flat].reshape(rows.shape)
        batch.is_first, batch.is_last = (flags & _FIRST) > 0, (flags & _LAST) > 0
        batch.terminated = (flags & _TERMINATED) > 0
        batch.begun = self._begun_in(flags, env, rows) if self._begun else None
        np.take(self._state, batch.slots, axis=0, out=batch.state, mode="clip")

    def _begun_in(
        self, flags: np.ndarray, env: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """The memories that episodes in sampled rows (B, lead + L) begin with, and where; see ReplayBatch."""
        marked = np.argwhere(flags & _BEGUN_WITH)
        found = [(at, self._begun.get((int(env[at[0]]), int(rows[tuple(at)])))) for at in marked]
        known = [(at, memory) for at, memory in found if memory is not None]
        return tuple(np.stack(column) for column in zip(*known, strict=True)) if known else None

    def _batch_of(self, count: int) -> ReplayBatch:
        if self._batch is None or len(self._batch.state) != count:
            spec, shape = self.spec, (count, self.spec.lead + self.spec.rows)
            screen = np.empty((*shape, HEIGHT, PACKED_WIDTH), np.uint8)
            structured = np.empty((*shape, spec.structured_dim), spec.structured_dtype)
            none = np.empty(0)
            self._batch = ReplayBatch(
                screen, structured, np.empty(shape, np.uint8), np.empty(shape, np.float32), none, none, none,
                np.empty((count, spec.state_width), np.float16), none, none, none,
            )  # fmt: skip
        return self._batch

    def state_after(self, slots: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The states f2 (B, W) stored one stride after sampled sequences (B,), and bool (B,) where there is one."""
        per_env = self.spec.ring // self.spec.stride
        following = slots // per_env * per_env + (slots + 1) % per_env
        return self._state[following], self._slot_start[following] == starts + self.spec.stride

    def update_priorities(
        self, slots: np.ndarray, starts: np.ndarray, td_max: np.ndarray, td_mean: np.ndarray
    ) -> None:
        """Set p = eta max|td| + (1 - eta) mean|td| of sampled sequences (B,), except those overwritten since."""
        if not self.spec.prioritized:
            return
        priority = self.spec.eta * td_max + (1.0 - self.spec.eta) * td_mean + 1e-6
        with self._lock:
            current = (self._slot_start[slots] == starts) & (self._tree.get(slots) > 0)
            self._max_priority = max(self._max_priority, float(priority.max()))
            self._tree.set(slots[current], priority[current] ** self._exponent)

    def state_dict(self) -> dict[str, Any]:
        """Everything, as arrays cut to the rows in use; they are views, so copy or write them before the next `add`."""
        used = int(min(self._cursor.max(), self.spec.ring))
        state: dict[str, Any] = {"shape": self._shape(), "max_priority": self._max_priority}
        for name in _ROW_ARRAYS:
            state[name[1:]] = getattr(self, name)[:, :used]
        for name in _SLOT_ARRAYS:
            state[name[1:]] = getattr(self, name)
        return {**state, **self._begun_state(), "weights": self._tree.get(np.arange(self._tree.size))}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            UsageError: it comes from a buffer of another shape.
        """
        if list(state["shape"]) != self._shape():
            raise UsageError(f"the saved replay has shape {list(state['shape'])}, this run asks for {self._shape()}; "
                             "use the settings of the saved run or start without its replay")
        for name in _ROW_ARRAYS:
            saved = np.asarray(state[name[1:]])
            getattr(self, name)[:, : saved.shape[1]] = saved
        for name in _SLOT_ARRAYS:
            getattr(self, name)[...] = np.asarray(state[name[1:]])
        self._load_begun(state)
        self._max_priority = float(state["max_priority"])
        weights = np.asarray(state["weights"])
        self._tree.set(np.arange(self._tree.size), weights)
        self.sequences = int(np.count_nonzero(weights))

    @property
    def cursor(self) -> np.ndarray:
        """Rows ever written per env, int64 (num_envs,); row n of an env stays until row n + ring comes."""
        return self._cursor.copy()

    def export_rows(self, begin: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
        """Copies of rows begin..end-1 of each env (num_envs,), which must still be there, env after env.

        screen (n, 1440), structured (n, F), action, reward, flags (n,), and state (m, W) of the starts in them.
        """
        with self._lock:
            env, row = _enumerate_rows(begin, end)
            rows = {name[1:]: getattr(self, name)[env, row % self.spec.ring] for name in _ROW_ARRAYS}
            starts = row % self.spec.stride == 0
            return {**rows, "state": self._state[self._slot(env[starts], row[starts])]}

    def import_rows(self, begin: np.ndarray, end: np.ndarray, rows: dict[str, np.ndarray], cursor: np.ndarray) -> None:
        """Put exported rows back into a buffer that is going to stand at `cursor`; follow with `restore_index`."""
        env, row = _enumerate_rows(begin, end)
        kept = row >= cursor[env] - self.spec.ring
        starts = kept & (row % self.spec.stride == 0)
        at = env[kept], row[kept] % self.spec.ring
        for name in _ROW_ARRAYS:
            getattr(self, name)[at] = rows[name[1:]][kept]
        slots = self._slot(env[starts], row[starts])
        self._state[slots] = rows["state"][starts[row % self.spec.stride == 0]]
        self._slot_start[slots] = row[starts]

    def index_state(self) -> dict[str, Any]:
        """Where every sequence starts and its weight, and the rows ever written; with the rows this is everything."""
        return {"cursor": self.cursor, "slot_start": self._slot_start.copy(), "max_priority": self._max_priority,
                **self._begun_state(), "weights": self._tree.get(np.arange(self._tree.size))}

    def _begun_state(self) -> dict[str, np.ndarray]:
        if not self._begun:
            return {}
        return {"begun_at": np.array(list(self._begun), np.int64), "begun_with": np.stack([*self._begun.values()])}

    def _load_begun(self, saved: dict[str, Any]) -> None:
        at, memories = (np.asarray(saved.get(name, ())) for name in ("begun_at", "begun_with"))
        self._begun = {(int(env), int(row)): memory for (env, row), memory in zip(at, memories, strict=True)}

    def restore_index(self, saved: dict[str, Any], oldest: np.ndarray, cursor: np.ndarray) -> None:
        """After `import_rows` of rows oldest..cursor-1 (num_envs,): offer the sequences that are whole.

        `saved` is an `index_state`, perhaps of rings of another length; sequences it does not know get its largest
        priority.
        """
        spec = self.spec
        self._load_begun(saved)
        self._cursor[:], self._max_priority = cursor, float(saved["max_priority"])
        env = np.repeat(np.arange(spec.num_envs), spec.ring // spec.stride)
        start, before = self._slot_start, self._slot_start - spec.lead
        whole = (start >= oldest[env]) & (start + spec.rows <= cursor[env]) & (before >= (cursor - spec.ring)[env])
        whole &= (before >= oldest[env]) | (oldest[env] == 0)  # row 0 begins an episode: nothing before it counts
        weights = np.where(whole, self._max_priority**self._exponent, 0.0)
        was_start, was_weight = (np.asarray(saved[name]) for name in ("slot_start", "weights"))
        known = was_start >= 0
        was_env = np.repeat(np.arange(spec.num_envs), len(was_start) // spec.num_envs)[known]
        slots = self._slot(was_env, was_start[known])
        same = whole[slots] & (start[slots] == was_start[known])
        weights[slots[same]] = was_weight[known][same]
        self._tree.set(np.arange(self._tree.size), weights)
        self.sequences = int(np.count_nonzero(weights))

    def _shape(self) -> list[int]:
        spec = self.spec
        return [spec.num_envs, spec.ring, spec.structured_dim, spec.state_width, spec.rows, spec.lead, spec.stride]


def _enumerate_rows(begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(env, row) of all rows begin..end-1 of each env, int64 (n,), env after env."""
    count = end - begin
    env = np.repeat(np.arange(len(count)), count)
    return env, np.arange(len(env)) - np.repeat(np.cumsum(count) - count - begin, count)


def bytes_per_transition(spec: ReplaySpec) -> float:
    """Bytes per stored row: frame, features, action, reward, flags, and its share of state, start and priority."""
    per_slot = 2 * spec.state_width + 8 + 4 * 8  # f2 state, start, at most four f8 tree nodes per leaf
    features = spec.structured_dim * np.dtype(spec.structured_dtype).itemsize
    return FRAME_BYTES + features + 1 + 4 + 1 + per_slot / spec.stride
