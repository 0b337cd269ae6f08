"""The learner's targets against plain loops over one transition at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_agent import CONFIG, Stream, feed, make

from Daddy.learner import rescale, unrescale


@pytest.mark.parametrize("value_rescale", [False, True])
@pytest.mark.parametrize("double_q", [False, True])
@pytest.mark.parametrize("action_gap", [0.0, 0.7])
def test_targets_equal_a_loop_over_transitions(action_gap, double_q, value_rescale):
    config = replace(CONFIG.learner, action_gap=action_gap, double_q=double_q, value_rescale=value_rescale)
    agent = make(learner=config)
    feed(agent, Stream(), 60)
    inputs = agent.learner.prepare(agent.replay.sample(5, np.random.default_rng(0)))
    spec = agent.replay.spec
    generator = torch.Generator().manual_seed(0)
    q, target_q = (torch.randn(5, spec.seq_len + spec.n_step, 5, generator=generator) for _ in range(2))
    found = agent.learner._targets(inputs, q, target_q)
    raw = unrescale(target_q) if value_rescale else target_q
    for b in range(5):
        for t in range(spec.seq_len):
            row = int(inputs.bootstrap[b, t])
            best = int((q if double_q else raw)[b, row].argmax())
            wanted = inputs.returns[b, t] + inputs.discount[b, t] * raw[b, row, best]
            gap = float(raw[b, t].max() - raw[b, t, inputs.action[b, t]])
            wanted = wanted - action_gap * min(gap, 1.0)
            wanted = rescale(wanted) if value_rescale else wanted
            assert float(found[b, t]) == pytest.approx(float(wanted), abs=1e-5)
