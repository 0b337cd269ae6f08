import errno

import pytest

from Daddy.errors import CheckpointError, UsageError, run_command
from pokemonred_puffer.errors import ConfigError, RomError, StateError


def raising(error: BaseException):
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    "error, code", [(UsageError, 2), (ConfigError, 2), (RomError, 3), (StateError, 3), (CheckpointError, 4)]
)
def test_an_expected_error_is_its_line_and_its_code(error, code, capsys):
    assert run_command(raising(error("do this instead"))) == code
    assert capsys.readouterr().err == "error: do this instead\n"


def test_ctrl_c_before_training_is_a_line_not_a_traceback(capsys):
    assert run_command(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_disk_is_a_line_too(capsys):
    assert run_command(raising(OSError(errno.ENOSPC, "No space left on device", "config.json"))) == 1
    shown = capsys.readouterr().err
    assert "No space left on device: 'config.json'; make room" in shown and shown.count("\n") == 1


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_command(raising(ZeroDivisionError()))
    with pytest.raises(FileNotFoundError):
        run_command(raising(FileNotFoundError(errno.ENOENT, "gone")))
    assert run_command(lambda: 0) == 0
