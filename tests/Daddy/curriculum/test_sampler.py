import json
from collections import Counter

import numpy as np
import pytest
from savestate_files import make
from scipy.stats import beta

from Daddy.curriculum.sampler import BOTTLENECK_SHARE, FRONTIER_SHARE, SLACK, TIER_SHARE, Sampler
from Daddy.curriculum.savestates import Savestate, place_at
from Daddy.curriculum.walls import GOOD
from Daddy.puffer_shim import BRIEF


def starts(sampler: Sampler, entries: list[Savestate], count: int, seen: dict[str, int] | None = None) -> list[int]:
    return [sampler.choose(list(enumerate(entries, 1)), seen or {}, {}) for _ in range(count)]


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
    mastered, hopeless, learnable, new, ahead = (make(n) for n in range(5))
    ahead.owned = ["EVENT_GOT_STARTER", "EVENT_GOT_POKEDEX"]
    for entry, alpha, failed in ((mastered, 40, 0.5), (hopeless, 0.5, 40), (learnable, 20, 20)):
        entry.alpha, entry.beta, entry.attempts = alpha, failed, 1000
    told = Counter(starts(Sampler(2, 0.3), [mastered, hopeless, learnable, new, ahead], 2000))
    assert told[3] > 5 * (told[1] + told[2]) and told[4] > 5 * (told[1] + told[2])


def test_what_is_learned_in_fewer_steps_is_preferred():
    short, long = make(0), make(1)
    long.owned = ["EVENT_GOT_STARTER"]
    for entry in (short, long):
        entry.alpha = entry.beta = 500.0  # draws hardly differ
    sampler, pairs = Sampler(2, 0.0), [(1, short), (2, long)]
    assert {sampler._most_to_learn(pairs)[0] for _ in range(200)} == {1, 2}
    sampler.episode_ended(short, 250)
    sampler.episode_ended(long, 2000)
    assert {sampler._most_to_learn(pairs)[0] for _ in range(200)} == {1}
    long.alpha, long.beta, short.beta = 1.0, 1.0, 500_000.0
    chosen = [sampler._most_to_learn(pairs)[0] for _ in range(200)]
    assert chosen.count(2) > 180, "but not what is known to fail"


def test_a_copy_of_a_known_kind_is_not_new():
    known, new = make(0), make(1)
    known.alpha, known.beta, new.alpha, new.beta = 10.0, 10.0, 1.0, 1.0  # theta is .5 on average for both
    sampler = Sampler(2, 0.0)
    scores = np.array([[sampler._score(entry) for entry in (known, new)] for _ in range(2000)]).mean(axis=0)
    assert scores[0] == pytest.approx(10 / 42 * (1 + 19**-0.5), rel=0.05), "E[theta (1 - theta)] = ab / ((a+b)(a+b+1))"
    assert scores[1] == pytest.approx(1 / 6 * 2, rel=0.05)


@pytest.mark.parametrize("true_share, least", [(0.3, FRONTIER_SHARE), (0.8, 0.1), (1.0, 0.0)])
def test_the_frontier_gets_its_share_though_nothing_succeeds_there(true_share, least):
    behind, ahead, rare = (make(n) for n in range(3))
    behind.alpha = behind.beta = 50.0
    for n, entry in enumerate((ahead, rare)):
        entry.owned, entry.milestone = ["EVENT_GOT_STARTER", "EVENT_GOT_POKEDEX"], f"MAP_{n}"
        entry.alpha, entry.beta, entry.attempts = 0.5, 500.0, 10
    told = starts(Sampler(6, true_share), [behind, ahead, rare], 1000, {"MAP_0": 189, "MAP_1": 9})
    for begin in range(0, 1000, 100):
        window = Counter(told[begin : begin + 100])
        assert window[0] >= 100 * true_share - 2 and window[2] + window[3] >= 100 * least - 2
    counts = Counter(told)
    assert counts[3] == pytest.approx(2 * counts[2], rel=0.5) or true_share > 0.3, "found last and found before"


def test_old_ground_come_to_again_is_no_place_found_late_and_a_level_is_no_place():
    home, way, far, level = (make(n) for n in range(4))
    kinds = ("MAP_HOME_AFTER_TWO", "MAP_WAY_AFTER_TWO", "MAP_FAR_AFTER_TWO", "LEVEL_10")
    for entry, kind in zip((home, way, far, level), kinds, strict=True):
        entry.owned, entry.milestone = ["EVENT"], kind
    found = dict.fromkeys(("MAP_HOME_AFTER_ONE", "MAP_WAY_AFTER_TWO", "MAP_FAR_AFTER_TWO", "LEVEL_10", kinds[0]), 1)
    sampler, pairs = Sampler(6, 0.0), [(1, home), (2, way), (3, far), (4, level)]
    counts = Counter(sampler._late_found(pairs, found)[0] for _ in range(2500))
    for number, rank in ((3, 1), (2, 2), (1, 3), (4, 4)):
        assert counts[number] == pytest.approx(2500 / rank / (1 + 1 / 2 + 1 / 3 + 1 / 4), rel=0.15)


