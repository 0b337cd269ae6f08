import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from Daddy.checkpoint import list_checkpoints, save_checkpoint
from Daddy.config import TrainConfig
from Daddy.errors import CheckpointError, UsageError
from Daddy.run_dir import claim_run_dir


def config_for(root: Path, **changes) -> TrainConfig:
    return TrainConfig(run_name="run", runs_dir=str(root), **changes)


def begun(config: TrainConfig):
    run = claim_run_dir(config)
    run.begin(config)
    return run


def resumed(root: Path, **changes) -> TrainConfig:
    return config_for(root, resume=True, **changes)


def test_claiming_leaves_nothing_behind(tmp_path):
    root = tmp_path / "new" / "runs"
    assert claim_run_dir(config_for(root)).path == root / "run"
    assert list(tmp_path.iterdir()) == []


def test_a_run_describes_itself(tmp_path):
    begun(config_for(tmp_path, num_envs=3)).release()
    assert json.loads((tmp_path / "run" / "config.json").read_text())["num_envs"] == 3
    assert "pytest" in (tmp_path / "run" / "command.txt").read_text()
    assert "torch 2." in (tmp_path / "run" / "env.txt").read_text()


def test_an_existing_run_is_refused_and_restart_replaces_it(tmp_path):
    begun(config_for(tmp_path)).release()
    (tmp_path / "run" / "old.txt").write_text("old")
    (tmp_path / "run" / "checkpoints").mkdir()
    with pytest.raises(UsageError, match=r"--resume .* --on-exist restart"):
        claim_run_dir(config_for(tmp_path))
    run = claim_run_dir(config_for(tmp_path, on_exist="restart"))
    assert (tmp_path / "run" / "old.txt").exists(), "claiming deletes nothing"
    run.begin(config_for(tmp_path, on_exist="restart"))
    assert not (tmp_path / "run" / "old.txt").exists() and not (tmp_path / "run" / "checkpoints").exists()
    run.release()


@pytest.mark.parametrize("how", [{"on_exist": "restart"}, {"resume": True}])
def test_what_is_not_a_run_is_never_touched(tmp_path, how):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="no run of ours"):
        claim_run_dir(config_for(tmp_path, **how))
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("how", [{"on_exist": "restart"}, {"resume": True}])
def test_a_run_in_use_is_refused(tmp_path, how):
    run = begun(config_for(tmp_path))
    with pytest.raises(UsageError, match="in use"):
        claim_run_dir(config_for(tmp_path, **how))
    run.release()
    claim_run_dir(config_for(tmp_path, **how)).release()


def test_the_lock_of_a_killed_process_is_no_obstacle(tmp_path):
    begun(config_for(tmp_path)).release()
    code = f"""
import os, signal
from Daddy.config import TrainConfig
from Daddy.run_dir import claim_run_dir
run = claim_run_dir(TrainConfig(run_name="run", runs_dir={str(tmp_path)!r}, resume=True))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -9
    assert (tmp_path / "run" / "run.lock").exists()
    claim_run_dir(resumed(tmp_path)).release()


def test_resuming_appends_and_goes_on_from_the_newest_valid_checkpoint(tmp_path):
    begun(config_for(tmp_path)).release()
    root = tmp_path / "run" / "checkpoints"
    save_checkpoint(root, 100, {"step_global": 100})
    (save_checkpoint(root, 200, {"step_global": 200}) / "state.json").write_text("{}")
    config = resumed(tmp_path, lr=0.1)
    run = claim_run_dir(config)
    assert run.resumed_step == 100 and run.load() == {"step_global": 100}
    assert len(list_checkpoints(root)) == 2, "claiming changes nothing"
    notes = "\n".join(run.begin(config))
    assert "resuming from" in notes and "step_000000000100" in notes and "running are cut" in notes
    assert "warning: skipped step_000000000200" in notes and "state.json has 2 bytes" in notes
    assert "--lr 0.0003 -> 0.1" in notes
    assert (tmp_path / "run" / "command.txt").read_text().count("\n") == 2
    assert [path.name[-3:] for path in list_checkpoints(root)] == ["100"]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["lr"] == 0.1
    run.release()


def test_a_run_without_a_checkpoint_says_that_it_starts(tmp_path):
    begun(config_for(tmp_path)).release()
    run = claim_run_dir(resumed(tmp_path))
    assert run.resumed_step is None and run.load() == {}
    assert "nothing to resume" in run.begin(resumed(tmp_path))[0]
    run.release()


def test_only_damaged_checkpoints_are_code_4_and_the_lock_is_free(tmp_path):
    begun(config_for(tmp_path)).release()
    path = save_checkpoint(tmp_path / "run" / "checkpoints", 100, {})
    os.truncate(path / "tensors.safetensors", 3)
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"no checkpoint .* is valid"):
            claim_run_dir(resumed(tmp_path))


def test_a_root_that_cannot_hold_runs_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="choose another --runs-dir") as error:
        claim_run_dir(config_for(tmp_path / "file"))
    assert error.value.exit_code == 2
