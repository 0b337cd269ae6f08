import numpy as np
import pytest

from Daddy.exploration import RepeatedExploration

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
