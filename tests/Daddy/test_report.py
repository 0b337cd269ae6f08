import json
import os
import subprocess
import sys

import pytest

from Daddy import report
from Daddy.logs import schema
from Daddy.logs.files import CsvSink, JsonLinesSink
from Daddy.logs.status import StatusFile


@pytest.fixture
def run(tmp_path):
    """A run of two episodes, one milestone and one posterior."""
    directory = tmp_path / "runs" / "[red]run"
    directory.mkdir(parents=True)
    status = StatusFile(directory, 1000)
    saved = {"step_global": 500, "path": "checkpoints/step_000000000500", "unix_time": 0.0, "resume": "go on"}
    status.update(step_global=600, sps=100.0, episodes=2, last_checkpoint=saved)
    status.write()
    fill(CsvSink(directory / "episodes.csv", schema.EPISODE_COLUMNS), [
        {"episode_id": 0, "milestones_reached": "EVENT_A;EVENT_B"}, {"episode_id": 1, "milestones_reached": "EVENT_A"},
    ])  # fmt: skip
    posterior = {"alpha": 3, "beta": 1, "mean": 0.75, "lo95": 0.3, "hi95": 0.99, "p_below_target": 0.1}
    fill(CsvSink(directory / "progress.csv", schema.PROGRESS_COLUMNS), [
        {"milestone": "EVENT_A", "alarm_level": 0, **posterior, "mean": 0.5},
        {"milestone": "EVENT_A", "alarm_level": 1, **posterior},
    ])  # fmt: skip
    fill(CsvSink(directory / "metrics.csv", schema.METRICS_COLUMNS), [
        {"step_global": 600, "unix_time": 0, "tag": tag, "value": value}
        for tag, value in (("charts/SPS_now", 50.0), ("charts/episodic_return_env", 23.5), ("losses/q", "nan"))
    ])  # fmt: skip
    fill(JsonLinesSink(directory / "events.jsonl"), [
        {"kind": "milestone", "step_global": 123, "milestone": "EVENT_A", "text": ""},
        {"kind": "alarm", "step_global": 300, "text": "the disk was full"},
    ])  # fmt: skip
    return directory


def fill(sink, records) -> None:
    for record in records:
        sink.write(record)
    sink.file.flush()
    sink.file.close()


def test_json_has_everything(run, capsys):
    assert report.main([str(run), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["state"], summary["step_global"], summary["total_steps"]) == ("running", 600, 1000)
    assert (summary["sps"], summary["left_s"], summary["episodes"]) == (100.0, 8.0, 2)
    first, second = summary["milestones"]
    assert (first["milestone"], first["first_step"], first["episodes"], first["share_recent"]) == ("EVENT_A", 123, 2, 1)
    assert (first["posterior"]["mean"], first["posterior"]["alarm_level"]) == (0.75, 1), "the newest row counts"
    assert (second["milestone"], second["first_step"], second["posterior"]) == ("EVENT_B", None, None)
    assert summary["last_checkpoint"]["step_global"] == 500
    assert summary["metrics"]["losses/q"] is None, "JSON knows no nan"
    assert summary["alarms"] == ["the disk was full"]


def test_the_table_has_the_same_for_people(run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert report.main([run.name, "--runs-dir", str(run.parent)]) == 0
    shown = capsys.readouterr().out
    for text in ("[red]run: running", "600 of 1,000 at 100/s, 8s left", "2: R_env 23.5", "step 500: checkpoints/step_0",
                 "the disk was full", "0.75 [0.30, 0.99]", "123"):  # fmt: skip
        assert text in shown
    assert "\x1b" not in shown


def test_a_crashed_run_is_told_how_to_go_on(run, capsys):
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps(status | {"pid": 2**22 + 1}))
    assert report.main([str(run)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "crashed (phase is starting but process" in shown and "resume go on" in shown


def test_milestones_far_ahead_are_only_counted():
    row = {"first_step": None, "episodes": 0, "share_recent": 0.0, "posterior": None}
    milestones = [{"milestone": f"EVENT_{i}", **row} for i in range(10)]
    milestones[1] = milestones[1] | {"episodes": 4}
    table = report._milestone_table(milestones)
    assert [*table.columns[0].cells] == ["0", "1", "2", "3", "4", "5 more, none reached yet"]


def test_without_a_name_the_newest_run_is_told(run, capsys):
    older = run.parent / "older"
    older.mkdir()
    (older / "status.json").write_text("{}")
    os.utime(older / "status.json", (0, 0))
    assert report.main(["--json", "--runs-dir", str(run.parent)]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == str(run)


@pytest.mark.parametrize("arguments", [["nowhere"], ["--runs-dir", "nowhere"], ["."]])
def test_no_run_is_one_line(tmp_path, monkeypatch, arguments, capsys):
    monkeypatch.chdir(tmp_path)
    assert report.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_run_that_has_only_begun_is_no_problem(tmp_path, capsys):
    StatusFile(tmp_path, 1000).write()
    assert report.main([str(tmp_path)]) == 0
    assert "none yet" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_error(run):
    command = f"{sys.executable} -m Daddy.report '{run}' --json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")
