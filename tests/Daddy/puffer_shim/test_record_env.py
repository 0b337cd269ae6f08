import numpy as np
import pytest
from stand_in_env import SIZE, StandInEnv

from Daddy.puffer_shim.record import RECORD, view_records
from Daddy.puffer_shim.record_env import EpisodeRules, RecordEnv
from Daddy.puffer_shim.structured import LAYOUT
from pokemonred_puffer import ram_map
from pokemonred_puffer.data.milestones import MILESTONES

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


# --- episodes from savestates, and what a milestone begins


def badges(env: RecordEnv, bits: int) -> None:
    env.unwrapped.env.unwrapped.memory.write(ram_map.wObtainedBadges, bits)


def length(env: RecordEnv, spawn: object = None, earned: dict[int, int] | None = None) -> int:
    """Steps until the episode that begins now is truncated; from step n on badges `earned[n]` are owned."""
    if spawn is not None:
        env.spawn_next(5, spawn)
    env.reset(seed=0)
    for step in range(1, 1000):
        badges(env, (earned or {}).get(step, int(env.record["badges"])))
        if env.step(STAY)[3]:
            badges(env, 0)
            return step


def test_an_episode_from_a_savestate_is_short_and_each_milestone_gives_it_as_many_steps_again():
    env = RecordEnv(StandInEnv({}), max_episode_steps=30, rules=EpisodeRules(spawn_steps=6))
    assert length(env) == 30, "from the true start"
    assert length(env, (3, 4)) == 6
    assert length(env, (3, 4), {4: 0b1}) == 10
    assert length(env, (3, 4), {4: 0b1, 6: 0b11}) == 12
    assert length(env, (3, 4), {6: 0b1}) == 12, "the last step counts"
    assert length(env, (3, 4), {n: 2**n - 1 for n in range(4, 9)}) == 14
    assert length(env, (3, 4), {5: 0b1, 10: 0b11, 15: 0b111, 20: 0b1111, 25: 0b11111}) == 30, "never more than others"
    assert length(env, None, {4: 0b1}) == 30
    assert length(env) == 30, "the next one is a true start again"


def test_a_training_episode_that_stalls_is_truncated():
    env = RecordEnv(StandInEnv({}), 30, first_episode_steps=9, rules=EpisodeRules(stall_steps=8, spawn_steps=3))
    assert length(env, None, {4: 0b1}) == 9, "the first, shortened one gets no longer"
    assert length(env) == 8
    assert length(env, None, {4: 0b1, 10: 0b11}) == 18
    assert length(env, (3, 4), {2: 0b1}) == 5
    free = RecordEnv(StandInEnv({}), 30, rules=EpisodeRules(stall_steps=8))
    assert length(free, (3, 4)) == 30, "those from savestates have a span of their own"


def test_the_longest_episode_may_be_shorter_than_the_limit_that_the_records_tell_of():
    env = RecordEnv(StandInEnv({}), 30, rules=EpisodeRules(stall_steps=8, longest=15))
    assert length(env, None, {4: 0b1, 10: 0b11}) == 15
    assert env.record["structured"][LAYOUT["progress"]] == 255 * 15 // 30
    assert length(RecordEnv(StandInEnv({}), 30, rules=EpisodeRules(longest=99))) == 30


def test_a_milestone_that_takes_long_is_waited_for():
    first, second = (MILESTONES.index(name) for name in ("EVENT_BEAT_BROCK", "EVENT_BEAT_LT_SURGE"))
    rules = EpisodeRules(stall_steps=8, spawn_steps=3, paced=((first, 5), (second, 12)))
    env = RecordEnv(StandInEnv({}), 30, rules=rules)
    assert length(env) == 8
    assert length(env, None, {4: 0b1}) == 16, "12 steps for the next one"
    assert length(env, None, {4: 0b1, 6: 0b11}) == 18, "one that the game does not have changes nothing"
    assert length(env, None, {4: 0b1, 6: 0b101}) == 14
    assert length(env, (3, 4), {2: 0b1}) == 5, "3 steps after a savestate"
    longer = EpisodeRules(stall_steps=8, spawn_steps=3, paced=((first, 40),))
    assert length(RecordEnv(StandInEnv({}), 99, rules=longer), (3, 4)) == 10
    assert longer.stretch(bytes(8)) == 10 / 3, "at most"
    assert rules.stretch(bytes(8)) == 1.0 == EpisodeRules().stretch(bytes(8))
    never = RecordEnv(StandInEnv({}), 30, rules=EpisodeRules(paced=((0, 5),)))
    assert length(never) == 30


def test_a_start_is_waited_for_with_the_patience_that_it_was_ordered_with():
    first, second = (MILESTONES.index(name) for name in ("EVENT_BEAT_BROCK", "EVENT_BEAT_LT_SURGE"))
    rules = EpisodeRules(stall_steps=3, spawn_steps=2, paced=((first, 12), (second, 40)))
    env, reached = RecordEnv(StandInEnv({}), 60, rules=rules), {2: 0b1}

    def ordered(state, patience, milestones=None):
        env.spawn_next(0 if state is None else 5, state, patience)
        return length(env, None, milestones)

    assert [ordered(None, patience) for patience in (1.0, 0.5, 0.25, 0.0)] == [12, 6, 3, 3], "--stall-steps at least"
    assert [ordered(None, patience, reached) for patience in (1.0, 0.5)] == [42, 22], "for each milestone"
    assert length(env) == 12, "only the next episode"
    assert [ordered((3, 4), patience, reached) for patience in (1.0, 0.5, 0.0)] == [12, 7, 4], "a quarter of that"
    assert rules.least_span(bytes(8), False) == 3 and rules.least_span(bytes(8), True) == 2, "no start gets less"


def test_what_a_savestate_begins_with_gives_no_steps():
    env = RecordEnv(StandInEnv({}), max_episode_steps=30, rules=EpisodeRules(spawn_steps=6))
    badges(env, 0b111)
    assert length(env, (3, 4)) == 6


def test_without_a_limit_of_their_own_episodes_from_savestates_are_as_long_as_others():
    assert length(RecordEnv(StandInEnv({}), max_episode_steps=30), (3, 4), {4: 0b1}) == 30
    longer = RecordEnv(StandInEnv({}), max_episode_steps=30, rules=EpisodeRules(spawn_steps=99))
    assert length(longer, (3, 4)) == 30


def test_a_savestate_that_is_refused_means_a_true_start_of_full_length():
    env, told = RecordEnv(StandInEnv({}), max_episode_steps=30, rules=EpisodeRules(spawn_steps=6)), []
    env.report = told.append
    assert length(env, b"junk of another kind") == 30
    assert [event.spawn_id for event in told] == [5] and env.record["spawn_id"] == 0


@pytest.mark.parametrize("span, around", [("episode", [180, 147, 128, 114]), ("milestone", [180, 147, 180, 147])])
def test_the_visits_that_the_agent_sees_begin_anew_with_a_milestone_if_novelty_does(span, around):
    env, seen = RecordEnv(StandInEnv({}), max_episode_steps=30, rules=EpisodeRules(novelty_span=span)), []
    env.reset(seed=0, options={"state": (3, 4)})
    seen.append(env.record["structured"][LAYOUT["visits"]][44])
    for step in range(1, 4):
        badges(env, 0b1 if step >= 2 else 0)
        env.step(STAY + 1)
        seen.append(env.record["structured"][LAYOUT["visits"]][44])
    assert [int(v) for v in seen] == around and env.record["tiles"] == 1
