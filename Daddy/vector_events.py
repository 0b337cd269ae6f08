"""What the emulators' side has to tell, in the run's log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from Daddy.logging_utils import RunLogger
from Daddy.puffer_shim import Captured, CaptureFailed, SpawnFailed, VectorEvent, WorkerRestarted

_KINDS = {WorkerRestarted: "worker", Captured: "capture", CaptureFailed: "capture", SpawnFailed: "spawn"}


def log_vector_events(events: Iterable[VectorEvent], logger: RunLogger) -> None:
    """A line and a record in ``events.jsonl`` per event; a lost worker's traceback is shown above its line."""
    for event in events:
        fields = asdict(event)
        if isinstance(event, WorkerRestarted) and event.traceback:
            logger.console.print(event.traceback.rstrip())
        if isinstance(event, Captured):
            fields["milestones"] = event.milestones.hex()
        logger.log_event(_KINDS[type(event)], str(event), **fields)
