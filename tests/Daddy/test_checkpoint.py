import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from Daddy.checkpoint import (
    check_checkpoint,
    find_checkpoint,
    list_checkpoints,
    load_checkpoint,
    pack,
    save_checkpoint,
    set_aside,
)
from Daddy.errors import CheckpointError


def some_state(value: float = 1.0) -> dict:
    return {
        "step_global": 7,
        "agent": {"network": {"w": torch.full((2, 3), value)}, "updates": 3, "adam": {"groups": [{"lr": 0.1}]}},
        "mean": np.arange(4, dtype=np.float64),
    }


def test_what_was_saved_is_what_is_loaded(tmp_path):
    path = save_checkpoint(tmp_path, 7, some_state())
    state = load_checkpoint(path)
    assert path.name == "step_000000000007"
    assert torch.equal(state["agent"]["network"]["w"], torch.ones(2, 3))
    assert state["mean"].dtype == torch.float64 and state["mean"].tolist() == [0, 1, 2, 3]
    assert state["agent"]["adam"] == {"groups": [{"lr": 0.1}]} and state["step_global"] == 7


def test_only_the_newest_are_kept_and_latest_points_to_the_last(tmp_path):
    for step in (1, 2, 3, 4):
        save_checkpoint(tmp_path, step, some_state(), keep=2)
    assert [path.name[-1] for path in list_checkpoints(tmp_path)] == ["3", "4"]
    assert json.loads((tmp_path / "latest.json").read_text())["checkpoint"] == "step_000000000004"


