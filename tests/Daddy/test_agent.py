import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_agent import ACTIONS, CONFIG, ENVS, FEATURES, TINY, Stream, feed, make

from Daddy.agent import Agent
from Daddy.checkpoint import load_checkpoint, save_checkpoint
from Daddy.errors import DaddyError, UsageError
from Daddy.learner import rescale, unrescale


def test_replayed_q_values_equal_those_acted_on():
    agent, stream = make(burn_in=0), Stream()
    acted = {}
    counts = np.zeros(ENVS, int)
    for _ in range(80):
        envs = stream.subset()
        rows, reward = stream.rows(envs)
        due = agent.replay.due(envs)
        q, memories = agent.actor.q_values(rows, reward, envs, due)
        actions = agent.actor.network.num_actions - 1 - q.argmax(axis=1)
        agent._pending = (envs, memories)
        agent.observe(rows, reward, actions, envs)
        for env, values in zip(envs, q, strict=True):
            acted[env, counts[env]] = values
            counts[env] += 1
    batch = agent.replay.sample(40, np.random.default_rng(0))
    inputs = agent.learner.prepare(batch)
    with torch.inference_mode():
        q, _, _ = agent.learner.online.forward_cells(inputs.cells, inputs.core, inputs.state, inputs.first)
    slots_per_env = agent.replay.spec.ring // agent.replay.spec.stride
    assert len(set(batch.starts.tolist())) > 5
    for i, (slot, start) in enumerate(zip(batch.slots, batch.starts, strict=True)):
        expected = np.stack([acted[slot // slots_per_env, start + t] for t in range(q.shape[1])])
        exact = agent.replay.spec.stride  # from there on the actor has rounded its memory for the next sequence
        np.testing.assert_allclose(q[i, :exact].numpy(), expected[:exact], rtol=0, atol=1e-5)
        np.testing.assert_allclose(q[i].numpy(), expected, rtol=0, atol=2e-3)


def play_with_restored_memories(agent, calls=80):
    """Q-values by (env, row) as acted on, and how many episodes began with a memory; every second one does."""
    stream, acted, counts, restored = Stream(), {}, np.zeros(ENVS, int), 0
    rng, width = np.random.default_rng(3), sum(agent.actor.network.state_sizes)
    for _ in range(calls):
        envs = stream.subset()
        rows, reward = stream.rows(envs)
        for env in envs[rows["is_first"]][::2]:
            agent.actor.begin_with(int(env), rng.normal(size=width).astype(np.float16))
            restored += 1
        q, memories = agent.actor.q_values(rows, reward, envs, agent.replay.due(envs))
        agent._pending = (envs, memories)
        agent.observe(rows, reward, q.argmax(axis=1), envs)
        for env, values in zip(envs, q, strict=True):
            acted[env, counts[env]] = values
            counts[env] += 1
    return acted, restored


@pytest.mark.parametrize("burn_in", [0, 3])
def test_replayed_q_values_equal_those_acted_on_after_a_restored_memory(burn_in):
    agent = make(burn_in=burn_in)
    acted, restored = play_with_restored_memories(agent)
    assert restored > 5
    batch = agent.replay.sample(60, np.random.default_rng(0))
    inputs = agent.learner.prepare(batch)
    with torch.inference_mode():
        q, _ = agent.learner._unroll(inputs)
        target_q = agent.learner._unroll(inputs)[1]
    per_env = agent.replay.spec.ring // agent.replay.spec.stride
    for i, (slot, start) in enumerate(zip(batch.slots, batch.starts, strict=True)):
        expected = np.stack([acted[slot // per_env, start + burn_in + t] for t in range(q.shape[1])])
        np.testing.assert_allclose(q[i].numpy(), expected, rtol=0, atol=2e-3)
        np.testing.assert_allclose(target_q[i].numpy(), expected, rtol=0, atol=2e-3)
    at = batch.begun[0]
    assert len(at) > 10 and len(set(at[:, 1])) > 3, "memories are restored at many places of the sequences"
    forgotten = replace(inputs, restarts=None)
    with torch.inference_mode():
        without, _ = agent.learner._unroll(forgotten)
    assert float((without - q).abs().max()) > 2e-2, "without them learning would see another memory"


def test_restored_memories_are_saved_and_fade_with_their_rows():
    agent = make()
    play_with_restored_memories(agent, 40)
    twin = make()
    twin.replay.load_state_dict(agent.replay.state_dict())
    other = make()
    other.replay.restore_index(agent.replay.index_state(), np.zeros(ENVS, int), agent.replay.cursor)
    for replay in (twin.replay, other.replay):
        assert replay._begun.keys() == agent.replay._begun.keys() != set()
        for at, memory in agent.replay._begun.items():
            np.testing.assert_array_equal(replay._begun[at], memory)
    play_with_restored_memories(agent, 400)
    ring, cursor = agent.replay.spec.ring, agent.replay.cursor
    assert len(agent.replay._begun) < ENVS * ring
    assert all(row >= cursor[env] - 2 * ring for env, row in agent.replay._begun)


@pytest.mark.parametrize("size", ["slim", "large"])
def test_learning_changes_every_parameter_of_a_preset(size):
    agent = make(sizes=None, model_size=size, batch_size=2)
    feed(agent, Stream(), 60)
    before = {name: p.clone() for name, p in agent.learner.online.named_parameters()}
    agent.learn()
    agent.learn()
    unchanged = [name for name, p in agent.learner.online.named_parameters() if torch.equal(p, before[name])]
    assert unchanged == []


def test_learn_reports_finite_numbers_and_counts_transitions():
    agent = make()
    feed(agent, Stream(), 60)
    metrics = agent.learn()
    expected = {"td_loss", "td_abs_mean", "q_mean", "q_max", "target_q_mean", "grad_norm"}
    assert {f"losses/{name}" for name in expected} <= set(metrics)
    assert all(np.isfinite(list(metrics.values()))) and 0 < metrics["learned"] <= 5 * 6


def test_acting_builds_no_graph_and_keeps_memory_of_acting_envs_only():
    agent, stream = make(), Stream(end_rate=0.0)
    feed(agent, stream, 10)
    state = agent.actor.state_dict()
    tensors = [t for t in state.values() if isinstance(t, torch.Tensor)]
    assert tensors and not any(t.requires_grad or t.grad_fn for t in tensors)
    before = state["memory"].clone()
    rows, reward = stream.rows(np.array([2, 0]))
    agent.act(rows, reward, np.array([2, 0]), np.zeros(2))
    changed = (agent.actor.state_dict()["memory"] != before).any(dim=1)
    assert changed.tolist() == [True, False, True, False]


def test_partial_batches_act_like_full_ones():
    one, two = make(), make()
    envs = np.arange(ENVS)
    stream = Stream()
    for _ in range(12):
        rows, reward = stream.rows(envs)
        whole, _ = one.actor.q_values(rows, reward, envs)
        for part in (np.array([3, 1]), np.array([0, 2])):
            cut = {name: value[part] for name, value in rows.items()}
            values, _ = two.actor.q_values(cut, reward[part], part)
            np.testing.assert_allclose(values, whole[part], atol=1e-5)
        for agent in (one, two):
            agent.actor.remember_actions(envs, whole.argmax(axis=1))


def test_epsilon_is_per_env():
    agent, envs = make(), np.arange(ENVS)
    stream = Stream(end_rate=0.0)
    drawn = []
    for _ in range(60):
        rows, reward = stream.rows(envs)
        fixed = {**rows, "screen": rows["screen"] * 0, "structured": rows["structured"] * 0}
        drawn.append(agent.act(fixed, reward * 0, envs, np.array([0.0, 0.0, 1.0, 1.0])))
    kinds = [len(set(column.tolist())) for column in np.array(drawn)[30:].T]
    assert max(kinds[:2]) <= 2 and min(kinds[2:]) == ACTIONS


def test_the_target_network_is_a_hard_copy_every_n_updates():
    agent = make()
    feed(agent, Stream(), 60)
    frozen = [p.clone() for p in agent.learner.target.parameters()]
    for update in range(1, 5):
        agent.learn()
        same = all(torch.equal(a, b) for a, b in zip(frozen, agent.learner.target.parameters(), strict=True))
        assert same == (update < 4)
    pairs = zip(agent.learner.online.parameters(), agent.learner.target.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_updates_at_no_learning_rate_learn_nothing_and_at_half_of_it_half_as_fast():
    agents, moved = [make(), make(), make()], []
    for agent, left in zip(agents, (0.0, 0.5, 1.0), strict=True):
        feed(agent, Stream(2), 40)
        before = [p.detach().clone() for p in agent.learner.online.parameters()]
        agent.start_update(left)
        agent.finish_update()
        after = agent.learner.online.parameters()
        moved.append(torch.cat([(b - a).flatten() for a, b in zip(before, after, strict=True)]))
    assert not moved[0].any() and moved[2].any()
    torch.testing.assert_close(2 * moved[1], moved[2], atol=1e-6, rtol=1e-3)


def test_acting_weights_and_priorities_change_only_when_an_update_is_finished():
    agent, stream = make(), Stream()
    feed(agent, stream, 60)
    weight, start = agent.actor.network.value[1].weight, agent.actor.network.value[1].weight.clone()
    agent.start_update()
    agent._update[1].result()  # it is through, but nobody has taken it up
    feed(agent, stream, 1)
    priorities = agent.replay.state_dict()["weights"].copy()
    assert torch.equal(weight, start)
    with pytest.raises(RuntimeError, match="finish"):
        agent.start_update()
    assert agent.finish_update()["seconds"] > 0 and agent.finish_update() == {}
    assert not torch.equal(weight, start)
    assert not np.array_equal(priorities, agent.replay.state_dict()["weights"])


def run(agent, stream, calls):
    losses = []
    for _ in range(calls):
        feed(agent, stream, 3)
        if agent.can_learn(1000):
            losses.append(agent.learn()["losses/td_loss"])
    return losses


def test_the_same_seed_gives_the_same_run():
    results = [run(make(seed=seed), Stream(), 40) for seed in (1, 1, 2)]
    assert len(results[0]) > 10 and results[0] == results[1] != results[2]


def test_an_agent_restored_from_disk_continues_identically(tmp_path):
    agent, stream = make(), Stream()
    run(agent, stream, 30)
    path = save_checkpoint(tmp_path, 30, {"agent": agent.state_dict(), "replay": agent.replay.state_dict()})
    saved = load_checkpoint(path)
    copy = make(seed=9)
    copy.load_state_dict(saved["agent"])
    copy.replay.load_state_dict(saved["replay"])
    same = Stream()
    same.rng.bit_generator.state, same.over = stream.rng.bit_generator.state, stream.over.copy()
    assert run(copy, same, 10) == run(agent, stream, 10)


def test_another_network_or_number_of_envs_is_refused():
    agent = make()
    with pytest.raises(DaddyError, match="--model-size"):
        make(sizes=replace(TINY, gru=16)).load_state_dict(agent.state_dict())
    with pytest.raises(DaddyError, match="--num-envs"):
        Agent(CONFIG, ENVS - 1, ACTIONS, FEATURES).load_state_dict(agent.state_dict())
    with pytest.raises(UsageError, match="slim, large"):
        make(sizes=None, model_size="medium")


def test_observe_must_follow_act_of_the_same_envs():
    agent, stream = make(), Stream()
    rows, reward = stream.rows(np.array([0, 1]))
    actions = agent.act(rows, reward, np.array([0, 1]), np.zeros(2))
    with pytest.raises(ValueError, match="must follow"):
        agent.observe(rows, reward, actions, np.array([1, 0]))


def test_a_diverged_loss_stops_with_a_clear_line():
    agent = make()
    feed(agent, Stream(), 60)
    with torch.no_grad():
        agent.learner.online.value[1].bias.fill_(float("nan"))
    with pytest.raises(DaddyError, match="lower --lr"):
        agent.learn()


def test_bfloat16_learns_nearly_the_same():
    losses = []
    for precision in ("float32", "bfloat16"):
        agent = make(learner=replace(CONFIG.learner, precision=precision))
        feed(agent, Stream(), 60)
        losses.append(agent.learn()["losses/td_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=0.05) and losses[0] != losses[1]


def test_precision_names_are_checked():
    assert make(learner=replace(CONFIG.learner, precision="auto")).learner.precision in ("float32", "bfloat16")
    with pytest.raises(UsageError, match="auto, float32, bfloat16"):
        make(learner=replace(CONFIG.learner, precision="half"))


def test_a_run_does_not_depend_on_how_fast_the_learning_thread_is(monkeypatch):
    def overlapped(delay):
        agent, stream = make(), Stream()
        update = agent.learner.update
        monkeypatch.setattr(agent.learner, "update", lambda batch: (time.sleep(delay), update(batch))[1])
        feed(agent, stream, 60)
        losses = []
        for _ in range(6):
            agent.start_update()
            feed(agent, stream, 3)
            losses.append(agent.finish_update()["losses/td_loss"])
        return losses, agent.actor.state_dict()["memory"]

    (slow, slow_memory), (fast, fast_memory) = overlapped(0.02), overlapped(0.0)
    assert slow == fast and torch.equal(slow_memory, fast_memory)


def test_value_rescaling_inverts():
    x = torch.linspace(-300, 300, 101, dtype=torch.float64)
    torch.testing.assert_close(unrescale(rescale(x)), x, rtol=1e-6, atol=1e-6)
    assert rescale(torch.tensor(0.0)) == 0


def test_bfloat16_updates_do_not_depend_on_what_other_threads_do():
    agent = make(learner=replace(CONFIG.learner, precision="bfloat16"))
    feed(agent, Stream(), 60)
    cached = []
    agent.learner.online.structured.register_forward_hook(lambda *_: cached.append(torch.is_autocast_cache_enabled()))
    agent.learn()
    assert cached == [False] * 3, "the cache of casts belongs to the process, and acting clears it"
