"""TensorBoard event files through ``AppendFile``, because SummaryWriter's thread dies of a full disk."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from Daddy.logs.files import AppendFile


class BoardSink:
    """Scalars as one event per call; ``purge_step`` tells TensorBoard to forget earlier files from there."""

    def __init__(self, directory: Path, purge_step: int | None = None) -> None:
        directory.mkdir(exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.0"
        self.file = AppendFile(directory / name)
        self._records = RecordWriter(self.file)
        self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))
        if purge_step is not None:
            restart = SessionLog(status=SessionLog.START)
            self._add(Event(wall_time=time.time(), step=purge_step, session_log=restart))

    def write(self, record: Mapping[str, object]) -> None:
        """``record`` has step_global, unix_time and scalars (tag -> number)."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in record["scalars"].items()]
        summary = Summary(value=values)
        self._add(Event(wall_time=record["unix_time"], step=record["step_global"], summary=summary))

    def _add(self, event: Event) -> None:
        self._records.write(event.SerializeToString())
