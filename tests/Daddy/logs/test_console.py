import io
import sys

from Daddy.logs.console import Console


def test_lines_are_shown_and_kept_without_escape_bytes(capsys):
    kept = []
    console = Console("plain", kept.append)
    console.print("one")
    console.progress("two")
    console.close()
    assert capsys.readouterr().out == "one\ntwo\n"
    assert kept == ["one", "two"]


def test_modes_that_refresh_do_not_print_interval_lines(capsys):
    kept = []
    console = Console("line", kept.append)
    console.progress("[step 5,000/10,000]")
    console.close()
    assert capsys.readouterr().out == ""
    assert kept == ["[step 5,000/10,000]"]


class ClosedPipe(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


def test_a_closed_pipe_is_said_once_and_ends_nothing(monkeypatch):
    kept = []
    monkeypatch.setattr(sys, "stdout", ClosedPipe())
    console = Console("plain", kept.append)
    console.print("one")
    console.print("two")
    console.close()
    assert [line for line in kept if "alarm" not in line] == ["one", "two"]
    assert sum("stdout is gone" in line for line in kept) == 1


def test_a_terminal_that_knows_only_ascii_is_no_crash(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    console = Console("plain", lambda line: None)
    console.print("café →")
    console.close()
    assert raw.getvalue() == b"caf? ?\n"
