"""The Bayes monitor: how reliably each milestone is reached, whether that is an alarm, and what it does to rewards.

theta_m is the probability that an episode which did not own milestone m at its spawn reaches it within T_m steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from Daddy import beta as beta_math
from Daddy.alarms import LEVELS, AlarmRule, AlarmState
from Daddy.beta import FORGETTING, BetaPrior
from Daddy.first_times import NEVER, FirstTimes

MASTERED_MEAN = 0.9  # posterior mean from which a milestone pays nothing
MAX_SCALE = 1.5  # of RND and novelty, when the frontier's theta is 0
_PACE_SLACK = 20


@dataclass(frozen=True)
class Quest:
    """A milestone of the running game; `pace` is the step at which a scripted player has it, None if unknown."""

    name: str
    tier: str
    pace: int | None = None
    available: bool = True  # the running ROM has it


@dataclass(frozen=True)
class Posterior:
    """What is known of one milestone; `p_below_target` is P(theta < target), `eta_steps` the median steps of trying."""

    milestone: str
    tier: str
    alpha: float
    beta: float
    mean: float
    lo95: float
    hi95: float
    p_below_target: float
    alarm_level: int  # index into LEVELS: 0 ok, 1 warning, 2 critical
    attempts: int
    budget: int
    eta_steps: float

    def alarm_text(self) -> str:
        """What the level has become, and on what evidence."""
        what = "has recovered" if self.alarm_level == 0 else f"is {LEVELS[self.alarm_level]}"
        return (
            f"{self.milestone} {what}: reached within {self.budget:,} steps in {self.mean:.0%} of episodes "
            f"({self.lo95:.0%} to {self.hi95:.0%}, {self.attempts:,} attempts); at this rate the next success takes "
            f"{self.eta_steps:,.0f} steps"
        )


def default_budgets(quests: Sequence[Quest], max_episode_steps: int) -> np.ndarray:
    """T_m, int64 (M,): 20 times the scripted player's pace, at most an episode; an episode where no pace is known."""
    wanted = [max_episode_steps if quest.pace is None else _PACE_SLACK * quest.pace for quest in quests]
    return np.minimum(wanted, max_episode_steps).astype(np.int64)


def paced_steps(quests: Sequence[Quest], paces: float) -> tuple[tuple[int, int], ...]:
    """(index of a milestone, `paces` times what the scripted player takes to it from the one before), of those that
    the game has, in order; no steps where no pace is known."""
    found, before = [], 0
    for index, quest in enumerate(quests):
        if quest.available:
            found.append((index, round(paces * max((quest.pace or 0) - before, 0))))
            before = quest.pace or before
    return tuple(found)


def taper(mean: np.ndarray) -> np.ndarray:
    """1 where a milestone is never reached, falling linearly to 0 where its mean is MASTERED_MEAN or more."""
    return np.maximum(0.0, 1.0 - mean / MASTERED_MEAN)


