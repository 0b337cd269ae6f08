import json

import numpy as np
import pytest
import torch

from Daddy.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
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

    monkeypatch.setattr("Daddy.checkpoint.save_file", refuse)
    with pytest.raises(CheckpointError, match="No space left"):
        save_checkpoint(tmp_path, 2, some_state())
    assert list_checkpoints(tmp_path) == [first] and not list(tmp_path.glob(".writing-*"))
    load_checkpoint(first)
