import numpy as np
import pytest

from Daddy.episodes import Episode, EpisodeTracker
from Daddy.errors import CheckpointError, UsageError
from Daddy.run_state import collect, restore, restore_run


class Counter:
    def __init__(self, value=0):
        self.value = value

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state):
        self.value = int(state["value"])


def test_every_part_comes_back_and_unknown_ones_are_named():
    saved = collect({"step_global": 7}, {"a": Counter(3)})
    parts = {"a": Counter(), "b": Counter()}
    assert restore(saved, parts) == ["the checkpoint holds no b state: b starts fresh"]
    assert parts["a"].value == 3


def test_a_state_of_another_shape_is_refused_with_code_4():
    with pytest.raises(CheckpointError, match="saved a state does not fit") as error:
        restore({"a": {"other": 1}}, {"a": Counter()})
    assert error.value.exit_code == 4


def test_counters_and_rom():
    assert restore_run({}, "abc", {"a": Counter()}) == ({"rom_sha1": "abc", "step_global": 0}, [])
    saved = {"rom_sha1": "abc", "step_global": 9, "a": {"value": 1}}
    assert restore_run(saved, "abc", {"a": Counter()})[0] == {"rom_sha1": "abc", "step_global": 9}
    with pytest.raises(UsageError, match="SHA-1 abc"):
        restore_run(saved, "def", {})


def finished(episode_id: int, bits: int, value: float) -> Episode:
    return Episode(
        episode_id=episode_id, env_id=1, length=5, returns={"env": value, "rnd": 0.0, "novel": 0.0, "total": value},
        start_step=0, end_step=5, map_id=3, badges=1, milestones=np.array([bits, 0], np.uint8),
        spawn_milestones=np.array([1, 0], np.uint8), tiles=4, terminated=False, truncated=True,
    )  # fmt: skip


def test_an_episode_tracker_comes_back_without_its_running_episodes():
    one, two = (EpisodeTracker(2, milestone_bytes=2) for _ in range(2))
    one.next_id, one.completed, one._ever[:] = 14, 12, [7, 0]
    one.recent.extend(finished(i, 0b111, 2.0) for i in range(20))
    two.load_state_dict(one.state_dict())
    assert (two.next_id, two.completed) == (14, 12) and two._ever.tolist() == [7, 0]
    assert two.score() == one.score() == (2.0, 2.0)
    assert repr(list(two.recent)) == repr(list(one.recent))


def test_a_score_needs_some_episodes():
    tracker = EpisodeTracker(2, milestone_bytes=2)
    tracker.recent.extend(finished(i, 1, 0.0) for i in range(19))
    assert tracker.score() is None
