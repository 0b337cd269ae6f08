"""The slow learners that the present one is measured against do the same, and so does the loop's clock."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import learner
from benchmarks.learner_alone import EPISODE, PHASES, make_agent, preset_settings, split
from benchmarks.learner_loop import run_loop
from benchmarks.learner_slow import FIRST, STEPS, rows, slowed
from Daddy.networks import NetworkSizes

TINY = NetworkSizes((4, 8, 8), (2, 2), embed=16, structured=8, gru=12, lstm=12, ssm=8, head=16)
ENVS, ROWS = 4, EPISODE // 4 + 40  # the first env's episode ends 40 rows before the last


def agent_with(slow: set[str], **changes):
    settings = replace(preset_settings("slim", seq_len=10, burn_in=4, batch_size=6, **changes), sizes=TINY)
    settings = replace(settings, learner=replace(settings.learner, precision="float32", target_update=2))
    return make_agent(settings, slow=frozenset(slow), envs=ENVS, rows=ROWS)


def batch_with_a_reset(agent):
    rng = np.random.default_rng(0)
    for _ in range(200):
        batch = agent.replay.sample(6, rng)
        if batch.is_first[:, 6:12].any():
            return batch
    raise AssertionError("no batch with an episode's end in it")


@pytest.mark.parametrize("slow", [{name} for name in STEPS if name != "nature"] + [set(STEPS) - {"nature"}])
def test_a_slow_learner_has_the_same_q_gradients_and_updates(slow):
    fast, other = agent_with(set()), agent_with(slow)
    found = []
    for agent, which in ((fast, set()), (other, slow)):
        with slowed(frozenset(which)):
            batch, learner_ = batch_with_a_reset(agent), agent.learner
            q = [part.detach() for part in learner_._unroll(learner_.prepare(batch))]
            learner_.update(batch)
            gradients = [p.grad.clone().flatten() for p in learner_.online.parameters()]
            results = [learner_.update(batch) for _ in range(3)]
        weights = [p.detach().flatten() for p in learner_.online.parameters()]
        found.append((q, gradients, [torch.from_numpy(r.td_max) for r in results], weights))
    for ours, theirs in zip(*found, strict=True):
        for one, two in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_the_rows_go_from_everything_slow_to_the_product():
    names = list(rows())
    assert names[0] == FIRST and rows()[FIRST] == set(STEPS) and rows()[names[-1]] == set()
    assert [len(slow) for slow in rows().values()] == list(range(len(STEPS), -1, -1))


def test_the_straightforward_learner_learns():
    agent = agent_with(set(STEPS))
    with slowed(frozenset(STEPS)):
        batch = agent.replay.sample(6, np.random.default_rng(0))
        losses = [agent.learner.update(batch).metrics["losses/td_loss"] for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]


def test_the_split_adds_up_and_leaves_no_trace():
    agent = agent_with(set())
    parts = split(agent, 0.01)
    whole = parts.pop("update")
    assert set(parts) == {*PHASES, "rest"} and sum(parts.values()) == pytest.approx(whole)
    assert min(parts.values()) >= 0 and parts["backward"] > 0
    assert not {"sample", "prepare", "_backward"} & (set(vars(agent.replay)) | set(vars(agent.learner)))


def test_quick_prints_one_object_with_the_headline(monkeypatch, capsys):
    def loop(wanted, seconds, log_interval):
        return learner.LoopSpeed(10.0, 1.0, 10.0, {"act": 50.0}, {"main": 1.0, "learner": 0.5})

    monkeypatch.setattr(learner, "run_loop", loop)
    monkeypatch.setattr(learner, "SHAPES", {learner.SLIM: learner.SHAPES[learner.SLIM]})
    assert learner.main(["--quick", "--json", "--sections", "alone", "acting", "loop"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["loop_over_learner"] == pytest.approx(10.0 / found["learner_beside_loop_per_s"])
    assert found["learned_per_s"] > 0 and found["bytes_per_transition"] > 1440 and found["device"]
    assert set(PHASES) < set(found["split"])
    assert set(found["acting_ms"]) == {"slim, 8 envs"} and min(found["acting_ms"]["slim, 8 envs"].values()) > 0


def test_a_training_loop_is_measured_from_outside():
    found = run_loop("1", 0.1, log_interval=100)
    assert found.learned_per_s > 0 and found.sps > 0 and 0.3 < found.ratio < 3
    assert set(found.cores) == {"main", "learner", "other threads", "workers"} and "learn" in found.shares
