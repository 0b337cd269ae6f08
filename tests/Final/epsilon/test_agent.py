"""The learner: losses against loops, and learning of tiny problems by both heads."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from Final.epsilon.agent import AgentSettings, DQNAgent, FrameStack, quantile_huber
from Final.epsilon.network import SimpleDQN, expected
from Final.epsilon.replay import Batch, Replay
from pokemonred_puffer.observation import unpack2bit

SCREEN = (36, 9)  # the smallest that the convolutions take
HEADS = pytest.mark.parametrize("quantiles", [1, 11], ids=["scalar", "quantile"])


def agent(quantiles: int = 1, features: int = 6, actions: int = 2, seed: int = 0, **more) -> DQNAgent:
    settings = {"lr": 2e-3, "target_update": 20, **more}
    return DQNAgent(AgentSettings(features, actions, SCREEN, quantiles, seed=seed, **settings))


def batch(size: int = 8, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    frames = rng.integers(256, size=(2, size, 4, *SCREEN), dtype=np.uint8)
    features = rng.integers(256, size=(2, size, 6), dtype=np.uint8)
    return Batch(
        frames[0], features[0], rng.integers(2, size=size), rng.normal(size=size).astype(np.float32),
        np.full(size, 0.5, np.float32), frames[1], features[1], np.linspace(0.2, 1, size, dtype=np.float32),
        np.arange(size),
    )  # fmt: skip


def test_the_network_sees_the_pixels_as_the_env_packs_them():
    network, packed = SimpleDQN(6, 7, screen=SCREEN), np.arange(324, dtype=np.uint8).reshape(SCREEN)
    seen = functional.embedding(torch.from_numpy(packed).int(), network.levels).flatten(-2)
    assert torch.equal(seen, torch.from_numpy(unpack2bit(packed)) / 3.0)


@HEADS
def test_advantages_have_no_mean_of_their_own(quantiles):
    network = SimpleDQN(6, 7, quantiles, screen=SCREEN)
    frames, features = torch.zeros(3, 4, *SCREEN, dtype=torch.uint8), torch.ones(3, 6, dtype=torch.uint8)
    q = network(frames, features)
    assert q.shape == (3, 7, quantiles) and expected(q).shape == (3, 7)
    before = q.mean(dim=1)
    with torch.no_grad():
        network.advantage.bias += 5.0
    assert torch.allclose(network(frames, features).mean(dim=1), before, atol=1e-4), "only the value sets the mean"


def test_the_loss_of_one_quantile_is_the_huber_loss():
    chosen, target = torch.randn(9, 1) * 3, torch.randn(9, 1) * 3
    losses, errors = quantile_huber(chosen, target)
    assert torch.allclose(losses, functional.huber_loss(chosen, target, reduction="none")[:, 0])
    assert torch.allclose(errors, (chosen - target).abs()[:, 0])


def test_the_quantile_loss_is_the_papers_sum():
    chosen, targets = torch.randn(4, 5) * 2, torch.randn(4, 3) * 2
    losses, _ = quantile_huber(chosen, targets)
    for b in range(4):
        total = 0.0
        for i in range(5):
            for j in range(3):
                u = float(targets[b, j] - chosen[b, i])
                huber = 0.5 * u * u if abs(u) <= 1 else abs(u) - 0.5
                total += abs((i + 0.5) / 5 - (u < 0)) * huber / 3
        assert float(losses[b]) == pytest.approx(total, rel=1e-4)


@HEADS
def test_targets_are_those_of_double_dqn(quantiles):
    learner, data = agent(quantiles), batch()
    with torch.no_grad():
        for parameter in learner.target.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        frames, features = torch.from_numpy(data.next_frames), torch.from_numpy(data.next_features)
        online, target = learner.online(frames, features), learner.target(frames, features)
    for b, found in enumerate(learner._targets(data)):
        best = online[b].mean(dim=1).argmax()
        assert torch.allclose(found, data.returns[b] + 0.5 * target[b, best], atol=1e-5)


@HEADS
def test_an_update_changes_every_parameter_and_the_target_follows_when_due(quantiles):
    learner = agent(quantiles, target_update=3)
    start = {name: value.clone() for name, value in learner.online.named_parameters()}
    for update in (1, 2, 3):
        errors, told = learner.learn(batch(64, update))
        assert errors.shape == (64,) and (errors >= 0).all() and np.isfinite(list(told.values())).all()
        equal = [torch.equal(a, b) for a, b in zip(learner.online.parameters(), learner.target.parameters(),
                                                   strict=True)]  # fmt: skip
        assert all(equal) if update == 3 else not any(equal)
    unchanged = [name for name, value in learner.online.named_parameters() if torch.equal(value, start[name])]
    assert not unchanged
    in_optimizer = {id(p) for group in learner.optimizer.param_groups for p in group["params"]}
    assert in_optimizer == {id(p) for p in learner.online.parameters()}


def test_the_same_seed_gives_the_same_agent():
    def trained(seed: int) -> list:
        learner = agent(seed=seed)
        for i in range(3):
            learner.learn(batch(seed=i))
        return [value.tolist() for value in learner.online.parameters()]

    assert trained(4) == trained(4) != trained(5)


def test_epsilon_is_the_share_of_random_actions():
    learner, rng, data = agent(), np.random.default_rng(0), batch(2000)
    greedy = learner.act(data.frames, data.features, 0.0, rng)
    q = expected(learner.online(torch.from_numpy(data.frames), torch.from_numpy(data.features)))
    assert greedy.tolist() == q.argmax(dim=1).tolist()
    differ = [np.mean(learner.act(data.frames, data.features, e, rng) != greedy) for e in (0.5, 1.0)]
    assert differ == pytest.approx([0.25, 0.5], abs=0.05)


def test_the_frame_stack_holds_the_last_four_frames_of_the_episode():
    stack, screens = FrameStack(2, (1, 1)), np.arange(14, dtype=np.uint8).reshape(7, 2, 1, 1)
    for i, screen in enumerate(screens):
        frames = stack.push(screen, np.array([i == 0, i in (0, 4)]))
    assert frames[:, :, 0, 0].tolist() == [[6, 8, 10, 12], [9, 9, 11, 13]]


@HEADS
def test_it_learns_a_corridor(quantiles):
    """Five cells, right is good, the prize lies behind the last: values are powers of gamma."""
    gamma, cells, envs, rng = 0.9, 5, 4, np.random.default_rng(0)
    replay = Replay(4000, envs, SCREEN, 6, n_step=1, gamma=gamma)
    where, first = np.zeros(envs, int), np.ones(envs, bool)
    reward, blank = np.zeros(envs), np.zeros((envs, *SCREEN), np.uint8)
    eye = np.eye(6, dtype=np.uint8) * 255
    for _ in range(600):
        ended = where == cells
        actions = rng.integers(2, size=envs)
        replay.add(blank, eye[where], actions, reward, first, ended, np.zeros(envs, bool))
        where = np.where(ended, 0, np.clip(where + 2 * actions - 1, 0, cells))
        reward, first = (where == cells) * 1.0, ended
    learner = agent(quantiles, target_update=10)
    for _ in range(300):
        sampled = replay.sample(32, 0.4, rng)
        replay.update(sampled.places, learner.learn(sampled)[0])
    frames, features = torch.zeros(cells, 4, *SCREEN, dtype=torch.uint8), torch.from_numpy(eye[:cells])
    with torch.no_grad():
        q = expected(learner.online(frames, features))
    assert q.argmax(dim=1).tolist() == [1] * cells
    assert q[:, 1].numpy() == pytest.approx(gamma ** np.arange(cells - 1, -1, -1.0), abs=0.1)


@HEADS
def test_it_learns_to_read_the_screen(quantiles):
    """One-step episodes: the picture says which button pays."""
    envs, rng = 4, np.random.default_rng(0)
    replay = Replay(2000, envs, SCREEN, 6, n_step=1, gamma=0.9)
    pictures = np.zeros((2, *SCREEN), np.uint8)
    pictures[0, :18], pictures[1, 18:] = 255, 255
    features, yes, no = np.zeros((envs, 6), np.uint8), np.ones(envs, bool), np.zeros(envs, bool)
    for _ in range(200):
        shown, actions = rng.integers(2, size=envs), rng.integers(2, size=envs)
        replay.add(pictures[shown], features, actions, np.zeros(envs), yes, no, no)
        replay.add(pictures[shown], features, actions, (shown == actions) * 1.0, no, yes, no)
    learner = agent(quantiles)
    for _ in range(80):
        sampled = replay.sample(32, 0.4, rng)
        replay.update(sampled.places, learner.learn(sampled)[0])
    frames = np.repeat(pictures[:, None], 4, axis=1)
    assert learner.act(frames, features[:2], 0.0, rng).tolist() == [0, 1]
    q = expected(learner.online(torch.from_numpy(frames), torch.from_numpy(features[:2])))
    assert q.detach().numpy() == pytest.approx(np.eye(2), abs=0.15)
