"""Games in worker processes play what one game in this process plays; episodes are counted from their rows."""

import os
import signal

import numpy as np
import psutil
import pytest

from Final.epsilon.episodes import EpisodeTracker
from Final.epsilon.errors import WorkerError
from Final.epsilon.player import FEATURES, ROW, SCREEN, features
from Final.epsilon.pool import IDLE, RESET, Pool
from pokemonred_puffer.data.milestones import pack_milestones
from pokemonred_puffer.data.party import PARTY_DTYPE
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.rewards.baseline import ObjectRewardRequiredEventsMapIdsFieldMoves

REWARD = "baseline.ObjectRewardRequiredEventsMapIdsFieldMoves"


def test_the_rows_are_those_of_the_env_itself():
    actions = np.random.default_rng(0).integers(7, size=(30, 3))
    with Pool(3, 2, {"max_steps": 12}, REWARD, ["env", "exploration"]) as pool:
        pool.send(np.full(3, RESET), {0: 7, 1: 8, 2: 9})
        found = [pool.receive()]
        for orders in actions:
            over = found[-1]["terminated"] | found[-1]["truncated"]
            pool.send(np.where(over, RESET, orders))
            found.append(pool.receive())
    env = ObjectRewardRequiredEventsMapIdsFieldMoves({"max_steps": 12})
    observation, _ = env.reset(seed=8)
    truncated, rows = False, [rows[1] for rows in found]
    for i, row in enumerate(rows):
        now = env.telemetry()
        assert row["screen"].tolist() == observation["screen"][..., 0].tolist()
        assert (row["map_id"], row["tiles"], row["badges"]) == (now.map_id, now.tiles, now.badges)
        assert row["is_first"] == (i % 13 == 0) and row["truncated"] == truncated == (i % 13 == 12)
        assert row["step"] == i % 13 and not row["terminated"]
        if i == len(actions):
            break
        if truncated:
            (observation, _), truncated = env.reset(), False
        else:
            observation, reward, _, truncated, _ = env.step(actions[i, 1])
            assert rows[i + 1]["env_reward"] == pytest.approx(reward, abs=1e-5)
            assert rows[i + 1]["reward"] >= rows[i + 1]["env_reward"]
    env.close()


def test_an_idle_game_stands_still():
    with Pool(2, 1, {"max_steps": 50}, REWARD, ["env"]) as pool:
        pool.send(np.array([RESET, RESET]), {0: 1, 1: 1})
        pool.receive()
        for _ in range(5):
            pool.send(np.array([0, IDLE]))
            rows = pool.receive()
        assert rows["step"].tolist() == [5, 0]


@pytest.mark.parametrize(("change", "code"), [({"gb_path": "missing.gb"}, 3), ({"init_state": "nowhere"}, None)])
def test_a_game_that_cannot_start_says_why(change, code):
    with pytest.raises(WorkerError) as caught, Pool(2, 2, change, REWARD, ["env"]) as pool:
        pool.send(np.full(2, RESET))
        pool.receive()
    assert caught.value.exit_code in ((code,) if code else (2, 3)) and "\n" not in str(caught.value)


def test_a_killed_worker_is_noticed_and_no_process_remains():
    before = set(psutil.Process().children())
    with pytest.raises(WorkerError, match="was killed"), Pool(2, 2, {}, REWARD, ["env"]) as pool:
        pool.send(np.full(2, RESET))
        pool.receive()
        os.kill(pool._processes[1].pid, signal.SIGKILL)
        for _ in range(3):
            pool.send(np.zeros(2, int))
            pool.receive()
    left = set(psutil.Process().children()) - before
    assert not [child for child in left if "spawn_main" in " ".join(child.cmdline())]


def test_features_tell_the_place_the_battle_and_the_lead():
    class Now:
        map_id, x, y, facing, in_battle, text_open, enemy_hp_fraction, party_count = 5, 3, 9, 2, 2, 1, 0.5, 6
        party_mons = np.zeros(6, PARTY_DTYPE)
        milestones = pack_milestones(b"\1" + bytes(319), 0, 0)

    Now.party_mons[0]["level"], Now.party_mons[0]["hp"], Now.party_mons[0]["max_hp"] = 20, 300, 400
    found = features(Now, 0.25)
    assert found.shape == (FEATURES,) and found.dtype == np.uint8
    assert found[:8].tolist() == [255, 0, 255, 0, 0, 0, 0, 0]
    assert found[8:20].tolist() == [255, 255, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0]
    assert found[20:27].tolist() == [0, 0, 255, 0, 0, 0, 255]
    assert found[27:33].tolist() == [255, 127, 255, 51, 191, 63]
    assert found[33:].tolist() == [255] + [0] * (FEATURES - 34)


def row(**values) -> np.ndarray:
    made = np.zeros(1, ROW)
    for name, value in values.items():
        made[name] = value
    return made


def test_episodes_count_only_what_they_reached_themselves():
    tracker, owned = EpisodeTracker(1), np.zeros(16, np.uint8)
    owned[0] = 0b01
    more = owned.copy()
    more[0] = 0b11
    assert tracker.add(row(is_first=True, milestones=owned), 10) == []
    assert tracker.add(row(step=1, reward=2, env_reward=1, milestones=owned), 11) == []
    tracker.add(row(step=2, reward=2, env_reward=0.5, milestones=more), 12)
    last = row(step=3, truncated=True, milestones=owned, map_id=4, badges=0b101, tiles=9)
    (episode,) = tracker.add(last, 13)
    assert (episode.length, episode.return_env, episode.return_total) == (3, 1.5, 4)
    assert episode.milestones == {"EVENT_GOT_STARTER": 2}
    assert (episode.start_step, episode.end_step, episode.episode_id) == (10, 13, 0)
    assert (episode.map_id, episode.badges, episode.tiles, episode.truncated) == (4, 2, 9, True)
    assert tracker.add(last, 14) == [], "an idle env repeats its last row"


def test_the_screen_is_the_envs():
    assert RedGymEnv({}).observation_space["screen"].shape == (*SCREEN, 1)
