import json

import numpy as np
import pytest

from Daddy.flags import FLAG_NAMES, ITEMS, FlagWatcher, decode, flag_bits, quests
from Daddy.names import Names
from Daddy.puffer_shim import LAYOUT, MILESTONES, RECORD
from pokemonred_puffer.walkthrough import WALKTHROUGH_PATH

NAMES = Names("", False)


def record(milestones=(), badges: int = 0, items=(), map_id: int = 0, **fields) -> np.ndarray:
    rows = np.zeros(1, RECORD)
    for name in milestones:
        index = MILESTONES.index(name)
        rows["milestones"][0, index // 8] |= 1 << index % 8
    for name in items:
        rows["structured"][0, LAYOUT["key_items"].start + ITEMS.index(name)] = 255
    rows["badges"], rows["map_id"] = badges, map_id
    for name, value in fields.items():
        rows[name] = value
    return rows


def test_a_record_in_words():
    row = record(["EVENT_GOT_STARTER", "EVENT_BEAT_BROCK"], badges=0b1, items=["OAKS_PARCEL"], map_id=54)[0]
    flags = decode(row, NAMES)
    assert flags.milestones == ("EVENT_GOT_STARTER", "EVENT_BEAT_BROCK") and flags.badges == ("BOULDER",)
    assert flags.key_items == ("OAKS_PARCEL",) and flags.levels == ()
    assert (flags.map_name, flags.city, flags.dungeon) == ("Stone Hall", "PEWTER", "")
    assert flags.quest == "EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD"
    assert decode(record(map_id=51)[0], NAMES).dungeon == "VIRIDIAN_FOREST"
    assert decode(record(map_id=14)[0], NAMES).route == "ROUTE_3"


@pytest.mark.parametrize("level", [1, 5, 6, 50, 99, 100])
def test_levels_survive_their_scaling(level):
    rows = record()
    rows["structured"][0, LAYOUT["levels"].start] = level * 255 // 100
    assert decode(rows[0], NAMES).levels == (level,)


def test_bits_and_names_have_one_order():
    rows = record(["EVENT_GOT_HM01"], badges=0b10, items=["HM_01"], map_id=3)
    named = {FLAG_NAMES[i] for i in np.flatnonzero(flag_bits(rows)[0])}
    assert named == {"milestone:EVENT_GOT_HM01", "badge:CASCADE", "item:HM_01", "city:CERULEAN"}
    assert flag_bits(rows).shape == (1, len(FLAG_NAMES)) and len(set(FLAG_NAMES)) == len(FLAG_NAMES)


def test_first_times_are_told_once_per_episode_and_never_for_the_spawn():
    watcher, env = FlagWatcher(4), np.array([2])
    assert watcher.update(record(map_id=0, is_first=1), env) == []
    (town,) = watcher.update(record(map_id=1, episode_step=7), env)
    assert town == (2, "city", "VIRIDIAN", 7)
    assert watcher.update(record(map_id=0, episode_step=8), env) == [], "the town it began in is not new"
    assert watcher.update(record(map_id=1, episode_step=9), env) == []
    told = watcher.update(record(["EVENT_GOT_OAKS_PARCEL"], items=["OAKS_PARCEL"], map_id=51, episode_step=10), env)
    assert [(first.kind, first.name) for first in told] == [
        ("milestone", "EVENT_GOT_OAKS_PARCEL"), ("item", "OAKS_PARCEL"), ("dungeon", "VIRIDIAN_FOREST")
    ]  # fmt: skip
    watcher.update(record(is_first=1), env)
    assert len(watcher.update(record(map_id=1, episode_step=1), env)) == 1, "a new episode, a new first time"


def test_the_cartridges_quests_have_a_pace_and_the_others_are_absent():
    table = quests()
    assert tuple(quest.name for quest in table) == MILESTONES
    assert {quest.name for quest in table if quest.available} == {quest.name for quest in table if quest.pace}


def test_the_paces_are_those_of_the_walkthrough():
    recorded = json.loads(WALKTHROUGH_PATH.read_text())["milestones"]
    for quest in quests():
        if quest.pace:
            assert quest.pace == pytest.approx(recorded[quest.name], rel=0.25), quest.name
