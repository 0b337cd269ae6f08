from itertools import pairwise

import numpy as np
import pytest

from Daddy.alarms import AlarmRule
from Daddy.bayes_quests import MAX_SCALE, BayesMonitor, Quest, default_budgets, furthest, paced_steps, taper
from Daddy.checkpoint import load_checkpoint, save_checkpoint
from Daddy.first_times import NEVER
from Daddy.puffer_shim import EpisodeRules

ROW = np.dtype(
    [("is_first", "u1"), ("terminated", "u1"), ("truncated", "u1"), ("milestones", "u1", (16,)), ("episode_step", "u4"),
     ("spawn_id", "u4")]
)
QUESTS = tuple(Quest(name, "early") for name in ("LAB", "STARTER", "PARCEL", "BADGE"))
BUDGETS = np.array([10, 10, 20, 20])


def monitor_of(num_envs: int = 2, quests=QUESTS, **options) -> BayesMonitor:
    return BayesMonitor(quests, num_envs, BUDGETS[: len(quests)], **options)


class Stage:
    """Plays records into a monitor, one env at a time."""

    def __init__(self, monitor: BayesMonitor) -> None:
        self.monitor, self.step, self.savestate = monitor, {}, 0

    def row(self, env: int, owned=(), first=False, terminated=False, truncated=False, skip: int = 1) -> float:
        rows = np.zeros(1, ROW)
        self.step[env] = 0 if first else self.step[env] + skip
        rows["is_first"], rows["terminated"], rows["truncated"] = first, terminated, truncated
        rows["episode_step"], rows["spawn_id"] = self.step[env], self.savestate
        for bit in owned:
            rows["milestones"][0, bit // 8] |= 1 << bit % 8
        return float(self.monitor.observe(rows, np.array([env]))[0])

    def episode(self, at: dict[int, int], length: int = 20, spawn=(), env: int = 0, terminated: bool = False) -> float:
        """An episode that reaches milestone m at step at[m]; returns the sum of r_bayes."""
        total, owned = self.row(env, spawn, first=True), set(spawn)
        for step in range(1, length + 1):
            owned |= {m for m, when in at.items() if when == step}
            last = step == length
            total += self.row(env, owned, truncated=last and not terminated, terminated=last and terminated)
        return total


def counts(monitor: BayesMonitor) -> list[tuple[float, float]]:
    """Successes and failures seen, without forgetting and prior."""
    pairs = zip(monitor.alpha - monitor.prior.alpha, monitor.beta - monitor.prior.beta, strict=True)
    return [(round(a, 9), round(b, 9)) for a, b in pairs]


def test_success_means_within_the_budget():
    monitor = monitor_of(forgetting=1.0)
    Stage(monitor).episode({0: 10, 1: 11, 2: 20})
    assert counts(monitor) == [(1, 0), (0, 1), (1, 0), (0, 1)], "on time, one step late, on time, never"


def test_what_the_spawn_owns_is_no_attempt_and_pays_nothing():
    monitor = monitor_of(forgetting=1.0)
    paid = Stage(monitor).episode({2: 5}, spawn=(0, 1))
    assert counts(monitor) == [(0, 0), (0, 0), (1, 0), (0, 1)]
    assert paid == pytest.approx(float(taper(0.25)))


def test_episodes_from_savestates_are_paid_but_teach_nothing_of_the_true_start():
    monitor = monitor_of(forgetting=1.0)
    stage = Stage(monitor)
    stage.savestate = 7
    paid = stage.episode({1: 5}, spawn=(0,))
    assert paid == pytest.approx(float(taper(0.25)))
    assert counts(monitor) == [(0, 0)] * 4 and monitor.attempts.sum() == 0
    assert [start for start, _, _ in monitor.by_start(1)] == [0], "told apart by what they owned"
    stage.savestate = 0
    stage.episode({0: 5, 1: 8})
    assert counts(monitor)[:2] == [(1, 0), (1, 0)]
    assert [start for start, _, _ in monitor.by_start(1)] == [-1, 0]


def test_an_episode_cut_before_the_budget_is_not_judged_but_one_that_the_game_ended_is():
    monitor = monitor_of(forgetting=1.0)
    Stage(monitor).episode({0: 3, 2: 6}, length=12)
    assert counts(monitor) == [(1, 0), (0, 1), (0, 0), (0, 0)], "12 steps judge budgets of 10, not of 20"
    monitor = monitor_of(forgetting=1.0)
    Stage(monitor).episode({0: 3}, length=5, terminated=True)
    assert counts(monitor) == [(1, 0), (0, 1), (0, 1), (0, 1)]


def test_a_worker_that_died_leaves_its_episode_cut():
    monitor = monitor_of(forgetting=1.0)
    stage = Stage(monitor)
    stage.row(0, first=True)
    for _ in range(11):
        stage.row(0)
    stage.row(0, first=True)
    assert counts(monitor) == [(0, 1), (0, 1), (0, 0), (0, 0)]
    stage.row(0, first=True)
    assert counts(monitor)[0] == (0, 1), "an episode of no steps is nothing"


def test_many_envs_at_once_are_the_same_as_one_after_the_other():
    rng = np.random.default_rng(0)
    together, apart = monitor_of(num_envs=3), monitor_of(num_envs=3)
    reached = [{int(m): int(rng.integers(1, 21)) for m in range(4) if rng.random() < 0.6} for _ in range(3)]
    for env, at in enumerate(reached):
        Stage(apart).episode(at, env=env)
    for step in range(21):
        rows = np.zeros(3, ROW)
        rows["is_first"], rows["truncated"], rows["episode_step"] = step == 0, step == 20, step
        for env, at in enumerate(reached):
            rows["milestones"][env, 0] = sum(1 << m for m, when in at.items() if when <= step)
        together.observe(rows, np.arange(3))
    assert together.alpha == pytest.approx(apart.alpha) and together.beta == pytest.approx(apart.beta)
    assert together.posteriors() == apart.posteriors()


def test_stuck_bonuses_grow_and_with_everything_mastered_they_vanish():
    monitor = monitor_of()
    stage = Stage(monitor)
    before = monitor.bonuses.copy(), monitor.curiosity_scale
    for _ in range(30):
        stage.episode({})
    assert (monitor.bonuses > before[0]).all() and monitor.curiosity_scale > before[1]
    assert (monitor.bonuses <= 1).all() and 1.0 < monitor.curiosity_scale <= MAX_SCALE
    paid = [stage.episode({0: 1, 1: 2, 2: 3, 3: 4}) for _ in range(200)]
    assert paid[0] > 3.8 and paid[-1] == 0.0, "the first luck pays nearly one each, habit nothing"
    assert all(a >= b for a, b in pairwise(paid))
    assert monitor.curiosity_scale == 0.0 and not monitor.bonuses.any()


def test_a_milestone_pays_once_per_episode():
    monitor = monitor_of()
    stage = Stage(monitor)
    stage.row(0, first=True)
    assert stage.row(0, owned=(0,)) > 0 and stage.row(0) == 0
    assert stage.row(0, owned=(0,)) == 0, "a flag that falls and rises again"


def test_the_frontier_moves_past_what_is_reliable_even_over_a_skipped_one():
    monitor = monitor_of()
    stage = Stage(monitor)
    assert monitor.frontier == 0
    for _ in range(30):
        stage.episode({0: 1, 2: 5})
    assert monitor.frontier == 3
    for _ in range(30):
        stage.episode({m: 1 for m in range(4)})
    assert monitor.frontier == 3, "the last one when nothing is left"


def test_what_the_true_start_owns_is_behind_the_frontier():
    """A run that starts from --init-state: nobody ever tries what it owns, so its theta says nothing."""
    rule = AlarmRule(patience=20, warning_run=5, critical_run=15)
    monitor = monitor_of(rule=rule)
    stage = Stage(monitor)
    stage.episode({}, spawn=(0, 1))
    assert monitor.frontier == 2
    stage.savestate = 7
    stage.episode({}, spawn=(0, 1, 2))
    stage.savestate = 0
    for _ in range(60):
        stage.episode({}, spawn=(0, 1))
    assert monitor.frontier == 2 and monitor.curiosity_scale > 1.4
    assert [alarm.milestone for alarm in monitor.new_alarms()] == ["PARCEL"]
    for _ in range(30):
        stage.episode({2: 3}, spawn=(0, 1))
    assert monitor.frontier == 3


def test_milestones_that_the_rom_lacks_are_ignored():
    quests = (*QUESTS[:2], Quest("ABSENT", "mid", available=False), QUESTS[3])
    monitor = monitor_of(quests=quests)
    stage = Stage(monitor)
    for _ in range(30):
        stage.episode({0: 1, 1: 2})
    assert monitor.frontier == 3 and [p.milestone for p in monitor.posteriors()] == ["LAB", "STARTER", "BADGE"]
    assert monitor.attempts[2] == 0 and monitor.bonuses[2] == 0


def test_a_posterior_tells_its_evidence():
    monitor = monitor_of()
    stage = Stage(monitor)
    for _ in range(25):
        stage.episode({0: 4})
    lab, starter = monitor.posteriors()[:2]
    assert lab.attempts == 25 and lab.mean == pytest.approx(lab.alpha / (lab.alpha + lab.beta))
    assert lab.lo95 < lab.mean < lab.hi95 and lab.p_below_target < 0.01 and lab.alarm_level == 0
    assert starter.hi95 < 0.2 and starter.p_below_target > 0.99 and starter.budget == 10
    assert lab.eta_steps < 10 < 200 < starter.eta_steps


def test_a_locked_door_is_told_and_so_is_the_recovery_each_level_once():
    rule = AlarmRule(patience=40, warning_run=5, critical_run=15)
    monitor = monitor_of(rule=rule, forgetting=0.9)
    stage, told = Stage(monitor), []
    for at in [{0: 1}] * 20 + [{0: 1}] * 80 + [{0: 1, 1: 2}] * 15:
        stage.episode(at)
        told += monitor.new_alarms()
    assert [(alarm.milestone, alarm.alarm_level) for alarm in told] == [("STARTER", level) for level in (1, 2, 1, 0)]
    assert told[1].alarm_text() == (
        "STARTER is critical: reached within 10 steps in 4% of episodes (0% to 20%, 46 attempts); at this rate the "
        "next success takes 208 steps"
    )
    assert told[3].alarm_text().startswith("STARTER has recovered: ")


def test_start_states_are_told_apart_and_pooled():
    monitor = monitor_of()
    stage = Stage(monitor)
    for _ in range(30):
        stage.episode({})
    for _ in range(3):
        stage.episode({2: 5}, spawn=(0, 1))
    starts = {start: alpha / (alpha + beta) for start, alpha, beta in monitor.by_start(2)}
    assert set(starts) == {-1, 1} and starts[-1] < 0.1 and 0.4 < starts[1] < 1.0
    assert monitor_of().by_start(2) == []


def test_episodes_from_savestates_that_are_given_up_early_are_judged_by_their_own_budget():
    monitor = monitor_of(forgetting=1.0, span=EpisodeRules(spawn_steps=6).span)
    stage = Stage(monitor)
    stage.savestate = 7
    for _ in range(4):
        stage.episode({}, spawn=(0, 1), length=6)
    stage.episode({2: 4}, spawn=(0, 1), length=10)
    stage.episode({}, spawn=(0, 1), length=5)
    assert monitor.start_counts[2, 2:].tolist() == [[1, 4], [0, 5]], "the last one was cut: its worker died"
    stage.savestate = 0
    stage.episode({}, length=6)
    assert not monitor.start_counts[0].any() and monitor.attempts.sum() == 0, "the true start has its whole budget"


def test_true_starts_that_are_given_up_early_are_judged():
    monitor = monitor_of(forgetting=1.0, span=EpisodeRules(stall_steps=6).span)
    stage = Stage(monitor)
    stage.episode({0: 4}, length=10)
    stage.episode({}, length=6)
    assert monitor.attempts.tolist() == [2] * len(monitor.quests) and monitor.alpha[0] - monitor.alpha[1] == 1.0
    stage.episode({}, length=5)
    assert monitor.attempts.max() == 2, "cut: its worker died"
    stage.savestate = 7
    stage.episode({}, spawn=(0,), length=6)
    assert not monitor.start_counts[1].any(), "one from a savestate has its whole budget"


def test_true_starts_are_waited_for_as_long_as_their_next_milestone_takes():
    monitor = monitor_of(forgetting=1.0, span=EpisodeRules(stall_steps=6, paced=((0, 3), (1, 9))).span)
    stage = Stage(monitor)
    stage.episode({}, length=6)
    assert monitor.attempts.tolist() == [1] * len(monitor.quests)
    stage.episode({0: 1}, length=8)
    assert monitor.attempts.max() == 1, "cut: it would have had nine steps for the second"
    stage.episode({0: 1}, length=10)
    assert monitor.attempts.max() == 2


def test_what_the_scripted_player_takes_goes_from_milestone_to_milestone():
    quests = (Quest("A", "early", 64), Quest("ABSENT", "early", 70, available=False), Quest("B", "early", 81),
              Quest("UNKNOWN", "mid"), Quest("C", "mid", 1081))  # fmt: skip
    assert paced_steps(quests, 2.0) == ((0, 128), (2, 34), (3, 0), (4, 2000))


def test_rates_of_the_next_step_are_pooled_over_milestones_and_starts():
    quests = (*QUESTS[:2], Quest("ABSENT", "mid", available=False), QUESTS[3])
    monitor = monitor_of(quests=quests, forgetting=1.0)
    assert monitor.next_rates() == [] and monitor.scalars()["posterior/frontier_from_nearest"] == 0.25
    monitor.start_counts[0, 0] = 45, 5
    monitor.start_counts[1, 1] = 40, 4
    monitor.start_counts[2, 3] = 0, 1  # ABSENT is skipped
    monitor.start_counts[0, 3] = 0, 99  # not the next one from there
    rates = {(start, m): alpha / (alpha + beta) for start, m, alpha, beta in monitor.next_rates()}
    assert list(rates) == [(-1, 0), (0, 1), (1, 3)]
    assert rates[-1, 0] == pytest.approx(0.9, abs=0.03)
    assert 0.55 < rates[1, 3] < 0.9, "one failure says little where the others succeed"
    monitor.start_counts[2, 3] = 0, 60
    (_, _, lone), = [(s, m, a / (a + b)) for s, m, a, b in monitor.next_rates() if m == 3]
    assert lone < 0.05, "many failures stand alone"


def test_the_frontier_is_told_from_the_nearest_savestate_too():
    monitor = monitor_of(forgetting=1.0, span=EpisodeRules(spawn_steps=20).span)
    stage = Stage(monitor)
    for _ in range(30):
        stage.episode({0: 1, 1: 2})
    stage.savestate = 3
    for _ in range(30):
        stage.episode({2: 5}, spawn=(0, 1))
    scalars = monitor.scalars()
    assert monitor.frontier == 2 and scalars["posterior/PARCEL"] < 0.1
    assert scalars["posterior/frontier_from_nearest"] > 0.9


def test_scalars_reach_two_past_the_frontier():
    tags = {tag for tag in monitor_of().scalars() if tag.startswith("posterior/") and tag[10].isupper()}
    assert tags == {"posterior/LAB", "posterior/STARTER", "posterior/PARCEL"}


def test_the_state_travels_through_a_checkpoint_and_matches_by_name(tmp_path):
    monitor = monitor_of(rule=AlarmRule(patience=20, warning_run=3, critical_run=500))
    stage = Stage(monitor)
    for _ in range(40):
        stage.episode({0: 2}, spawn=())
    state = load_checkpoint(save_checkpoint(tmp_path, 1, {"bayes": monitor.state_dict()}))["bayes"]
    twin = monitor_of(rule=monitor.rule)
    twin.load_state_dict(state)
    assert twin.posteriors() == monitor.posteriors() and twin.frontier == monitor.frontier
    assert twin.alarm_score == monitor.alarm_score and twin.new_alarms() == []
    assert twin.by_start(1) == monitor.by_start(1)
    Stage(twin).episode({})
    stage.episode({})
    assert twin.posteriors() == monitor.posteriors()
    longer = BayesMonitor((Quest("NEW", "early"), *QUESTS), 2, np.append(10, BUDGETS), rule=monitor.rule)
    longer.load_state_dict(state)
    assert longer.alpha[1:] == pytest.approx(monitor_state(state, "alpha")) and longer.attempts[0] == 0


def monitor_state(state: dict, name: str) -> np.ndarray:
    return np.asarray(state[name])


def test_budgets_follow_the_pace_and_end_with_the_episode():
    quests = (Quest("A", "early", pace=10), Quest("B", "early", pace=1000), Quest("C", "late"))
    assert default_budgets(quests, 2048).tolist() == [200, 2048, 2048]


def test_furthest():
    assert furthest(np.array([True, False, True, False])) == 2 and furthest(np.zeros(3, bool)) == -1


def test_an_attempt_can_be_added_from_a_log():
    monitor = monitor_of(forgetting=1.0)
    monitor.add_attempt(np.zeros(4, bool), np.array([5, NEVER, NEVER, NEVER]), 20, over=False)
    assert counts(monitor)[:2] == [(1, 0), (0, 1)]
