import numpy as np
import pytest

from Daddy.exploration import BoldStarts, RepeatedExploration, StuckExploration
from Daddy.puffer_shim import LAYOUT, RECORD
from Daddy.puffer_shim.visits import VisitCounts

GREEDY = 9  # an action that exploration never draws


def play(longest: int, epsilon: float, steps: int, envs: int = 50, seed: int = 0) -> np.ndarray:
    """Actions (steps, envs)."""
    explorer, rng = RepeatedExploration(envs, longest), np.random.default_rng(seed)
    none, ids = np.zeros(envs, bool), np.arange(envs)
    greedy, rate = np.full(envs, GREEDY), np.full(envs, epsilon)
    return np.stack([explorer.choose(greedy, 7, ids, none, rate, rng) for _ in range(steps)])


def mean_run(actions: np.ndarray) -> float:
    """Mean number of equal actions in a row, over all envs."""
    changes = np.count_nonzero(actions[1:] != actions[:-1]) + actions.shape[1]
    return actions.size / changes


@pytest.mark.parametrize("longest", [1, 8, 32])
@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.4, 1.0])
def test_epsilon_is_the_share_of_exploratory_steps(longest, epsilon):
    actions = play(longest, epsilon, steps=2000)
    assert np.mean(actions != GREEDY) == pytest.approx(epsilon, abs=0.01)


def test_random_actions_are_repeated_and_all_are_tried():
    plain, repeated = play(1, 1.0, 2000), play(32, 1.0, 2000)
    assert mean_run(plain) == pytest.approx(7 / 6, rel=0.02)
    assert mean_run(repeated) > 2 * mean_run(plain)
    assert set(np.unique(repeated)) == set(range(7))


def test_an_episode_start_ends_the_repeat_of_that_env_only():
    explorer, rng = RepeatedExploration(2, 32), np.random.default_rng(0)
    explorer.load_state_dict({"left": [5, 5], "action": [3, 4]})
    actions = explorer.choose(np.array([8, 8]), 7, np.arange(2), np.array([True, False]), np.zeros(2), rng)
    assert actions.tolist() == [8, 4]
    assert explorer.state_dict()["left"].tolist() == [0, 4]


def test_partial_batches_touch_only_their_envs():
    explorer, rng = RepeatedExploration(3, 32), np.random.default_rng(0)
    explorer.load_state_dict({"left": [2, 2, 2], "action": [1, 2, 3]})
    chosen = explorer.choose(np.array([8, 8]), 7, np.array([2, 0]), np.zeros(2, bool), np.zeros(2), rng)
    assert chosen.tolist() == [3, 1]
    assert explorer.state_dict()["left"].tolist() == [1, 2, 1]


class Walkers:
    """Envs whose records tell where they stand, as the record env writes them."""

    def __init__(self, envs):
        self.rows = np.zeros(envs, RECORD)
        self.visits = [VisitCounts(row[LAYOUT["visits"]]) for row in self.rows["structured"]]

    def step(self, *xs, fights=False):
        """Records after env i came to column xs[i]."""
        for visits, x in zip(self.visits, xs, strict=True):
            visits.visit(0, x, 0)
        self.rows["in_battle"] = fights
        return self.rows


def test_an_env_without_new_ground_explores_until_it_finds_some():
    walkers, stuck, ids = Walkers(2), StuckExploration(2, patience=3, epsilon=0.5), np.arange(2)
    own = np.array([0.1, 0.9])
    path = [0, 1, 0, 1, 0, 1, 2, 2]  # of env 0: to and fro, then on; env 1 stands still
    found = [stuck.raised(own, walkers.step(x, 0), ids).tolist() for x in path]
    assert [row[0] for row in found] == [0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.1, 0.1]
    assert all(row[1] == 0.9 for row in found)  # never lowered
    assert stuck.take_share() == pytest.approx((2 + 5) / 16)
    assert stuck.take_share() == 0.0


def test_a_milestone_makes_known_ground_new():
    walkers, stuck, ids = Walkers(1), StuckExploration(1, patience=1, epsilon=0.5), np.arange(1)
    raised = [stuck.raised(np.zeros(1), walkers.step(0), ids)[0] for _ in range(2)]
    walkers.visits[0].count_anew()
    assert [*raised, stuck.raised(np.zeros(1), walkers.step(0), ids)[0]] == [0.0, 0.5, 0.0]


def test_steps_in_a_fight_do_not_count_and_are_left_alone():
    walkers, stuck, ids = Walkers(1), StuckExploration(1, patience=2, epsilon=0.5), np.arange(1)
    fights = [False, False, True, True, True, False, True]
    found = [stuck.raised(np.zeros(1), walkers.step(0, fights=f), ids)[0] for f in fights]
    assert found == [0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0]


