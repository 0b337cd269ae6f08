import csv

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from Daddy.episodes import Episode
from Daddy.logging_utils import EPISODE_COLUMNS, Console, RunLogger, choose_dashboard


class FakeNames:
    def map(self, map_id):
        return f"MAP{map_id}"

    def milestones(self, packed):
        return [f"EVENT_{i}" for i in np.flatnonzero(np.unpackbits(packed, bitorder="little"))]


def episode(episode_id: int = 0) -> Episode:
    return Episode(
        episode_id=episode_id, env_id=7, length=642, returns={"env": 23.5, "rnd": 1.0, "novel": 2.0, "total": 31.8},
        start_step=10, end_step=652, map_id=54, badges=0b11, milestones=np.array([0b111], np.uint8),
        spawn_milestones=np.array([0b001], np.uint8), tiles=99, terminated=False, truncated=True,
    )  # fmt: skip


def read_rows(directory):
    with (directory / "episodes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_an_episode_is_one_line_and_one_row(tmp_path, capsys):
    logger = RunLogger(tmp_path, "plain", FakeNames(), "boot")
    logger.log_episode(episode())
    logger.close()
    shown = capsys.readouterr().out
    assert shown.startswith("[EP 0 env=7] len=642 R_env=23.50 R_total=31.80 badges=2 map=MAP54 tiles=99")
    assert shown.rstrip().endswith("new=1,2")
    (row,) = read_rows(tmp_path)
    assert tuple(row) == EPISODE_COLUMNS
    assert row["milestones_reached"] == "EVENT_1;EVENT_2", "what the spawn already had is not reached"
    assert (row["return_total"], row["return_total_with_intrinsic"]) == ("23.5", "31.8")
    assert row["savestate_tag"] == "boot"
    assert (row["terminated"], row["truncated"], row["end_step_global"]) == ("0", "1", "652")


def test_hundreds_of_endings_are_throttled_on_screen_but_never_on_disk(tmp_path, capsys):
    logger = RunLogger(tmp_path, "plain", FakeNames(), "boot")
    for i in range(300):
        logger.log_episode(episode(i))
    logger.close()
    assert capsys.readouterr().out.count("[EP ") < 20
    assert [int(row["episode_id"]) for row in read_rows(tmp_path)] == list(range(300))


def test_a_first_milestone_is_a_line_and_silence_otherwise(tmp_path, capsys):
    logger = RunLogger(tmp_path, "plain", FakeNames(), "boot")
    logger.log_milestones(np.array([0], np.uint8), 10)
    logger.log_milestones(np.array([0b100], np.uint8), 12_345)
    logger.close()
    assert capsys.readouterr().out == "[milestone] EVENT_2 first reached at step 12,345\n"


def test_interval_numbers_reach_tensorboard(tmp_path, capsys):
    logger = RunLogger(tmp_path, "plain", FakeNames(), "boot")
    logger.log_interval("the line", {"charts/SPS": 12.0}, step_global=500)
    logger.close()
    assert capsys.readouterr().out == "the line\n"
    board = EventAccumulator(str(tmp_path / "tb"))
    board.Reload()
    (event,) = board.Scalars("charts/SPS")
    assert (event.step, event.value) == (500, 12.0)


def test_plain_output_has_no_escape_byte_and_line_mode_refreshes(tmp_path, capsys):
    plain = Console("plain", tmp_path / "a.log")
    plain.progress("one")
    plain.close()
    assert capsys.readouterr().out == "one\n"
    line = Console("line", tmp_path / "b.log")
    line.progress("one")
    line.progress("two")
    line.print("kept")
    line.close()
    shown = capsys.readouterr().out
    assert shown == "\r\x1b[2Kone\r\x1b[2Ktwo\nkept\n"
    assert (tmp_path / "b.log").read_text() == "one\ntwo\nkept\n"


@pytest.mark.parametrize("wanted, mode", [("plain", "plain"), ("line", "line"), ("auto", "plain")])
def test_auto_output_is_plain_when_piped(wanted, mode, capsys):
    assert choose_dashboard(wanted)[0] == mode
