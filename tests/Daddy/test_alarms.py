import numpy as np
import pytest

from Daddy.alarms import AlarmRule, AlarmState
from Daddy.beta import BetaPrior, discounted_update

RULE = AlarmRule(target=0.5, patience=100, warning_run=10, critical_run=25)
PRIOR = BetaPrior()


def play(outcomes, frontier: bool = True, rule: AlarmRule = RULE) -> list[int]:
    """The level after each attempt at one milestone."""
    state, levels = AlarmState((1,), rule), []
    alpha, beta, yes = np.array([PRIOR.alpha]), np.array([PRIOR.beta]), np.ones(1, bool)
    for outcome in outcomes:
        alpha, beta = discounted_update(alpha, beta, np.array([bool(outcome)]), yes, PRIOR, 0.95)
        state.update(alpha, beta, yes, np.array([frontier]))
        levels.append(int(state.levels()[0]))
    return levels


def test_demand_is_a_ramp_at_the_frontier_and_whole_for_what_was_mastered():
    age = np.array([0, 50, 75, 100, 500])
    no, yes = np.zeros(5, bool), np.ones(5, bool)
    assert RULE.demanded(age, yes, no) == pytest.approx([0, 0, 0.25, 0.5, 0.5])
    assert not RULE.demanded(age, no, no).any(), "milestones past the frontier owe nothing"
    assert RULE.demanded(age, no, yes) == pytest.approx([0.5] * 5)


def test_a_stuck_frontier_warns_after_half_the_patience_and_then_turns_critical():
    levels = play([0] * 200)
    warned, critical = levels.index(1), levels.index(2)
    assert 50 + RULE.warning_run - 1 <= warned < critical <= 50 + RULE.critical_run + 15
    assert levels[-1] == 2


def test_what_is_not_the_frontier_is_never_accused():
    assert set(play([0] * 300, frontier=False)) == {0}


def test_a_run_of_bad_luck_shorter_than_the_persistence_is_forgiven():
    assert set(play([1] * 60 + [0] * 15 + [1] * 60)) == {0}


def test_unlearning_is_accused_without_any_grace_and_recovery_clears_it():
    levels = play([1] * 40 + [0] * 60 + [1] * 60, frontier=False)
    assert 1 in levels[40:100] and levels[-1] == 0


def test_attempts_that_do_not_count_do_not_extend_a_streak():
    state = AlarmState((2,), RULE)
    bad = np.full(2, 0.1), np.full(2, 60.0)
    for _ in range(150):
        state.update(*bad, np.array([True, False]), np.ones(2, bool))
    assert state.levels().tolist() == [2, 0] and state.age.tolist() == [150, 0]
