import dataclasses
import json

import pytest

from Daddy.config import TrainConfig, preset
from Daddy.errors import UsageError
from Daddy.launch import settle
from Daddy.resume import CHANGEABLE, changes, describe_changes, resume_command


@pytest.fixture
def saved_run(tmp_path):
    """A run directory of a slim run with settings of its own; returns the directory of runs."""
    config = dataclasses.replace(preset("slim"), run_name="x", runs_dir="elsewhere", lr=1e-5, total_steps=400)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "config.json").write_text(json.dumps(dataclasses.asdict(config)))
    return tmp_path


def resume(root, **explicit) -> TrainConfig:
    return settle(preset("big"), {"run_name": "x", "runs_dir": str(root), "resume": True, **explicit})


def test_settings_come_from_the_run_and_flags_win(saved_run):
    config = resume(saved_run, total_steps=900)
    assert (config.model_size, config.num_envs, config.lr) == ("slim", 8, 1e-5)
    assert (config.total_steps, config.run_name, config.runs_dir) == (900, "x", str(saved_run))
    assert describe_changes(saved_run / "x", config) == ["changed on resume: --total-steps 400 -> 900"]


@pytest.mark.parametrize(
    "fixed", [{"model_size": "large"}, {"num_envs": 32}, {"reward": "a.B"}, {"seed": 5}, {"seq_len": 7},
              {"value_rescale": True}, {"ablate": ("gru",)}],
)  # fmt: skip
def test_what_is_built_into_the_run_cannot_change(saved_run, fixed):
    (name,) = fixed
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} is .* and cannot become"):
        resume(saved_run, **fixed)


def test_repeating_a_fixed_setting_is_no_change(saved_run):
    assert resume(saved_run, num_envs=8, model_size="slim").num_envs == 8


def test_changed_settings_are_checked_like_any_others(saved_run):
    with pytest.raises(UsageError, match="--lr is 7"):
        resume(saved_run, lr=7.0)


def test_a_run_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="there is no run"):
        resume(tmp_path)
    with pytest.raises(UsageError, match="add --run-name"):
        settle(preset("big"), {"resume": True})
    with pytest.raises(UsageError, match="path separators"):
        resume(tmp_path, run_name="../x")
    fresh = settle(preset("big"), {"run_name": "x", "runs_dir": str(tmp_path), "on_exist": "resume", "num_envs": 4})
    assert fresh.num_envs == 4 and fresh.model_size == "large"


def test_resume_and_restart_contradict(saved_run):
    with pytest.raises(UsageError, match="leave one of them out"):
        resume(saved_run, on_exist="restart")


@pytest.mark.parametrize("text", ["{", "[1]", '{"num_envs": "many"}', '{"number_of_envs": 3}'])
def test_a_spoilt_config_is_one_line_that_names_the_file(saved_run, text):
    (saved_run / "x" / "config.json").write_text(text)
    with pytest.raises(UsageError, match=r"config\.json"):
        resume(saved_run)


def test_settings_of_a_newer_version_take_their_default(saved_run):
    content = json.loads((saved_run / "x" / "config.json").read_text())
    del content["rnd_weight"]
    (saved_run / "x" / "config.json").write_text(json.dumps(content))
    assert resume(saved_run).rnd_weight == TrainConfig().rnd_weight


def test_every_changeable_setting_exists():
    assert {spec.name for spec in dataclasses.fields(TrainConfig)} >= CHANGEABLE
    assert changes(TrainConfig(), TrainConfig(resume=True, run_name="y", lr=0.5)) == ["lr"]


def test_the_command_can_be_pasted():
    assert resume_command(TrainConfig(run_name="my run")) == "python -m Daddy.train_big --run-name 'my run' --resume"
    assert resume_command(TrainConfig(run_name="r", runs_dir="/d")).endswith("--run-name r --resume --runs-dir /d")
