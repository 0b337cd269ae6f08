import re

import pytest

from Daddy.logs.lines import camel_case, episode_line, format_duration, interval_line, short_milestone

ROW = {
    "episode_id": 1342, "env_id": 7, "length_steps": 642, "return_env": 23.5, "return_total_with_intrinsic": 31.8,
    "badges": 2, "map": "PEWTER_GYM", "savestate_tag": "pewter_city_gym", "tiles": 99, "milestones_reached": "",
}  # fmt: skip
SCALARS = {
    "charts/SPS": 90.0, "charts/SPS_now": 100.0, "charts/episodes": 0.0, "charts/epsilon": 0.9, "reward/env": 0.5,
}  # fmt: skip


def test_the_episode_line_has_the_missions_form():
    line = episode_line(ROW, [("EVENT_BEAT_BROCK", 0.81)])
    assert line == (
        "[EP 1342 env=7] len=642  R_env=23.5  R_total=31.8  badges=2  map=PewterGym  savestate_tag=pewter_city_gym  "
        "theta_Boulder=0.81  tiles=99"
    )


def test_the_episode_line_names_its_last_milestones():
    reached = "EVENT_GOT_STARTER;EVENT_BATTLED_RIVAL_IN_OAKS_LAB;rival3;EVENT_BEAT_MISTY"
    assert episode_line(ROW | {"milestones_reached": reached}).endswith("  new=BattledRivalInOaksLab,Rival3,Cascade")


@pytest.mark.parametrize(
    "name, word", [("Clover Lane", "CloverLane"), ("MT_MOON_1F", "MtMoon1F"), ("McTown", "McTown"), ("map_7", "Map7")]
)
def test_map_names_are_one_word(name, word):
    assert camel_case(name) == word


def test_badges_are_called_by_their_names():
    assert short_milestone("EVENT_BEAT_VIRIDIAN_GYM_GIOVANNI") == "Earth"
    assert short_milestone("EVENT_GOT_HM01") == "GotHm01"


def test_the_interval_line_has_every_field_and_a_dash_where_nothing_is_known_yet():
    line = interval_line(5000, 5_000_000, 32, SCALARS)
    assert line.startswith("[step 5,000/5,000,000] SPS=90 (now 100) eps=0.900 avg_len=- ")
    fields = re.findall(r"(\w+)=", line)
    for field in "SPS eps avg_len avg_env avg_total r_env r_rnd r_novel r_bayes episodes envs".split():
        assert field in fields
    assert "r_env=0.5000" in line and "envs=32 " in line and line.endswith("left 13h52m")
    assert "spawn" not in line


def test_missing_envs_and_the_curriculum_show_when_there_is_something_to_show():
    curriculum = {"curriculum/early_pct": 45.0, "curriculum/mid_pct": 35.0, "curriculum/late_pct": 20.0}
    line = interval_line(1, 2, 32, SCALARS | {"charts/active_envs": 31.0} | curriculum)
    assert "envs=31/32 spawn=early 45% mid 35% late 20% " in line


@pytest.mark.parametrize(
    "seconds, text", [(3, "3s"), (61, "1m"), (3 * 3600 + 300, "3h05m"), (52 * 3600, "2d04h"), (float("inf"), "?")]
)
def test_durations_are_short(seconds, text):
    assert format_duration(seconds) == text
