import numpy as np

from Daddy.sum_tree import SumTree


def test_equals_a_cumulative_sum():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 7, 64, 100):
        tree, weights = SumTree(size), np.zeros(size)
        for _ in range(20):
            leaves = rng.integers(0, size, 5)
            values = np.where(rng.random(5) < 0.3, 0.0, rng.random(5))
            tree.set(leaves, values)
            for leaf, value in zip(leaves, values, strict=True):
                weights[leaf] = value
            np.testing.assert_allclose(tree.get(np.arange(size)), weights)
            assert abs(tree.total - weights.sum()) < 1e-9
            if tree.total > 0:
                masses = rng.random(50) * tree.total * 0.999999
                expected = np.searchsorted(np.cumsum(weights), masses, side="right")
                np.testing.assert_array_equal(tree.find(masses), expected)


def test_never_draws_an_empty_leaf_even_at_the_very_end():
    tree = SumTree(10)
    tree.set(np.array([2, 5]), np.array([1e-9, 1e9]))
    assert set(tree.find(np.array([0.0, tree.total, tree.total * 2])).tolist()) <= {2, 5}


def test_draws_follow_the_weights():
    tree = SumTree(4)
    tree.set(np.arange(4), np.array([1.0, 0.0, 3.0, 6.0]))
    drawn = np.bincount(tree.sample(10_000, np.random.default_rng(0)), minlength=4) / 10_000
    np.testing.assert_allclose(drawn, [0.1, 0.0, 0.3, 0.6], atol=0.01)
