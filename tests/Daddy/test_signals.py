import os
import signal

import pytest

from Daddy.signals import StopSignals


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_only_asks_to_stop(number, code, capsys):
    before = signal.getsignal(number)
    with StopSignals() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested and stop.exit_code == code
    assert signal.getsignal(number) is before
    assert "saving a checkpoint" in capsys.readouterr().err
