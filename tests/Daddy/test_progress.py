import numpy as np
import pytest

from Daddy.episodes import EpisodeTracker
from Daddy.intrinsic import RewardTerms
from Daddy.progress import IntervalStats, format_duration, progress_line

ROW = np.dtype(
    [("is_first", "u1"), ("terminated", "u1"), ("truncated", "u1"), ("milestones", "u1", (16,)), ("map_id", "u1"),
     ("badges", "u1"), ("tiles", "u4")]
)  # fmt: skip


def rows_of(*fields: dict) -> np.ndarray:
    rows = np.zeros(len(fields), ROW)
    for row, values in zip(rows, fields, strict=True):
        for name, value in values.items():
            row[name] = value
    return rows


def terms_of(*values: float) -> RewardTerms:
    array = np.array(values, np.float32)
    return RewardTerms(env=array, rnd=2 * array, novel=3 * array, total=6 * array)


def test_episodes_add_up_per_env_even_in_partial_batches():
    tracker = EpisodeTracker(num_envs=3, milestone_bytes=16)
    tracker.add(rows_of({"is_first": 1}, {"is_first": 1}), np.array([0, 2]), terms_of(9, 9), step_global=0)
    tracker.add(rows_of({}), np.array([2]), terms_of(1), step_global=1)
    ended = tracker.add(
        rows_of({"truncated": 1, "badges": 1, "tiles": 5, "map_id": 40}, {}), np.array([2, 0]), terms_of(4, 8), 3
    )
    (episode,) = ended
    assert (episode.env_id, episode.length, episode.start_step, episode.end_step) == (2, 2, 0, 3)
    assert episode.returns == {"env": 5, "rnd": 10, "novel": 15, "total": 30}
    assert episode.truncated and not episode.terminated and episode.map_id == 40
    tracker.add(rows_of({"is_first": 1}), np.array([2]), terms_of(7), step_global=3)
    (again,) = tracker.add(rows_of({"terminated": 1}), np.array([2]), terms_of(1), step_global=4)
    assert (again.episode_id, again.length, again.returns["env"], again.start_step) == (1, 1, 1, 3)


def test_milestones_are_new_once_and_never_the_spawns():
    tracker, ids = EpisodeTracker(2, 16), np.arange(2)
    spawn, one, both = ([bits, *[0] * 15] for bits in (0b001, 0b011, 0b101))
    tracker.add(rows_of({"is_first": 1, "milestones": spawn}, {"is_first": 1}), ids, terms_of(0, 0), 0)
    assert not tracker.new_milestones().any()
    tracker.add(rows_of({"milestones": one}, {}), ids, terms_of(0, 0), 2)
    assert tracker.running_milestones()[:, 0].tolist() == [0b010, 0]
    assert tracker.new_milestones()[0] == 0b010
    tracker.add(rows_of({"milestones": one}, {"milestones": both}), ids, terms_of(0, 0), 4)
    assert tracker.new_milestones()[0] == 0b101, "bit 0 was env 0's spawn, but env 1 reached it"
    tracker.add(rows_of({"is_first": 1}, {"is_first": 1}), ids, terms_of(0, 0), 4)
    assert not tracker.running_milestones().any()
    tracker.add(rows_of({"milestones": one}, {}), ids, terms_of(0, 0), 6)
    assert not tracker.new_milestones().any(), "told once"


def test_interval_means_are_over_its_steps_and_start_anew():
    stats, tracker = IntervalStats(), EpisodeTracker(2, 16)
    assert stats.add_rewards(terms_of(0, 3), np.array([True, False])) == 1
    assert stats.add_rewards(terms_of(1, 2), np.array([False, False])) == 2
    stats.add_metrics({"losses/td_loss": 1.0})
    stats.add_metrics({"losses/td_loss": 3.0})
    scalars = stats.take(tracker)
    assert scalars["reward/env"] == pytest.approx(2.0) and scalars["reward/total"] == pytest.approx(12.0)
    assert scalars["losses/td_loss"] == 2.0 and scalars["charts/SPS"] > 0
    assert stats.take(tracker)["reward/env"] == 0.0


def test_the_progress_line_shows_a_dash_where_nothing_is_known_yet():
    scalars = {"charts/SPS": 100.0, "charts/episodes": 0.0, "charts/epsilon": 0.9, "reward/env": 0.5}
    line = progress_line(5000, 5_000_000, 32, scalars)
    assert line.startswith("[step 5,000/5,000,000] SPS=100 eps=0.900 avg_len=- ")
    assert "r_env=0.5000" in line and "envs=32" in line and line.endswith("left 13h52m")


@pytest.mark.parametrize(
    "seconds, text", [(3, "3s"), (61, "1m"), (3 * 3600 + 300, "3h05m"), (52 * 3600, "2d04h"), (float("inf"), "?")]
)
def test_durations_are_short(seconds, text):
    assert format_duration(seconds) == text
