import itertools
from dataclasses import replace

import numpy as np
import psutil
import pytest
from replay_feeder import SPEC, Feeder, frame_of, step_of

from Daddy.errors import UsageError
from Daddy.nstep import nstep_targets
from Daddy.replay_buffer import ReplayBuffer, ReplaySpec, bytes_per_transition


def test_sampled_sequences_hold_what_was_written_across_wraps_and_partial_batches():
    buffer = ReplayBuffer(SPEC)
    feeder = Feeder(buffer)
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(60):
        feeder.run(5)
        if not buffer.sequences:
            continue
        batch = buffer.sample(8, rng)
        for i, start in enumerate(batch.starts):
            env = int(batch.structured[i, SPEC.lead, 1])
            seen.add(env)
            rows = start + np.arange(-SPEC.lead, SPEC.rows)
            known = rows >= 0
            assert rows[known][0] >= feeder.rows[env] - SPEC.ring and rows[-1] < feeder.rows[env]
            assert start % SPEC.stride == 0
            np.testing.assert_array_equal(step_of(batch.screen[i])[known], rows[known])
            np.testing.assert_array_equal(batch.structured[i, known], np.stack([rows % 256, rows * 0 + env], 1)[known])
            np.testing.assert_array_equal(batch.action[i, known], ((rows + env) % 5)[known])
            np.testing.assert_array_equal(batch.reward[i, known], (rows * 10 + env)[known])
            np.testing.assert_array_equal(batch.is_first[i, known], (rows % 7 == 0)[known])
            np.testing.assert_array_equal(batch.is_last[i, known], (rows % 7 == 6)[known])
            np.testing.assert_array_equal(batch.terminated[i, known], ((rows % 7 == 6) & (env == 0))[known])
            assert batch.state[i].tolist() == [start, env, -start, 1]
    assert seen == {0, 1, 2}


def test_every_complete_sequence_and_no_other_can_be_sampled():
    buffer = ReplayBuffer(replace(SPEC, num_envs=1, capacity=24))
    feeder = Feeder(buffer)
    for written in range(1, 80):
        feeder.add(np.array([0]))
        whole = [s for s in range(0, written, 3) if s + SPEC.rows <= written and s - SPEC.lead >= written - 24]
        assert buffer.sequences == len(whole)
        if whole:
            assert set(buffer.sample(64, np.random.default_rng(written)).starts.tolist()) == set(whole)


def test_priorities_steer_sampling_and_stale_updates_are_dropped():
    buffer = ReplayBuffer(replace(SPEC, num_envs=1, capacity=24, alpha=1.0))
    feeder = Feeder(buffer)
    for _ in range(20):
        feeder.add(np.array([0]))
    rng = np.random.default_rng(0)
    batch = buffer.sample(200, rng)
    slots, starts = batch.slots.copy(), batch.starts.copy()
    error = np.where(starts == 3, 9.0, 0.05)
    buffer.update_priorities(slots, starts, error, error)
    batch = buffer.sample(200, rng)
    assert np.mean(batch.starts == 3) > 0.95
    assert batch.weights.max() == 1.0 and batch.weights[batch.starts == 3].max() < 0.2
    for _ in range(24):
        feeder.add(np.array([0]))
    before = buffer.sample(50, rng).starts.min()
    weights = buffer.state_dict()["weights"].copy()
    buffer.update_priorities(slots, starts, error * 7, error * 7)
    np.testing.assert_array_equal(buffer.state_dict()["weights"], weights)
    assert before >= 20


def test_uniform_sampling_ignores_priorities():
    buffer = ReplayBuffer(replace(SPEC, num_envs=1, capacity=24, prioritized=False))
    feeder = Feeder(buffer)
    for _ in range(20):
        feeder.add(np.array([0]))
    batch = buffer.sample(100, np.random.default_rng(0))
    buffer.update_priorities(batch.slots, batch.starts, batch.starts * 100.0, batch.starts * 100.0)
    batch = buffer.sample(3000, np.random.default_rng(0))
    assert (batch.weights == 1.0).all()
    assert np.bincount(batch.starts)[::3].min() > 500