def test_a_place_that_the_run_has_not_come_by_itself_counts_as_found_first():
    adopted, own = make(0), make(1)
    adopted.milestone, own.milestone = "MAP_ADOPTED_AFTER_TWO", "MAP_OWN_AFTER_TWO"
    sampler = Sampler(6, 0.0)
    counts = Counter(sampler._late_found([(1, adopted), (2, own)], {own.milestone: 1})[0] for _ in range(900))
    assert counts[2] == pytest.approx(600, rel=0.15)


def test_where_true_starts_end_seldom_seen_kinds_are_tried_too():
    common, rare, ahead = (make(n) for n in range(3))
    ahead.owned, ahead.milestone = ["EVENT_GOT_STARTER"], "MAP_9"
    for n, entry in enumerate((common, rare)):
        entry.milestone, entry.alpha, entry.beta, entry.attempts = f"MAP_{n}", 1e-9, 500.0 * 10.0**n, 10
    sampler = Sampler(8, 0.3)
    sampler.true_start_ended(0, 500)
    counts = Counter(starts(sampler, [common, rare, ahead], 2000, {"MAP_0": 189, "MAP_1": 9, "MAP_9": 1}))
    assert counts[2] >= 2000 * BOTTLENECK_SHARE / 2 * 10 / 11 - 30, "1 / 20 to 1 / 200"


def test_where_true_starts_end_gets_its_share_and_there_what_can_be_learned():
    mastered, near, far, ahead = (make(n) for n in range(4))
    near.owned = far.owned = ["EVENT_GOT_STARTER"]
    ahead.owned = ["EVENT_GOT_STARTER", "EVENT_GOT_POKEDEX"]
    for entry, alpha, failed in ((mastered, 30.0, 2.0), (near, 6.0, 30.0), (far, 0.5, 33.0), (ahead, 0.5, 33.0)):
        entry.alpha, entry.beta, entry.attempts = alpha, failed, 100
    sampler = Sampler(7, 0.3)
    for milestones in [0] * 40 + [0] * 10 + [1] * 12 + [2] * 10:  # the last 32: the median is 1
        sampler.true_start_ended(milestones, 500)
    told = Counter(starts(sampler, [mastered, near, far, ahead], 1000))
    assert told[2] + told[3] >= 1000 * BOTTLENECK_SHARE - 2 and told[2] > 2 * told[3] > 0
    assert told[4] >= 1000 * FRONTIER_SHARE - 2 and told[0] >= 298
    for _ in range(32):
        sampler.true_start_ended(5, 500)  # no savestate has as many
    told = Counter(starts(sampler, [mastered, near, far, ahead], 1000))
    assert told[4] >= 1000 * FRONTIER_SHARE - 2 and told[0] >= 298


def test_at_the_bottleneck_all_copies_of_the_best_kind_are_tried():
    one, other, third, hopeless = (make(n, f"MAP_{n // 3}") for n in range(4))
    for entry, alpha, failed in ((one, 20, 20), (other, 0.5, 40), (third, 0.5, 40), (hopeless, 0.5, 40)):
        entry.alpha, entry.beta, entry.attempts = alpha, failed, 100
    sampler = Sampler(13, 0.3)
    pairs = list(enumerate((one, other, third, hopeless)))
    counts = Counter(sampler._any_copy_of_best(pairs)[0] for _ in range(900))
    assert counts[3] < 30 and all(counts[n] == pytest.approx(300, abs=60) for n in range(3))


FOREST, GATE, ROUTE, HOME, CAVE = (place_at(number, 0, 0) for number in range(5))
WAYS = {HOME: {ROUTE}, ROUTE: {HOME, GATE}, GATE: {FOREST, ROUTE}, FOREST: {HOME, GATE}}


def shares_at_the_bottleneck(entries: list[Savestate], everything: list[Savestate], ways=WAYS) -> list[float]:
    sampler, pairs = Sampler(13, 0.3), list(enumerate(everything))
    counts = Counter(sampler._at_the_wall(0, pairs, {"M_4": 1}, ways)[0] for _ in range(3000))
    return [counts[n] / 3000 for n in range(len(entries))]


