"""Evaluation of a checkpoint: what it plays, what it counts, and what it refuses."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from Daddy.actor import Actor
from Daddy.agent import build_network
from Daddy.build import agent_settings, build_mixer
from Daddy.checkpoint import load_checkpoint, save_checkpoint
from Daddy.config import preset
from Daddy.errors import CheckpointError, DaddyError, UsageError
from Daddy.evaluate import main
from Daddy.evaluation import (
    EvalEpisode,
    EvalPlan,
    _mixer_as_trained,
    checkpoint_of,
    load_weights,
    play,
    report,
    silence,
    summarize,
    trained_network,
    weights_of,
    wilson,
)
from Daddy.intrinsic import RewardMixer
from Daddy.names import Names
from Daddy.puffer_shim import LAYOUT, STRUCTURED_DIM

ACTIONS = 7


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run directory with the checkpoint of an untrained slim network; episodes of 40 steps."""
    directory = tmp_path_factory.mktemp("runs") / "run"
    directory.mkdir()
    config = replace(preset("slim"), max_episode_steps=40, seed=3)
    (directory / "config.json").write_text(json.dumps(config.__dict__))
    torch.manual_seed(0)
    network = build_network(agent_settings(config), ACTIONS, STRUCTURED_DIM)
    mixer = build_mixer(config, torch.device("cpu"))
    mixer.rnd.returns.count, mixer.monitor.attempts[:] = 777, 5
    state = weights_of(123, network, mixer)
    save_checkpoint(directory / "checkpoints", 123, state)
    return directory


@pytest.fixture(scope="module")
def weights(run_dir):
    return load_weights(checkpoint_of(run_dir))


def without_clock(episodes):
    return [replace(episode, seconds=0.0) for episode in episodes]


def test_the_same_plan_gives_the_same_episodes(weights):
    plan = EvalPlan(episodes=3, epsilons=(0.0, 1.0), seed=5)
    first, second = (without_clock(play(weights, plan)) for _ in range(2))
    assert first == second
    assert [(e.epsilon, e.seed) for e in first] == [(0.0, 5), (0.0, 6), (0.0, 7), (1.0, 5), (1.0, 6), (1.0, 7)]
    assert {e.length for e in first} == {40}, "the first episodes of training are shortened, these are not"
    assert np.mean([e.tiles for e in first[3:]]) > 1


def test_no_episode_is_given_up_as_in_training(weights):
    stalling = replace(weights, config=replace(weights.config, max_episode_steps=12, stall_steps=4))
    assert [e.length for e in play(stalling, EvalPlan(1, seed=9))] == [12]