def test_a_crashed_write_is_never_listed_and_is_swept(tmp_path):
    (tmp_path / ".writing-step_000000000009-1").mkdir(parents=True)
    assert list_checkpoints(tmp_path) == []
    save_checkpoint(tmp_path, 1, some_state())
    assert not list(tmp_path.glob(".writing-*"))


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "format"])
def test_damage_is_refused(tmp_path, damage):
    path = save_checkpoint(tmp_path, 1, some_state())
    tensors = path / "tensors.safetensors"
    content = bytearray(tensors.read_bytes())
    if damage == "truncate":
        tensors.write_bytes(content[:-1])
    elif damage == "flip":
        content[-1] ^= 1
        tensors.write_bytes(content)
    elif damage == "remove":
        tensors.unlink()
    else:
        manifest = json.loads((path / "MANIFEST.json").read_text())
        (path / "MANIFEST.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert error.value.exit_code == 4


def test_a_refusing_disk_leaves_the_older_checkpoint(tmp_path, monkeypatch):
    first = save_checkpoint(tmp_path, 1, some_state())

    def refuse(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("Daddy.checkpoint.write_tensors", refuse)
    with pytest.raises(CheckpointError, match="No space left"):
        save_checkpoint(tmp_path, 2, some_state())
    assert list_checkpoints(tmp_path) == [first] and not list(tmp_path.glob(".writing-*"))
    load_checkpoint(first)


def damage(path, name="tensors.safetensors"):
    content = bytearray((path / name).read_bytes())
    content[-2] ^= 1
    (path / name).write_bytes(content)


def test_a_state_is_copied_before_it_changes():
    state = some_state()
    packed = pack(state)
    state["agent"]["network"]["w"].zero_()
    state["mean"][:] = 0
    assert packed.tensors["agent/network/w"].sum() == 6 and packed.tensors["mean"].sum() == 6


@pytest.mark.parametrize("bad", [{"a/b": 1}, {3: 1}, {"f": print}, {"array": np.array(["text"])}])
def test_what_cannot_be_held_is_said(tmp_path, bad):
    with pytest.raises((CheckpointError, TypeError)):
        save_checkpoint(tmp_path, 1, bad)
    assert list_checkpoints(tmp_path) == []


def test_the_newest_valid_one_is_found_and_the_others_are_explained(tmp_path):
    one, two, three = (save_checkpoint(tmp_path, step, some_state()) for step in (1, 2, 3))
    damage(three)
    (two / "MANIFEST.json").unlink()
    found = find_checkpoint(tmp_path)
    assert found.path == one
    assert [path for path, _ in found.skipped] == [three, two]
    assert "SHA-256" in found.skipped[0][1] and "MANIFEST.json" in found.skipped[1][1]


def test_nothing_there_is_no_error_but_nothing_valid_is(tmp_path):
    assert find_checkpoint(tmp_path / "none").path is None
    damage(save_checkpoint(tmp_path, 1, some_state()), "state.json")
    with pytest.raises(CheckpointError, match=r"step_000000000001: state\.json is damaged") as error:
        find_checkpoint(tmp_path)
    assert error.value.exit_code == 4


def test_the_best_is_kept_however_old(tmp_path):
    for step, score in ((1, (0.5, 9.0)), (2, (2.0, 1.0)), (3, (2.0, 0.5)), (4, None), (5, (1.0, 99.0))):
        save_checkpoint(tmp_path, step, some_state(), keep=2, score=score)
    assert [path.name[-1] for path in list_checkpoints(tmp_path)] == ["2", "4", "5"]
    assert json.loads((tmp_path / "best.json").read_text()) == {"checkpoint": "step_000000000002", "score": [2.0, 1.0]}


def test_a_damaged_one_set_aside_is_never_counted_loaded_or_deleted(tmp_path):
    save_checkpoint(tmp_path, 1, some_state())
    damage(save_checkpoint(tmp_path, 9, some_state()))
    aside = set_aside(tmp_path / "step_000000000009")
    for step in (2, 3):
        save_checkpoint(tmp_path, step, some_state(), keep=1)
    assert find_checkpoint(tmp_path).path.name.endswith("3") and aside.is_dir()
    assert [path.name[-1] for path in list_checkpoints(tmp_path)] == ["3"]


def test_saving_the_same_step_again_replaces_only_what_is_damaged(tmp_path):
    path = save_checkpoint(tmp_path, 5, some_state(1.0))
    save_checkpoint(tmp_path, 5, some_state(2.0))
    assert load_checkpoint(path)["agent"]["network"]["w"][0, 0] == 1.0
    damage(path)
    save_checkpoint(tmp_path, 5, some_state(2.0))
    assert load_checkpoint(path)["agent"]["network"]["w"][0, 0] == 2.0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest.json", path.name]


def test_a_disk_that_fills_up_while_writing_leaves_no_trace(tmp_path):
    """The real thing: a process whose files may not grow beyond 100 kB."""
    save_checkpoint(tmp_path, 1, some_state())
    code = f"""
import resource, pathlib, torch
from Daddy.checkpoint import save_checkpoint
from Daddy.errors import CheckpointError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
root = pathlib.Path({str(tmp_path)!r})
try:
    save_checkpoint(root, 2, {{"big": torch.zeros(1_000_000)}})
except CheckpointError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
save_checkpoint(root, 3, {{"big": torch.zeros(1_000_000)}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "step 2 not written" in done.stdout and done.returncode == 0, done.stderr
    assert [path.name[-1] for path in list_checkpoints(tmp_path)] == ["1", "3"]
    assert not list(tmp_path.glob(".writing-*"))


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd"])
def test_a_manifest_cannot_point_elsewhere(tmp_path, name):
    path = save_checkpoint(tmp_path, 1, some_state())
    manifest = json.loads((path / "MANIFEST.json").read_text())
    manifest["files"][name] = manifest["files"].pop("state.json")
    (path / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="does not list"):
        check_checkpoint(path)


def test_a_link_in_place_of_a_file_is_refused(tmp_path):
    path = save_checkpoint(tmp_path / "root", 1, some_state())
    (path / "state.json").rename(tmp_path / "elsewhere.json")
    (path / "state.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(CheckpointError, match=r"state\.json is missing"):
        load_checkpoint(path)
