import copy

import numpy as np
import pytest

from Daddy.intrinsic import RewardMixer
from Daddy.novelty import EpisodicNovelty, LifelongNovelty
from Daddy.puffer_shim import RECORD
from Daddy.rnd import RND

IDS = np.arange(2)


def rows_at(x: int, first: bool = False, reward: float = 0.0) -> np.ndarray:
    rows = np.zeros(2, RECORD)
    rows["x"], rows["is_first"], rows["r_env"] = x, first, reward
    return rows


def test_the_total_is_the_weighted_sum_of_what_the_arrived_state_pays():
    mixer = RewardMixer(None, EpisodicNovelty(2), rnd_weight=9.0, novelty_weight=0.5)
    mixer.score(rows_at(0, first=True), IDS)
    new = mixer.score(rows_at(1, reward=2.0), IDS)
    assert new.novel.tolist() == [1.0, 1.0] and new.total.tolist() == [2.5, 2.5]
    again = mixer.score(rows_at(1), IDS)
    assert again.novel == pytest.approx(1 / np.sqrt(2)) and again.rnd.tolist() == [0.0, 0.0]


def test_curiosity_is_worth_what_its_schedule_has_left():
    mixer = RewardMixer(RND(2, seed=1), EpisodicNovelty(2), rnd_weight=2.0, novelty_weight=0.5)
    mixer.curiosity_left = 0.2
    mixer.score(rows_at(0, first=True), IDS)
    terms = mixer.score(rows_at(1), IDS)
    assert mixer.weights == pytest.approx({"rnd": 0.4, "novel": 0.1, "bayes": 0.0})
    assert terms.total == pytest.approx(0.4 * terms.rnd + 0.1 * terms.novel)


def test_a_first_observation_pays_nothing_but_is_counted():
    mixer = RewardMixer(None, EpisodicNovelty(2), 0.0, 1.0)
    first = mixer.score(rows_at(4, first=True, reward=3.0), IDS)
    assert all(not values.any() for _, values in first.items())
    assert mixer.score(rows_at(4), IDS).novel == pytest.approx(1 / np.sqrt(2))


def walk(span: str, milestones: list[list[int]]) -> list[list[float]]:
    """r_novel of two envs that stand still while env 0 owns so many milestones, and env 1 none."""
    mixer, paid = RewardMixer(None, EpisodicNovelty(2), 0.0, 1.0, novelty_span=span), []
    for step, owned in enumerate(milestones):
        rows = rows_at(4, first=step == 0)
        for index in owned:
            rows["milestones"][0, index // 8] |= 1 << index % 8
        paid.append([round(float(v), 3) for v in mixer.score(rows, IDS).novel])
    return paid[1:]


def test_known_ground_pays_anew_after_a_milestone_if_novelty_spans_milestones():
    told = [[], [], [], [9], [9], [3, 9], [3, 9]]
    still = [[v, v] for v in (0.707, 0.577, 0.5, 0.447, 0.408, 0.378)]
    assert walk("episode", told) == still
    anew = [0.707, 0.577, 1.0, 0.707, 1.0, 0.707]
    assert walk("milestone", told) == [[mine, other] for mine, (_, other) in zip(anew, still, strict=True)]


def test_what_a_spawn_owns_is_no_new_milestone():
    spawned = walk("milestone", [[9], [9], [9]])
    assert spawned == [[0.707, 0.707], [0.577, 0.577]]


def seldom_seen(saved=None) -> tuple[float, RewardMixer]:
    """r_novel of a place that is new to a run which has stood elsewhere for long, and the mixer."""
    mixer = RewardMixer(None, EpisodicNovelty(2), 0.0, 1.0, lifelong=LifelongNovelty())
    if saved is not None:
        mixer.load_state_dict(saved)
    else:
        for step in range(200):
            mixer.score(rows_at(4, first=step == 0), IDS)
    mixer.score(rows_at(4, first=True), IDS)
    return float(mixer.score(rows_at(5), IDS).novel[0]), mixer


def test_what_the_run_has_seldom_seen_pays_more_and_that_survives_a_save():
    paid, mixer = seldom_seen()
    assert paid == 5.0
    state = mixer.state_dict()
    assert set(state) == {"lifelong"}
    assert seldom_seen(state)[0] == 5.0, "it knows where it has been"
    assert seldom_seen({})[0] == pytest.approx(1.0, abs=0.01), "a run that saved none begins to count"


def test_stages_of_the_story_are_counted_apart():
    mixer = RewardMixer(None, EpisodicNovelty(2), 0.0, 1.0, lifelong=LifelongNovelty())
    rows = rows_at(4)
    for _ in range(100):
        mixer.score(rows, IDS)
        mixer.score(rows_at(5), IDS)
    rows["milestones"][0, 1] = 0b11  # env 0 is at another stage, where all is new
    counts = copy.deepcopy(mixer.lifelong.state_dict())
    mixer.score(rows, IDS)
    moved = mixer.lifelong.state_dict()
    assert (moved["visits"] - counts["visits"]).tolist()[:3] == [1, 0, 1]


def test_rnd_pays_for_what_it_was_not_trained_on_and_its_state_travels():
    mixer = RewardMixer(RND(2, seed=1), None, rnd_weight=2.0, novelty_weight=0.0)
    rng = np.random.default_rng(0)
    rows = rows_at(0)
    for _ in range(600):
        rows["screen"] = rng.integers(0, 255, rows["screen"].shape, dtype=np.uint8)
        terms = mixer.score(rows, IDS)
        assert (terms.rnd >= 0).all()
        mixer.train(rows)
    assert terms.rnd.any() and terms.total == pytest.approx(2.0 * terms.rnd)
    twin = RewardMixer(RND(2, seed=2), None, 2.0, 0.0)
    twin.load_state_dict(mixer.state_dict())
    assert twin.score(rows, IDS).rnd == pytest.approx(mixer.score(rows, IDS).rnd)