def test_a_budget_of_its_own_leaves_the_share_of_the_limit_that_is_used_up_as_it_was(weights, monkeypatch):
    shares = []
    score = RewardMixer.score

    def spy(self, rows, ids):
        shares.append(int(rows["structured"][0, LAYOUT["progress"]][0]))
        return score(self, rows, ids)

    monkeypatch.setattr(RewardMixer, "score", spy)
    for longest, expected in ((0, 40), (10, 10), (60, 60)):
        shares.clear()
        assert [e.length for e in play(weights, EvalPlan(1, seed=9, longest=longest))] == [expected]
        assert shares == [255 * step // max(expected, 40) for step in range(expected + 1)]


def test_novelty_is_worth_what_it_was_at_the_checkpoint(weights, monkeypatch):
    faded = replace(weights.config, total_steps=1230, curiosity_end=0.01, curiosity_decay=1.0, max_episode_steps=4)
    seen = []
    score = RewardMixer.score
    monkeypatch.setattr(RewardMixer, "score", lambda self, *a: (seen.append(self.curiosity_left), score(self, *a))[1])
    list(play(replace(weights, config=faded), EvalPlan(1, seed=9)))
    assert seen and seen == pytest.approx([0.01**0.1] * len(seen)), "step 123 of 1,230"


def test_greedy_play_repeats_itself_unless_there_is_a_penalty(weights, monkeypatch):
    """The untrained network presses one button for ever, as a trained one may in front of a wall."""
    pressed = []
    remember = Actor.remember_actions
    monkeypatch.setattr(
        Actor, "remember_actions", lambda self, ids, actions: (pressed.append(actions[0]), remember(self, ids, actions))
    )

    def most_pressed(penalty, run=0.0):
        pressed.clear()
        plan = EvalPlan(1, seed=9, repetition_penalty=penalty)
        list(play(replace(weights, config=replace(weights.config, repetition_penalty=run)), plan))
        return Counter(pressed).most_common(1)[0][1] / len(pressed)

    stuck, moving = most_pressed(None), most_pressed(1.0)
    assert stuck > 0.9 and moving < 0.5
    assert (most_pressed(None, run=1.0), most_pressed(0.0, run=1.0)) == (moving, stuck), "the run's, or the plan's own"


def test_more_episodes_than_emulators_are_played_in_waves(weights, monkeypatch):
    monkeypatch.setattr("Daddy.evaluation._AT_ONCE", 2)
    episodes = list(play(replace(weights, config=replace(weights.config, max_episode_steps=5)), EvalPlan(3, seed=9)))
    assert sorted(e.seed for e in episodes) == [9, 10, 11]


def test_rewards_are_scored_as_the_run_did_and_nothing_is_learned_from_them(weights):
    alike = [_mixer_as_trained(weights.config, weights.intrinsic) for _ in range(2)]
    for mixer in alike:
        assert torch.equal(mixer.rnd.predictor[0].weight, weights.intrinsic["rnd"]["predictor"]["0.weight"])
        assert mixer.rnd.returns.count == 777 and mixer.monitor.attempts.tolist() == [5] * len(mixer.monitor.quests)
    plan = EvalPlan(1, (1.0,), seed=4)
    once, again = (without_clock(play(weights, EvalPlan(1, epsilons, seed=4))) for epsilons in ((1.0,), (0.0, 1.0)))
    assert once == again[1:] == without_clock(play(weights, plan))


def test_normalisers_of_another_version_are_refused_in_one_line(weights):
    rnd = {name: part for name, part in weights.intrinsic["rnd"].items() if name != "first_scale"}
    with pytest.raises(CheckpointError, match="rnd state does not fit") as error:
        _mixer_as_trained(weights.config, {**weights.intrinsic, "rnd": rnd})
    assert error.value.exit_code == 4


@pytest.mark.parametrize("level", ["gru", "lstm", "ssm"])
def test_a_silenced_level_no_longer_matters_and_the_others_do(weights, level):
    network = trained_network(weights, ACTIONS, [level])
    frames = torch.zeros(1, 5, network.frame_stack, 72, 80, dtype=torch.uint8)
    core, first = torch.rand(1, 5, network.core_dim), torch.zeros(1, 5, dtype=torch.bool)
    moved = {}
    for part in ("gru", "lstm", "ssm"):
        with torch.no_grad():
            before = network(frames, core, network.initial_state(1), first)[0]
            for parameter in getattr(network, part).parameters():
                parameter.mul_(1.5)
            moved[part] = not torch.equal(before, network(frames, core, network.initial_state(1), first)[0])
    assert moved == {part: part != level for part in moved}


def test_a_level_that_was_never_trained_cannot_be_silenced():
    config = replace(preset("slim"), ablate=("ssm",))
    with pytest.raises(UsageError, match="without it"):
        silence(build_network(agent_settings(config), ACTIONS, STRUCTURED_DIM), "ssm")


def test_the_average_of_weights_plays_unless_the_last_ones_are_asked_for(run_dir, tmp_path, capsys):
    state = load_checkpoint(checkpoint_of(run_dir))
    average = state["agent"]["average"]
    state["agent"]["learner"] = {"online": {name: value + 1.0 for name, value in average.items()}}
    (tmp_path / "config.json").write_text((run_dir / "config.json").read_text())
    path = save_checkpoint(tmp_path / "checkpoints", 124, state)
    for last, shift in ((False, 0.0), (True, 1.0)):
        network = load_weights(path, last).network
        assert all(torch.equal(value, average[name] + shift) for name, value in network.items())
    shown = []
    for flags in ([], ["--last-weights"]):
        short = ["--episodes", "1", "--max-episode-steps", "30", "--repetition-penalty", "0"]
        assert main([str(path), *short, "--json", *flags]) == 0
        shown.append(json.loads(capsys.readouterr().out)["episodes"][0]["return_env"])
    assert shown[0] != shown[1]
    del state["agent"]["average"]  # as checkpoints were before 2026-11-28
    old = load_weights(save_checkpoint(tmp_path / "checkpoints", 125, state)).network
    assert all(torch.equal(value, average[name] + 1.0) for name, value in old.items())


def test_weights_of_another_network_are_refused_in_one_line(weights):
    with pytest.raises(DaddyError, match="do not fit"):
        trained_network(replace(weights, config=replace(weights.config, model_size="large")), ACTIONS)


@pytest.mark.parametrize("successes, trials", [(0, 8), (8, 8), (3, 10), (50, 100)])
def test_wilson_bounds_are_where_the_score_test_turns(successes, trials):
    share = successes / trials
    for bound in wilson(successes, trials):
        assert 0.0 <= bound <= 1.0
        if 0.0 < bound < 1.0:
            assert abs(share - bound) == pytest.approx(1.96 * (bound * (1 - bound) / trials) ** 0.5)


def episode(**changes):
    base = EvalEpisode(epsilon=0.0, seed=0, length=10, return_env=1.0, milestones={}, badges=0, tiles=4, map="A",
                       seconds=0.1)
    return replace(base, **changes)


def test_shares_count_episodes_and_are_ordered_by_frequency():
    episodes = [episode(milestones={"B": 30}), episode(milestones={"A": 10, "B": 20}), episode(return_env=4.0)]
    result = summarize(episodes)
    assert list(result["milestones"]) == ["B", "A"]
    assert result["milestones"]["B"]["share"] == pytest.approx(2 / 3)
    assert result["milestones"]["B"]["median_steps"] == 25
    assert (result["milestones_mean"], result["milestones_best"], result["return_env_mean"]) == (1.0, 2, 2.0)


def test_a_report_has_one_summary_per_epsilon():
    plan = EvalPlan(1, (0.0, 0.05))
    result = report(7, [episode(), episode(epsilon=0.05, tiles=9)], plan)
    assert [group["tiles_mean"] for group in result["summaries"]] == [4, 9]
    assert json.loads(json.dumps(result)) == result


def test_milestones_are_dated_and_what_an_episode_starts_with_does_not_count():
    from Daddy.evaluation import _FirstSeen

    names = Names("", False)
    seen = _FirstSeen(2, names)
    rows = np.zeros(2, [("is_first", "?"), ("episode_step", "u4"), ("milestones", "u1", (2,))])
    rows["is_first"], rows["milestones"][1, 0] = True, 1
    seen.add(rows, np.arange(2))
    rows["is_first"], rows["episode_step"], rows["milestones"][:, 0] = False, 4, 3
    seen.add(rows, np.arange(2))
    seen.add(rows, np.arange(2))
    zero, one = names.milestones(np.array([1, 0], np.uint8)), names.milestones(np.array([2, 0], np.uint8))
    assert seen.steps == [{zero[0]: 4, one[0]: 4}, {one[0]: 4}]


def test_the_command_prints_json_and_a_table(run_dir, capsys):
    assert main([str(run_dir), "--episodes", "2", "--max-episode-steps", "8", "--json", "--ablate", "gru"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["step_global"], result["ablate"], len(result["episodes"])) == (123, ["gru"], 2)
    checkpoint = str(checkpoint_of(run_dir))
    others = ["--epsilon", "0", "1", "--repetition-penalty", "0.2"]
    assert main([checkpoint, "--episodes", "1", "--max-episode-steps", "8", *others]) == 0
    assert "step 123, epsilon 1: 1 episodes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "extra, code, message",
    [
        (["--episodes", "0"], 2, "--episodes is 0"),
        (["--epsilon", "2"], 2, "between 0 and 1"),
        (["--repetition-penalty", "-1"], 2, "between 0 and 1"),
        (["--ablate", "cnn"], 2, "choose from gru"),
        (["--max-episode-steps", "1"], 2, "at least 2"),
    ],
)
def test_bad_input_is_one_line(run_dir, capsys, extra, code, message):
    assert main([str(run_dir), *extra]) == code
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_a_path_without_a_checkpoint_is_refused(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "neither a checkpoint nor a run directory" in capsys.readouterr().err
