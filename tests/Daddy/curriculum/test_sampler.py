import json
from collections import Counter

import pytest
from savestate_files import make

from Daddy.curriculum.sampler import TIER_SHARE, Sampler
from Daddy.curriculum.savestates import Savestate


def starts(sampler: Sampler, entries: list[Savestate], count: int) -> list[int]:
    return [sampler.choose(list(enumerate(entries, 1))) for _ in range(count)]


def test_without_savestates_every_start_is_a_true_one():
    assert set(starts(Sampler(0, 0.3), [], 50)) == {0}


@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
def test_true_starts_and_tiers_get_their_shares_in_every_window(share):
    entries = [make(n, tier=tier) for n, tier in enumerate(("early", "mid", "late", "early"))]
    entries[0].alpha = entries[0].beta = 50.0  # would win nearly every draw
    entries[1].alpha = entries[2].alpha = entries[3].alpha = 1e-3
    told = starts(Sampler(1, share), entries, 1000)
    for begin in range(0, 1000, 100):
        window = Counter(told[begin : begin + 100])
        assert window[0] >= 100 * share - 2
        if share < 0.6:
            assert window[2] >= 100 * TIER_SHARE - 2 and window[3] >= 100 * TIER_SHARE - 2
            assert window[1] >= 15


def test_what_is_learnable_or_new_is_preferred():
    mastered, hopeless, learnable, new = (make(n) for n in range(4))
    for entry, alpha, beta in ((mastered, 40, 0.5), (hopeless, 0.5, 40), (learnable, 20, 20)):
        entry.alpha, entry.beta, entry.attempts = alpha, beta, 1000
    told = Counter(starts(Sampler(2, 0.3), [mastered, hopeless, learnable, new], 2000))
    assert told[3] > 5 * (told[1] + told[2]) and told[4] > 5 * (told[1] + told[2])


def test_the_sampler_goes_on_where_it_was_saved():
    entries = [make(n, tier=("early", "mid")[n % 2]) for n in range(6)]
    sampler, twin = Sampler(3, 0.3), Sampler(4, 0.3)
    starts(sampler, entries, 33)
    twin.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert starts(twin, entries, 50) == starts(sampler, entries, 50)


def test_true_starts_that_a_swarm_went_past_are_made_up_for():
    entries = [make(n, tier=("early", "late")[n % 2]) for n in range(4)]
    pairs, sampler = list(enumerate(entries, 1)), Sampler(5, 0.3)
    assert [sampler.choose(pairs, sent_to=2) for _ in range(20)] == [2] * 20
    later = Counter(sampler.choose(pairs) for _ in range(80))
    assert later[0] >= 0.3 * 100 - 1
    assert later[1] + later[3] >= TIER_SHARE * 100 - 1, "early ones too, the swarm was a late one"
