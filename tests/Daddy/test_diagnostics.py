"""Staleness is nothing while the weights stay and grows as they move; half-lives are the SSM's own."""

import numpy as np
import pytest
from tiny_agent import TINY, Stream, feed, make

from Daddy.diagnostics import ssm_half_lives


def test_stored_states_are_fresh_until_the_weights_move():
    agent, stream = make(), Stream()
    assert agent.diagnose() == {}
    feed(agent, stream, 80)
    fresh = agent.diagnose()
    levels = {f"replay/staleness_{name}" for name in ("gru", "lstm", "ssm", "q")}
    assert levels <= set(fresh) and all(fresh[tag] < 5e-3 for tag in levels)
    for _ in range(30):
        agent.learn()
    stale = agent.diagnose()
    assert all(stale[tag] > 3 * fresh[tag] for tag in levels)


def test_looking_changes_nothing_and_waits_for_no_one():
    results = []
    for look in (False, True):
        agent, stream = make(), Stream()
        feed(agent, stream, 60)
        losses = []
        for _ in range(5):
            if look:
                agent.diagnose()
            losses.append(agent.learn()["losses/td_loss"])
        results.append(losses)
    assert results[0] == results[1]
    agent.start_update()
    with pytest.raises(RuntimeError, match="finish"):
        agent.diagnose()
    agent.finish_update()


def test_a_level_that_is_switched_off_is_not_reported():
    agent = make(sizes=TINY, ablate=("lstm", "ssm"))
    feed(agent, Stream(), 80)
    assert {tag for tag in agent.diagnose()} == {"replay/staleness_gru", "replay/staleness_q"}


def test_half_lives_are_those_of_the_initialisation():
    lives = ssm_half_lives(make().actor.network)
    assert lives["charts/ssm_half_life_min"] == pytest.approx(10.0, rel=1e-3)
    assert lives["charts/ssm_half_life_max"] == pytest.approx(4000.0, rel=1e-3)
    assert np.isfinite(lives["charts/ssm_half_life_median"])
