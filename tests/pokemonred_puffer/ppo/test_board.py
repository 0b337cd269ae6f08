"""The dashboard as text."""
from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from pokemonred_puffer.ppo.board import Board, View, duration


def view() -> View:
    return View("name", 1_234, 5_000, 7, 321.0, 65.0, 200.0, {"rollout": 40.0, "learn": 25.0},
                {"policy_loss": -0.01, "entropy": 1.5}, {"episodes": 3.0, "return": 12.5,
                 "milestones": 2.0})  # fmt: skip


def test_the_screen_shows_the_run_its_losses_and_its_last_lines(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    kept = []
    with Board("full", view(), kept.append) as board:
        board.say("[eval] something happened")
    drawn = Console(width=120, file=io.StringIO(), record=True)
    drawn.print(board.draw())
    text = drawn.export_text()
    for part in ("1,234/5,000", "321", "policy_loss", "-0.0100", "rollout", "2.000", "[eval]", "PPO name"):
        assert part in text, part
    assert kept == ["[eval] something happened"] and "PPO name" in screen.getvalue()


def test_anything_but_a_terminal_gets_lines(capsys):
    with Board("auto", view(), lambda _: None) as board:
        board.interval()
    line = capsys.readouterr().out.strip()
    assert line.startswith("[step 1,234/5,000] SPS=321 updates=7 | policy_loss=-0.0100") and "\x1b" not in line
    assert "return=12.50 milestones=2.00 | left 3m" in line


def test_a_lost_stdout_does_not_stop_the_run(monkeypatch):
    class Closed(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    kept = []
    monkeypatch.setattr(sys, "stdout", Closed())
    with Board("plain", view(), kept.append) as board:
        board.say("one")
        board.say("two")
    assert kept == ["one", "two"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(9, "9s"), (200, "3m"), (3_900, "1h05m"), (200_000, "2d"), (float("inf"), "?")]
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
