from collections import Counter

import numpy as np

from Daddy.novelty import EpisodicNovelty, LifelongNovelty


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


def test_lifelong_counts_are_by_stage_of_the_story_and_survive_saving():
    rng, novelty, counts = np.random.default_rng(0), LifelongNovelty(), Counter()
    for turn in range(300):
        stage, map_id, x, y = (rng.integers(0, high, 4).astype(np.uint8) for high in (3, 2, 3, 3))
        factor = novelty.factor(stage, map_id, x, y)
        counts.update(zip(stage, map_id, x, y, strict=True))
        for i, place in enumerate(zip(stage, map_id, x, y, strict=True)):
            here = [n for (other, *_), n in counts.items() if other == stage[i]]
            expected = np.sqrt(sum(here) / len(here) / counts[place])
            assert factor[i] == np.float32(np.clip(expected, 1.0, 5.0))
        if turn == 150:
            novelty, saved = LifelongNovelty(), novelty.state_dict()
            novelty.load_state_dict(saved)


def test_a_place_that_is_seldom_seen_pays_five_times_at_most():
    novelty, zero = LifelongNovelty(), np.zeros(1, np.uint8)
    often = [novelty.factor(zero, zero, zero, zero)[0] for _ in range(1000)]
    assert set(often) == {1.0}
    assert novelty.factor(zero, zero, zero, zero + 1)[0] == 5.0
    assert novelty.factor(zero + 1, zero, zero, zero)[0] == 1.0, "another stage has its own mean"
