import json
from types import SimpleNamespace

from Daddy.puffer_shim import Captured, SpawnFailed, WorkerRestarted
from Daddy.vector_events import log_vector_events


def test_events_become_lines_and_plain_records_and_a_traceback_is_shown():
    lines, records = [], []
    logger = SimpleNamespace(
        console=SimpleNamespace(print=lines.append),
        log_event=lambda kind, text, **fields: records.append((kind, text, json.loads(json.dumps(fields)))),
    )
    log_vector_events(
        [
            WorkerRestarted(1, (2, 3), "failed: ValueError: no", "Traceback ...\nValueError: no\n", 4),
            Captured(5, "a.state", "gym", "00", 9, 1, 2, 3, 4, b"\x03", 0, 1, 7),
            SpawnFailed(2, 8, "junk"),
        ],
        logger,
    )
    assert lines == ["Traceback ...\nValueError: no"]
    assert [kind for kind, _, _ in records] == ["worker", "capture", "spawn"]
    assert "worker 1 (envs 2-3) failed: ValueError: no" in records[0][1] and records[0][2]["restarts"] == 4
    assert records[1][2]["milestones"] == "03" and "savestate 8" in records[2][1]
