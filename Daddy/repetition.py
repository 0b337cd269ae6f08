"""A penalty on repeating what nothing came of, so that the greedy policy cannot stand still for ever.

Greedy play of any Q ends in a loop wherever the best action leads back to the same observation, and small errors are
enough for that: a wall, a menu that is opened and closed, a move without PP. Language models that decode greedily loop
in the same way, and a penalty on what was said already is the cure (Keskar et al. 2019, arXiv 1909.05858).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from Daddy.puffer_shim import FIGHT_FEATURES, LAYOUT, on_new_ground


class RepetitionPenalty:
    """Lowers Q-values by `penalty` * n(place, action) * (max Q - min Q): after 1 / penalty times at most, another
    action is the best.

    n counts how often the env took the action at this place since something new happened: ground that it had not stood
    on since its episode began or, with --novelty-span milestone, since its last milestone; a fight that begins or ends;
    a level, HP or PP that changed. A place is (map, x, y), where texts, menus or fights are on the screen the whole
    screen. Nothing is random. Counts are of running episodes, so they are no part of a checkpoint.
    """

    def __init__(self, num_envs: int, penalty: float) -> None:
        self.penalty = penalty
        self._tried: list[dict[tuple[int, ...] | bytes, list[int]]] = [{} for _ in range(num_envs)]
        self._here: list[list[int]] = [[] for _ in range(num_envs)]  # counts of the place where the env stands
        self._fights = [b""] * num_envs

    def applied(self, q: np.ndarray, rows: Mapping[str, np.ndarray] | np.ndarray, env_ids: np.ndarray) -> np.ndarray:
        """The Q-values (B, A) with their penalties, for records `rows` (B,) of envs `env_ids` (B,)."""
        new = on_new_ground(rows["structured"][:, LAYOUT["visits"]]) | rows["is_first"].astype(bool)
        fights = rows["structured"][:, FIGHT_FEATURES]
        on_screen = (rows["in_battle"] > 0) | (rows["text_open"] > 0)
        ground = np.stack((rows["map_id"], rows["x"], rows["y"]), axis=1).tolist()
        for i, env in enumerate(env_ids.tolist()):
            fight = fights[i].tobytes()
            if new[i] or fight != self._fights[env]:
                self._tried[env].clear()
            self._fights[env] = fight
            place = rows["screen"][i].tobytes() if on_screen[i] else tuple(ground[i])
            self._here[env] = self._tried[env].setdefault(place, [0] * q.shape[1])
        counts = np.array([self._here[env] for env in env_ids.tolist()], q.dtype)  # (B, A)
        return q - self.penalty * np.ptp(q, axis=1, keepdims=True) * counts

    def took(self, actions: np.ndarray, env_ids: np.ndarray) -> None:
        """Count the actions (B,) that were taken at the places of the last `applied`."""
        for env, action in zip(env_ids.tolist(), actions.tolist(), strict=True):
            self._here[env][action] += 1
