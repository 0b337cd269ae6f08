from collections import Counter

import numpy as np

from Daddy.novelty import EpisodicNovelty


def test_equals_plain_counters_over_episodes_partial_batches_and_growth():
    envs = 5
    rng = np.random.default_rng(0)
    novelty, counters = EpisodicNovelty(envs, slots=4), [Counter() for _ in range(envs)]
    started = np.zeros(envs, bool)
    for _ in range(1500):
        ids = rng.permutation(envs)[: rng.integers(1, envs + 1)]
        first = (rng.random(len(ids)) < 0.01) | ~started[ids]
        started[ids] = True
        map_id, x, y = (rng.integers(0, high, len(ids)).astype(np.uint8) for high in (256, 3, 3))
        bonus = novelty.bonus(map_id, x, y, ids, first)
        for i, env in enumerate(ids):
            if first[i]:
                counters[env].clear()
            counters[env][map_id[i], x[i], y[i]] += 1
            assert bonus[i] == np.float32(1 / np.sqrt(counters[env][map_id[i], x[i], y[i]]))
        assert novelty.places().tolist() == [len(c) for c in counters]


def test_repeats_pay_less_and_a_new_episode_pays_anew():
    novelty, place = EpisodicNovelty(1), [np.array([v], np.uint8) for v in (1, 2, 3)]
    ids, no, yes = np.array([0]), np.array([False]), np.array([True])
    paid = [novelty.bonus(*place, ids, first)[0] for first in (yes, no, no, no, yes)]
    np.testing.assert_allclose(paid, [1, 2**-0.5, 3**-0.5, 0.5, 1])
