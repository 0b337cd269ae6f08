"""reset and step: episodes, rewards, seeds, states, truncation, infos."""
from __future__ import annotations

import pickle

import numpy as np
import pytest
from fake_game import move_to, put_bag, put_party, set_event

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.data.events import EVENTS, REQUIRED_EVENTS
from pokemonred_puffer.data.items import Items
from pokemonred_puffer.data.milestones import milestone_names
from pokemonred_puffer.environment import ACTION_SPACE, VALID_ACTIONS, VALID_ACTIONS_STR, RedGymEnv
from pokemonred_puffer.errors import StateError
from pokemonred_puffer.rewards import baseline


def walk(fake, *cells):
    """Makes the fake game move to the next of `cells` (map, x, y) at each step; the reset's tick is not one."""
    queue = list(cells)

    def on_tick(emulator):
        if emulator.pressed and queue:
            move_to(emulator, *queue.pop(0))

    fake.on_tick = on_tick


def test_action_table():
    assert VALID_ACTIONS == VALID_ACTIONS_STR == ("down", "left", "right", "up", "a", "b", "start")
    assert ACTION_SPACE.n == 7


def test_step_holds_a_button_eight_of_action_freq_frames(make_fake_env, fake):
    env = make_fake_env(action_freq=24)
    env.reset(seed=0)
    before = fake.frames
    env.step(3)
    assert fake.pressed == [("up", 8)] and fake.frames - before == 24


def test_disable_ai_actions_presses_nothing(make_fake_env, fake):
    env = make_fake_env(disable_ai_actions=True)
    env.reset(seed=0)
    env.step(3)
    assert fake.pressed == []


def test_truncated_at_max_steps_and_fresh_after_reset(make_fake_env):
    env = make_fake_env(max_steps=3)
    for _ in range(2):
        env.reset(seed=0)
        flags = [env.step(0)[2:4] for _ in range(3)]
        assert flags == [(False, False), (False, False), (False, True)]


def test_max_steps_scaling_follows_the_required_count(make_fake_env, fake):
    env = make_fake_env(max_steps=10, max_steps_scaling=0.5)
    env.reset(seed=0)
    assert env.get_max_steps() == 10
    for name in REQUIRED_EVENTS[:4]:
        set_event(fake, EVENTS[name])
    env.step(0)
    assert env.get_max_steps() == 20


def test_rewards_telescope_and_start_from_zero(make_fake_env, fake):
    rng = np.random.default_rng(3)
    env = make_fake_env()
    env.reset(seed=0)
    first = sum(env.get_game_state_reward().values())
    total = 0.0
    for step in range(60):
        set_event(fake, int(rng.choice(list(EVENTS.values()))), bool(rng.integers(4)))
        put_party(fake, {"level": int(rng.integers(1, 50)), "moves": rng.integers(0, 165, 4), "hp": 3, "max_hp": 9})
        put_bag(fake, *((int(rng.integers(1, 0x54)), 1) for _ in range(5)))
        fake.write(ram.wObtainedBadges, int(rng.integers(256)))
        fake.write(ram.wPokedexSeen, int(rng.integers(256)))
        fake.write(ram.wIsInBattle, int(rng.integers(3)))
        move_to(fake, int(rng.integers(0, 40)), int(rng.integers(20)), int(rng.integers(20)))
        reward = env.step(step % 7)[1]
        total += reward
        assert env.telemetry().reward == reward
        assert sum(env.get_game_state_reward().values()) == pytest.approx(env.reward_terms.total())
    assert total == pytest.approx(sum(env.get_game_state_reward().values()) - first, abs=1e-6)
    assert env.telemetry().total_reward == pytest.approx(total)


