"""Exploring a place by hand: walk where one has been least, press A on whatever is in the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from Daddy.exploration import FirstSteps
from Daddy.puffer_shim import A_BUTTON, DIRECTIONS, LAYOUT, pays_around

_LEAST_VISITED = 0.9  # of the steps go there, the others anywhere
_INTERACT = 0.5  # of the steps after a step into something solid press A


class Sweeps(FirstSteps):
    """Plays chosen episodes for their first `steps` steps, fights left out, in the place of the policy.

    Go-Explore (Ecoffet et al. 2021, arXiv 2004.12919) explores from a place without a policy, which would leave for
    ground that it knows to pay. Here two things are known that random buttons do not use: where this episode has been,
    and that A does nothing but before something solid. From the first laboratory's door the parcel is delivered within
    128 steps by 3% of random players and 19% of these (docs/LOG.md, 2026-11-28).
    """

    def __init__(self, num_envs: int, steps: int, share: float, seed: int) -> None:
        """`share` of the episodes that `begin` is asked for are chosen."""
        super().__init__(num_envs, steps)
        self._share, self._rng = share, np.random.default_rng([seed, 7])
        self._place = np.zeros(num_envs, int)  # where it was
        self._walked = np.zeros(num_envs, bool)  # and whether it took a step from there

    def begin(self, env_id: int, chosen: bool, stretch: float = 1.0) -> bool:
        """As for any first steps, but that `chosen` is only a wish."""
        self._walked[env_id] = False
        return super().begin(env_id, chosen and self.steps > 0 and self._rng.random() < self._share, stretch)

    def played(self, actions: np.ndarray, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """Actions int32 (B,) for records `rows` (B,): `actions`, or in chosen episodes its own."""
        where = self.among(rows, env_ids)
        self._walked[env_ids[~where]] = False
        if not where.any():
            return actions
        actions = actions.copy()
        actions[where] = self._swept(rows[where], env_ids[where])
        return actions

    def _swept(self, rows: np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        rng, count, reading = self._rng, len(rows), rows["text_open"] > 0
        place = rows["map_id"].astype(int) << 16 | rows["x"].astype(int) << 8 | rows["y"]
        bumped = self._walked[env_ids] & (place == self._place[env_ids])
        pays = pays_around(rows["structured"][:, LAYOUT["visits"]])  # (B, 4)
        least = (pays + rng.random(pays.shape)).argmax(axis=1)
        steps = np.where(rng.random(count) < _LEAST_VISITED, least, rng.integers(0, DIRECTIONS, count))
        presses = reading | bumped & (rng.random(count) < _INTERACT)
        self._place[env_ids], self._walked[env_ids] = place, ~presses
        return np.where(presses, A_BUTTON, steps)

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._rng.bit_generator.state = state["rng"]
