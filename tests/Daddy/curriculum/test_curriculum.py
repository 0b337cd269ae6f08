"""The curriculum with a made-up vector env; the game itself is in test_curriculum_on_the_game."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from curriculum_play import NAMES, Play, bits, record
from savestate_files import files_of, fresh, make, put, state_of

from Daddy.curriculum import registry as registry_module
from Daddy.curriculum.registry import PER_MILESTONE, Registry
from Daddy.curriculum.savestates import WORN
from Daddy.puffer_shim import BRIEF, LAYOUT, STRUCTURED_DIM, CaptureFailed, EpisodeRules, SpawnFailed


def party(level: int) -> np.ndarray:
    """Features of a single companion in full health."""
    features = np.zeros((1, STRUCTURED_DIM), np.uint8)
    features[0, LAYOUT["levels"].start], features[0, LAYOUT["hp"].start] = level * 255 // 100, 255
    return features


def test_a_capture_becomes_an_entry_and_the_next_start(tmp_path):
    play = Play(tmp_path / "savestates")
    play.reach()
    (env, path, tag), = play.vector.captures
    assert (env, tag, path.parent) == (1, NAMES[0], tmp_path / "savestates")
    play.written()
    ((number, entry),) = play.curriculum.registry
    assert (entry.milestone, entry.tier, entry.map_id, entry.owned) == (NAMES[0], "early", 3, [NAMES[0]])
    assert play.tags == {number: entry.name}
    play.row(truncated=1, milestones=bits(0))
    assert play.vector.spawns == [(1, state_of(7), number)]
    play.row(is_first=1, spawn_id=number, milestones=bits(0))
    assert play.memories.begun == [(1, [2.0] * 4)]
    play.row(milestones=bits(0, 1), spawn_id=number)
    play.written(spawn_id=number)
    assert [e.parent for _, e in play.curriculum.registry] == ["", entry.name]
    play.row(terminated=1, milestones=bits(0, 1), spawn_id=number)
    assert (entry.attempts, entry.successes) == (1, 1), "credit goes to where the episode began"
    play.row(is_first=1, spawn_id=number, milestones=bits(0))
    play.row(truncated=1, spawn_id=number, milestones=bits(0))
    assert (entry.attempts, entry.successes) == (2, 1)


@pytest.mark.parametrize("frozen", [False, True])
def test_where_the_way_to_a_milestone_ended_is_believed_in(tmp_path, frozen):
    registry = fresh(tmp_path)
    for n, kind in enumerate(("MAP_OAKS_LAB_AFTER_START", "MAP_ROUTE_1_AFTER_START"), 1):
        put(registry, n, milestone=kind)
    play = Play(tmp_path, frozen=frozen)
    lab, route = (play.curriculum.registry.get(number) for number in (1, 2))
    rates = lab.success_rate, route.success_rate
    play.row(is_first=1, spawn_id=2, map_id=12)
    play.row(spawn_id=2, map_id=40)
    play.row(spawn_id=2, map_id=40, milestones=bits(0))
    assert (lab.success_rate > rates[0]) is not frozen and lab.attempts == lab.successes == 0
    assert route.success_rate == rates[1], "it is credited when its episode ends"
    play.row(is_first=1, spawn_id=1, map_id=40)
    known = lab.success_rate
    play.row(spawn_id=1, map_id=40, milestones=bits(0))
    assert lab.success_rate == known, "an episode from there is credited when it ends"
    play.row(truncated=1, spawn_id=1, map_id=40, milestones=bits(0))
    assert lab.attempts == (not frozen) and (lab.success_rate > known) is not frozen


def test_a_savestate_of_another_moment_than_the_one_asked_for_does_not_count(tmp_path):
    """A replaced worker takes it from the episode that its env has just begun."""
    play = Play(tmp_path / "s")
    play.reach()
    play.written(episode_step=3)
    assert len(play.curriculum.registry) == 0 and len(list((tmp_path / "s" / "quarantine").iterdir())) == 1
    assert "was lost and replaced" in play.told[-1][1]


def test_captures_that_are_never_heard_of_again_are_given_up(tmp_path):
    """Their worker died while it wrote."""
    play = Play(tmp_path / "s")
    for _ in range(5):
        play.reach()
    assert len(play.vector.captures) == 4, "so many of a kind are on their way"
    for _ in range(100):
        play.row()
    play.reach()
    assert len(play.vector.captures) == 5
    play.written()
    assert len(play.curriculum.registry) == 1


def test_an_index_that_cannot_be_written_does_not_undo_an_entry(tmp_path, monkeypatch):
    play = Play(tmp_path / "s")
    play.reach()
    monkeypatch.setattr(Registry, "save", lambda self: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    play.written()
    ((number, entry),) = play.curriculum.registry
    assert play.tags == {number: entry.name} and "registry.json not written" in play.told[-1][1]
    monkeypatch.undo()
    assert files_of(fresh(tmp_path / "s")) == [entry.file]


def test_a_frozen_curriculum_changes_nothing(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    play = Play(tmp_path, frozen=True)
    play.reach()
    play.row(truncated=1, milestones=bits(0), spawn_id=1)
    assert play.vector.captures == [] and play.vector.spawns == [(1, state_of(1), 1)]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert play.curriculum.registry.get(1).attempts == 0


def test_captures_of_one_kind_become_rarer(tmp_path):
    play = Play(tmp_path / "s")
    taken = []
    for n in range(1, 21):
        before = len(play.vector.captures)
        play.reach()
        if len(play.vector.captures) > before:
            taken.append(n)
            play.written()
    assert taken == [1, 2, 3, 4, 8, 16]
    assert len(play.curriculum.registry) == PER_MILESTONE


def test_a_full_registry_takes_new_kinds_and_renewals_only(tmp_path, monkeypatch):
    monkeypatch.setattr(registry_module, "IN_ALL", 1)
    play = Play(tmp_path / "s")
    play.reach()
    play.written()
    taken = []
    for n in range(2, 9):
        before = len(play.vector.captures)
        play.reach()
        taken += [n] * (len(play.vector.captures) - before)
    assert taken == [2, 4, 8]


def test_a_full_registry_takes_again_what_true_starts_have_not_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(registry_module, "IN_ALL", 1)
    play, taken = Play(tmp_path / "s", true_share=1.0), []
    for n in range(1, 6):
        before = len(play.vector.captures)
        play.reach()
        taken += [n] * (len(play.vector.captures) - before)
        if len(play.vector.captures) > before:
            play.written()
        for number, _ in list(play.curriculum.registry):
            play.curriculum.registry.quarantine(number, "for another kind")
        if n == 4:
            for _ in range(40):  # true starts now end with two milestones
                play.row(is_first=1)
                play.row(truncated=1, milestones=bits(0, 1))
    assert taken == [1, 2, 3, 4]


def taken_at_levels(play: Play, *levels: int, first: int = 1) -> list[int]:
    """Which of the episodes that reach a milestone at these levels, counted from `first`, had a savestate taken."""
    taken = []
    for n, level in enumerate(levels, first):
        before = len(play.vector.captures)
        play.row(is_first=1)
        play.row(milestones=bits(0), structured=party(level))
        if len(play.vector.captures) > before:
            taken.append(n)
            play.written()
    return taken


def test_worn_savestates_are_renewed_by_what_is_no_weaker(tmp_path):
    play = Play(tmp_path / "s", true_share=1.0)
    assert taken_at_levels(play, 7, 7, 7, 7) == [1, 2, 3, 4]
    worn = next(entry for _, entry in play.curriculum.registry)
    worn.attempts = WORN
    assert taken_at_levels(play, 5, 7, 7, first=5) == [6]
    assert worn.file not in files_of(play.curriculum.registry) and len(play.curriculum.registry) == PER_MILESTONE


def test_a_stronger_party_is_worth_another_savestate(tmp_path):
    play = Play(tmp_path / "s")
    taken = taken_at_levels(play, 5, 5, 5, 5, 5, 5, 7, 7, 7, 7, 7)
    assert taken == [1, 2, 3, 4, 7, 8, 9], "at 1, 2, 4 and 8 by doubling; 7 to 9 replace those of level 5"
    assert [round(entry.strength) for _, entry in play.curriculum.registry] == [7, 7, 7]
    play.row(truncated=1, milestones=bits(0))
    shown = play.curriculum.scalars()
    assert [shown[f"curriculum/{tag}"] for tag in ("bottleneck", "frontier")] == [1.0, 1.0]
    assert shown["curriculum/frontier_strength"] == pytest.approx(7.0, abs=0.1)


def test_the_swarm_sends_every_env_once_to_a_savestate_of_a_new_kind(tmp_path):
    play = Play(tmp_path / "s", swarm=True, true_share=1.0)
    play.reach()
    play.written()
    for _ in range(2):
        for env in (0, 1):
            play.row(env, truncated=1)
    assert [spawn_id for _, _, spawn_id in play.vector.spawns] == [1, 1, 0, 0]


def test_stepping_stones_are_savestates_but_no_place_for_a_swarm(tmp_path):
    play = Play(tmp_path / "s", swarm=True, true_share=1.0)
    play.row(is_first=1, map_id=38)
    play.row(map_id=12)
    play.written()
    ((_, entry),) = play.curriculum.registry
    assert (entry.milestone, entry.owned) == ("MAP_ROUTE_1_AFTER_START", [])
    play.row(truncated=1)
    assert play.vector.spawns == [(1, None, 0)]


def test_a_disk_that_refuses_captures_is_an_alarm_and_a_pause(tmp_path):
    play = Play(tmp_path / "s")
    play.reach()
    env, path, tag = play.vector.captures[-1]
    play.curriculum.hear([CaptureFailed(env, str(path), tag, "OSError: No space left on device")])
    assert [kind for kind, _ in play.told] == ["alarm"] and "training goes on" in play.told[0][1]
    play.reach()
    assert len(play.vector.captures) == 1
    play.step += 5_000
    play.reach()
    assert len(play.vector.captures) == 2
    play.row(truncated=1)
    assert play.vector.spawns == [(1, None, 0)]


def test_a_place_that_cannot_be_written_is_an_alarm_too(tmp_path, monkeypatch):
    (tmp_path / "s").write_text("a file where the directory should be")
    play = Play(tmp_path / "s")
    play.reach()
    assert play.vector.captures == [] and play.told[0][0] == "alarm"
    other = Play(tmp_path / "t")
    other.reach()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    other.written()
    assert other.told[-1][0] == "alarm" and len(other.curriculum.registry) == 0
    assert not list((tmp_path / "t").iterdir()), "nothing is left where there is no room"
    other.row(truncated=1)
    assert other.vector.spawns == [(1, None, 0)]


def test_a_savestate_that_the_env_refuses_is_used_no_more(tmp_path):
    put(fresh(tmp_path), 1)
    play = Play(tmp_path)
    play.curriculum.hear([SpawnFailed(0, 1, "StateError: junk")])
    assert len(play.curriculum.registry) == 0 and ("curriculum", "StateError: junk") != play.told[-1]
    assert "is not used: StateError: junk" in play.told[-1][1]
    play.row(truncated=1)
    assert play.vector.spawns == [(1, None, 0)]


def test_a_damaged_memory_means_an_empty_one(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1, memory=np.ones(4, np.float16))
    (tmp_path / "M_000001.safetensors").write_bytes(b"junk")
    play = Play(tmp_path)
    play.row(is_first=1, spawn_id=1)
    play.row(is_first=1, spawn_id=1)
    assert play.memories.begun == []
    assert sum("empty memory" in text for _, text in play.told) == 1


def test_a_resumed_curriculum_has_the_counts_of_the_checkpoint(tmp_path):
    play = Play(tmp_path / "s")
    play.reach()
    play.written()
    play.row(is_first=1, spawn_id=1)
    play.row(truncated=1, spawn_id=1)
    saved = json.loads(json.dumps(play.curriculum.state_dict()))
    twin = Play(tmp_path / "none")
    twin.curriculum.registry.directory = tmp_path / "s"
    twin.curriculum.load_state_dict(saved)
    twin.curriculum.open(SimpleNamespace(tags={}, log_event=lambda *_: None))
    ((_, entry),) = twin.curriculum.registry
    assert entry.attempts == 1 and twin.curriculum.state_dict() == saved
    twin.curriculum.load_state_dict({})


def test_the_sampler_is_told_where_true_starts_end(tmp_path):
    play = Play(tmp_path / "s")
    for milestones in ((0,), (0, 1)):
        for _ in range(2):
            play.row(is_first=1)
            play.row(milestones=bits(*milestones))
            play.written()
    for end in ((0,), (0, 1), (0,)):
        play.row(is_first=1)
        play.row(truncated=1, milestones=bits(*end))
    play.row(truncated=1, spawn_id=1, milestones=bits(0, 1))
    assert play.curriculum.state_dict()["sampler"]["true_ends"] == [1, 2, 1]


def test_before_anything_happened_all_are_true_starts(tmp_path):
    scalars = Play(tmp_path / "s").curriculum.scalars()
    assert scalars["curriculum/true_pct"] == 100.0 and scalars["curriculum/savestates"] == 0.0


def test_a_share_of_the_bold_starts_sweeps_the_place_instead(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1)
    play = Play(tmp_path, bold_steps=3, bold_epsilon=0.5, sweep_share=1.0)
    ((number, entry),) = play.curriculum.registry

    def acts(step):
        rows, ids = record(episode_step=step), np.array([1])
        own = play.curriculum.raised(np.full(1, 0.1), rows, ids).tolist() == [0.1]
        return own, play.curriculum.played(np.array([6]), rows, ids).tolist() == [6]

    entry.alpha, entry.beta = 1e-9, 50.0
    play.row(is_first=1, spawn_id=number)
    assert [acts(step) for step in (0, 2, 3)] == [(True, False), (True, False), (True, True)]
    assert play.curriculum.scalars()["curriculum/sweep"] == 2 / 3
    saved = play.curriculum.state_dict()
    assert saved["sweeps"]["rng"] != Play(tmp_path / "other").curriculum.state_dict()["sweeps"]["rng"]
    for other in (saved, {key: value for key, value in saved.items() if key != "sweeps"}):
        Play(tmp_path / "another").curriculum.load_state_dict(other)
    play.row(is_first=1)
    assert acts(0) == (True, True), "a true start"


@pytest.mark.parametrize("sweep_share", [0.0, 1.0])
def test_a_bold_episode_explores_for_as_long_as_it_is_given_or_until_a_milestone(tmp_path, sweep_share):
    registry = fresh(tmp_path)
    put(registry, 1)
    play = Play(tmp_path, bold_steps=3, bold_epsilon=0.5, sweep_share=sweep_share,
                rules=EpisodeRules(spawn_steps=10, paced=((1, 80),)))  # fmt: skip
    ((number, entry),) = play.curriculum.registry
    entry.alpha, entry.beta = 1e-9, 50.0

    def explores(step):
        rows, ids = record(episode_step=step, milestones=bits(0)), np.array([1])
        swept = play.curriculum.played(np.array([6]), rows, ids).tolist() != [6]
        return swept or play.curriculum.raised(np.full(1, 0.1), rows, ids).tolist() == [0.5]

    play.row(is_first=1, spawn_id=number, milestones=bits(0))
    assert [explores(step) for step in (0, 5, 6)] == [True, True, False]
    play.row(spawn_id=number, milestones=bits(0, 1))
    assert not explores(4), "it has found something"


@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_known_of_savestates_fades_with_the_steps_whether_they_are_tried_or_not(tmp_path, frozen):
    registry = fresh(tmp_path)
    put(registry, 1)
    play = Play(tmp_path, frozen=frozen)
    ((_, entry),) = play.curriculum.registry
    entry.alpha, entry.beta = 8.5, 17.5
    prior = make(2)
    play.step = 5_000_000  # resumed: nothing fades for what went before
    play.row()
    assert (entry.alpha, entry.beta) == (8.5, 17.5)
    for _ in range(100):
        play.step += 1_999
        play.row()
    share = 1.0 if frozen else 0.5
    assert entry.alpha - prior.alpha == pytest.approx(share * (8.5 - prior.alpha))
    assert entry.beta - prior.beta == pytest.approx(share * (17.5 - prior.beta))


def test_where_all_milestones_are_owned_nothing_is_taken_and_nothing_begins(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1, NAMES[1], owned=NAMES[:2])
    play = Play(tmp_path, true_share=0.0, milestones=2)
    for _ in range(3):
        play.row(is_first=1)
        play.row(truncated=1)
    assert {number for *_, number in play.vector.spawns} == {0}
    play.row(is_first=1)
    play.row(milestones=bits(0))
    play.row(milestones=bits(0, 1), episode_step=2)
    play.row(milestones=bits(0, 1), episode_step=3, map_id=7)
    assert [tag for *_, tag in play.vector.captures] == [NAMES[0]]


def test_starts_are_ordered_with_the_patience_that_they_deserve(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1, owned=[NAMES[0]])
    play = Play(tmp_path, true_share=0.5, rules=EpisodeRules(spawn_steps=10, paced=((1, 4000),)))
    ((number, entry),) = play.curriculum.registry

    def ordered():
        """Patience by whether it is a true start, of the next starts."""
        play.vector.patience.clear()
        play.vector.spawns.clear()
        for _ in range(4):
            play.row(is_first=1)
            play.row(truncated=1, episode_step=1)
        numbers = [number for *_, number in play.vector.spawns]
        return {number == 0: patience for number, patience in zip(numbers, play.vector.patience, strict=True)}

    assert ordered() == {True: 1.0, False: 1.0}
    play.row(is_first=1, spawn_id=number, milestones=bits(0))
    play.row(spawn_id=number, milestones=bits(0, 1), episode_step=50)
    play.row(spawn_id=number, milestones=bits(0, 1), episode_step=99, truncated=1)
    assert (entry.took, entry.successes) == (50, 1), "steps until the milestone"
    assert ordered() == {True: 1.0, False: 0.2}, "200 of the 1,000 that a savestate may have"
    play.row(is_first=1)
    play.row(truncated=1, episode_step=200_000)
    assert ordered() == {True: BRIEF, False: 0.2}


def test_episodes_from_where_nothing_succeeds_begin_boldly(tmp_path):
    registry = fresh(tmp_path)
    put(registry, 1)
    play = Play(tmp_path, bold_steps=3, bold_epsilon=0.5)
    ((number, entry),) = play.curriculum.registry

    def epsilon(**fields):
        return play.curriculum.raised(np.full(1, 0.1), record(**fields), np.array([1])).tolist()[0]

    entry.alpha, entry.beta = 1e-9, 50.0
    play.row(is_first=1, spawn_id=number)
    assert [epsilon(episode_step=step) for step in (0, 2, 3)] == [0.5, 0.5, 0.1]
    assert play.curriculum.scalars()["curriculum/bold"] == 2 / 3
    entry.alpha, entry.beta = 50.0, 1e-9
    play.row(is_first=1, spawn_id=number)
    assert epsilon() == 0.1, "from there it succeeds"
    entry.alpha, entry.beta = 1e-9, 50.0
    play.row(is_first=1)
    assert epsilon() == 0.1, "a true start"
