import dataclasses

import pytest

from Daddy.cli import build_parser, parse_config
from Daddy.config import PRESETS, TrainConfig, preset, validate
from Daddy.errors import UsageError


def parse(*argv: str, preset_name: str = "big") -> TrainConfig:
    return parse_config("prog", "text", preset(preset_name), list(argv))


def test_the_command_of_the_readme_parses():
    config = parse(*"--num-envs 32 --total-steps 5_000_000 --run-name big_run_01 --log-interval 5000".split())
    assert (config.num_envs, config.total_steps, config.log_interval) == (32, 5_000_000, 5000)
    assert config.run_name == "big_run_01"
    assert config.model_size == "large" and config.backend == "puffer"


@pytest.mark.parametrize("text, value", [("5e6", 5_000_000), ("1_000_000", 1_000_000), ("4000", 4000)])
def test_numbers_may_be_written_as_people_write_them(text, value):
    assert parse("--total-steps", text).total_steps == value


@pytest.mark.parametrize("text", ["12.5", "many", "1e-1", "", "1e999", "nan"])
def test_numbers_that_are_no_step_counts_are_refused(text, capsys):
    with pytest.raises(SystemExit) as exit_info:
        parse("--total-steps", text)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_unknown_flag_suggests_the_nearest(capsys):
    with pytest.raises(SystemExit) as exit_info:
        parse("--num-env", "4")
    assert exit_info.value.code == 2
    assert "did you mean --num-envs?" in capsys.readouterr().err


def test_flags_win_over_file_and_file_over_preset(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("num_envs: 6\ntotal_steps: 2e3\nablate: [gru]\nallow_rom_mismatch: true\n")
    config = parse("--config", str(file), "--num-envs", "3", preset_name="slim")
    assert (config.num_envs, config.total_steps, config.ablate) == (3, 2000, ("gru",))
    assert config.allow_rom_mismatch and config.model_size == "slim"


@pytest.mark.parametrize(
    "text, message",
    [
        ("num_env: 3\n", "did you mean num_envs?"),
        ("- 1\n", "found list"),
        ("num_envs: many\n", "num_envs cannot be 'many'"),
        ("allow_rom_mismatch: 1\n", "true or false"),
        ("a: [\n", "--config"),
        ("run_name:\n", "run_name has no value"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, message):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=None) as error:
        parse("--config", str(file))
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "argv",
    [
        ["--num-envs", "0"], ["--num-workers", "none"], ["--gamma", "1.5"],
        ["--epsilon-min", "0.5", "--epsilon-start", "0.1"],
        ["--run-name", "a/b"], ["--run-name", ".."], ["--run-name", "a\nb"], ["--run-name", "x" * 300],
        ["--run-name", " a"], ["--gamma", "nan"], ["--rnd-weight", "inf"],
        ["--ablate", "gru,cnn"], ["--max-episode-steps", "1"],
        ["--curriculum", "--true-start-share", "0.29"], ["--curriculum", "--spawn-steps", "-1"], ["--swarm"],
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_usage_errors(argv):
    with pytest.raises(UsageError) as error:
        parse(*argv)
    assert error.value.exit_code == 2


def test_help_names_every_setting_and_its_default(capsys):
    with pytest.raises(SystemExit):
        build_parser("prog", "text", preset("slim")).parse_args(["--help"])
    shown = capsys.readouterr().out
    for spec in dataclasses.fields(TrainConfig):
        assert "--" + spec.name.replace("_", "-") in shown
    for text in ("1_000_000", "examples:", "exit codes: 0 done", "prog [flags]"):
        assert text in shown
    assert shown.endswith("\n")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid(name):
    validate(preset(name))


def test_switches_are_off_until_named():
    assert not parse().value_rescale and parse("--value-rescale").value_rescale
    assert not parse().allow_rom_mismatch and parse("--allow-rom-mismatch").allow_rom_mismatch


def test_a_switch_that_a_file_turns_on_can_be_turned_off_again(tmp_path):
    (tmp_path / "run.yaml").write_text("value_rescale: true\n")
    assert parse("--config", str(tmp_path / "run.yaml")).value_rescale
    assert not parse("--config", str(tmp_path / "run.yaml"), "--no-value-rescale").value_rescale
