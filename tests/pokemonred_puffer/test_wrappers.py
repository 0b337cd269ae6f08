"""Wrappers and the sets that compose them."""
from __future__ import annotations

import csv
import json
import sys
import types

import pytest
from fake_game import move_to

from pokemonred_puffer import factory
from pokemonred_puffer.config import load_config
from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.factory import make_env, wrapper_set
from pokemonred_puffer.wrappers.coords_writer import ActionsWriter, CoordinatesWriter
from pokemonred_puffer.wrappers.episode_stats import EpisodeStatsWrapper
from pokemonred_puffer.wrappers.exploration import (
    DecayWrapper,
    LRUCache,
    MaxLengthWrapper,
    OnResetExplorationWrapper,
    OnResetLowerToFixedValueWrapper,
)
from pokemonred_puffer.wrappers.stream_wrapper import StreamWrapper


def visit(env, fake, *cells):
    """Steps onto each (map, x, y)."""
    for cell in cells:
        move_to(fake, *cell)
        env.step(0)


def test_without_a_wrapper_memory_ends_with_the_episode(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    visit(env, fake, (0x26, 4, 6))
    env.reset()
    assert env.exploration.reward_sum == 1.0 and env.telemetry().tiles == 1


def test_on_reset_exploration_keeps_memory_until_it_is_due(make_fake_env, fake):
    env = OnResetExplorationWrapper(make_fake_env(), {"full_reset_frequency": 2, "jitter": 0})
    sums = []
    for _ in range(4):
        env.reset(seed=0)
        sums.append(env.unwrapped.exploration.reward_sum)
        visit(env, fake, (0x26, 4, 6))
    assert sums == [1.0, 2.0, 1.0, 2.0]
    assert env.unwrapped.telemetry().tiles == 2  # per episode, whatever the memory holds


def test_kept_memory_earns_nothing_again(make_fake_env, fake):
    env = OnResetExplorationWrapper(make_fake_env(), {"full_reset_frequency": 5, "jitter": 0})
    env.reset(seed=0)
    visit(env, fake, (0x26, 4, 6))
    env.reset(seed=0)
    move_to(fake, 0x26, 4, 6)
    assert env.step(0)[1] == 0


def test_lowering_makes_old_ground_worth_a_part(make_fake_env, fake):
    env = OnResetLowerToFixedValueWrapper(make_fake_env(), {"fixed_value": {"explore": 0.5}})
    env.reset(seed=0)
    visit(env, fake, (0x26, 4, 6))
    env.reset(seed=0)
    assert env.unwrapped.exploration.reward_sum == pytest.approx(1.0 + 0.5)


def test_decay(make_fake_env, fake):
    env = DecayWrapper(
        make_fake_env(), {"step_forgetting_factor": {"explore": 0.5, "coords": 0.5}, "forgetting_frequency": 2}
    )
    env.reset(seed=0)
    env.step(0)
    assert env.unwrapped.exploration.reward_sum == 1.0
    env.step(0)
    assert env.unwrapped.exploration.reward_sum == 0.5
    for _ in range(20):
        move_to(fake, 0x26, 9, 9)
        env.step(0)
    assert env.unwrapped.exploration.explore_map[env.unwrapped.exploration.explore_map > 0].min() == pytest.approx(0.15)


def test_lru_cache():
    cache = LRUCache(2)
    assert [cache.touch(key) for key in "abab"] == [None] * 4
    assert cache.touch("c") == "a" and len(cache) == 2


def test_max_length_forgets_the_oldest(make_fake_env, fake):
    env = MaxLengthWrapper(make_fake_env(), {"capacity": 2})
    env.reset(seed=0)
    visit(env, fake, (0x26, 4, 6), (0x26, 5, 6))
    assert env.unwrapped.exploration.reward_sum == 2.0
    move_to(fake, 0x26, 3, 6)  # forgotten, hence new: one more, and one less next step
    env.step(0)
    assert env.unwrapped.exploration.explore_map.sum() == 2.0


def test_episode_stats(make_fake_env, fake):
    env = EpisodeStatsWrapper(make_fake_env(max_steps=3))
    env.reset(seed=0)
    move_to(fake, 0x26, 4, 6)
    first = env.step(0)
    env.step(0)
    assert first[4] == {}
    info = env.step(0)[4]
    assert info["episode_length"] == 3 and info["episode_return"] == pytest.approx(first[1])
    env.reset(options={"state": bytes(fake.data)})
    assert env.episode_length == 0


def test_writers(make_fake_env, fake, tmp_path):
    settings = {"output_dir": str(tmp_path), "write_frequency": 2}
    env = ActionsWriter(CoordinatesWriter(make_fake_env(env_id=7), settings), settings)
    env.reset(seed=0)
    for action in (3, 1, 2):
        env.step(action)
    env.close()
    coords = list(csv.reader((tmp_path / "coords" / "7.csv").open()))
    actions = list(csv.reader((tmp_path / "actions" / "7.csv").open()))
    assert coords[0] == ["time", "map", "y", "x"] and [row[1:] for row in coords[1:]] == [["38", "6", "3"]] * 3
    assert actions == [["action"], ["3"], ["1"], ["2"]]


def test_stream_writes_a_local_file_only(make_fake_env, tmp_path):
    env = StreamWrapper(make_fake_env(env_id=2), {"user": "me", "output_dir": str(tmp_path)})
    env.reset(seed=0)
    env.step(0)
    env.close()
    line = json.loads((tmp_path / "stream_2.jsonl").read_text())
    assert line == {"metadata": {"user": "me", "env_id": 2}, "coords": [[3, 6, 38]]}


def test_stream_sends_to_a_configured_url_and_survives_its_failure(make_fake_env, tmp_path, monkeypatch):
    sent = []

    class Connection:
        def send(self, line):
            sent.append(line)
            if len(sent) == 2:
                raise OSError("gone")

        def close(self):
            sent.append("closed")

    module = types.ModuleType("websockets.sync.client")
    module.connect = lambda url, open_timeout: Connection()
    for name in ("websockets", "websockets.sync"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "websockets.sync.client", module)
    env = StreamWrapper(make_fake_env(), {"output_dir": str(tmp_path), "url": "ws://localhost:1"})
    env.reset(seed=0)
    env.step(0)
    env.flush()
    env.step(0)
    with pytest.warns(UserWarning, match="gone"):
        env.flush()
    env.step(0)
    env.close()
    assert len(sent) == 2


@pytest.mark.parametrize("name", sorted(load_config()["wrappers"]))
def test_every_packaged_set_runs(name, tiny_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = make_env(tiny_settings, wrappers_name=name)
    env.reset(seed=0)
    for _ in range(12):
        env.step(0)
    env.reset()
    env.close()


def test_sets_are_composed_innermost_first():
    assert [name for name, _ in wrapper_set("stream_only_with_coords", load_config())] == [
        "coords_writer.CoordinatesWriter", "stream_wrapper.StreamWrapper", "exploration.OnResetExplorationWrapper",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reward", "wrappers", "says"),
    [
        ("baseline.BaselineRewardEn", "empty", "did you mean"),
        ("basline.BaselineRewardEnv", "empty", 'did you mean "baseline"'),
        (None, "stream_onl", 'did you mean "stream_only"'),
    ],
)
def test_unknown_names(tiny_settings, reward, wrappers, says):
    with pytest.raises(ConfigError, match=says):
        make_env(tiny_settings, reward, wrappers)


def test_unknown_wrapper_settings(make_fake_env):
    with pytest.raises(ConfigError, match=r'did you mean "capacity"'):
        MaxLengthWrapper(make_fake_env(), {"capacty": 3})
    with pytest.raises(ConfigError, match="at least 1"):
        MaxLengthWrapper(make_fake_env(), {"capacity": 0})


def test_default_reward_is_upstreams():
    assert factory.DEFAULT_REWARD == "baseline.ObjectRewardRequiredEventsMapIdsFieldMoves"
