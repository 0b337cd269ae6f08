"""A sweep of a made-up room, whose records are what the record env writes."""

from itertools import pairwise

import numpy as np
import pytest

from Daddy.puffer_shim import A_BUTTON, DIRECTIONS, LAYOUT, RECORD
from Daddy.puffer_shim.visits import VisitCounts
from Daddy.sweeping import Sweeps
from pokemonred_puffer.emulator import BUTTONS

MOVES = {"down": (0, 1), "left": (-1, 0), "right": (1, 0), "up": (0, -1)}
POLICY = 5  # what the policy would do


class Room:
    """A square room with one thing in it; `spoken` counts how often A was pressed before the thing."""

    def __init__(self, side: int, thing: tuple[int, int]) -> None:
        self.side, self.thing, self.at, self.facing = side, thing, (side // 2, side - 1), "up"
        self.rows = np.zeros(1, RECORD)
        self._visits = VisitCounts(self.rows["structured"][0, LAYOUT["visits"]])
        self.been, self.spoken = set(), 0
        self._record(-1)

    def step(self, action: int) -> None:
        button = BUTTONS[action]
        if button in MOVES:
            self.facing, to = button, self._ahead(button)
            if to != self.thing and all(0 <= where < self.side for where in to):
                self.at = to
        elif button == "a":
            self.spoken += self._ahead(self.facing) == self.thing
        self.rows["episode_step"] += 1
        self._record(action)

    def _ahead(self, button: str) -> tuple[int, int]:
        return self.at[0] + MOVES[button][0], self.at[1] + MOVES[button][1]

    def _record(self, action: int) -> None:
        self.rows["x"], self.rows["y"] = self.at
        self.been.add(self.at)
        self._visits.visit(0, *self.at, action)


def swept(room: Room, sweeps: Sweeps) -> Room:
    """The room after an episode that is swept to its end."""
    sweeps.begin(0, True)
    for _ in range(sweeps.steps):
        room.step(int(sweeps.played(np.array([POLICY]), room.rows, np.array([0]))[0]))
    return room


def at_random(seed: int) -> Room:
    room, rng = Room(10, (5, 1)), np.random.default_rng(seed)
    for action in rng.integers(0, len(BUTTONS), 100):
        room.step(int(action))
    return room


def test_a_sweep_sees_the_room_and_speaks_to_what_is_in_it_where_random_buttons_do_not():
    sweeps = [swept(Room(10, (5, 1)), Sweeps(1, 100, 1.0, seed)) for seed in range(100)]
    walks = [at_random(seed) for seed in range(100)]
    assert np.mean([len(room.been) for room in sweeps]) > 2 * np.mean([len(room.been) for room in walks])
    found = [sum(room.spoken > 0 for room in rooms) for rooms in (sweeps, walks)]
    assert found[0] > 25 > 10 > found[1]


def test_the_same_seed_sweeps_the_same_way_and_goes_on_from_a_saved_state():
    one, other = Sweeps(1, 9, 1.0, 3), Sweeps(1, 9, 1.0, 4)
    other.load_state_dict(one.state_dict())
    ends = [swept(Room(5, (2, 2)), sweeps).at for sweeps in (one, other)]
    assert ends[0] == ends[1]


def test_only_chosen_episodes_are_swept_for_their_first_steps_and_fights_are_left_alone():
    sweeps, rows, ids = Sweeps(3, 2, 1.0, 0), np.zeros(3, RECORD), np.arange(3)
    assert [sweeps.begin(env, env != 1) for env in range(3)] == [True, False, True]
    rows["in_battle"][2] = 1
    actions = np.full(3, POLICY, np.int32)
    found = []
    for step in range(3):
        rows["episode_step"] = step
        found.append((sweeps.played(actions, rows, ids) == POLICY).tolist())
    assert found == [[False, True, True], [False, True, True], [True, True, True]]
    assert actions.tolist() == [POLICY] * 3, "the given actions are not written to"
    assert sweeps.take_share() == pytest.approx(2 / 9) and sweeps.take_share() == 0.0


def test_it_reads_on_with_a_and_presses_a_only_after_a_step_that_led_nowhere():
    sweeps, rows, ids = Sweeps(1, 1000, 1.0, 0), np.zeros(1, RECORD), np.array([0])
    sweeps.begin(0, True)
    rows["text_open"] = 1
    assert all(sweeps.played(np.array([POLICY]), rows, ids)[0] == A_BUTTON for _ in range(20))
    rows["text_open"] = 0
    assert sweeps.played(np.array([POLICY]), rows, ids)[0] < DIRECTIONS, "the last action was no step"
    standing = [int(sweeps.played(np.array([POLICY]), rows, ids)[0]) for _ in range(300)]
    assert 60 < standing.count(A_BUTTON) < 140, "half of the steps after a bump, and never twice"
    assert not any(a == b == A_BUTTON for a, b in pairwise(standing))
    walking = []
    for x in range(100):
        rows["x"] = x
        walking.append(int(sweeps.played(np.array([POLICY]), rows, ids)[0]))
    assert A_BUTTON not in walking[1:]


def test_a_share_of_the_wanted_episodes_is_chosen_and_without_steps_none():
    sweeps = Sweeps(1, 5, 0.5, 0)
    assert 400 < sum(sweeps.begin(0, True) for _ in range(1000)) < 600
    assert not any(Sweeps(1, 0, 1.0, 0).begin(0, True) for _ in range(9))
    assert not any(Sweeps(1, 5, 0.0, 0).begin(0, True) for _ in range(9))
