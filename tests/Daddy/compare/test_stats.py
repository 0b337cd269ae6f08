"""Interquartile means and their intervals against slow obvious references."""

import numpy as np
import pytest

from Daddy.compare.stats import interval, median_or_never, summarise


def middle_half(values) -> float:
    """Sort, drop a quarter (rounded down) at each end, average."""
    drop = len(values) // 4
    kept = sorted(values)[drop : len(values) - drop]
    return sum(kept) / len(kept)


@pytest.mark.parametrize("count", range(1, 12))
def test_the_iqm_is_the_mean_of_the_middle_half(count):
    values = np.random.default_rng(count).normal(size=count).tolist()
    assert summarise(values).iqm == pytest.approx(middle_half(values))


def test_the_interval_is_that_of_resampled_seeds():
    values, rng = [1.0, 2.0, 2.5, 4.0, 7.0, 9.0], np.random.default_rng(5)
    resampled = [middle_half(rng.choice(values, len(values))) for _ in range(20_000)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    summary = summarise(values)
    assert summary.lo95 == pytest.approx(low, abs=0.3) and summary.hi95 == pytest.approx(high, abs=0.3)


def test_one_seed_has_no_interval_and_equal_seeds_an_empty_one():
    one, equal = summarise([3.0]), summarise([2.0, 2.0, 2.0])
    assert (one.iqm, one.lo95, one.hi95, one.text()) == (3.0, None, None, "3.00")
    assert (equal.lo95, equal.hi95, equal.text()) == (2.0, 2.0, "2.00 [2.00, 2.00]")


def test_seeds_without_a_value_are_left_out():
    assert summarise([None, 4.0]).values == (4.0,)
    assert summarise([None]) is None and summarise([]) is None


def test_columns_are_resampled_alike_and_tables_repeat():
    values = np.random.default_rng(0).normal(size=(5, 3))
    low, high = interval(values)
    assert low.shape == high.shape == (3,) and (low < high).all()
    assert np.array_equal(interval(values)[0], low)
    assert interval(values[:1]) == (None, None)


def test_never_is_later_than_anything():
    assert median_or_never([10, None, 30]) == 30.0
    assert median_or_never([10, None]) is None and median_or_never([None, None, 5]) is None
