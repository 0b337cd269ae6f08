import numpy as np

from Daddy.first_times import NEVER, FirstTimes, MilestoneChanges


def test_against_a_slow_reference_on_random_streams():
    rng = np.random.default_rng(0)
    envs, bits, fast = 3, 5, FirstTimes(3, 5)
    spawn = [set() for _ in range(envs)]
    seen = [{} for _ in range(envs)]
    steps = np.zeros(envs, int)
    for turn in range(300):
        env_ids = rng.permutation(envs)[: rng.integers(1, envs + 1)] if turn else np.arange(envs)
        values = rng.random((len(env_ids), bits)) < 0.05
        first = rng.random(len(env_ids)) < 0.1 if turn else np.ones(envs, bool)
        steps[env_ids] = np.where(first, 0, steps[env_ids] + 1)
        fresh = fast.update(values, first, steps[env_ids], env_ids)
        for row, env in enumerate(env_ids):
            owned = set(np.flatnonzero(values[row]).tolist())
            if first[row]:
                spawn[env], seen[env] = owned, {}
            new = owned - spawn[env] - set(seen[env])
            seen[env] |= dict.fromkeys(new, int(steps[env]))
            assert set(np.flatnonzero(fresh[row]).tolist()) == new
            assert {k: s for k, s in enumerate(fast.step[env]) if s != NEVER} == seen[env]


def test_milestone_changes_are_told_per_env_and_at_every_beginning():
    changes, no = MilestoneChanges(3), np.zeros(2, bool)
    rows = np.array([[0, 1], [0, 0]], np.uint8)
    assert changes.update(rows, np.ones(2, bool), np.array([0, 2])).tolist() == [True, True]
    assert changes.update(rows, no, np.array([0, 2])).tolist() == [False, False]
    assert changes.update(rows[::-1], no, np.array([0, 2])).tolist() == [True, True]
    assert changes.update(rows[:1], np.array([True]), np.array([2])).tolist() == [True], "known, but a beginning"