def stands(number: int, alpha: float, failed: float, **changes) -> Savestate:
    entry = make(number, f"M_{number}", map_id=number, x=0, y=0, **changes)
    entry.alpha, entry.beta, entry.attempts = alpha, failed, 0 if number == 4 else 1000
    return entry


def test_the_bottleneck_moves_back_to_the_doorstep_of_what_succeeds():
    entries = [stands(n, *known) for n, known in enumerate([(14, 20), (10, 24), (0.5, 33), (0.5, 33), (0.5, 33)])]
    before, told = shares_at_the_bottleneck(entries, entries, {}), shares_at_the_bottleneck(entries, entries)
    assert before[2] < 0.05 and told[2] == pytest.approx(1 / 3 * 2 / 3, abs=0.05), "common ground, and on the doorstep"
    assert told[3] == pytest.approx(1 / 3 * 1 / 3, abs=0.05), "twice as far"
    assert told[0] + told[1] > 1 / 3 - 0.05, "where most is learned keeps a third"
    assert told[4] == pytest.approx(before[4] * 2 / 3, abs=0.05), "as does what is seldom seen and leads nowhere"
    entries[2].alpha = 15.0
    told = shares_at_the_bottleneck(entries, entries)
    assert told[3] > 1 / 3 - 0.05, "and so on, back to where true starts come from"


def test_doorsteps_lead_to_where_the_next_milestone_was_once_reached():
    entries = [stands(n, 0.5, 33) for n in (2, 3, 4)]
    beyond = stands(0, 0.5, 33, owned=["EVENT_BEAT_BROCK"])
    nothing = shares_at_the_bottleneck(entries, [*entries, beyond])
    assert max(nothing[:2]) < 0.3, "it was taken elsewhere, on the way to another milestone"
    beyond.milestone = "EVENT_BEAT_BROCK"
    route, home, _ = shares_at_the_bottleneck(entries, [*entries, beyond])
    assert route > nothing[0] + 0.1 and route - nothing[0] > 1.5 * (home - nothing[1])
    entries[0].beta = 3.0
    assert shares_at_the_bottleneck(entries, [*entries, beyond])[0] > route + 0.03, "and not where all was tried"
    entries[0].beta = 33.0
    beyond.owned.append("EVENT_BEAT_MISTY")
    assert max(shares_at_the_bottleneck(entries, [*entries, beyond])[:2]) < 0.3, "one milestone further, not two"


def test_while_practice_moves_backwards_the_next_wall_is_learned_too():
    stuck = [stands(n, alpha, 20, owned=["A"]) for n, alpha in enumerate([14, 0.5])]
    done, wall = stands(2, 20, 5, owned=["A", "B"]), [stands(n, 0.5, 33, owned=["A", "B", "C"]) for n in (0, 1)]
    done.milestone, wall[1].milestone = "B", "C"
    ahead = stands(3, 0.5, 33, owned=["A", "B", "C", "D"], tier="mid")
    entries = [*stuck, done, *wall, ahead]

    def shares() -> list[float]:
        sampler, pairs = Sampler(3, 0.3), list(enumerate(entries))
        counts = Counter(sampler._at_the_wall(1, pairs, {}, {GATE: {FOREST}})[0] for _ in range(2000))
        return [counts[n] / 2000 for n in range(6)]

    told = shares()
    assert told[3] + told[4] == pytest.approx(1 / 3, abs=0.04) and told[2] == told[5] == 0.0
    stuck[0].alpha = 0.5
    told = shares()
    assert told[0] + told[1] == 1.0, "first things first"
    stuck[0].alpha = wall[1].alpha = 14.0
    assert sum(shares()[:2]) == 1.0, "behind it there is only the frontier, which has a share of its own"


@pytest.mark.parametrize("long, stages", [(60, 1), (2000, 1), (500, 3)])
def test_bottleneck_and_frontier_divide_their_starts_by_steps(long, stages):
    stuck, ahead, mastered = (make(n) for n in range(3))
    for entry, owned in ((stuck, 2), (ahead, 2 + stages), (mastered, 1)):
        entry.owned, entry.alpha, entry.beta, entry.attempts = [f"EVENT_{n}" for n in range(owned)], 0.5, 500.0, 100
    mastered.alpha, mastered.beta = 30.0, 2.0  # what no share is for goes here
    lengths, sampler, told = {1: 250, 2: long, 3: 80}, Sampler(11, 0.3), Counter()
    sampler.true_start_ended(2, 500)
    for _ in range(2000):
        number = sampler.choose([(1, stuck), (2, ahead), (3, mastered)], {}, {})
        told[number] += 1
        if number in (1, 2):
            sampler.episode_ended((stuck, ahead)[number - 1], lengths[number])
    edge = 2000 * (BOTTLENECK_SHARE + FRONTIER_SHARE)
    assert told[1] + told[2] == pytest.approx(edge, rel=0.1) and told[0] >= 598
    assert told[1] * lengths[1] / (told[2] * lengths[2]) == pytest.approx(
        BOTTLENECK_SHARE / (FRONTIER_SHARE / stages), rel=0.1
    ), "the further ahead the less"


