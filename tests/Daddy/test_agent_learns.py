"""Small tasks that the real agent must solve on a CPU in seconds, and crippled agents that must not."""

from collections import deque
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from Daddy.agent import Agent, AgentConfig
from Daddy.frames import pack2bit
from Daddy.learner import LearnerConfig
from Daddy.networks import NetworkSizes

pytestmark = pytest.mark.learns
ENVS = 8
TINY = NetworkSizes((8, 8, 8), (2, 2), embed=32, structured=8, gru=32, lstm=32, ssm=32, head=32)
CONFIG = AgentConfig(
    sizes=TINY, frame_stack=1, seq_len=10, burn_in=2, n_step=3, batch_size=32, buffer_size=8_000, learning_starts=400,
    learner=LearnerConfig(gamma=0.95, lr=2e-3, target_update=20),
)  # fmt: skip


def picture(column):
    levels = np.zeros((72, 80), np.uint8)
    levels[:, 8 * column : 8 * column + 8] = 3
    return pack2bit(levels)


PICTURES = np.stack([picture(c) for c in range(10)])


class Task:
    """A batch of envs that show one bright column each; auto-resets like the vector backends do."""

    actions = 2

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.clock = np.zeros(ENVS, int)
        self.goal = np.zeros(ENVS, int)
        self.over = np.ones(ENVS, bool)
        self.place = np.zeros(ENVS, int)

    def rows(self, actions):
        """(rows, reward) that follow actions (ENVS,); after an end the row is a new episode's first."""
        first = self.over
        reward, terminated, truncated = self.move(actions)
        reward, terminated, truncated = (np.where(first, 0, v) for v in (reward, terminated, truncated))
        self.clock = np.where(first, 0, self.clock + 1)
        self.place = np.where(first, 0, self.place)
        self.begin(first)
        self.over = (terminated | truncated).astype(bool)
        rows = {"screen": PICTURES[self.shown()], "structured": np.zeros((ENVS, 1), np.uint8), "is_first": first,
                "terminated": terminated, "truncated": truncated}
        return rows, reward.astype(np.float32)

    def begin(self, first):
        self.goal = np.where(first, self.rng.integers(0, self.actions, ENVS), self.goal)


class Identity(Task):
    """Press the button whose column is bright; a new one every step."""

    actions = 4

    def move(self, actions):
        reward = actions == self.goal
        self.goal = self.rng.integers(0, self.actions, ENVS)
        return reward, np.zeros(ENVS, bool), self.clock == 8

    def shown(self):
        return self.goal


class Corridor(Task):
    """Walk eight columns to the right; every step costs a little, so the shortest way is best."""

    def move(self, actions):
        self.place = np.clip(self.place + 2 * actions - 1, 0, 8)
        return (self.place == 8) * 1.0 - 0.02, self.place == 8, self.clock >= 39

    def shown(self):
        return self.place


class Memory(Task):
    """The first picture says which button to press at the last one, `delay` identical pictures later."""

    delay = 3

    def move(self, actions):
        at_end = self.clock == self.delay
        return np.where(at_end, np.where(actions == self.goal, 1.0, -1.0), 0.0), at_end, np.zeros(ENVS, bool)

    def shown(self):
        return np.where(self.clock == 0, self.goal, np.where(self.clock == self.delay, 8, 5))


def train(task, config, steps, agent_class=Agent, enough=np.inf):
    """Mean return of the last 60 episodes after `steps` env steps, or as soon as it exceeds `enough`."""
    torch.set_num_threads(1)
    ids, running, returns = np.arange(ENVS), np.zeros(ENVS), deque(maxlen=60)
    agent = agent_class(config, ENVS, task.actions, 1)
    rows, reward = task.rows(np.zeros(ENVS, int))
    learned = 0.0
    for step in range(0, steps, ENVS):
        epsilon = max(0.02, 1.0 - step / (0.5 * steps))
        actions = agent.act(rows, reward, ids, np.full(ENVS, epsilon))
        agent.observe(rows, reward, actions, ids)
        while agent.can_learn(step) and learned < 14 * step:
            learned += agent.learn()["learned"]
        rows, reward = task.rows(actions)
        running += reward
        returns.extend(running[task.over])
        running[task.over] = 0.0
        if len(returns) == 60 and np.mean(returns) > enough:
            break
    return np.mean(returns)


class Forgetful(Agent):
    """Reset masks broken: both learning networks and the actor take every row for an episode's first."""

    def __init__(self, *args):
        super().__init__(*args)
        for network in (self.learner.online, self.learner.target):
            network._remember = partial(self._forget, network._remember)

    def act(self, *args):
        self.actor.state_dict()["memory"].zero_()
        return super().act(*args)

    @staticmethod
    def _forget(remember, joint, state, first, restarts):
        return remember(joint, state, torch.ones_like(first), restarts)


def test_presses_the_button_that_is_shown():
    config = replace(CONFIG, n_step=1, learner=replace(CONFIG.learner, gamma=0.5))
    assert train(Identity(seed=0), config, 3_200, enough=6.0) > 6.0  # 9 presses per episode; chance is 2.25


def test_walks_the_shortest_way():
    assert train(Corridor(seed=0), CONFIG, 2_400, enough=0.75) > 0.75  # eight steps give 0.84; chance is below -0.2


def test_remembers_what_it_saw():
    assert train(Memory(seed=0), CONFIG, 2_800, enough=0.8) > 0.8  # chance is 0


@pytest.mark.parametrize("cripple", ["no memory", "masks broken"])
def test_fails_to_remember_when_crippled(cripple):
    config = replace(CONFIG, ablate=("gru", "lstm", "ssm")) if cripple == "no memory" else CONFIG
    assert abs(train(Memory(seed=0), config, 2_800, Agent if config.ablate else Forgetful)) < 0.5
