import numpy as np
from curriculum_play import NAMES, bits, record

from Daddy.curriculum.triggers import Triggers

ENV = np.array([1])


def test_first_times_of_an_episode_trigger_once_and_what_it_began_with_never():
    triggers = Triggers(2)
    brock = NAMES.index("EVENT_BEAT_BROCK")
    assert triggers.update(record(is_first=1, map_id=0, milestones=bits(0)), ENV) == []
    assert triggers.update(record(map_id=0, milestones=bits(0)), ENV) == []
    assert not triggers.progressed(1)
    (town,) = triggers.update(record(map_id=1, milestones=bits(0)), ENV)
    assert (town.env_id, town.row, town.name, town.tier, town.owned) == (1, 0, "CITY_VIRIDIAN", "early", (NAMES[0],))
    assert not triggers.progressed(1), "a town is no milestone"
    (leader,) = triggers.update(record(map_id=2, badges=1, milestones=bits(0, brock)), ENV)
    assert leader.name == "EVENT_BEAT_BROCK", "the most telling of badge, town and milestone"
    assert triggers.progressed(1)
    assert triggers.update(record(map_id=2, badges=1, milestones=bits(0, brock)), ENV) == []
    assert triggers.update(record(is_first=1, map_id=2, milestones=bits(0, brock)), ENV) == []
    assert not triggers.progressed(1)
    (cave,) = triggers.update(record(map_id=59, milestones=bits(0, brock + 1)), ENV)
    assert cave.tier == "mid" and triggers.seen["CITY_VIRIDIAN"] == 1
