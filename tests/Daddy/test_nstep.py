import numpy as np
import pytest

from Daddy.nstep import nstep_targets


def random_rows(rng, batch=4, length=40, lost_rate=0.05):
    is_last = rng.random((batch, length)) < 0.15
    is_first = np.zeros_like(is_last)
    is_first[:, 1:] = is_last[:, :-1]
    lost = rng.random((batch, length)) < lost_rate
    lost[:, 0] = False
    is_first |= lost
    terminated = is_last & (rng.random((batch, length)) < 0.5)
    return rng.normal(size=(batch, length)).astype(np.float32), is_first, is_last, terminated


def reference(reward, is_first, is_last, terminated, t, n_step, gamma):
    """(return, discount, bootstrap row) of one row of one sequence; None where there is no transition."""
    if is_last[t] or is_first[t + 1]:
        return None
    total, steps = 0.0, 0
    for row in range(t + 1, t + n_step + 1):
        if is_first[row]:
            break
        total += gamma**steps * reward[row]
        steps += 1
        if is_last[row]:
            if terminated[row]:
                return total, 0.0, row
            break
    return total, gamma**steps, t + steps


@pytest.mark.parametrize("n_step", [1, 3, 5])
def test_equals_the_obvious_reference(n_step):
    rng = np.random.default_rng(n_step)
    start, count, gamma = 4, 25, 0.9
    for _ in range(20):
        rows = random_rows(rng)
        targets = nstep_targets(*rows, start, count, n_step, gamma)
        for b in range(4):
            for i in range(count):
                expected = reference(*(column[b] for column in rows), start + i, n_step, gamma)
                assert targets.valid[b, i] == (expected is not None)
                if expected:
                    actual = targets.returns[b, i], targets.discount[b, i], targets.bootstrap[b, i]
                    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_truncation_bootstraps_and_termination_does_not():
    reward = np.array([[0, 1, 2, 0, 5]], np.float32)
    is_last = np.array([[False, False, True, False, False]])
    is_first = np.array([[True, False, False, True, False]])
    cut = nstep_targets(reward, is_first, is_last, np.zeros_like(is_last), 0, 2, 2, 0.5)
    assert cut.returns[0].tolist() == [2.0, 2.0]
    assert cut.discount[0].tolist() == [0.25, 0.5] and cut.bootstrap[0].tolist() == [2, 2]
    ended = nstep_targets(reward, is_first, is_last, is_last, 0, 2, 2, 0.5)
    assert ended.returns[0].tolist() == [2.0, 2.0] and ended.discount[0].tolist() == [0.0, 0.0]
