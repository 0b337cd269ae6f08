import numpy as np
import pytest

from Daddy.puffer_shim import LAYOUT, RECORD
from Daddy.puffer_shim.visits import VisitCounts
from Daddy.repetition import RepetitionPenalty

Q = np.array([[1.0, 0.93, 0.5, 0.0]], np.float32)
ENV = np.array([1])


class Walker:
    """Records of one env as the record env writes them, and greedy actions with the penalty."""

    def __init__(self, penalty=0.15):
        self.rows, self.penalty = np.zeros(1, RECORD), RepetitionPenalty(2, penalty)
        self.visits = VisitCounts(self.rows["structured"][0, LAYOUT["visits"]])

    def act(self, x=0, q=Q, **fields):
        for name, value in fields.items():
            self.rows[name] = value
        self.rows["x"] = x
        self.visits.visit(int(self.rows["map_id"][0]), x, 0)
        action = self.penalty.applied(q, self.rows, ENV).argmax(axis=1)
        self.penalty.took(action, ENV)
        return int(action[0])

    def feature(self, name, value):
        self.rows["structured"][0, LAYOUT[name].start] = value


def test_what_nothing_comes_of_is_repeated_less_and_less():
    walker = Walker()
    acted = [walker.act() for _ in range(12)]
    assert acted[:7] == [0, 1, 0, 1, 0, 1, 0], "a gap of half a penalty gives way after one repetition"
    assert set(acted[:8]) == {0, 1, 2} and acted[7] == 2, "in time what is worse has its turn"
    assert 3 in [walker.act() for _ in range(50)]


@pytest.mark.parametrize("scale, shift", [(100.0, -7.0), (0.01, 5.0)])
def test_the_penalty_is_a_share_of_the_spread_of_q(scale, shift):
    plain, other = Walker(), Walker()
    assert [other.act(q=Q * scale + shift) for _ in range(12)] == [plain.act() for _ in range(12)]


def test_every_place_has_counts_of_its_own_and_new_ground_begins_anew():
    walker = Walker()
    assert [walker.act(x) for x in (0, 0, 1)] == [0, 1, 0], "the second step is on known ground, the third is new"
    assert [walker.act(x) for x in (0, 1)] == [0, 1], "counts since then: none at 0, one at 1"
    assert walker.act(2) == 0
    assert [walker.act(x) for x in (0, 1)] == [0, 0]


def test_to_and_fro_ends_too():
    walker, where, path = Walker(0.1), 0, []
    for x in range(4):  # known ground
        walker.act(x)
    for _ in range(60):
        left_or_right = np.array([[1.0, 0.9]] if where else [[0.9, 1.0]], np.float32)  # each leads back to the other
        stays = np.array([[0.5, 0.0]], np.float32)
        action = walker.act(where, np.concatenate((left_or_right, stays), axis=1))
        path.append(action)
        where = {0: 0, 1: 1}.get(action, where)
    assert set(path[:6]) == {0, 1} and {2, 3} & set(path), "other actions get their turn"


@pytest.mark.parametrize("flag", ["in_battle", "text_open"])
def test_in_fights_and_texts_the_screen_is_the_place(flag):
    walker = Walker()
    walker.act(**{flag: 1})
    screens = [0, 1, 0, 1, 0, 1]
    acted = []
    for value in screens:
        walker.rows["screen"] = value
        acted.append(walker.act())
    assert acted == [1, 0, 0, 1, 1, 0]


@pytest.mark.parametrize("name", ["battle", "enemy_level", "enemy_hp", "levels", "hp", "pp"])
def test_a_fight_that_goes_on_is_news(name):
    walker = Walker()
    assert [walker.act(in_battle=1) for _ in range(3)] == [0, 1, 0]
    walker.feature(name, 77)
    assert [walker.act() for _ in range(3)] == [0, 1, 0]


def test_an_episode_begins_without_counts_and_envs_have_their_own():
    walker = Walker()
    acted = [walker.act() for _ in range(3)]
    assert acted == [0, 1, 0] and walker.act(is_first=1) == 0 == walker.act(is_first=1)
    both = np.zeros(2, RECORD)
    penalty, q = RepetitionPenalty(2, 0.2), np.repeat(Q, 2, axis=0)
    penalty.applied(q, both, np.arange(2))
    penalty.took(np.array([0, 3]), np.arange(2))
    lowered = penalty.applied(q, both, np.arange(2))
    np.testing.assert_allclose(q - lowered, [[0.2, 0, 0, 0], [0, 0, 0, 0.2]], atol=1e-6)
    assert lowered.dtype == np.float32
