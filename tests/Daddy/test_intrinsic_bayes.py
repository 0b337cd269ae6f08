"""The closed loop: what the Bayes monitor does to rewards."""

import numpy as np
import pytest

from Daddy.bayes_quests import BayesMonitor, Quest
from Daddy.intrinsic import RewardMixer
from Daddy.novelty import EpisodicNovelty
from Daddy.puffer_shim import RECORD

IDS = np.arange(1)
QUESTS = (Quest("A", "early"), Quest("B", "early"))


def play(mixer: RewardMixer, milestones: list[int], length: int = 5) -> tuple[float, float]:
    """One episode that owns `milestones` from its second step on; sums of r_bayes and of the total."""
    sums = np.zeros(2)
    for step in range(length + 1):
        rows = np.zeros(1, RECORD)
        rows["is_first"], rows["truncated"], rows["episode_step"], rows["x"] = step == 0, step == length, step, step
        rows["milestones"][0, 0] = sum(1 << m for m in milestones) if step > 1 else 0
        terms = mixer.score(rows, IDS)
        sums += terms.bayes[0], terms.total[0]
    return float(sums[0]), float(sums[1])


def mixer_of(coupled: bool = True, bayes_weight: float = 2.0) -> RewardMixer:
    monitor = BayesMonitor(QUESTS, 1, np.array([5, 5]))
    return RewardMixer(None, EpisodicNovelty(1), 0.0, 1.0, monitor, bayes_weight, coupled)


def test_the_total_holds_the_weighted_bonus_and_the_scaled_novelty():
    mixer = mixer_of()
    scale, bonus = mixer.scale, mixer.monitor.bonuses[0]
    bayes, total = play(mixer, [0])
    assert bayes == pytest.approx(bonus) and total == pytest.approx(2.0 * bonus + 5 * scale, rel=1e-6)
    assert mixer.weights == {"rnd": 0.0, "novel": pytest.approx(scale), "bayes": 2.0}


def test_stuck_the_bonuses_grow_and_with_everything_mastered_nothing_is_paid():
    mixer = mixer_of()
    idle = [play(mixer, [])[1] for _ in range(40)]
    assert idle[-1] > idle[0] * 1.3
    assert play(mixer, [0, 1]) > (1.9, 3.0)
    for _ in range(200):
        last = play(mixer, [0, 1])
    assert last == (0.0, 0.0)


def test_uncoupled_novelty_keeps_its_weight():
    mixer = mixer_of(coupled=False, bayes_weight=0.0)
    for _ in range(40):
        bayes, total = play(mixer, [])
    assert bayes == 0.0 and total == pytest.approx(5.0)
    assert mixer.scalars()["intrinsic/scale"] == 1.0


def test_the_monitor_travels_with_the_mixer():
    mixer, twin = mixer_of(), mixer_of()
    play(mixer, [0])
    twin.load_state_dict(mixer.state_dict())
    assert twin.scale == mixer.scale != mixer_of().scale
    assert twin.monitor.posteriors() == mixer.monitor.posteriors()
