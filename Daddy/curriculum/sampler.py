"""Where the next episode starts: Thompson sampling on learnability, with shares that are guaranteed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from Daddy.curriculum.savestates import LEVEL, TIERS, Savestate, at_stage, frontier, place_of
from Daddy.curriculum.walls import GOOD, doorsteps, good_places, next_wall
from Daddy.puffer_shim import BRIEF

TRUE_START = "true"
TIER_SHARE = 0.1  # of the starts that each tier with a savestate gets at least
EDGE = "edge"  # bottleneck and frontier
FRONTIER_SHARE = 0.2  # of the starts that savestates with the most milestones get at least, where that much is left
BOTTLENECK_SHARE = 0.3  # the same for savestates with as many milestones as true starts end with
SLACK = 4.0  # times what successes took, until an episode from a savestate is given up
_TRUE_ENDS = 32  # true starts whose ends are remembered
_PATIENT = 2 / 3  # share of the steps up to which true starts are waited for in full
_WINDOW = 100_000.0  # steps that this share is taken over
_LENGTH_RATE = 0.1  # of the averages of the episodes' lengths


class Sampler:
    """Draws a savestate or the true start.

    The best of theta (1 - theta) (1 + 1 / sqrt(n + 1)) per expected step wins, theta drawn from each savestate's
    posterior and n being its attempts or, for a copy of a known kind, those that its posterior begins with: new
    ones and those that succeed about half of the time. Beside that `true_share` of all starts are true starts,
    TIER_SHARE (or what that leaves) go to each tier that has a savestate, BOTTLENECK_SHARE to savestates with as
    many milestones as the last true starts ended with (the median) and FRONTIER_SHARE to the frontier, the
    savestates with the most milestones, exactly: each start adds its share to a debt, and a debt of one is paid
    with a start. True starts and those of a tier count whatever they were drawn for; the other two are paid only
    with draws of their own. Where there are both, these two shares are one of starts, which they divide so that the
    *steps* of their episodes are as their shares: the next milestone of the frontier may lie eight times as far,
    and where each got its share of the starts the frontier had six steps for each of the bottleneck's. The
    frontier's part is divided by the number of stages that it is ahead: what is found there cannot be used yet, and
    fills the replay.

    From the frontier nothing has succeeded often yet, so that there is no rate to go by. A start that it is owed goes
    to a place with the weight 1 / n, n being 1 for the place that was found last, 2 for the one before: what was found
    late lies far from where episodes usually go. Home is not found late for being come to again after a milestone, and
    levels come after all places.

    The bottleneck is what the policy cannot do, though some episode once did: one success moves the frontier on,
    and where one start in a hundred succeeds the draws favour what is nearly mastered. Its share is divided in
    three, or in two where there are no doorsteps: any copy of the kind with the best draw; doorsteps, from where
    the way leads to a GOOD kind or to where the next milestone once was reached, the nearer and the less tried the
    more often, as a reverse curriculum goes on from its good starts to what lies beside them (Florensa et al. 2017,
    arXiv 1707.05300); and kinds drawn by counts, as in Go-Explore (Ecoffet et al. 2021, arXiv 2004.12919), n being
    how often a kind was come by or started from. Once something is GOOD nobody has to search there, and that third
    goes to the next wall, divided in the same way: what comes after is learned meanwhile.
    """

    def __init__(self, seed: int, true_share: float) -> None:
        self._rng = np.random.default_rng([seed, 6])
        self.true_share = true_share
        self._debts = dict.fromkeys((TRUE_START, *TIERS, EDGE), 0.0)
        self._true_ends: deque[int] = deque(maxlen=_TRUE_ENDS)
        self._true_steps = 0.0  # share of the steps
        self._lengths: dict[int, float] = {}  # steps of an episode, by the milestones that it began with
        self._lead = 0.0  # steps that the frontier's episodes have had more than its share, times both shares

    def true_start_ended(self, milestones: int, steps: int) -> None:
        """An episode from the true start has ended with so many milestones after so many steps."""
        self._true_ends.append(milestones)
        self._true_steps = 1.0 + (self._true_steps - 1.0) * np.exp(-steps / _WINDOW)

    def episode_ended(self, began: Savestate, steps: int) -> None:
        """An episode from a savestate has ended after so many steps."""
        self._true_steps *= np.exp(-steps / _WINDOW)
        stage = len(began.owned)
        known = self._lengths.get(stage, float(steps))
        self._lengths[stage] = known + _LENGTH_RATE * (steps - known)

    def patience(self, entry: Savestate | None, span: int) -> float:
        """Share of the steps allowed for a milestone that an episode from there gets; None is the true start.

        True starts are waited for in full while they have less than two thirds of the steps, else for a quarter as
        long. A savestate from where something has succeeded gets SLACK times what that took, of the `span` that it is
        allowed: most failures fail early.
        """
        if entry is None:
            return 1.0 if self._true_steps < _PATIENT else BRIEF
        return min(1.0, SLACK * entry.took / span) if entry.took and span else 1.0

    @property
    def reach(self) -> int:
        """Milestones that the last true starts ended with, the median; 0 before the first."""
        return sorted(self._true_ends)[len(self._true_ends) // 2] if self._true_ends else 0

    def choose(
        self, savestates: Iterable[tuple[int, Savestate]], seen: Mapping[str, int],
        ways: Mapping[str, Collection[str]], sent_to: int = 0,
    ) -> int:  # fmt: skip
        """The number of the savestate to start from; 0 for the true start.

        `seen` is how often each kind of savestate was come by, in the order in which they were found, `ways` which
        places were entered from a place; `sent_to` is a savestate that was chosen already: the shares that this goes
        past are made up for later.
        """
        everything = list(savestates)
        if not everything:
            return 0
        by_tier = {tier: [pair for pair in everything if pair[1].tier == tier] for tier in TIERS}
        groups = {TRUE_START: []} | {tier: pairs for tier, pairs in by_tier.items() if pairs}
        groups[EDGE] = everything
        shares = self._lend(groups, bool(self._true_ends and at_stage(everything, self.reach)))
        owed = max(groups, key=self._debts.__getitem__)
        if sent_to:
            owed, chosen = "", next((pair for pair in everything if pair[0] == sent_to), None)
        elif self._debts[owed] < 1.0 - 1e-9:
            owed, chosen = "", self._most_to_learn(everything)
        elif owed == EDGE:
            chosen = self._at_the_edge(everything, shares, seen, ways)
        else:
            chosen = self._most_to_learn(groups[owed])
        self._pay(groups, owed, chosen)
        return 0 if chosen is None else chosen[0]

    def _lend(self, groups: Mapping[str, list], stuck: bool) -> tuple[float, float]:
        """Add each group's share to its debt; the shares of (bottleneck, frontier). `stuck`: there is a bottleneck."""
        tiers = [tier for tier in TIERS if tier in groups]
        tier_share = min(TIER_SHARE, (1.0 - self.true_share) / len(tiers))
        rest = 1.0 - self.true_share - len(tiers) * tier_share
        bottleneck = min(BOTTLENECK_SHARE, rest / 2) if stuck else 0.0
        frontier_share = min(FRONTIER_SHARE, rest - bottleneck)
        shares = {TRUE_START: self.true_share, **dict.fromkeys(tiers, tier_share), EDGE: bottleneck + frontier_share}
        for name, share in shares.items():
            self._debts[name] += share
        return bottleneck, frontier_share

    def _pay(self, groups: Mapping[str, list], owed: str, chosen: tuple[int, Savestate] | None) -> None:
        """`chosen` was drawn because of the debt `owed`, empty if there was none."""
        kind = TRUE_START if chosen is None else chosen[1].tier
        for name in groups:
            if name in (kind, owed):
                self._debts[name] = max(self._debts[name] - 1.0, -1.0)

    def _at_the_edge(
        self, everything: list[tuple[int, Savestate]], shares: tuple[float, float], seen: Mapping[str, int],
        ways: Mapping[str, Collection[str]],
    ) -> tuple[int, Savestate]:  # fmt: skip
        bottleneck, ahead = shares[0] > 0.0, frontier(everything)
        if bottleneck and self._lead > 0.0:
            chosen = self._at_the_wall(self.reach, everything, seen, ways)
            gap = max(len(ahead[0][1].owned) - self.reach, 1)
            self._lead -= shares[1] / gap * self._expected_steps(chosen)
            return chosen
        if bottleneck:
            self._lead += shares[0] * self._expected_steps(ahead[0])
        return self._late_found(ahead, seen)

    def _at_the_wall(
        self, stage: int, everything: list[tuple[int, Savestate]], seen: Mapping[str, int],
        ways: Mapping[str, Collection[str]],
    ) -> tuple[int, Savestate]:  # fmt: skip
        stuck, near = at_stage(everything, stage), doorsteps(everything, stage, ways)
        there = [pair for pair in stuck if pair[1].place in near]
        part = self._rng.integers(3 if there else 2)
        if part == 0:
            wall = next_wall(everything, stage) if good_places(stuck) else None
            return self._seldom_seen(stuck, seen) if wall is None else self._at_the_wall(wall, everything, seen, ways)
        if part == 1:
            return self._any_copy_of_best(stuck)
        return self._draw(there, lambda entry: (entry.evidence + 1.0) * 2.0 ** near[entry.place])

    def _any_copy_of_best(self, pairs: list[tuple[int, Savestate]]) -> tuple[int, Savestate]:
        kind = self._most_to_learn(pairs)[1].milestone
        copies = [pair for pair in pairs if pair[1].milestone == kind]
        return copies[self._rng.integers(len(copies))]

    def _expected_steps(self, pair: tuple[int, Savestate]) -> float:
        """Of an episode from savestates with as many milestones; the mean over all where none has ended yet."""
        known = self._lengths.get(len(pair[1].owned))
        return known or sum(self._lengths.values()) / max(len(self._lengths), 1) or 1.0

    def _most_to_learn(self, pairs: list[tuple[int, Savestate]]) -> tuple[int, Savestate] | None:
        return max(pairs, key=lambda pair: self._score(pair[1]) / self._expected_steps(pair), default=None)

    def _seldom_seen(self, pairs: list[tuple[int, Savestate]], seen: Mapping[str, int]) -> tuple[int, Savestate]:
        return self._draw(pairs, lambda entry: seen.get(entry.milestone, 0) + entry.attempts + 1.0)

    def _late_found(self, pairs: list[tuple[int, Savestate]], seen: Mapping[str, int]) -> tuple[int, Savestate]:
        found = {place: n for n, place in enumerate(dict.fromkeys(place_of(kind) for kind in seen))}
        there = dict.fromkeys(place_of(entry.milestone) for _, entry in pairs)
        latest_first = sorted(  # a level is always a late one, and nowhere
            there, key=lambda place: (not place.startswith(LEVEL), found.get(place, -1)), reverse=True
        )
        ranks = {place: rank for rank, place in enumerate(latest_first, 1)}
        return self._draw(pairs, lambda entry: ranks[place_of(entry.milestone)])

    def _draw(self, pairs: list[tuple[int, Savestate]], count: Callable[[Savestate], float]) -> tuple[int, Savestate]:
        """Draw with the weight 1 / count, shared by the copies of a kind."""
        copies = Counter(entry.milestone for _, entry in pairs)
        weights = 1.0 / np.array([copies[entry.milestone] * count(entry) for _, entry in pairs])
        return pairs[int(self._rng.choice(len(pairs), p=weights / weights.sum()))]

    def _score(self, entry: Savestate) -> float:
        theta, known = self._rng.beta(entry.alpha, entry.beta), max(entry.attempts, entry.evidence)
        return theta * (1.0 - theta) * (1.0 + (known + 1.0) ** -0.5)

    def doubts(self, entry: Savestate) -> bool:
        """Whether what is known fails from here: True if a draw of theta from the posterior is not GOOD."""
        return bool(self._rng.beta(entry.alpha, entry.beta) < GOOD)

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rng": self._rng.bit_generator.state, "debts": dict(self._debts), "true_ends": list(self._true_ends),
            "lengths": {str(stage): steps for stage, steps in self._lengths.items()}, "lead": self._lead,
            "true_steps": float(self._true_steps),
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._rng.bit_generator.state = state["rng"]
        self._debts.update({name: float(state["debts"].get(name, 0.0)) for name in self._debts})
        self._true_ends.extend(state.get("true_ends", ()))  # checkpoints of before 2026-11-28 have none
        self._lengths = {int(stage): float(steps) for stage, steps in state.get("lengths", {}).items()}
        self._lead = float(state.get("lead", 0.0))
        self._true_steps = float(state.get("true_steps", 0.0))
