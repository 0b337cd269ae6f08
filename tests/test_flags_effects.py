"""Every flag changes something, and only what it says."""

import contextlib
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from Daddy import build
from Daddy.background_eval import BackgroundEvaluator
from Daddy.cli import parse_config
from Daddy.config import TrainConfig, preset
from Daddy.dashboard import choose_dashboard
from Daddy.logs.reader import latest_metrics, read_events
from Daddy.run_dir import claim_run_dir
from Daddy.schedules import curiosity_left, epsilons, lr_left


def settings(*argv: str) -> TrainConfig:
    return parse_config("prog", "text", preset("slim"), list(argv))


def vector_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    patch.setattr(build, "make_vector", lambda *args, **kwargs: (args, kwargs))
    return build.build_vector(config)


def agent_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    patch.setattr(build, "Agent", lambda *args: args)
    return build.build_agent(config, 7, torch.device("cpu"))


def rewards_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    mixer = build.build_mixer(config, torch.device("cpu"))
    return mixer.weights, mixer.scale, sorted(mixer.parts()), mixer.novelty is None, mixer.monitor.rule


def curiosity_left_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    return curiosity_left(100_000, config)


def curriculum_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    stand_in = SimpleNamespace(num_envs=2, actor=None)
    curriculum = build.build_curriculum(config, Path("run"), stand_in, stand_in)
    return type(curriculum), getattr(curriculum, "settings", None)


def pace_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    return build.build_pacer(config).ratio


def exploration_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    stuck = build.build_stuck_exploration(config)
    return epsilons(config.epsilon_schedule, 300_000, config).tolist(), stuck.patience, stuck.epsilon


def lr_left_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    return lr_left(config.total_steps - 1, config)


def device_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    return build.choose_device(config.device)


def output_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    terminal = SimpleNamespace(isatty=lambda: True, encoding="utf-8")
    return choose_dashboard(config.dashboard, terminal, {"TERM": "xterm"}, size=(120, 40))


def place_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    """Where the run goes, or why it may not."""
    try:
        run = claim_run_dir(config)
    except Exception as error:
        return str(error)
    run.release()
    return run.path, run.continued


def replay_saved_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    """Rows that a replay of five rows hands to the disk."""
    replay = SimpleNamespace(
        cursor=np.array([5]), spec=SimpleNamespace(ring=10), export_rows=lambda begin, end: {"rows": end - begin}
    )
    store = build.build_replay_store(config, Path("runs/taken"), replay)
    replay.cursor = np.array([8])
    return [segment.rows for segment in store.take(everything=True)]


def evaluation_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    """The command of the evaluation that is due at step 10, if any."""
    started = []

    def start(self, *_):
        started.append(self._launch(Path("weights"), None, None))

    patch.setattr(BackgroundEvaluator, "_start", start)
    patch.setattr("subprocess.Popen", lambda command, **options: command)
    BackgroundEvaluator(config, Path("run"), None).tick(10, None, None)
    return started


def shown_by(config: TrainConfig) -> str:
    """What a run in this process prints."""
    from Daddy.loop import run_training

    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        run_training(config)
    return shown.getvalue()


def counts_of(config: TrainConfig, patch: pytest.MonkeyPatch) -> object:
    """Lines by their kind and sampled steps of a run on an env without an emulator."""
    config = dataclasses.replace(
        config, env_class="stand_in_env:StandInEnv", backend="serial", num_envs=2, learning_starts=10_000,
        buffer_size=4_000, on_exist="restart", run_name="counts", total_steps=min(config.total_steps, 60),
    )  # fmt: skip
    lines = shown_by(config)
    steps = list(read_events(Path(config.runs_dir) / "counts", "step"))
    return lines.count("[step "), lines.count("[checkpoint] "), len(steps)


