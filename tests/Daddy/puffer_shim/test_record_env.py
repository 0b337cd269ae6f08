import numpy as np
import pytest
from stand_in_env import SIZE, StandInEnv

from Daddy.puffer_shim.record import RECORD, view_records
from Daddy.puffer_shim.record_env import RecordEnv
from pokemonred_puffer import ram_map

RIGHT, STAY = 2, 5


def look(row: np.ndarray) -> np.void:
    return view_records(row[None].copy())[0]


@pytest.fixture
def env() -> RecordEnv:
    return RecordEnv(StandInEnv({}), max_episode_steps=6)


def test_the_record_is_compact_and_aligned():
    assert RECORD.itemsize <= 1800
    assert all(RECORD.fields[name][1] % RECORD.fields[name][0].base.alignment == 0 for name in RECORD.names)


def test_observations_are_in_the_declared_space(env):
    row, info = env.reset(seed=0)
    assert env.observation_space.contains(row) and info == {}
    assert env.observation_space.contains(env.step(0)[0])


def test_an_episode_from_first_record_to_truncation(env):
    first = look(env.reset(seed=1)[0])
    assert (first["is_first"], first["episode_id"], first["episode_step"], first["r_env"]) == (1, 1, 0, 0)
    total = 0.0
    for step in range(1, 7):
        row, reward, terminated, truncated, info = env.step(STAY)
        record, total = look(row), total + reward
        assert record["episode_step"] == step and record["is_first"] == 0 and info == {}
        assert record["r_env"] == pytest.approx(reward) and record["episode_return"] == pytest.approx(total)
        assert (record["terminated"], record["truncated"]) == (terminated, truncated) == (0, step == 6)
    second = look(env.reset()[0])
    assert (second["is_first"], second["episode_id"], second["truncated"], second["episode_return"]) == (1, 2, 0, 0)


def test_termination_wins_over_truncation():
    env = RecordEnv(StandInEnv({}), max_episode_steps=1)
    env.reset(seed=0, options={"state": (SIZE - 2, SIZE - 1)})
    record = look(env.step(RIGHT)[0])
    assert (record["terminated"], record["truncated"]) == (1, 0)


def test_place_and_tiles_follow_the_walk(env):
    env.reset(seed=0, options={"state": (3, 4)})
    env.step(RIGHT)
    env.step(STAY)
    record = look(env.step(RIGHT)[0])
    assert (record["map_id"], record["x"], record["y"], record["tiles"]) == (40, 5, 4, 3)


def test_milestones_are_read_from_a_forks_memory_and_stay_within_the_episode(env):
    memory = env.unwrapped.env.unwrapped.memory
    env.reset(seed=0)
    memory.write(ram_map.wObtainedBadges, 1)
    assert look(env.step(STAY)[0])["milestones"].any()
    memory.write(ram_map.wObtainedBadges, 0)
    record = look(env.step(STAY)[0])
    assert record["milestones"].any() and record["badges"] == 0
    assert not look(env.reset()[0])["milestones"].any()


def test_the_same_seed_repeats_every_later_episode():
    def play() -> list[bytes]:
        env = RecordEnv(StandInEnv({}), max_episode_steps=3)
        rows = [env.reset(seed=5)[0].tobytes()]
        for _ in range(3):
            rows += [env.step(action)[0].tobytes() for action in (RIGHT, 0, RIGHT)]
            rows.append(env.reset()[0].tobytes())
        return rows

    assert play() == play()
    assert len(set(play())) == len(play())