def test_a_new_tile_is_worth_its_weight_and_only_once(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    walk(fake, (0x26, 4, 6), (0x26, 3, 6), (0x26, 4, 6))
    rewards = [env.step(0)[1] for _ in range(3)]
    assert rewards == pytest.approx([0.02902716636657715, 0.0, 0.0], abs=1e-6)
    assert env.telemetry().tiles == 2


def test_maps_with_an_open_story_are_boosted(make_fake_env, fake):
    move_to(fake, 0x36, 4, 8)  # the first gym, its leader unbeaten
    env = make_fake_env(map_id_scalefactor=2.0)
    env.reset(seed=0)
    walk(fake, (0x36, 4, 7), (0x36, 4, 6))
    boosted = env.step(0)[1]
    set_event(fake, EVENTS["EVENT_BEAT_BROCK"])
    env.step(0)
    set_reward = env.reward_terms.values["exploration"]
    move_to(fake, 0x36, 4, 5)
    env.step(0)
    assert boosted == pytest.approx(2 * 0.02902716636657715, abs=1e-6)
    plain = env.reward_terms.values["exploration"] - set_reward
    assert plain == pytest.approx(0.02902716636657715, abs=1e-6)


def test_required_event_and_badge_rewards(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    set_event(fake, EVENTS["EVENT_BEAT_BROCK"])
    fake.write(ram.wObtainedBadges, 1)
    expected = 7.134671688079834 + 0.7267916798591614 + 1.9426719546318056
    assert env.step(0)[1] == pytest.approx(expected, abs=1e-6)
    now = env.telemetry()
    assert now.badges == 1 and now.required_count == 1 and milestone_names(now.milestones) == ("EVENT_BEAT_BROCK",)


def test_handing_in_an_item_lowers_the_count_but_not_its_maximum(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    put_bag(fake, (Items.OAKS_PARCEL, 1))
    assert env.step(0)[1] == pytest.approx(3.3519155979156494)
    put_bag(fake)
    assert env.step(0)[1] == pytest.approx(-3.3519155979156494)
    assert env.telemetry().required_count == 0 and env.telemetry().max_required_count == 1


def test_milestones_stay_when_the_game_clears_the_flag(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    set_event(fake, EVENTS["EVENT_GOT_STARTER"])
    env.step(0)
    set_event(fake, EVENTS["EVENT_GOT_STARTER"], False)
    env.step(0)
    assert milestone_names(env.telemetry().milestones) == ("EVENT_GOT_STARTER",)
    env.reset(seed=0)
    assert milestone_names(env.telemetry().milestones) == ()


def test_level_term_flattens_and_never_falls(make_fake_env, fake):
    env = make_fake_env(weights={"level": 1.0})
    env.reset(seed=0)
    put_party(fake, {"level": 10}, {"level": 9})
    assert env.step(0)[1] == pytest.approx(15 + 4 / 4)
    put_party(fake, {"level": 5})
    assert env.step(0)[1] == 0


def test_healing_counts_only_in_a_healers_house(make_fake_env, fake):
    put_party(fake, {"hp": 5, "max_hp": 20, "level": 5})
    env = make_fake_env(weights={"pokecenter_heal": 1.0})
    env.reset(seed=0)
    put_party(fake, {"hp": 20, "max_hp": 20, "level": 5})
    assert env.step(0)[1] == 0  # a tonic at home
    put_party(fake, {"hp": 5, "max_hp": 20, "level": 5})
    move_to(fake, 0x29, 3, 3)
    env.step(0)
    put_party(fake, {"hp": 20, "max_hp": 20, "level": 5})
    assert env.step(0)[1] == 1


def test_balls_cost_only_when_thrown_at_wild_ones(make_fake_env, fake):
    put_bag(fake, (Items.POKE_BALL, 5))
    env = make_fake_env(weights={"use_ball_count": -10.0})
    env.reset(seed=0)
    put_bag(fake, (Items.POKE_BALL, 4))
    assert env.step(0)[1] == 0  # sold
    fake.write(ram.wIsInBattle, 1)
    put_bag(fake, (Items.POKE_BALL, 3))
    assert env.step(0)[1] == -10


def test_reset_to_a_state_is_a_new_baseline_even_as_the_first_call(make_fake_env, fake):
    env = make_fake_env()
    set_event(fake, EVENTS["EVENT_BEAT_BROCK"])
    state = bytes(fake.data)
    observation, _ = env.reset(options={"state": state})
    assert env.telemetry().required_count == 1 and env.step(0)[1] == 0
    assert observation["events"][0x77 >> 3] == 0x80
    env.reset(seed=0)
    move_to(fake, 0x26, 7, 7)
    assert env.update_state(state)[0]["map_id"].tolist() == [0x26]


def test_reset_without_options_returns_to_the_initial_state(make_fake_env, fake):
    env = make_fake_env()
    env.reset(seed=0)
    move_to(fake, 0x0C, 9, 9)
    set_event(fake, EVENTS["EVENT_GOT_STARTER"])
    env.step(0)
    observation, _ = env.reset()
    assert observation["map_id"].tolist() == [0x26] and not observation["events"].any()
    assert env.telemetry().tiles == 1 and env.step_count == 0


def test_a_bad_state_is_refused_in_one_line(make_fake_env):
    env = make_fake_env()
    with pytest.raises(StateError):
        env.reset(options={"state": b"junk"})


def test_infos_are_empty_but_every_log_frequency(make_fake_env, fake):
    env = make_fake_env(log_frequency=5)
    env.reset(seed=0)
    infos = [env.step(i % 7)[4] for i in range(10)]
    assert [bool(info) for info in infos] == [False] * 4 + [True] + [False] * 4 + [True]
    info = infos[4]
    assert len(info["events"]) == 65 and len(info["required_items"]) == 11 and len(info["useful_items"]) == 5
    assert info["stats"]["badge"] == 0 and info["stats"]["action_hist"].sum() == 5
    assert info["pokemon_exploration_map"].shape == (484, 476) and pickle.dumps(info)
    assert info["reward_sum"] == pytest.approx(sum(info["reward"].values()))


def test_save_state_reports_each_new_milestone_once(make_fake_env, fake):
    env = make_fake_env(save_state=True)
    _, info = env.reset(seed=0)
    assert set(info) == {"state", "required_count", "env_id"}
    assert env.step(0)[4] == {}
    set_event(fake, EVENTS["EVENT_BEAT_BROCK"])
    info = env.step(0)[4]
    assert list(info["state"]) == [("EVENT_BEAT_BROCK",)] and info["required_count"] == 1
    assert env.step(0)[4] == {}


def test_telemetry_needs_a_reset(make_fake_env):
    with pytest.raises(RuntimeError, match="reset"):
        make_fake_env().telemetry()


def test_upstreams_accessors(make_fake_env, fake):
    put_party(fake, {"level": 5}, {"level": 7})
    fake.write(ram.wObtainedBadges, 0b11)
    put_bag(fake, (Items.HM_01, 1))
    env = make_fake_env()
    env.reset(seed=0)
    assert env.get_game_coords() == (3, 6, 0x26) and env.get_badges() == 2 and env.get_levels_sum() == 12
    assert env.read_m("wCurMap") == env.read_m(0xD35E) == 0x26 and env.read_bit("wObtainedBadges", 1)
    assert env.required_items == {"HM_01"} and env.required_events == set()
    assert env.render().shape == (144, 160) and env.screen_obs()["screen"].shape == (72, 20, 1)
    assert env.events.get_event("EVENT_GOT_STARTER") is False and env.party[1]["level"] == 7
    assert env.reward_explore_map.shape == (484, 476)


@pytest.mark.parametrize(
    "name",
    [
        "BaselineRewardEnv", "TeachCutReplicationEnv", "TeachCutReplicationEnvFork", "CutWithObjectRewardsEnv",
        "CutWithObjectRewardRequiredEventsEnv", "ObjectRewardRequiredEventsEnvTilesetExploration",
        "ObjectRewardRequiredEventsMapIds", "ObjectRewardRequiredEventsMapIdsFieldMoves",
    ],
)  # fmt: skip
def test_every_reward_class_works(make_fake_env, fake, name):
    env = make_fake_env(getattr(baseline, name))
    assert isinstance(env, RedGymEnv)
    env.reset(seed=0)
    set_event(fake, EVENTS["EVENT_GOT_STARTER"])
    assert env.step(0)[1] > 0


def test_tileset_exploration_weighs_gyms_by_their_own_weight(make_fake_env, fake):
    env = make_fake_env(baseline.ObjectRewardRequiredEventsEnvTilesetExploration, map_id_scalefactor=1.0)
    env.reset(seed=0)
    fake.write(ram.wCurMapTileset, 7)
    move_to(fake, 0x26, 4, 6)
    assert env.step(0)[1] == pytest.approx(0.025, abs=1e-6)


def test_a_screen_only_env_draws_the_same_screen_in_place_and_pays_the_same(make_fake_env, fake):
    full, out = make_fake_env(), np.zeros((72, 20), np.uint8)
    screens = [full.reset(seed=0)[0]["screen"], full.step(2)[0]["screen"]]
    rewards = [full.step(3)[1]]
    lean = make_fake_env()
    lean.observe_screen_only(out)
    seen = [lean.reset(seed=0)[0], lean.step(2)[0]]
    assert all(observation["screen"] is out and lean.observation_space.contains(observation) for observation in seen)
    assert (out == screens[1][:, :, 0]).all() and lean.step(3)[1] == rewards[0]


def test_short_steps_hold_a_button_all_frames_but_one(make_fake_env, fake):
    env = make_fake_env(action_freq=8)
    env.reset()
    env.step(4)
    assert fake.pressed[-1] == ("a", 7)