# setting -> (another value, settings that both runs share, what then differs)
EFFECTS: dict[str, tuple[str, str, Callable]] = {
    "run_name": ("other", "", place_of),
    "runs_dir": ("elsewhere", "", place_of),
    "on_exist": ("restart", "--run-name taken", place_of),
    "resume": ("", "--run-name taken", place_of),
    "total_steps": ("20", "--log-interval 10", counts_of),
    "log_interval": ("20", "", counts_of),
    "save_interval": ("20", "", counts_of),
    "step_log_every": ("5", "", counts_of),
    "save_replay_gib": ("0", "", replay_saved_of),
    "eval_interval": ("10", "", evaluation_of),
    "eval_episodes": ("3", "--eval-interval 10", evaluation_of),
    "eval_epsilon": ("0.5", "--eval-interval 10", evaluation_of),
    "dashboard": ("line", "", output_of),
    "seed": ("2", "", vector_of),
    "backend": ("serial", "", vector_of),
    "num_envs": ("3", "", vector_of),
    "num_workers": ("2", "", vector_of),
    "env_batches": ("1", "", vector_of),
    "hang_seconds": ("9", "", vector_of),
    "max_restarts": ("1", "", vector_of),
    "rom": ("other.gb", "", vector_of),
    "init_state": ("other.state", "", vector_of),
    "allow_rom_mismatch": ("", "", vector_of),
    "reward": ("other.Class", "", vector_of),
    "env_class": ("module:Class", "", vector_of),
    "wrappers": ("other", "", vector_of),
    "reward_modules": ("quest", "", vector_of),
    "max_episode_steps": ("99", "", vector_of),
    "spawn_steps": ("99", "", vector_of),
    "stall_steps": ("99", "", vector_of),
    "stall_paces": ("2", "", vector_of),
    "novelty_span": ("episode", "", vector_of),
    "model_size": ("large", "", agent_of),
    "precision": ("float32", "", agent_of),
    "batch_size": ("3", "", agent_of),
    "buffer_size": ("5000", "", agent_of),
    "learning_starts": ("99", "", agent_of),
    "seq_len": ("9", "", agent_of),
    "burn_in": ("3", "", agent_of),
    "n_step": ("2", "", agent_of),
    "gamma": ("0.5", "", agent_of),
    "lr": ("0.5", "", agent_of),
    "lr_cooldown": ("0.5", "", lr_left_of),
    "action_gap": ("0.5", "", agent_of),
    "value_rescale": ("", "", agent_of),
    "target_update": ("9", "", agent_of),
    "average_decay": ("0.5", "", agent_of),
    "act_with_average": ("", "", agent_of),
    "epsilon_repeat": ("3", "", agent_of),
    "repetition_penalty": ("0.3", "", agent_of),
    "ablate": ("gru", "", agent_of),
    "device": ("cpu", "", device_of),
    "replay_ratio": ("auto", "", pace_of),
    "epsilon_start": ("0.5", "", exploration_of),
    "epsilon_min": ("0.2", "", exploration_of),
    "epsilon_schedule": ("linear", "", exploration_of),
    "epsilon_decay": ("0.5", "", exploration_of),
    "stuck_steps": ("0", "", exploration_of),
    "stuck_epsilon": ("0.9", "", exploration_of),
    "rnd_weight": ("0.3", "", rewards_of),
    "novelty_weight": ("0.3", "", rewards_of),
    "curiosity_end": ("0.2", "", curiosity_left_of),
    "curiosity_decay": ("0.5", "--curiosity-end 0.2", curiosity_left_of),
    "lifelong_novelty": ("", "", rewards_of),
    "bayes_weight": ("0.3", "", rewards_of),
    "target_theta": ("0.7", "", rewards_of),
    "alarm_patience": ("99", "", rewards_of),
    "curriculum": ("", "", curriculum_of),
    "freeze_curriculum": ("", "--curriculum", curriculum_of),
    "savestates_from": (".", "--curriculum", curriculum_of),
    "true_start_share": ("0.5", "--curriculum", curriculum_of),
    "bold_steps": ("0", "--curriculum", curriculum_of),
    "bold_epsilon": ("0.9", "--curriculum", curriculum_of),
    "sweep_share": ("0.9", "--curriculum", curriculum_of),
    "forget_at_spawn": ("", "--curriculum", curriculum_of),
    "swarm": ("", "--curriculum", curriculum_of),
}


@pytest.mark.parametrize("name", [spec.name for spec in dataclasses.fields(TrainConfig)])
def test_every_flag_changes_something(name, tmp_path, monkeypatch):
    assert name in EFFECTS, "a new setting: say in EFFECTS what it changes"
    value, shared, observe = EFFECTS[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    flag = [f"--{name.replace('_', '-')}", *([value] if value else [])]
    before, again, after = (
        repr(observe(settings(*shared.split(), *more), monkeypatch)) for more in ([], [], flag)
    )  # fmt: skip
    assert before == again, "only the flag may change it"
    assert after != before


@pytest.mark.parametrize("part, observe", [("rnd", rewards_of), ("novelty", rewards_of), ("bayes", rewards_of),
                                           ("lstm", agent_of), ("ssm", agent_of)])  # fmt: skip
def test_every_part_can_be_ablated(part, observe, monkeypatch):
    assert repr(observe(settings("--ablate", part), monkeypatch)) != repr(observe(settings(), monkeypatch))


@pytest.mark.parametrize("patience, stuck", [("2", True), ("0", False)])
def test_a_run_explores_where_it_is_stuck(patience, stuck, tmp_path):
    greedy = "--epsilon-start 0 --epsilon-min 0 --epsilon-schedule linear --stuck-epsilon 1 --dashboard plain"
    small = "--backend serial --num-envs 2 --total-steps 400 --learning-starts 1000 --buffer-size 4000"
    place = ("--runs-dir", str(tmp_path), "--run-name", "a")
    repeats = ("--repetition-penalty", "0")
    config = settings(*greedy.split(), *small.split(), "--stuck-steps", patience, *repeats, *place)
    shown_by(config)
    found = latest_metrics(tmp_path / "a")
    assert (found["charts/stuck"] > 0.2) == stuck
    assert (found["charts/action_entropy"] > 1.0) == stuck


@pytest.mark.parametrize("penalty, varies", [("0.5", True), ("0", False)])
def test_a_greedy_run_varies_what_nothing_comes_of(penalty, varies, tmp_path):
    greedy = "--epsilon-start 0 --epsilon-min 0 --epsilon-schedule linear --stuck-steps 0 --dashboard plain"
    small = "--backend serial --num-envs 2 --total-steps 400 --learning-starts 1000 --buffer-size 4000"
    place = ("--runs-dir", str(tmp_path), "--run-name", "a")
    shown_by(settings(*greedy.split(), *small.split(), "--repetition-penalty", penalty, *place))
    assert (latest_metrics(tmp_path / "a")["charts/action_entropy"] > 1.0) == varies


def test_a_run_lets_novelty_fade(tmp_path):
    small = "--backend serial --num-envs 2 --total-steps 100 --learning-starts 1000 --buffer-size 4000"
    fade = ("--dashboard", "plain", "--curiosity-end", "0.01", "--curiosity-decay", "0.5", "--step-log-every", "10")
    shown_by(settings(*small.split(), *fade, "--runs-dir", str(tmp_path), "--run-name", "a"))
    weights = [event["w_novel"] for event in read_events(tmp_path / "a", "step")]
    assert weights[0] > weights[2] > weights[-1] > 0.0 and weights[-1] < 0.03 * weights[0]