def test_state_round_trip_continues_identically():
    source = ReplayBuffer(SPEC)
    feeder = Feeder(source)
    feeder.run(30)
    copy = ReplayBuffer(SPEC)
    copy.load_state_dict(source.state_dict())
    for buffer in (source, copy):
        other = Feeder(buffer, seed=5)
        other.rows = feeder.rows.copy()
        other.run(20)
    one, two = (b.sample(6, np.random.default_rng(3)) for b in (source, copy))
    for name in ("screen", "structured", "action", "reward", "is_first", "state", "weights", "starts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    with pytest.raises(UsageError, match="shape"):
        ReplayBuffer(replace(SPEC, stride=4)).load_state_dict(source.state_dict())


def test_a_transition_costs_at_most_1800_bytes():
    slim = ReplaySpec(8, 80_000, structured_dim=160, state_width=128 + 256 + 256, seq_len=40, burn_in=8, n_step=3,
                      frame_stack=2, stride=20)
    large = replace(slim, state_width=256 + 1024 + 1024, seq_len=80, burn_in=40, stride=40)
    assert bytes_per_transition(slim) <= 1800 and bytes_per_transition(large) <= 1800
    small = ReplayBuffer(SPEC)
    held = sum(v.nbytes for v in vars(small).values() if isinstance(v, np.ndarray)) + small._tree._nodes.nbytes
    assert held <= small.bytes_per_transition() * SPEC.ring * SPEC.num_envs + 100


def test_no_target_crosses_the_cut_that_a_lost_worker_leaves():
    """A restarted env begins an episode although its last row was no end: known is only what came before."""
    spec = replace(SPEC, num_envs=1, capacity=96, n_step=3)
    buffer, rng = ReplayBuffer(spec), np.random.default_rng(2)
    length, gamma = 90, 0.5
    last = rng.random(length) < 0.1
    cut = rng.random(length) < 0.2
    first = np.concatenate([[True], last[:-1]]) | cut
    reward = np.where(first, 0, rng.normal(size=length)).astype(np.float32)
    for t in range(length):
        one = np.array([0])
        screen, state = np.zeros((1, 72, 20), np.uint8), np.zeros((int(buffer.due(one).sum()), 4))
        buffer.add(screen, np.zeros((1, 2)), one, reward[[t]], first[[t]], last[[t]], last[[t]], one, state)
    batch = buffer.sample(64, rng)
    skip = spec.lead + spec.burn_in
    targets = nstep_targets(batch.reward, batch.is_first, batch.is_last, batch.terminated, skip, spec.seq_len, 3, gamma)
    masked = 0
    for b, start in enumerate(batch.starts):
        for i in range(spec.seq_len):
            t = start + spec.burn_in + i
            known = [] if last[t] else list(itertools.takewhile(lambda row: not first[row], range(t + 1, t + 4)))
            ends = [row for row in known if last[row]]
            known = known[: known.index(ends[0]) + 1] if ends else known
            assert targets.valid[b, i] == bool(known)
            masked += not known and not last[t]
            if known:
                total = sum(gamma**k * reward[row] for k, row in enumerate(known))
                np.testing.assert_allclose(targets.returns[b, i], total, rtol=1e-5, atol=1e-5)
                assert targets.bootstrap[b, i] == skip + i + len(known)
                assert targets.discount[b, i] == (0 if ends else gamma ** len(known))
    assert masked > 5, "some actions were cut off from their outcome"


def test_impossible_sizes_are_refused_with_the_fix():
    with pytest.raises(UsageError, match="at least"):
        ReplayBuffer(replace(SPEC, capacity=30))
    too_many = int(psutil.virtual_memory().available / 1400)
    with pytest.raises(UsageError, match="at most"):
        ReplayBuffer(replace(SPEC, capacity=too_many))


def test_an_env_must_begin_with_an_episode():
    buffer = ReplayBuffer(SPEC)
    no = np.array([False])
    with pytest.raises(ValueError, match="must begin an episode"):
        buffer.add(np.zeros((1, 72, 20), np.uint8), np.zeros((1, 2)), np.zeros(1), np.zeros(1), no, no, no,
                   np.array([2]), np.zeros((1, 4)))  # fmt: skip


def test_features_may_be_floats():
    replay, no, env = ReplayBuffer(replace(SPEC, structured_dtype="f4")), np.zeros(1, bool), np.zeros(1, int)
    for step in range(20):
        state = np.zeros((int(replay.due(env)[0]), SPEC.state_width))
        replay.add(frame_of(step)[None], np.array([[step / 7, -1.5]], np.float32), env, np.zeros(1), no | (step == 0),
                   no, no, env, state)
    batch = replay.sample(2, np.random.default_rng(0))
    rows = batch.starts[:, None] + np.arange(-SPEC.lead, SPEC.rows)
    assert batch.structured == pytest.approx(np.stack([rows / 7, np.full(rows.shape, -1.5)], axis=-1))
    assert bytes_per_transition(replay.spec) == bytes_per_transition(SPEC) + 3 * SPEC.structured_dim
