"""What a rollout holds, against an env that tells which step it is at; and the update on it."""
from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from small_ppo import SmallPolicy, cartpole

from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.ppo.rollout import Collector
from pokemonred_puffer.ppo.scaling import ReturnScale
from pokemonred_puffer.ppo.update import PPO, PPOSettings
from pokemonred_puffer.ppo.vector import Layout, WorkerError, make_vector, plan_layout


class CountEnv(gymnasium.Env):
    """Observes (env id, step of the episode); the reward is the step. Env i truncates after 3 + i steps."""

    observation_space = spaces.Box(0, 100, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, env_id: int) -> None:
        self.env_id, self.time = env_id, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.array([self.env_id, 0], np.float32), {}

    def step(self, action):
        self.time += 1
        now = np.array([self.env_id, self.time], np.float32)
        return now, float(self.time), False, self.time == 3 + self.env_id, {}


class FragileEnv(CountEnv):
    def step(self, action):
        raise RuntimeError("made to break")


def collector(envs=2, steps=8, horizon=4, layout=None, maker=CountEnv, **more) -> Collector:
    torch.manual_seed(0)
    vector = make_vector(maker, layout or Layout(envs, 0, envs))
    vector.async_reset(0)
    policy = RecurrentPolicy(SmallPolicy(vector.single_observation_space.shape[0], 2, 16), 16)
    made = Collector(vector, envs, horizon, steps, policy, 0, **more)
    made.close = vector.close
    return made


def test_rows_are_consecutive_and_flags_stand_where_the_episode_ends():
    player = collector()
    ends = []
    for number in range(3):
        rollout = player.collect(ends.append)
        for env, period in ((0, 4), (1, 5)):  # observations 0..3, and 0..4
            times = (np.arange(9) + 8 * number) % period
            assert rollout.observations[:, env].tolist() == [[env, t] for t in times]
            assert rollout.starts[:, env].tolist() == (times == 0).tolist()
            assert rollout.truncated[:, env].tolist() == (times == period - 1).tolist()
            assert rollout.rewards[:, env].tolist() == times.tolist()
            assert rollout.valid[:, env].tolist() == (times != period - 1)[:8].tolist()
    assert [end.length for end in ends if end.env_id == 0][:2] == [3, 3]
    played = sum(1 for env, period in ((0, 4), (1, 5)) for row in range(25) if row % period)
    assert player.steps_played == played


def test_the_memory_of_segments_is_what_the_policy_had():
    player = collector()
    player.collect()
    rollout = player.collect()
    for segment in range(2):
        rows = slice(4 * segment, 4 * segment + 4)
        observations = torch.from_numpy(rollout.observations[rows])
        logits, values, _ = player.policy(observations, rollout.starts[rows], tuple(m[segment] for m in rollout.memory))
        assert torch.allclose(values, rollout.values[rows], atol=1e-5)
        logprobs = logits.log_softmax(-1).gather(2, rollout.actions[rows][..., None])[..., 0]
        assert torch.allclose(logprobs, rollout.logprobs[rows], atol=1e-5)


def test_the_lstm_over_a_sequence_with_resets_is_the_lstm_step_by_step():
    torch.manual_seed(0)
    policy = RecurrentPolicy(SmallPolicy(3, 2, 8), 8)
    observations, starts = torch.randn(12, 4, 3), torch.rand(12, 4) < 0.2
    state = tuple(torch.randn(4, 8) for _ in range(2))
    _, values, last = policy(observations, starts, state)
    for t in range(12):
        _, value, state = policy(observations[t : t + 1], starts[t : t + 1], state)
        assert torch.allclose(value[0], values[t], atol=1e-6)
    assert torch.allclose(state[0], last[0], atol=1e-6)
    _, fresh, _ = policy(observations[:1], torch.ones(1, 4, dtype=torch.bool), last)
    _, empty, _ = policy(observations[:1], torch.zeros(1, 4, dtype=torch.bool), policy.initial_state(4))
    assert torch.equal(fresh, empty)


def test_rows_after_an_end_have_no_part_in_the_loss():
    outcomes = []
    for spoil in (0.0, 1000.0):
        player = collector()
        rollout = player.collect()
        rollout.logprobs[:-1][~rollout.valid] -= spoil
        ppo = PPO(player.policy, PPOSettings(minibatch_size=64), 1e-3, 0)
        outcomes.append(ppo.update(rollout))
    assert outcomes[0] == outcomes[1]
    assert not rollout.valid.all()


def test_processes_give_the_same_rollouts_as_one_process():
    here, there = collector(4), collector(4, layout=Layout(4, 2, 2))
    try:
        for _ in range(2):
            one, other = here.collect(), there.collect()
            assert np.array_equal(one.observations, other.observations)
            assert torch.equal(one.truncated, other.truncated) and torch.equal(one.starts, other.starts)
        assert here.steps_played == there.steps_played
    finally:
        there.close()


def test_a_dead_worker_is_an_error_and_no_endless_wait():
    player = collector(2, layout=Layout(2, 2, 2), maker=FragileEnv)
    try:
        with pytest.raises(WorkerError, match=r"died .*--resume"):
            player.collect()
    finally:
        player.close()


def test_each_env_of_a_worker_has_a_seed_of_its_own():
    vector = make_vector(cartpole, Layout(4, 2, 4))
    try:
        vector.async_reset(7)
        rows = vector.recv()[0].copy()
    finally:
        vector.close()
    assert len({row.tobytes() for row in rows}) == 4
    single = cartpole(0)
    assert np.array_equal(rows[2], single.reset(seed=9)[0])


def test_scaled_rewards_have_returns_of_unit_spread():
    rng, scale, sums, spread = np.random.default_rng(0), ReturnScale(4, 0.9), np.zeros(4), []
    for step in range(4000):
        done = rng.random(4) < 0.05
        scaled = scale.scale(rng.normal(3, 20, 4).astype(np.float32), done, np.arange(4))
        sums = sums * 0.9 + scaled
        if step > 500:
            spread.append(sums.copy())
        sums[done] = 0
    assert np.std(spread) == pytest.approx(1, abs=0.1)
    assert scale.scale(np.full(4, 1e6, np.float32), done, np.arange(4)).max() <= 10
    other = ReturnScale(4, 0.9)
    other.load_state_dict(scale.state_dict())
    assert other.deviation == scale.deviation


@pytest.mark.parametrize(
    ("asked", "cores", "expected"),
    [((288, 24, 36), 2, (288, 2, 144)), ((8, 0, 0), 2, (8, 2, 8)), ((288, 24, 36), 64, (288, 24, 36)),
     ((7, 0, 0), 2, (7, 1, 7)), ((8, 4, 3), 8, (8, 4, 2))],
)  # fmt: skip
def test_layouts_fit_the_machine_and_say_so(monkeypatch, asked, cores, expected):
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: cores)
    layout = plan_layout("multiprocessing", *asked)
    assert (layout.num_envs, layout.num_workers, layout.batch_size) == expected
    assert bool(layout.note) == (asked[1] not in (0, expected[1]) or asked[2] not in (0, expected[2]) or asked[0] == 7)
