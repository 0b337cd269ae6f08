"""Settings: defaults, the packaged file, and refusals that name the fix."""
from __future__ import annotations

import pytest

from pokemonred_puffer.config import (
    PACKAGED_CONFIG,
    UNIMPLEMENTED,
    EnvConfig,
    load_config,
    reward_weights,
)
from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.rewards.terms import check_weights

# The keys of upstream's `env` section; all of them must be accepted.
UPSTREAM_KEYS = """
headless video_dir state_dir init_state action_freq max_steps save_video fast_video n_record perfect_ivs reduce_res
two_bit log_frequency auto_flash disable_wild_encounters disable_ai_actions auto_teach_cut auto_use_cut
auto_use_strength auto_teach_strength auto_solve_strength_puzzles auto_use_surf auto_teach_surf
auto_remove_all_nonuseful_items
auto_pokeflute auto_next_elevator_floor skip_safari_zone infinite_safari_steps insert_saffron_guard_drinks
infinite_money infinite_health use_global_map save_state animate_scripts exploration_inc exploration_max
max_steps_scaling map_id_scalefactor required_tolerance gb_path
""".split()


def refusal(values) -> str:
    with pytest.raises(ConfigError) as caught:
        EnvConfig.from_mapping(values)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2
    return str(caught.value)


def test_packaged_file_holds_every_key_at_its_default():
    assert EnvConfig.from_mapping(load_config()["env"]) == EnvConfig()
    assert set(load_config()["env"]) == set(EnvConfig().as_dict())


def test_upstreams_keys_and_true_defaults_are_accepted():
    assert set(UPSTREAM_KEYS) <= set(EnvConfig().as_dict())
    EnvConfig.from_mapping(
        {"auto_use_surf": True, "auto_pokeflute": True, "infinite_money": True, "save_state": True, "max_steps": 2e4}
    )


def test_unknown_key_suggests():
    assert 'did you mean "max_steps"?' in refusal({"max_step": 3})


@pytest.mark.parametrize("key", sorted(UNIMPLEMENTED))
def test_unimplemented_keys_are_refused_at_other_values(key):
    accepted = UNIMPLEMENTED[key]
    for value in accepted:
        EnvConfig.from_mapping({key: value})
    if accepted != (True, False):
        assert "not implemented" in refusal({key: 0.5 if accepted == (None,) else True})


@pytest.mark.parametrize(
    "values",
    [
        {"headless": 1}, {"max_steps": "many"}, {"max_steps": 0}, {"action_freq": 1}, {"noop_max": -1},
        {"max_steps": 2.5}, {"exploration_inc": True}, {"init_state": 3}, {"disable_wild_encounters": ["PEWTER_CITY"]},
    ],
)  # fmt: skip
def test_wrong_types_and_ranges(values):
    assert next(iter(values)) in refusal(values)


def test_a_file_is_laid_over_the_packaged_one(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("env:\n  max_steps: 50\nwrappers:\n  mine: []\ntrain:\n  anything: 1\n")
    config = load_config(path)
    assert config["env"]["max_steps"] == 50 and config["env"]["action_freq"] == 24
    assert config["wrappers"]["mine"] == [] and "stream_only" in config["wrappers"]
    assert load_config()["env"]["max_steps"] == 19816


@pytest.mark.parametrize(
    ("text", "says"),
    [("env: [", "YAML"), ("3", "sections"), ("envv: {}", 'did you mean "env"'), ("env: 3", "mapping"),
     ("env: {max_step: 1}", "max_steps")],
)  # fmt: skip
def test_bad_files(tmp_path, text, says):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_config(path)


def test_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")


def test_reward_sets():
    for name in load_config()["rewards"]:
        check_weights(reward_weights(name))
    assert reward_weights("BaselineRewardEnv")
    with pytest.raises(ConfigError, match="did you mean"):
        reward_weights("baseline.BaselineReward")
    with pytest.raises(ConfigError, match=r'did you mean "event"'):
        check_weights({"evnt": 1.0})
    with pytest.raises(ConfigError, match="number"):
        check_weights({"event": "much"})


def test_packaged_file_is_part_of_the_package():
    assert PACKAGED_CONFIG.is_file()
