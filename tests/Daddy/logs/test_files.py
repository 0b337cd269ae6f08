import csv
import errno
import json
import os

import numpy as np
import pytest

from Daddy.errors import DaddyError
from Daddy.logs.files import (
    AppendFile,
    CsvSink,
    JsonLinesSink,
    cut_csv,
    cut_json_lines,
    plain,
    whole_lines,
    write_json_atomically,
)  # fmt: skip


class Disk:
    """os.write of a disk with room for ``room`` bytes."""

    def __init__(self, room: int) -> None:
        self.room, self.write_really = room, os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self.write_really(descriptor, data[: self.room])
        self.room -= written
        return written


def test_a_full_disk_tears_no_record(tmp_path, monkeypatch):
    disk = Disk(room=7)
    monkeypatch.setattr(os, "write", disk)
    file = AppendFile(tmp_path / "a")
    file.write(b"first\nsecond\n")
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            file.flush()
    assert (tmp_path / "a").read_bytes() == b"first\ns"
    assert list(whole_lines(tmp_path / "a")) == ["first\n"], "a reader is not told the torn line"
    disk.room = 1000
    file.write(b"third\n")
    file.flush()
    file.close()
    assert (tmp_path / "a").read_bytes() == b"first\nsecond\nthird\n"


def test_a_csv_file_has_one_header_however_often_it_is_opened(tmp_path):
    for text in ("a,b", 'with "quotes"\nand a line break'):
        sink = CsvSink(tmp_path / "t.csv", ("n", "text"))
        sink.write({"n": 1, "text": text, "unknown": 0})
        sink.file.flush()
        sink.file.close()
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["a,b", 'with "quotes"\nand a line break']


def test_records_are_valid_json_whatever_numbers_they_hold(tmp_path):
    sink = JsonLinesSink(tmp_path / "e.jsonl")
    sink.write({"a": np.float32(1.5), "b": float("inf"), "c": (np.int64(2), tmp_path), "d": {"e": np.array([1.0])}})
    sink.file.flush()
    sink.file.close()
    assert json.loads((tmp_path / "e.jsonl").read_text()) == {
        "a": 1.5, "b": None, "c": [2, str(tmp_path)], "d": {"e": [1.0]},
    }  # fmt: skip
    assert plain(float("nan")) is None


def test_a_status_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    write_json_atomically(path, {"step": 1})
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError):
        write_json_atomically(path, {"step": 2})
    assert json.loads(path.read_text()) == {"step": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]


def test_cutting_drops_later_rows_and_the_torn_last_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("step,text\n100,a\n200,b\n300,c\n250,d\n20")
    assert cut_csv(path, ("step", "text"), "step", 200) == 2
    assert path.read_text() == "step,text\n100,a\n200,b\n"
    lines = tmp_path / "e.jsonl"
    lines.write_text('{"step_global":100}\nnot json\n{"step_global":201}\n{"step_glo')
    assert cut_json_lines(lines, 200) == 2
    assert lines.read_text() == '{"step_global":100}\n'


def test_cutting_what_is_missing_is_nothing_and_another_versions_columns_are_refused(tmp_path):
    assert cut_csv(tmp_path / "none.csv", ("step",), "step", 1) == 0 == cut_json_lines(tmp_path / "none.jsonl", 1)
    (tmp_path / "old.csv").write_text("step,other\n1,2\n")
    with pytest.raises(DaddyError, match="another version"):
        cut_csv(tmp_path / "old.csv", ("step", "text"), "step", 1)
    assert (tmp_path / "old.csv").read_text() == "step,other\n1,2\n"