def test_true_starts_are_waited_for_in_full_while_they_have_less_than_two_thirds_of_the_steps():
    sampler, entry, told = Sampler(1, 0.3), make(1), []
    for _ in range(400):
        patience = sampler.patience(None, span=0)
        told.append(patience)
        sampler.true_start_ended(0, int(8000 * patience))
        sampler.episode_ended(entry, 2500)
    assert told[0] == 1.0 and set(told) == {1.0, 0.25}
    share = [patience * 8000 / (patience * 8000 + 2500) for patience in (0.25, 1.0)]
    assert share[0] < 2 / 3 < share[1], "neither alone would do"
    late = told[100:]
    assert sum(8000 * patience for patience in late) == pytest.approx(2 * 2500 * len(late), rel=0.1)


def test_a_savestate_is_given_up_after_a_few_times_what_its_successes_took():
    sampler, entry = Sampler(1, 0.3), make(1)
    assert sampler.patience(entry, span=2000) == 1.0, "nothing is known"
    entry.credit(took=0)
    assert sampler.patience(entry, span=2000) == 1.0
    entry.credit(took=100)
    assert sampler.patience(entry, span=2000) == SLACK * 100 / 2000
    entry.credit(took=200)
    assert sampler.patience(entry, span=2000) == pytest.approx(SLACK * 130 / 2000)
    assert sampler.patience(entry, span=300) == 1.0 and sampler.patience(entry, span=0) == 1.0


def test_the_sampler_goes_on_where_it_was_saved():
    entries = [make(n, tier=("early", "mid")[n % 2]) for n in range(6)]
    entries[0].owned = ["EVENT_GOT_STARTER"]
    sampler, twin = Sampler(3, 0.3), Sampler(4, 0.3)
    sampler.true_start_ended(0, 500)
    sampler.episode_ended(entries[0], 500)
    sampler.episode_ended(entries[1], 90)
    starts(sampler, entries, 33)
    sampler.true_start_ended(0, 200_000)
    twin.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert starts(twin, entries, 50) == starts(sampler, entries, 50)
    assert twin.patience(None, 0) == sampler.patience(None, 0) == BRIEF


def test_true_starts_that_a_swarm_went_past_are_made_up_for():
    entries = [make(n, tier=("early", "late")[n % 2]) for n in range(4)]
    pairs, sampler = list(enumerate(entries, 1)), Sampler(5, 0.3)
    assert [sampler.choose(pairs, {}, {}, sent_to=2) for _ in range(20)] == [2] * 20
    later = Counter(sampler.choose(pairs, {}, {}) for _ in range(80))
    assert later[0] >= 0.3 * 100 - 1
    assert later[1] + later[3] >= TIER_SHARE * 100 - 1, "early ones too, the swarm was a late one"


def test_the_less_succeeds_from_a_savestate_the_more_often_it_is_doubted():
    sampler, entry = Sampler(4, 0.3), make(0)
    shares = []
    known = ((0.5, 30.0), (5.0, 20.0), (7.5, 22.5), (20.0, 20.0))
    for entry.alpha, entry.beta in known:
        shares.append(sum(sampler.doubts(entry) for _ in range(2000)) / 2000)
    assert shares == pytest.approx([beta.cdf(GOOD, *counts) for counts in known], abs=0.03)
    assert shares[0] > 0.99 and shares[-1] < 0.01, "where the policy succeeds it plays, or nobody would know"


def test_draws_for_other_reasons_do_not_use_up_the_frontiers_share():
    fresh, late = [make(n) for n in range(10)], make(10)
    for n, entry in enumerate((*fresh, late)):
        entry.milestone = f"MAP_{n}"
    late.beta, late.attempts = 500.0, 100
    sampler = Sampler(9, 0.3)
    sampler.true_start_ended(0, 500)  # all are at the bottleneck and at the frontier
    counts = Counter(starts(sampler, [*fresh, late], 2000, {f"MAP_{n}": 1 for n in range(11)}))
    assert counts[11] >= 0.8 * 2000 * FRONTIER_SHARE / sum(1 / n for n in range(1, 12))
