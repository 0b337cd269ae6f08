"""Every setting of a run reaches the part that it names."""

import dataclasses

import pytest
import torch

from Daddy.build import build_agent, build_mixer, choose_device
from Daddy.config import TrainConfig, preset
from Daddy.errors import UsageError

CPU = torch.device("cpu")


def small(**changes) -> TrainConfig:
    return dataclasses.replace(preset("slim"), num_envs=2, buffer_size=4_000, seq_len=8, burn_in=4, **changes)


@pytest.mark.parametrize(
    "name, value",
    [("gamma", 0.5), ("lr", 0.25), ("target_update", 7), ("value_rescale", True), ("precision", "bfloat16")],
)
def test_learner_settings_arrive(name, value):
    assert getattr(build_agent(small(**{name: value}), 7, CPU).config.learner, name) == value


@pytest.mark.parametrize(
    "name, value, arrives_as",
    [("batch_size", 3, "batch_size"), ("n_step", 2, "n_step"), ("seed", 5, "seed"),
     ("learning_starts", 9, "learning_starts"), ("epsilon_repeat", 4, "longest_repeat"),
     ("repetition_penalty", 0.3, "repetition_penalty"),
     ("average_decay", 0.5, "average_decay"), ("act_with_average", True, "act_with_average"),
     ("model_size", "large", "model_size")],
)  # fmt: skip
def test_agent_settings_arrive(name, value, arrives_as):
    assert getattr(build_agent(small(**{name: value}), 7, CPU).config, arrives_as) == value


def test_sequence_settings_shape_the_replay():
    spec = build_agent(small(n_step=2), 7, CPU).replay.spec
    assert (spec.seq_len, spec.burn_in, spec.n_step, spec.num_envs) == (8, 4, 2, 2) and spec.capacity == 4_000


@pytest.mark.parametrize("core", ["gru", "lstm", "ssm"])
def test_an_ablated_core_has_no_parameters(core):
    names = [name for name, _ in build_agent(small(ablate=(core,)), 7, CPU).learner.online.named_parameters()]
    assert names and not any(name.startswith(f"{core}.") for name in names)


def test_ablated_and_weightless_bonuses_are_not_built():
    full = build_mixer(small(), CPU)
    assert full.rnd and full.novelty
    assert full.weights["rnd"] == pytest.approx(full.scale * small().rnd_weight)
    assert full.weights["novel"] == pytest.approx(full.scale * small().novelty_weight)
    assert full.weights["bayes"] == small().bayes_weight
    for config in (small(ablate=("rnd", "novelty", "bayes")),
                   small(rnd_weight=0.0, novelty_weight=0.0, bayes_weight=0.0)):  # fmt: skip
        bare = build_mixer(config, CPU)
        assert bare.rnd is None and bare.novelty is None and set(bare.weights.values()) == {0.0}


def test_without_bayes_the_monitor_watches_and_leaves_the_rewards_alone():
    mixer = build_mixer(small(ablate=("bayes",)), CPU)
    config = small()
    assert mixer.scale == 1.0 and mixer.monitor.curiosity_scale != 1.0
    assert mixer.weights == {"rnd": config.rnd_weight, "novel": config.novelty_weight, "bayes": 0.0}


def test_monitor_settings_arrive():
    monitor = build_mixer(small(target_theta=0.3, alarm_patience=77, max_episode_steps=1500), CPU).monitor
    assert (monitor.rule.target, monitor.rule.patience) == (0.3, 77)
    assert monitor.budgets.max() == 1500 and monitor.budgets[0] == 1280
    assert monitor.available.sum() == 12, "the cartridge ends with the field move"


def test_devices_are_checked():
    assert choose_device("cpu") == (CPU, "as asked")
    for wrong in ("tpu", "meta", "cuda:99"):
        with pytest.raises(UsageError, match="--device"):
            choose_device(wrong)
