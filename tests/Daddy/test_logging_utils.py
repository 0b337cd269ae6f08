import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from Daddy.episodes import Episode
from Daddy.intrinsic import RewardTerms
from Daddy.logging_utils import RunLogger
from Daddy.logs import schema


class FakeNames:
    def map(self, map_id):
        return f"MAP{map_id}"

    def milestones(self, packed):
        return [f"EVENT_{i}" for i in np.flatnonzero(self.reached(packed))]

    def reached(self, packed):
        return np.unpackbits(packed, bitorder="little").astype(bool)

    def city(self, map_id):
        return map_id // 10

    def quest(self, packed):
        return int(packed[0]).bit_length()


def posterior(milestone: str, **changes) -> SimpleNamespace:
    values = dict(
        milestone=milestone, alpha=8.1, beta=1.9, mean=0.81, lo95=0.6, hi95=0.9, p_below_target=0.01, alarm_level=0,
        attempts=10,
    )  # fmt: skip
    return SimpleNamespace(**values | changes)


class FakeMonitor:
    alarm_score = 0.25

    def posteriors(self):
        return [posterior("EVENT_1"), posterior("EVENT_BEAT_BROCK", alarm_level=1), posterior("EVENT_9", attempts=0)]


@pytest.fixture
def logger(tmp_path):
    logger = RunLogger(tmp_path, "plain", FakeNames(), "boot", step_log_every=10, total_steps=1000)
    yield logger
    logger.close()


def episode(episode_id: int = 0) -> Episode:
    return Episode(
        episode_id=episode_id, env_id=7, length=642,
        returns={"env": 23.5, "rnd": 1.0, "novel": 2.0, "bayes": 0.5, "total": 31.8},
        start_step=10, end_step=652, map_id=54, badges=0b11, milestones=np.array([0b111], np.uint8),
        spawn_milestones=np.array([0b001], np.uint8), tiles=99, terminated=False, truncated=True,
    )  # fmt: skip


def read_rows(directory, name="episodes.csv"):
    with (directory / name).open(newline="") as file:
        return list(csv.DictReader(file))


def read_events(directory, kind):
    records = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
    return [record for record in records if record["kind"] == kind]


def test_an_episode_is_one_line_and_one_row(tmp_path, logger, capsys):
    logger.log_episode_summary(episode())
    assert logger.flush_episode_logs()
    logger.console.close()
    shown = capsys.readouterr().out
    assert shown.startswith("[EP 0 env=7] len=642  R_env=23.5  R_total=31.8  badges=2  map=Map54  savestate_tag=boot")
    (row,) = read_rows(tmp_path)
    assert tuple(row) == schema.EPISODE_COLUMNS
    assert row["milestones_reached"] == "EVENT_1;EVENT_2", "what the spawn already had is not reached"
    assert (row["return_total"], row["return_total_with_intrinsic"], row["return_bayes"]) == ("23.5", "31.8", "0.5")
    assert (row["savestate_tag"], row["posterior_summary"], row["alarm_triggered"]) == ("boot", "", "0")
    assert (row["terminated"], row["truncated"], row["end_step_global"]) == ("0", "1", "652")


def test_a_monitor_adds_thetas_posteriors_and_the_alarm_level(tmp_path, logger, capsys):
    logger.monitor = FakeMonitor()
    logger.log_episode_summary(episode())
    logger.log_progress(FakeMonitor().posteriors(), 652, episode_id=0)
    logger.flush_episode_logs()
    logger.console.close()
    assert "  theta_Boulder=0.81  theta_9=0.81  " in capsys.readouterr().out, "EVENT_1 is reached, so it is not next"
    (row,) = read_rows(tmp_path)
    summary = json.loads(row["posterior_summary"])
    assert summary == {name: [8.1, 1.9, 0.81, 0.6, 0.9] for name in ("EVENT_1", "EVENT_BEAT_BROCK")}
    assert row["alarm_triggered"] == "1"
    first, *_ = rows = read_rows(tmp_path, "progress.csv")
    assert tuple(first) == schema.PROGRESS_COLUMNS and len(rows) == 3
    assert (first["step_global"], first["milestone"], first["p_below_target"]) == ("652", "EVENT_1", "0.01")


def test_hundreds_of_endings_are_throttled_on_screen_but_never_on_disk(tmp_path, logger, capsys):
    for i in range(300):
        logger.log_episode_summary(episode(i))
    logger.flush_episode_logs()
    assert capsys.readouterr().out.count("[EP ") < 20
    assert [int(row["episode_id"]) for row in read_rows(tmp_path)] == list(range(300))


def test_one_step_of_n_is_kept_with_every_key_and_no_env_is_preferred(tmp_path, logger):
    rows = np.zeros(4, [("is_first", "u1"), ("milestones", "u1", (1,)), ("map_id", "u1"), ("x", "u1"), ("y", "u1")])
    rows["milestones"], rows["map_id"], rows["x"] = 0b101, 40, 3
    terms = RewardTerms(*(np.arange(4, dtype=np.float32) + i for i in range(5)))
    for step in range(4, 401, 4):
        weights = {"rnd": 0.2, "novel": 0.5}
        logger.log_step_rewards(rows, terms, weights, np.arange(4), np.arange(4) + 100, step, steps=4)
    logger.flush_episode_logs()
    records = read_events(tmp_path, "step")
    assert len(records) == 40
    assert set(records[0]) == set(schema.STEP_KEYS)
    assert np.bincount([record["env_id"] for record in records]).tolist() == [10] * 4
    record = records[2]
    assert (record["env_id"], record["episode_id"], record["map_id"], record["city_id"], record["x"]) == (
        2, 102, 40, 4, 3,
    )  # fmt: skip
    assert [record[f"r_{name}"] for name in ("env", "rnd", "novel", "bayes", "total")] == [2, 3, 4, 5, 6]
    assert (record["milestone_flags"], record["quest_id"], record["w_novel"]) == ([0, 2], 3, 0.5)


