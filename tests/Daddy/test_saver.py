import threading
import time

import pytest
import torch

from Daddy.checkpoint import list_checkpoints, load_checkpoint
from Daddy.errors import DaddyError
from Daddy.saver import Saver


class NoReplay:
    """A store that has nothing to save."""

    def take(self, everything):
        return []

    def prune(self, named):
        assert named == set()


def test_a_save_holds_the_moment_it_was_asked_for(tmp_path):
    saver, weights = Saver(tmp_path, NoReplay()), torch.ones(1000)
    saver.save(1, {"w": weights}, None)
    weights.zero_()
    (news,) = saver.finish()
    assert news.path == list_checkpoints(tmp_path)[0]
    assert load_checkpoint(news.path)["w"].sum() == 1000
    assert saver.news() == []
    saver.__exit__()


def test_the_loop_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    disk = threading.Event()
    monkeypatch.setattr("Daddy.saver.save_checkpoint", lambda *args: disk.wait(10) and tmp_path)
    saver = Saver(tmp_path, NoReplay())
    start = time.monotonic()
    saver.save(1, {}, None)
    assert saver.busy and saver.news() == [] and time.monotonic() - start < 5
    disk.set()
    assert len(saver.finish()) == 1 and not saver.busy
    saver.__exit__()


def test_a_refusing_disk_is_news_and_the_next_save_succeeds(tmp_path, monkeypatch):
    saver = Saver(tmp_path, NoReplay())
    with monkeypatch.context() as broken:
        broken.setattr("Daddy.checkpoint.write_tensors", refuse)
        saver.save(1, {"w": torch.ones(3)}, None)
        while saver.busy:
            time.sleep(0.01)
        (news,) = saver.news()
        assert news.path is None and "No space left" in news.text
    saver.save(2, {"w": torch.ones(3)}, None)
    assert [item.path for item in saver.finish()] == list_checkpoints(tmp_path)
    saver.__exit__()


def test_a_last_save_that_fails_is_an_error(tmp_path, monkeypatch):
    saver = Saver(tmp_path, NoReplay())
    monkeypatch.setattr("Daddy.checkpoint.write_tensors", refuse)
    saver.save(1, {"w": torch.ones(3)}, None)
    with pytest.raises(DaddyError, match="No space left") as error:
        saver.finish()
    assert error.value.exit_code == 1
    saver.__exit__()


def test_a_state_that_cannot_be_held_is_news_too(tmp_path):
    saver = Saver(tmp_path, NoReplay())
    saver.save(1, {"a/b": 1}, None)
    with pytest.raises(DaddyError, match="'a/b'"):
        saver.finish()
    saver.__exit__()


def refuse(*_args, **_kwargs):
    raise OSError(28, "No space left on device")