def test_exploring_where_an_env_is_stuck_fades_with_curiosity():
    walkers, stuck, ids = Walkers(1), StuckExploration(1, patience=1, epsilon=0.5), np.arange(1)
    stuck.raised(np.zeros(1), walkers.step(0), ids)
    found = [stuck.raised(np.full(1, 0.01), walkers.step(0), ids, left)[0] for left in (1.0, 0.2, 0.0)]
    assert found == pytest.approx([0.5, 0.1, 0.01])


def test_a_fight_in_which_nothing_changes_is_explored_however_little_curiosity_is_left():
    stuck, rows, ids, own = StuckExploration(2, patience=2, epsilon=0.5), np.zeros(2, RECORD), np.arange(2), np.zeros(2)
    rows["in_battle"] = (1, 0)

    def raised(**features):
        for name, value in features.items():
            rows["structured"][0, LAYOUT[name].start] = value
        return stuck.raised(own, rows, ids, 0.0).tolist()

    def steps_until_raised(**features):
        return next(n for n in range(20) if raised(**(features if n == 0 else {}))[0])

    assert steps_until_raised(enemy_hp=200) == 4
    assert raised() == [0.5, 0.0], "the other one fights nobody"
    for feature in ("enemy_level", "enemy_hp", "levels", "hp", "pp"):
        assert raised(**{feature: 3}) == [0.5, 0.0], "until it ends"
        rows["in_battle"][0] = 0
        assert raised() == [0.0, 0.0]
        rows["in_battle"][0] = 1
        assert [raised()[0] for _ in range(3)] == [0.0] * 3
        assert steps_until_raised(**{feature: 9}) == 4, feature
    rows["is_first"] = 1
    assert raised() == [0.0, 0.0]
    rows["is_first"], rows["in_battle"] = 0, 0
    assert raised() == [0.0, 0.0]


def test_no_patience_raises_nothing():
    walkers, stuck = Walkers(1), StuckExploration(1, patience=0, epsilon=1.0)
    assert [stuck.raised(np.zeros(1), walkers.step(0), np.arange(1))[0] for _ in range(9)] == [0.0] * 9


def test_envs_of_other_batches_keep_their_count():
    walkers, stuck = Walkers(2), StuckExploration(2, patience=1, epsilon=0.5)
    rows = walkers.step(0, 0)
    stuck.raised(np.zeros(2), rows, np.arange(2))
    walkers.step(0, 0)
    assert stuck.raised(np.zeros(1), rows[[1]], np.array([1])).tolist() == [0.5]
    assert stuck._waited.tolist() == [0, 1]


def test_after_a_bold_start_the_first_steps_explore():
    bold, rows, ids, own = BoldStarts(3, steps=2, epsilon=0.5), np.zeros(3, RECORD), np.arange(3), np.full(3, 0.1)
    own[2] = 0.9  # never lowered
    bold.begin(1, True)
    bold.begin(2, True)
    found = []
    for step in range(3):
        rows["episode_step"] = step
        found.append(bold.raised(own, rows, ids).tolist())
    assert found == [[0.1, 0.5, 0.9], [0.1, 0.5, 0.9], [0.1, 0.1, 0.9]]
    assert bold.take_share() == pytest.approx(4 / 9)
    bold.begin(1, False)
    assert bold.raised(own[:2], np.zeros(2, RECORD), np.array([1, 0])).tolist() == [0.1, 0.1]


def test_a_bold_start_lasts_longer_where_it_is_told_to_and_ends_with_what_it_finds():
    bold, rows, ids = BoldStarts(2, steps=2, epsilon=0.5), np.zeros(2, RECORD), np.arange(2)
    bold.begin(0, True, stretch=2.5)
    bold.begin(1, True, stretch=4.0)
    found = []
    for step in range(8):
        rows["episode_step"] = step
        found.append(bold.raised(np.zeros(2), rows, ids).tolist())
        if step == 5:
            bold.end(1)
    assert [a for a, _ in found] == [0.5] * 5 + [0.0] * 3 and [b for _, b in found] == [0.5] * 6 + [0.0] * 2


def test_a_bold_start_leaves_fights_alone_and_no_steps_raise_nothing():
    rows = np.zeros(1, RECORD)
    for steps, in_battle, expected in ((5, 0, 0.5), (5, 1, 0.0), (0, 0, 0.0)):
        bold = BoldStarts(1, steps, epsilon=0.5)
        bold.begin(0, True)
        rows["in_battle"] = in_battle
        assert bold.raised(np.zeros(1), rows, np.arange(1)).tolist() == [expected]
