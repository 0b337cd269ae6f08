import json
from pathlib import Path

import pytest

from Daddy.config import TrainConfig
from Daddy.errors import UsageError
from Daddy.run_dir import check_run_dir, create_run_dir


def config_for(root: Path, **changes) -> TrainConfig:
    return TrainConfig(run_name="run", runs_dir=str(root), **changes)


def test_checking_leaves_nothing_behind(tmp_path):
    root = tmp_path / "new" / "runs"
    assert check_run_dir(config_for(root)) == root / "run"
    assert list(tmp_path.iterdir()) == []


def test_a_run_describes_itself(tmp_path):
    config = config_for(tmp_path, num_envs=3)
    lock = create_run_dir(check_run_dir(config), config)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["num_envs"] == 3
    assert "pytest" in (tmp_path / "run" / "command.txt").read_text()
    assert "torch 2." in (tmp_path / "run" / "env.txt").read_text()
    lock.release()


def test_an_existing_run_is_refused_and_restart_replaces_it(tmp_path):
    config = config_for(tmp_path)
    create_run_dir(check_run_dir(config), config).release()
    (tmp_path / "run" / "old.txt").write_text("old")
    with pytest.raises(UsageError, match="--on-exist restart"):
        check_run_dir(config)
    again = config_for(tmp_path, on_exist="restart")
    create_run_dir(check_run_dir(again), again).release()
    assert not (tmp_path / "run" / "old.txt").exists()


def test_restart_never_deletes_what_is_not_a_run(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="no run of ours"):
        check_run_dir(config_for(tmp_path, on_exist="restart"))
    assert (tmp_path / "run" / "thesis.tex").exists()


def test_a_run_in_use_is_not_replaced(tmp_path):
    config = config_for(tmp_path, on_exist="restart")
    lock = create_run_dir(check_run_dir(config), config)
    with pytest.raises(UsageError, match="in use"):
        check_run_dir(config)
    lock.release()
    check_run_dir(config)


def test_a_root_that_cannot_hold_runs_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="choose another --runs-dir") as error:
        check_run_dir(config_for(tmp_path / "file"))
    assert error.value.exit_code == 2