def test_first_rows_are_never_sampled(tmp_path, logger):
    rows = np.zeros(2, [("is_first", "u1"), ("milestones", "u1", (1,)), ("map_id", "u1"), ("x", "u1"), ("y", "u1")])
    rows["is_first"] = [1, 0]
    terms = RewardTerms(*(np.zeros(2, np.float32) for _ in range(5)))
    for step in range(1, 21):
        logger.log_step_rewards(rows, terms, {}, np.arange(2), np.arange(2), step, steps=1)
    logger.flush_episode_logs()
    assert [record["env_id"] for record in read_events(tmp_path, "step")] == [1, 1]


def test_a_first_milestone_is_a_line_and_an_event_and_silence_otherwise(tmp_path, logger, capsys):
    logger.log_milestones(np.array([0], np.uint8), 10)
    logger.log_milestones(np.array([0b100], np.uint8), 12_345)
    logger.flush_episode_logs()
    logger.console.close()
    assert capsys.readouterr().out == "[milestone] EVENT_2 first reached at step 12,345\n"
    (event,) = read_events(tmp_path, "milestone")
    assert (event["step_global"], event["milestone"]) == (12_345, "EVENT_2")


def test_events_take_any_numbers_and_stay_json(tmp_path, logger):
    logger.tick(77)
    logger.log_event("restart", "worker 1", worker=np.int64(1), share=np.float32("nan"), ids=np.arange(2))
    logger.flush_episode_logs()
    (event,) = read_events(tmp_path, "restart")
    assert (event["step_global"], event["worker"], event["share"], event["ids"]) == (77, 1, None, [0, 1])


def test_interval_numbers_reach_the_metrics_and_tensorboard(tmp_path, logger, capsys):
    logger.log_interval("the line", {"charts/SPS": 12.0, "losses/td_loss": 0.125}, step_global=500)
    logger.flush_episode_logs()
    logger.console.close()
    assert capsys.readouterr().out == "the line\n"
    rows = [row for row in read_rows(tmp_path, "metrics.csv") if not row["tag"].startswith("sys/")]
    assert [(row["step_global"], row["tag"], row["value"]) for row in rows] == [
        ("500", "charts/SPS", "12"), ("500", "losses/td_loss", "0.125"),
    ]  # fmt: skip
    board = EventAccumulator(str(tmp_path / "tb"))
    board.Reload()
    (event,) = board.Scalars("losses/td_loss")
    assert (event.step, event.value) == (500, 0.125)


def test_the_status_tells_where_the_run_stands_and_how_it_ended(tmp_path):
    logger = RunLogger(tmp_path, "plain", FakeNames(), "boot", total_steps=1000)
    logger.tick(500)
    logger.note_checkpoint(tmp_path / "checkpoints/step_000000000500", 500)
    logger.finish(130)
    logger.close()
    status = json.loads((tmp_path / "status.json").read_text())
    assert set(status) == set(schema.STATUS_KEYS)
    assert (status["phase"], status["exit_code"], status["step_global"]) == ("stopped", 130, 500)
    assert status["last_checkpoint"]["step_global"] == 500
    assert json.loads((tmp_path / "schema.json").read_text()) == schema.describe()


def test_a_run_that_raises_is_said_to_have_failed(tmp_path):
    logger = RunLogger(tmp_path, "plain", FakeNames(), "boot")
    logger.tick(5)
    logger.close()
    assert json.loads((tmp_path / "status.json").read_text())["phase"] == "failed"


def test_a_resumed_run_tells_nothing_twice(tmp_path, capsys):
    for resume_step, steps in ((None, (100, 200, 300)), (200, (300, 400))):
        logger = RunLogger(tmp_path, "plain", FakeNames(), "boot", resume_step=resume_step)
        for step in steps:
            logger.tick(step)
            logger.log_episode_summary(episode_ending(step))
            logger.log_event("note", "text")
            logger.log_interval("line", {"charts/SPS": float(step)}, step)
            logger.log_progress([posterior("EVENT_1")], step, episode_id=step)
        logger.finish(0)
        logger.close()
    expected = [100, 200, 300, 400]
    assert [int(row["end_step_global"]) for row in read_rows(tmp_path)] == expected
    assert [int(row["step_global"]) for row in read_rows(tmp_path, "progress.csv")] == expected
    speeds = [row for row in read_rows(tmp_path, "metrics.csv") if row["tag"] == "charts/SPS"]
    assert [int(row["step_global"]) for row in speeds] == expected
    assert [event["step_global"] for event in read_events(tmp_path, "note")] == expected
    board = EventAccumulator(str(tmp_path / "tb"))
    board.Reload()
    assert [event.step for event in board.Scalars("charts/SPS")] == expected


def test_a_resumed_run_still_knows_its_checkpoint(tmp_path):
    for resume_step in (None, 500, 700):
        logger = RunLogger(tmp_path, "plain", FakeNames(), "boot", resume_step=resume_step, episodes=3)
        if resume_step is None:
            logger.note_checkpoint(tmp_path / "step_500", 500)
        logger.close()
        status = json.loads((tmp_path / "status.json").read_text())
        known = None if resume_step == 700 else 500  # a status of another step says nothing of this one
        assert (status["last_checkpoint"] or {}).get("step_global") == known
        assert (status["step_global"], status["episodes"]) == (resume_step or 0, 3)


def episode_ending(step: int) -> Episode:
    return Episode(**{**vars(episode(step)), "end_step": step})
