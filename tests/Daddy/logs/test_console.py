import io
import sys

import pytest

from Daddy.logs.console import Console, choose_dashboard


def test_plain_output_has_no_escape_byte_and_line_mode_refreshes(capsys):
    kept = []
    plain = Console("plain", kept.append)
    plain.progress("one")
    plain.close()
    assert capsys.readouterr().out == "one\n"
    line = Console("line", kept.append)
    line.progress("two")
    line.progress("three")
    line.print("stays")
    line.close()
    assert capsys.readouterr().out == "\r\x1b[2Ktwo\r\x1b[2Kthree\nstays\n"
    assert kept == ["one", "two", "three", "stays"]


@pytest.mark.parametrize("wanted, mode", [("plain", "plain"), ("line", "line"), ("auto", "plain")])
def test_auto_output_is_plain_when_piped(wanted, mode, capsys):
    assert choose_dashboard(wanted)[0] == mode


class ClosedPipe(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


def test_a_closed_pipe_is_said_once_and_ends_nothing(monkeypatch):
    kept = []
    console = Console("plain", kept.append)
    monkeypatch.setattr(sys, "stdout", ClosedPipe())
    console.print("one")
    console.print("two")
    console.close()
    assert [line for line in kept if "alarm" not in line] == ["one", "two"]
    assert sum("stdout is gone" in line for line in kept) == 1


def test_a_terminal_that_knows_only_ascii_is_no_crash(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Console("plain", lambda line: None).print("café →")
    assert raw.getvalue() == b"caf? ?\n"
