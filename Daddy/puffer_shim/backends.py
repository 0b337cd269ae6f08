"""pufferlib's Multiprocessing, made to sleep while it waits and to replace workers that raise, die or hang."""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import time

import numpy as np

from Daddy.puffer_shim._pufferlib import vector
from Daddy.puffer_shim.desk import Begin, Capture, Command
from Daddy.puffer_shim.errors import WorkerError
from Daddy.puffer_shim.events import SpawnFailed, VectorEvent, WorkerRestarted
from Daddy.puffer_shim.leftovers import sweep
from Daddy.puffer_shim.mailbox import WorkerLink
from Daddy.puffer_shim.record import RECORD
from Daddy.puffer_shim.spawns import SpawnBook
from Daddy.puffer_shim.watchdog import LOOK_S, Metronome, RestartBudget, Watch, WatchdogSettings, exit_reason
from Daddy.puffer_shim.worker import Failure, run_worker

_GRACE_S = 2.0


def _preload() -> None:
    """Let the forkserver, which starts with the first process it is asked for, import what every worker needs, once."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        multiprocessing.get_context("forkserver").set_forkserver_preload([run_worker.__module__])


class WorkerPool(vector.Multiprocessing):
    """Workers in fixed groups, one group to a batch, taken in turn.

    A batch goes without its workers that are late (no progress for LATE_S seconds, or being replaced); they come with a
    later turn of their group. Only the first records after a reset are waited for.
    """

    def __init__(self, creators: list, num_workers: int, batch_size: int, settings: WatchdogSettings) -> None:
        sweep()
        _preload()
        count = len(creators)
        self._creators, self._settings = creators, settings
        self._links = {index: WorkerLink() for index in range(num_workers)}
        original = vector._worker_process
        vector._worker_process = functools.partial(run_worker, links=self._links)
        try:
            super().__init__(
                creators, [[]] * count, [{}] * count, count,
                num_workers=num_workers, batch_size=batch_size, overwork=True,
            )  # fmt: skip
        finally:
            vector._worker_process = original
        self._states = self.buf["semaphores"]
        self._records = self.buf["observations"].view(RECORD)[..., 0]  # [workers, envs of each]
        size = self.workers_per_batch
        self._groups = [list(range(i, i + size)) for i in range(0, num_workers, size)]
        self._turn, self._delivered = 0, []
        self._seed = 0
        self._orders: list[list[Command]] = [[] for _ in range(num_workers)]
        self._book = SpawnBook(num_workers)
        self._watches = [Watch() for _ in range(num_workers)]
        self._budget, self._metronome = RestartBudget(settings), Metronome()
        self._events: list[VectorEvent] = []
        self.worker_restarts = [0] * num_workers
        atexit.register(self.close)  # else multiprocessing would wait for the workers for ever

    @property
    def restarts(self) -> int:
        return self._budget.total

    def async_reset(self, seed: int) -> None:
        """Reset all envs once the running steps are done; env i gets ``seed + i``."""
        self._seed, self._turn = seed, 0
        for index in range(self.num_workers):
            self._watches[index].patient = True
            self._await(index)
        self.flag, self.infos = vector.RECV, [[] for _ in range(self.num_workers)]
        for index in range(self.num_workers):
            self._collect(index)
            self._watches[index] = Watch(fresh=self._watches[index].fresh)
            self._ask_reset(index, Begin(tuple(seed + env for env in self._envs_of(index))))

    def send(self, actions: np.ndarray) -> None:
        """Step the envs received last."""
        for index in self._delivered:
            self._fill_inbox(index)
            self._watches[index].asked()
        if len(self._delivered) == self.workers_per_batch:
            super().send(actions)
        else:
            vector.send_precheck(self, actions)
            self.actions[self._delivered] = actions.reshape(len(self._delivered), self.envs_per_worker)
            self._states[self._delivered] = vector.STEP
        for index in self._delivered:
            self._links[index].work.ring()

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows (B, itemsize) uint8, env ids (B,)) of the next batch; a view when all its workers are in it.

        Raises:
            WorkerError: an error that a restart cannot mend, or too many restarts.
        """
        self._delivered = self._next_ready()
        for index in self._delivered:
            self._collect(index)
            self._note_spawns(index)
        if len(self._delivered) == self.workers_per_batch:
            self.waiting_workers, self.ready_workers = list(self._delivered), []
            observations, _, _, _, _, env_ids, _ = self.recv()
            return observations, env_ids
        vector.recv_precheck(self)
        rows = self.buf["observations"][self._delivered]
        return rows.reshape(-1, RECORD.itemsize), self.agent_ids[self._delivered].ravel()

    def spawn(self, env_id: int, state: bytes | None, spawn_id: int, patience: float) -> None:
        index, slot = divmod(env_id, self.envs_per_worker)
        self._orders[index].append(self._book.order(index, env_id, slot, spawn_id, state, patience))

    def capture(self, env_id: int, path: str, tag: str) -> None:
        index, slot = divmod(env_id, self.envs_per_worker)
        self._orders[index].append(Capture(slot, path, tag))

    def events(self) -> list[VectorEvent]:
        """What happened since the last call."""
        found, self._events = self._events, []
        return found

    def _envs_of(self, index: int) -> range:
        return range(index * self.envs_per_worker, (index + 1) * self.envs_per_worker)

    def _busy(self, index: int) -> bool:
        return self._states[index] < vector.MAIN

    def _ask_reset(self, index: int, begin: Begin) -> None:
        self._orders[index].insert(0, begin)
        self._fill_inbox(index)
        self._states[index] = vector.RESET
        self._links[index].work.ring()

    def _fill_inbox(self, index: int) -> None:
        if self._orders[index]:
            self._orders[index] = self._links[index].inbox.put(self._orders[index])

    def _next_ready(self) -> list[int]:
        """The workers of the next group that have answered; at least one."""
        while True:
            for _ in self._groups:
                group, self._turn = self._groups[self._turn], (self._turn + 1) % len(self._groups)
                self._look_after()
                ready = [index for index in group if self._await(index)]
                if ready:
                    return ready
            time.sleep(LOOK_S)

    def _await(self, index: int) -> bool:
        """Sleep until worker ``index`` has answered; False if it is late."""
        bell, watch = self._links[index].done, self._watches
        if not self._busy(index):
            bell.forget()
        while self._busy(index) and not watch[index].late:
            if not bell.sleep(LOOK_S, self.processes[index].sentinel):
                self._look_after(index)
        return not self._busy(index)

    def _collect(self, index: int) -> None:
        """Take over the events of a worker that has answered."""
        if self._states[index] == vector.INFO:
            for event in self._links[index].outbox.take():
                self._events.append(event)
                if isinstance(event, SpawnFailed):
                    self._book.failed(event.env_id)
            self._states[index] = vector.MAIN

    def _note_spawns(self, index: int) -> None:
        if self._book.waiting:
            for env_id, record in zip(self._envs_of(index), self._records[index], strict=True):
                if record["is_first"]:
                    self._book.begun(env_id, int(record["spawn_id"]))

    def _look_after(self, awaited: int | None = None) -> None:
        """Replace workers that are gone or hang: now and then all, the ``awaited`` one, if gone, at once."""
        if awaited is not None and not self.processes[awaited].is_alive():
            self._replace(awaited, self._post_mortem(awaited))
        elapsed = self._metronome.due()
        if not elapsed:
            return
        for index, process in enumerate(self.processes):
            watch = self._watches[index]
            if not process.is_alive():
                self._replace(index, self._post_mortem(index))
            elif self._busy(index):
                watch.seen(self._links[index].progress[0], elapsed)
                if watch.hung(self._settings.hang_s):
                    self._replace(index, Failure(f"made no progress for {watch.idle_s:.0f} s"))

    def _post_mortem(self, index: int) -> Failure:
        for message in self._links[index].outbox.take():
            if isinstance(message, Failure):
                return message
        return Failure(exit_reason(self.processes[index].exitcode))

    def _replace(self, index: int, failure: Failure) -> None:
        """Start a new worker in the place of a lost one, its envs from where they were spawned.

        Raises:
            WorkerError: the failure is the user's to mend, or there were too many.
        """
        process = self.processes[index]
        process.kill()
        process.join()
        envs = self._envs_of(index)
        if failure.expected or not self._budget.spend():
            raise self._worker_error(index, failure)
        self._events.append(
            WorkerRestarted(index, tuple(envs), failure.cause, failure.traceback, self._budget.total)
        )
        self.worker_restarts[index] += 1
        self._prepare_successor(index)
        self.processes[index] = self._start_worker(index)
        process.close()

    def _worker_error(self, index: int, failure: Failure) -> WorkerError:
        envs, settings = self._envs_of(index), self._settings
        message = f"worker {index} (envs {envs[0]}-{envs[-1]}) {failure.cause}"
        if not failure.expected and settings.max_restarts:
            message += f"; {settings.max_restarts} restarts within {settings.window_s / 60:.0f} min did not help"
        error = WorkerError(message, failure.exit_code)
        if failure.traceback:
            error.add_note(failure.traceback)
        return error

    def _prepare_successor(self, index: int) -> None:
        """Fill the inbox of a worker that does not run yet with all that its envs need to begin."""
        link, old, orders = self._links[index], self._watches[index], []
        link.inbox.clear()
        link.outbox.clear()
        self._book.forget_worker(index)
        captures = [order for order in self._orders[index] if isinstance(order, Capture)]
        for slot, env_id in enumerate(self._envs_of(index)):
            spawn_id, state, patience = self._book.again(env_id, int(self._records[index, slot]["spawn_id"]))
            if state is not None and old.restarted and old.fresh:  # its last start from there brought no record
                self._book.failed(env_id)
                self._events.append(SpawnFailed(env_id, spawn_id, "its worker was lost twice in starting from it"))
            elif state is not None:
                orders.append(self._book.order(index, env_id, slot, spawn_id, state, patience))
        seeds = tuple(derived_seed(self._seed + env_id, self._budget.total) for env_id in self._envs_of(index))
        self._watches[index] = Watch(patient=old.patient, restarted=True)
        self._orders[index] = orders
        self._ask_reset(index, Begin(seeds, tuple(self._records[index]["episode_id"].tolist())))
        self._orders[index] += captures

    def _start_worker(self, index: int) -> multiprocessing.Process:
        """Like pufferlib's start, but never by forking this process, which has threads and much memory by now."""
        method = multiprocessing.get_start_method()
        context = multiprocessing.get_context("forkserver" if method == "fork" else method)
        space, envs = self.single_observation_space, self.envs_per_worker
        creators = self._creators[index * envs : (index + 1) * envs]
        process = context.Process(
            target=run_worker,
            args=(
                creators, [[]] * envs, [{}] * envs, space.shape, space.dtype, self.single_action_space.shape, np.int32,
                envs, 1, self.num_workers, index, None, None, self.shm, False, None, {index: self._links[index]},
            ),
        )  # fmt: skip
        process.start()
        return process

    def close(self) -> None:
        """Ask the workers to close, then kill what is left; safe to call twice."""
        atexit.unregister(self.close)
        deadline = time.monotonic() + _GRACE_S
        while self._any_busy() and time.monotonic() < deadline:
            time.sleep(0.002)
        self._states[self._states >= vector.MAIN] = vector.CLOSE
        for link in self._links.values():
            link.work.ring()
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _any_busy(self) -> bool:
        busy = self._states < vector.MAIN
        return any(process.is_alive() for process, working in zip(self.processes, busy, strict=True) if working)


def derived_seed(seed: int, restarts: int) -> int:
    """A seed of its own for each restart."""
    return int(np.random.SeedSequence((seed, restarts)).generate_state(1)[0] >> 1)
