import numpy as np
import pytest

from Daddy.episodes import EpisodeTracker
from Daddy.intrinsic import RewardTerms
from Daddy.progress import IntervalStats, entropy, episode_scalars

ROW = np.dtype(
    [("is_first", "u1"), ("terminated", "u1"), ("truncated", "u1"), ("milestones", "u1", (16,)), ("map_id", "u1"),
     ("spawn_id", "u4"), ("badges", "u1"), ("tiles", "u4")]
)  # fmt: skip


def rows_of(*fields: dict) -> np.ndarray:
    rows = np.zeros(len(fields), ROW)
    for row, values in zip(rows, fields, strict=True):
        for name, value in values.items():
            row[name] = value
    return rows


def terms_of(*values: float) -> RewardTerms:
    array = np.array(values, np.float32)
    return RewardTerms(env=array, rnd=2 * array, novel=3 * array, bayes=4 * array, total=10 * array)


def test_episodes_add_up_per_env_even_in_partial_batches():
    tracker = EpisodeTracker(num_envs=3, milestone_bytes=16)
    tracker.add(rows_of({"is_first": 1}, {"is_first": 1}), np.array([0, 2]), terms_of(9, 9), step_global=0)
    tracker.add(rows_of({}), np.array([2]), terms_of(1), step_global=1)
    ended = tracker.add(
        rows_of({"truncated": 1, "badges": 1, "tiles": 5, "map_id": 40}, {}), np.array([2, 0]), terms_of(4, 8), 3
    )
    (episode,) = ended
    assert (episode.env_id, episode.length, episode.start_step, episode.end_step) == (2, 2, 0, 3)
    assert episode.returns == {"env": 5, "rnd": 10, "novel": 15, "bayes": 20, "total": 50}
    assert episode.truncated and not episode.terminated and episode.map_id == 40
    tracker.add(rows_of({"is_first": 1}), np.array([2]), terms_of(7), step_global=3)
    (again,) = tracker.add(rows_of({"terminated": 1}), np.array([2]), terms_of(1), step_global=4)
    assert (again.episode_id, again.length, again.returns["env"], again.start_step) == (2, 1, 1, 3)


def test_an_episode_cut_by_a_restart_is_counted_as_cut_and_nowhere_else():
    tracker, ids = EpisodeTracker(2, 16), np.arange(2)
    tracker.add(rows_of({"is_first": 1}, {"is_first": 1}), ids, terms_of(0, 0), 0)
    tracker.add(rows_of({}, {}), ids, terms_of(5, 5), 2)
    assert tracker.add(rows_of({"is_first": 1}, {"truncated": 1}), ids, terms_of(0, 5), 3) != []
    assert (tracker.cut, tracker.completed, len(tracker.recent)) == (1, 1, 1)
    (episode,) = tracker.add(rows_of({"truncated": 1}, {"is_first": 1}), ids, terms_of(7, 0), 4)
    assert (episode.env_id, episode.length, episode.returns["env"], episode.start_step) == (0, 1, 7, 3)
    assert (tracker.cut, tracker.completed) == (1, 2), "the first record after an end is no cut"
    assert IntervalStats(2).take(tracker)["charts/episodes_cut"] == 1


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


def test_how_good_a_run_is_says_nothing_of_episodes_from_savestates():
    tracker, ids = EpisodeTracker(2, 16), np.arange(2)
    for _ in range(20):
        tracker.add(rows_of({"is_first": 1}, {"is_first": 1, "spawn_id": 3}), ids, terms_of(0, 0), 0)
        assert tracker.score() is None
        last = {"truncated": 1, "milestones": [1, *[0] * 15]}
        tracker.add(rows_of(last, last | {"spawn_id": 3, "milestones": [255, *[0] * 15]}), ids, terms_of(1, 9), 2)
    assert [episode.spawn_id for episode in tracker.recent] == [0, 3] * 20
    assert tracker.score()[0] == 1.0
    assert episode_scalars(list(tracker.recent))["milestone/best_recent"] == 1.0


def test_an_episode_has_its_id_from_its_first_observation_on():
    tracker, ids = EpisodeTracker(2, 16), np.arange(2)
    tracker.add(rows_of({"is_first": 1}, {"is_first": 1}), ids, terms_of(0, 0), 0)
    assert tracker.running_ids.tolist() == [0, 1] and tracker.completed == 0
    (episode,) = tracker.add(rows_of({}, {"truncated": 1}), ids, terms_of(0, 0), 2)
    tracker.add(rows_of({}, {"is_first": 1}), ids, terms_of(0, 0), 3)
    assert (episode.episode_id, tracker.completed, tracker.running_ids.tolist()) == (1, 1, [0, 2])


def test_interval_means_are_over_its_steps_and_start_anew():
    stats, tracker, ids = IntervalStats(2), EpisodeTracker(2, 16), np.arange(2)
    assert stats.add_rewards(terms_of(0, 3), np.array([True, False]), ids) == 1
    assert stats.add_rewards(terms_of(1, 2), np.array([False, False]), ids) == 2
    stats.add_metrics({"losses/td_loss": 1.0})
    stats.add_metrics({"losses/td_loss": 3.0})
    scalars = stats.take(tracker)
    assert scalars["reward/env"] == pytest.approx(2.0) and scalars["reward/total"] == pytest.approx(20.0)
    assert scalars["losses/td_loss"] == 2.0 and scalars["charts/active_envs"] == 2
    assert stats.take(tracker)["reward/env"] == 0.0


def test_training_time_goes_on_where_the_earlier_process_stopped():
    stats, tracker = IntervalStats(2, earlier_seconds=100.0), EpisodeTracker(2, 16)
    first, second = (stats.take(tracker)["time/train_seconds"] for _ in range(2))
    assert 100.0 < first < second < 110.0


def test_the_parts_of_r_env_are_means_over_steps_too():
    stats, tracker, ids = IntervalStats(2, ("event", "tiles")), EpisodeTracker(2, 16), np.arange(2)
    first = np.array([True, False])
    stats.add_rewards(terms_of(0, 3), first, ids)
    stats.add_parts(np.array([[7, 7, 0], [1, 2, 0]], np.float32), first)
    stats.add_rewards(terms_of(0, 3), ~first, ids)
    stats.add_parts(np.array([[3, 0, 0], [7, 7, 0]], np.float32), ~first)
    scalars = stats.take(tracker)
    assert (scalars["reward/env_event"], scalars["reward/env_tiles"]) == (2.0, 1.0)
    assert stats.take(tracker)["reward/env_event"] == 0.0


def test_speed_is_of_this_process_and_now_of_the_interval(monkeypatch):
    clock = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    stats, tracker, ids = IntervalStats(2), EpisodeTracker(2, 16), np.arange(2)
    going = np.array([False, False])
    for _ in range(50):
        stats.add_rewards(terms_of(0, 0), going, ids)
    assert stats.take(tracker)["charts/SPS"] == 10
    stats.add_rewards(terms_of(0, 0), np.array([True, False]), ids)
    scalars = stats.take(tracker)
    assert (scalars["charts/SPS"], scalars["charts/SPS_now"]) == (101 / 20, 0.1)
    assert scalars["charts/active_envs"] == 1, "the other env only began"


def test_action_entropy_is_that_of_the_buttons_played():
    assert entropy(np.zeros(7, int)) == 0.0 and entropy(np.array([0, 9])) == 0.0
    assert entropy(np.full(7, 3)) == pytest.approx(np.log(7))