class BayesMonitor:
    """Beta posteriors of M milestones, learned from the records of N envs; see `observe`.

    An attempt at m is an episode that does not own m at its spawn. It is judged when the episode ends, not when m is
    reached, or quick successes would arrive before slow failures. An episode cut before T_m (the first, staggered ones;
    a worker that died) is not judged on m at all, reached or not: judging its successes alone would flatter. An episode
    that the game itself ended before T_m is judged: m was out of reach for good. Episodes from savestates are paid but
    judged in `start_counts` alone: theta, its alarms and what they drive are about the true start. Where episodes are
    given up after their last milestone, having run as long as they are given for the next one is enough to judge them.

    After each judged episode it holds: `mean` float64 (M,); `frontier`, the index of the milestone to learn next, which
    is the first available one after the last that the true start owns or whose mean is the target or more (the last one
    when none is left);
    `bonuses` float64 (M,) in [0, 1], what reaching each milestone pays now; `curiosity_scale` in [0, MAX_SCALE], the
    factor on RND and novelty: the most while the frontier is stuck, 0 once everything is mastered.
    """

    def __init__(
        self, quests: Sequence[Quest], num_envs: int, budgets: np.ndarray, rule: AlarmRule | None = None,
        prior: BetaPrior | None = None, forgetting: float = FORGETTING, *,
        span: Callable[[bytes, bool], int] = lambda owned, from_savestate: 0,
    ) -> None:  # fmt: skip
        """`budgets` int (M,) in steps; an attempt fades with `forgetting` at each later one; `span` is when
        episodes may be given up, see `EpisodeRules.span`."""
        self.quests, self.budgets = tuple(quests), np.asarray(budgets, np.int64)
        self.rule, self.prior, self.forgetting = rule or AlarmRule(), prior or BetaPrior(), forgetting
        self._span = span
        size = len(self.quests)
        self.available = np.array([quest.available for quest in self.quests], bool)
        self.alpha, self.beta = np.full(size, self.prior.alpha), np.full(size, self.prior.beta)
        self.attempts = np.zeros(size, np.int64)
        self.reached, self.exposure = np.zeros(size), np.zeros(size)  # forgetting sums of the Gamma rate
        self.start_counts = np.zeros((size + 1, size, 2))  # by furthest milestone owned at spawn + 1: hits, misses
        self._begun_with = -1  # furthest milestone owned at the last true start
        self.alarms = AlarmState((size,), self.rule)
        self._told = np.zeros(size, np.int64)  # alarm levels that `new_alarms` has reported
        self._refresh()
        self._times = FirstTimes(num_envs, size)
        self._length = np.zeros(num_envs, np.int64)
        self._running = np.zeros(num_envs, bool)
        self._elsewhere = np.zeros(num_envs, bool)  # the running episode began from a savestate

    # --- the stream of records

    def observe(self, rows: Mapping[str, np.ndarray] | np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Take the records (B,) that envs `env_ids` (B,), without repeats, arrived at; returns r_bayes float32 (B,).

        rows has milestones u1 (B, bytes), is_first, terminated, truncated (B,) and episode_step (B,). r_bayes sums
        `bonuses` over the milestones that the episode has just reached for the first time. Ended episodes are judged
        afterwards, so a bonus never knows its own outcome.
        """
        first = rows["is_first"].astype(bool)
        for env in env_ids[first & self._running[env_ids]]:  # cut: the worker died
            self._judge(int(env), over=False)
        owned = np.unpackbits(rows["milestones"], axis=1, bitorder="little", count=len(self.quests)).astype(bool)
        fresh = self._times.update(owned, first, rows["episode_step"], env_ids)  # [B, M]
        self._length[env_ids] = rows["episode_step"]
        self._running[env_ids] = True
        self._elsewhere[env_ids] = rows["spawn_id"] != 0
        bonus = (fresh @ self.bonuses).astype(np.float32) if fresh.any() else np.zeros(len(env_ids), np.float32)
        for i in np.flatnonzero(rows["terminated"] | rows["truncated"]):
            self._judge(int(env_ids[i]), over=bool(rows["terminated"][i]))
        return bonus

    def _judge(self, env: int, over: bool) -> None:
        """The env's episode ended; `over`: the game ended it, so what was not reached never will be."""
        self._running[env] = False
        spawn, step, length = self._times.spawn[env], self._times.step[env], self._length[env]
        if length > 0:
            self.add_attempt(spawn, step, int(length), over, bool(self._elsewhere[env]))

    def add_attempt(
        self, spawn: np.ndarray, step: np.ndarray, length: int, over: bool, elsewhere: bool = False
    ) -> None:
        """Judge one episode: owned at spawn bool (M,), step first reached int (M,) or NEVER, its length in steps.

        `elsewhere`: it began from a savestate.
        """
        tried = ~spawn & self.available
        reached = step != NEVER
        span = self._span(np.packbits(spawn | reached, bitorder="little").tobytes(), elsewhere)
        counted = tried & ((length >= np.minimum(self.budgets, span or self.budgets)) | over)
        success = reached & (step <= self.budgets)
        self.start_counts[furthest(spawn) + 1] += np.stack((counted & success, counted & ~success), axis=1)
        if elsewhere:
            return
        if furthest(spawn) != self._begun_with:
            self._begun_with = furthest(spawn)
            self._refresh()
        frontier = np.arange(len(self.quests)) == self.frontier
        self.alpha, self.beta = beta_math.discounted_update(
            self.alpha, self.beta, success, counted, self.prior, self.forgetting
        )
        self.attempts += counted
        fade = np.where(tried, self.forgetting, 1.0)
        self.reached = fade * self.reached + (tried & reached)
        self.exposure = fade * self.exposure + np.where(tried, np.where(reached, step, length), 0)
        self.alarms.update(self.alpha, self.beta, counted, frontier)
        self._refresh()

    def _refresh(self) -> None:
        """What every step asks for, computed once per change of a posterior."""
        self._posteriors: list[Posterior] | None = None
        self.mean = beta_math.mean(self.alpha, self.beta)  # posterior means, float64 (M,)
        present = np.flatnonzero(self.available)
        reliable = np.flatnonzero(self.mean[present] >= self.rule.target)
        passed = np.searchsorted(present, self._begun_with, side="right") - 1
        passed = max([passed, *reliable[-1:]])
        self.frontier = int(present[min(passed + 1, len(present) - 1)])
        self.bonuses = taper(self.mean) * self.available
        self.curiosity_scale = MAX_SCALE * float(taper(self.mean[self.frontier]))

    # --- what is known

    @property
    def alarm_score(self) -> float:
        """Largest P(theta < what is demanded now) over milestones, in [0, 1]."""
        return float(self.alarms.p_below.max())

    def posteriors(self) -> list[Posterior]:
        """One per available milestone, in milestone order; computed once per change."""
        if self._posteriors is None:
            self._posteriors = self._make_posteriors()
        return self._posteriors

    def _make_posteriors(self) -> list[Posterior]:
        low, high = beta_math.interval(self.alpha, self.beta)
        below = beta_math.probability_below(self.alpha, self.beta, self.rule.target)
        eta = beta_math.median_wait(self.reached, self.exposure, self.budgets)
        levels = self.alarms.levels()
        return [
            Posterior(
                self.quests[m].name, self.quests[m].tier, float(self.alpha[m]), float(self.beta[m]),
                float(self.mean[m]), float(low[m]), float(high[m]), float(below[m]),
                int(levels[m]), int(self.attempts[m]), int(self.budgets[m]), float(eta[m]),
            )
            for m in np.flatnonzero(self.available)
        ]  # fmt: skip

    def new_alarms(self) -> list[Posterior]:
        """Posteriors whose alarm level has changed since the last call, recoveries included."""
        levels = self.alarms.levels()
        changed, self._told = levels != self._told, levels
        if not changed.any():
            return []
        names = {self.quests[m].name for m in np.flatnonzero(changed)}
        return [posterior for posterior in self.posteriors() if posterior.milestone in names]

    def by_start(self, milestone: int) -> list[tuple[int, float, float]]:
        """Pooled rates of one milestone by start: (furthest milestone owned at spawn or -1, alpha, beta).

        Start states with few attempts lean on the others; unlike the posteriors above, nothing is forgotten here.
        """
        counts = self.start_counts[:, milestone]  # [M + 1, 2]
        tried = np.flatnonzero(counts.sum(axis=1))
        if not len(tried):
            return []
        alpha, beta = beta_math.pool(counts[tried, 0], counts[tried, 1])
        return [(int(start) - 1, float(a), float(b)) for start, a, b in zip(tried, alpha, beta, strict=True)]

    def next_rates(self) -> list[tuple[int, int, float, float]]:
        """Pooled rates of the next step: (furthest milestone owned at spawn or -1, next available one, alpha, beta).

        Milestones and start states with few attempts lean on all others.
        """
        present = np.flatnonzero(self.available)
        after = np.searchsorted(present, np.arange(len(self.quests) + 1))  # [M + 1] by start + 1
        cells = [
            (start, int(present[i])) for start, i in enumerate(after)
            if i < len(present) and self.start_counts[start, present[i]].any()
        ]  # fmt: skip
        if not cells:
            return []
        alpha, beta = beta_math.pool(*np.array([self.start_counts[cell] for cell in cells]).T)
        return [(start - 1, m, float(a), float(b)) for (start, m), a, b in zip(cells, alpha, beta, strict=True)]

    def _frontier_from_nearest(self) -> float:
        """Pooled rate of the frontier from the furthest start before it; theta's mean while no episode began there."""
        rates = [a / (a + b) for _, m, a, b in self.next_rates() if m == self.frontier]
        return rates[-1] if rates else float(self.mean[self.frontier])

    def scalars(self) -> dict[str, float]:
        """What to plot: posterior means up to two milestones past the frontier, more about it, the alarm score."""
        present = [int(m) for m in np.flatnonzero(self.available)]
        shown = present[: present.index(self.frontier) + 3]
        return {
            **{f"posterior/{self.quests[m].name}": float(self.mean[m]) for m in shown},
            "posterior/frontier": float(self.frontier),
            "posterior/frontier_from_nearest": self._frontier_from_nearest(),
            "posterior/frontier_eta_steps": self.posteriors()[present.index(self.frontier)].eta_steps,
            "posterior/alarm_score": self.alarm_score,
        }

    # --- checkpoints

    _SAVED = ("alpha", "beta", "attempts", "reached", "exposure")

    def state_dict(self) -> dict[str, Any]:
        """Arrays and plain values; running episodes are left out, because a resumed run begins new ones."""
        arrays = {name: getattr(self, name) for name in self._SAVED}
        names = [quest.name for quest in self.quests]
        return {**arrays, "start_counts": self.start_counts, "alarms": self.alarms.state_dict(), "names": names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave, milestone by milestone by name; unknown ones keep their prior."""
        places = {quest.name: m for m, quest in enumerate(self.quests)}
        saved_rows = np.array([i for i, name in enumerate(state["names"]) if name in places], np.int64)
        rows = np.array([places[state["names"][i]] for i in saved_rows], np.int64)
        for name in self._SAVED:
            getattr(self, name)[rows] = np.asarray(state[name])[saved_rows]
        starts, saved_starts = np.append(0, rows + 1), np.append(0, saved_rows + 1)
        counts = np.asarray(state["start_counts"])
        self.start_counts[np.ix_(starts, rows)] = counts[np.ix_(saved_starts, saved_rows)]
        self.alarms.load_state_dict(state["alarms"], rows, saved_rows)
        self._told = self.alarms.levels()
        self._refresh()


def furthest(owned: np.ndarray) -> int:
    """Index of the last milestone in `owned` bool (M,); -1 if there is none."""
    held = np.flatnonzero(owned)
    return int(held[-1]) if len(held) else -1
