import dataclasses

import numpy as np
import pytest
import torch

from Daddy.build import build_agent, build_mixer, build_pacer, build_replay_store
from Daddy.checkpoint import load_checkpoint
from Daddy.config import preset
from Daddy.episodes import Episode, EpisodeTracker
from Daddy.errors import CheckpointError, UsageError
from Daddy.puffer_shim import RECORD
from Daddy.run_state import collect, restore, restore_run
from Daddy.saver import Saver


class Counter:
    def __init__(self, value=0):
        self.value = value

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state):
        self.value = int(state["value"])


def test_every_part_comes_back_and_unknown_ones_are_named():
    saved = collect({"step_global": 7}, {"a": Counter(3)})
    parts = {"a": Counter(), "b": Counter()}
    assert restore(saved, parts) == ["the checkpoint holds no b state: b starts fresh"]
    assert parts["a"].value == 3


def test_a_state_of_another_shape_is_refused_with_code_4():
    with pytest.raises(CheckpointError, match="saved a state does not fit") as error:
        restore({"a": {"other": 1}}, {"a": Counter()})
    assert error.value.exit_code == 4


def test_counters_and_rom():
    assert restore_run({}, "abc", {"a": Counter()}) == ({"rom_sha1": "abc", "step_global": 0, "train_seconds": 0.0}, [])
    saved = {"rom_sha1": "abc", "step_global": 9, "train_seconds": 2.5, "a": {"value": 1}}
    assert restore_run(saved, "abc", {"a": Counter()})[0] == {"rom_sha1": "abc", "step_global": 9, "train_seconds": 2.5}
    with pytest.raises(UsageError, match="SHA-1 abc"):
        restore_run(saved, "def", {})


def finished(episode_id: int, bits: int, value: float) -> Episode:
    return Episode(
        episode_id=episode_id, env_id=1, length=5, returns={"env": value, "rnd": 0.0, "novel": 0.0, "total": value},
        start_step=0, end_step=5, map_id=3, badges=1, milestones=np.array([bits, 0], np.uint8),
        spawn_milestones=np.array([1, 0], np.uint8), tiles=4, terminated=False, truncated=True,
    )  # fmt: skip


def test_an_episode_tracker_comes_back_without_its_running_episodes():
    one, two = (EpisodeTracker(2, milestone_bytes=2) for _ in range(2))
    one.next_id, one.completed, one._ever[:] = 14, 12, [7, 0]
    one.recent.extend(finished(i, 0b111, 2.0) for i in range(20))
    two.load_state_dict(one.state_dict())
    assert (two.next_id, two.completed) == (14, 12) and two._ever.tolist() == [7, 0]
    assert two.score() == one.score() == (2.0, 2.0)
    assert repr(list(two.recent)) == repr(list(one.recent))


def test_a_score_needs_some_episodes():
    tracker = EpisodeTracker(2, milestone_bytes=2)
    tracker.recent.extend(finished(i, 1, 0.0) for i in range(19))
    assert tracker.score() is None


CONFIG = dataclasses.replace(
    preset("slim"), num_envs=2, batch_size=3, seq_len=4, burn_in=2, n_step=1, buffer_size=120, learning_starts=20,
    replay_ratio="1", precision="float32",
)  # fmt: skip


class Learning:
    """The parts of a run, fed with made-up records: what the loop does between env and log."""

    def __init__(self, root, config=CONFIG):
        device = torch.device("cpu")
        self.agent, self.mixer = build_agent(config, 7, device), build_mixer(config, device)
        self.store = build_replay_store(config, root, self.agent.replay)
        self.parts = {"agent": self.agent, "intrinsic": self.mixer, "pacer": build_pacer(config), "replay": self.store}
        self.rng = np.random.default_rng(0)
        self.losses = []

    def play(self, steps):
        for step in range(steps):
            rows = np.zeros(2, RECORD)
            rows["is_first"] = step == 0
            rows["screen"] = self.rng.integers(0, 256, rows["screen"].shape)
            rows["structured"] = self.rng.integers(0, 256, rows["structured"].shape)
            rows["x"], rows["r_env"] = step % 50, self.rng.normal(size=2)
            envs = np.arange(2)
            terms = self.mixer.score(rows, envs)
            actions = self.agent.act(rows, terms.total, envs, np.full(2, 0.3))
            self.agent.observe(rows, terms.total, actions, envs)
            self.mixer.train(rows)
            if self.agent.can_learn(1000):
                self.losses.append((self.agent.learn()["losses/td_loss"], *actions, *terms.total))
        return self.losses


def test_a_run_that_was_saved_and_restored_learns_on_bit_for_bit(tmp_path):
    """What cannot continue is an env; everything that learns does. Both runs meet new episodes after the save."""
    one = Learning(tmp_path)
    one.play(70)
    with Saver(tmp_path / "checkpoints", one.store) as saver:
        saver.save(140, collect({"step_global": 140}, one.parts), None)
        (news,) = saver.finish()
    two = Learning(tmp_path, dataclasses.replace(CONFIG, seed=9))
    assert restore(load_checkpoint(news.path), two.parts) == []
    for run in (one, two):
        run.rng, run.losses = np.random.default_rng(5), []
    assert one.play(25) == two.play(25) and len(one.losses) == 25
    weights = [[p.detach() for p in run.agent.learner.online.parameters()] for run in (one, two)]
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
