"""Where the next episode starts: Thompson sampling on learnability, with shares that are guaranteed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from Daddy.curriculum.savestates import TIERS, Savestate

TRUE_START = "true"
TIER_SHARE = 0.1  # of the starts that each tier with a savestate gets at least


class Sampler:
    """Draws a savestate or the true start.

    The best of theta (1 - theta) (1 + 1 / sqrt(attempts + 1)), theta drawn from each savestate's posterior, wins: new
    ones and those that succeed about half of the time. Beside that `true_share` of all starts are true starts and
    TIER_SHARE (or what that leaves) go to each tier that has a savestate, exactly: each start adds its share to a debt,
    and a debt of one is paid with a start.
    """

    def __init__(self, seed: int, true_share: float) -> None:
        self._rng = np.random.default_rng([seed, 6])
        self.true_share = true_share
        self._debts = dict.fromkeys((TRUE_START, *TIERS), 0.0)

    def choose(self, savestates: Iterable[tuple[int, Savestate]], sent_to: int = 0) -> int:
        """The number of the savestate to start from; 0 for the true start.

        `sent_to` is a savestate that was chosen already; the shares that this goes past are made up for later.
        """
        by_tier: dict[str, list[tuple[int, Savestate]]] = {}
        for number, entry in savestates:
            by_tier.setdefault(entry.tier, []).append((number, entry))
        if not by_tier:
            return 0
        self._debts[TRUE_START] += self.true_share
        for tier in by_tier:
            self._debts[tier] += min(TIER_SHARE, (1.0 - self.true_share) / len(by_tier))
        owed = max((TRUE_START, *by_tier), key=self._debts.__getitem__)
        everything = [pair for pairs in by_tier.values() for pair in pairs]
        if sent_to:
            candidates = [pair for pair in everything if pair[0] == sent_to]
        elif self._debts[owed] >= 1.0 - 1e-9:
            candidates = by_tier.get(owed, [])
        else:
            candidates = everything
        chosen = max(candidates, key=lambda pair: self._score(pair[1]), default=None)
        served = TRUE_START if chosen is None else chosen[1].tier
        self._debts[served] = max(self._debts[served] - 1.0, -1.0)
        return 0 if chosen is None else chosen[0]

    def _score(self, entry: Savestate) -> float:
        theta = self._rng.beta(entry.alpha, entry.beta)
        return theta * (1.0 - theta) * (1.0 + (entry.attempts + 1.0) ** -0.5)

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"rng": self._rng.bit_generator.state, "debts": dict(self._debts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._rng.bit_generator.state = state["rng"]
        self._debts.update({name: float(debt) for name, debt in state["debts"].items()})
