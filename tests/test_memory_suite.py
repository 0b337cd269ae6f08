"""The memory suite without its peers: our side on a made-up task, its table, and what it says when all is missing."""

import argparse
import json

import gymnasium
import numpy as np
import pytest
import torch

from benchmarks import memory_suite
from benchmarks.memory_tasks import TASKS, Learning, Scaled, Task
from Daddy.agent import Agent


class Recall(gymnasium.Env):
    """A number is shown once and must be named two steps later."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def reset(self, *, seed=None, options=None):
        self.clock, self.goal = 0, int(self.rng.integers(2))
        return np.array([2 * self.goal - 1, 1], np.float32), {}

    def step(self, action):
        self.clock += 1
        done = self.clock == 3
        reward = float(done) * (1.0 if action == self.goal else -1.0)
        return np.array([0, 1 - self.clock / 3], np.float32), reward, done, False, {}


RECALL = Task("recall", "gymnasium", Recall, 4_000, Learning(seq_len=8, lr=2e-3, steps_per_update=16))


def arguments(**changes):
    defaults = {"quick": False, "only": "", "agents": ["full"], "seeds": 1, "out": None, "show": False}
    return argparse.Namespace(**{**defaults, **changes})


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_the_real_agent_learns_from_float_vectors_without_a_screen():
    outcome = memory_suite.train_ours(RECALL, "full", seed=1)
    assert len(outcome.greedy) >= memory_suite.EVAL_EPISODES
    assert np.mean(outcome.greedy) > 0.9 > np.mean(outcome.training[:100]) + 0.5


@pytest.mark.parametrize("which, parts", [("full", {"gru", "lstm", "ssm"}), ("ssm", {"ssm"})])
def test_an_agent_has_the_cores_that_its_name_says(which, parts):
    agent = Agent(memory_suite._agent_config(RECALL.learning, which, 0), memory_suite.ENVS, 2, 2)
    assert {name for name in ("gru", "lstm", "ssm", "encoder") if hasattr(agent.learner.online, name)} == parts


def test_envs_auto_reset_with_a_first_row_and_count_returns():
    envs = memory_suite.Envs(RECALL, seed=0)
    seen = [envs.rows(np.zeros(memory_suite.ENVS, int)) for _ in range(5)]
    assert [bool(rows["is_first"].all()) for rows, _ in seen] == [True, False, False, False, True]
    assert [bool(rows["terminated"].all()) for rows, _ in seen] == [False, False, False, True, False]
    assert envs.returns == seen[3][1].tolist() and set(envs.returns) <= {-1.0, 1.0}


def test_rows_are_kept_at_once_and_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_suite, "TASKS", (RECALL,))
    monkeypatch.setattr(memory_suite, "train_ours", lambda *_: memory_suite.Outcome([1.0, -1.0], [1.0]))
    out = tmp_path / "rows.jsonl"
    (row,) = memory_suite.measure(arguments(out=out))
    assert (row["score"], row["episodes"], row["perfect"]) == (1.0, 2, 1)
    monkeypatch.setattr(memory_suite, "train_ours", None)
    assert memory_suite.measure(arguments(out=out, show=True, seeds=9)) == [row]
    assert memory_suite.measure(arguments(out=out)) == [row] == [json.loads(out.read_text())]


def test_a_missing_peer_is_named_and_scored_null(monkeypatch, capsys):
    monkeypatch.setattr(memory_suite, "available", lambda package: False)
    rows = memory_suite.measure(arguments(agents=["full", "ppo"], only="memory_len(5)"))
    assert [row["score"] for row in rows] == [None, None]
    assert [row["missing"] for row in rows] == [["bsuite"], ["bsuite", "sb3_contrib"]]
    assert "bsuite is missing" in capsys.readouterr().err
    assert memory_suite.bsuite_score(rows) is None


def test_the_quick_run_prints_json_whatever_is_installed(monkeypatch, capsys):
    monkeypatch.setattr(memory_suite, "available", lambda package: False)
    assert memory_suite.main(["--quick", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["peers"] == {"bsuite": False, "popgym": False, "ppo": False} and len(result["rows"]) == 2


def test_the_table_has_a_column_per_agent_and_all_seeds():
    rows = [
        {"task": "a", "steps": 1_000, "agent": agent, "seed": seed, "score": score, "memory_length": None,
         "cpu_seconds": 4.2}
        for agent, seed, score in (("full", 1, 0.5), ("full", 2, 0.25), ("ppo", 1, None))
    ]
    assert memory_suite.table(rows).splitlines()[2] == "| a | 1,000 | 0.50, 0.25 (4 s) | - |"


def test_cartpole_without_velocities_shows_position_and_angle_only():
    env = Scaled(gymnasium.make("CartPole-v1"), (0, 2))
    shown, _ = env.reset(seed=0)
    full, _ = gymnasium.make("CartPole-v1").reset(seed=0)
    assert shown == pytest.approx([full[0] / 2.4, full[2] / 0.2095])
    assert {task.package for task in TASKS} == {"bsuite", "popgym", "gymnasium"}
