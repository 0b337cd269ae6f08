"""Whole frames: golden text at several sizes, and every value of a snapshot is somewhere on the screen.

After a wanted change of the looks: ``UPDATE_FRAMES=1 python -m pytest tests/Daddy/test_dashboard_frames.py``, then read
the difference of the files in ``dashboard_frames``.
"""

import dataclasses
import os
import re
from pathlib import Path

import numpy as np
import pytest
from dashboard_scene import LINES, snapshot

from Daddy import snapshot as parts
from Daddy.dashboard.layout import one_line, render
from Daddy.dashboard.look import Look

FRAMES = Path(__file__).parent / "dashboard_frames"
BIG = (140, 60)  # room for everything


def frame(moment: parts.Snapshot, width: int, height: int, look: Look = Look()) -> list[str]:  # noqa: B008 (frozen)
    return render(moment, LINES, width, height, look).text()


@pytest.mark.parametrize("name", ["60x24", "80x24", "80x40", "120x40", "120x40-ascii", "20x5"])
def test_frames_look_as_they_did(name):
    width, height = map(int, name.split("-")[0].split("x"))
    text = "\n".join(frame(snapshot(), width, height, Look(unicode="ascii" not in name))) + "\n"
    path = FRAMES / f"{name}.txt"
    if os.environ.get("UPDATE_FRAMES"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("look", [Look(), Look("none", unicode=False)])
def test_any_size_is_filled_exactly_and_nothing_crashes(look):
    empty = parts.Snapshot(parts.RunInfo("new"), step=0, total_steps=1000)
    for moment in (snapshot(), empty):
        for width in (1, 2, 5, 20, 39, 40, 59, 76, 80, 111, 112, 200):
            for height in (1, 2, 5, 9, 10, 12, 17, 24, 33, 80):
                rows = render(moment, LINES, width, height, look).rows(look)
                plain = [re.sub(r"\x1b\[[0-9;]*m", "", row) for row in rows]
                assert len(rows) == height
                assert {len(row) for row in plain} == {width}


def test_ascii_is_ascii_and_no_color_has_no_color():
    for width in (20, 60, 80, 120):
        assert "".join(frame(snapshot(), width, 40, Look(unicode=False))).isascii()
        rows = "".join(render(snapshot(), LINES, width, 40, Look("none")).rows(Look("none")))
        assert set(re.findall(r"\x1b\[([0-9;]*)m", rows)) <= {"0", "1"}, "bold may stay"


# Each field of the snapshot, and another value for it.
OTHER = {
    "run": parts.RunInfo("another_run"), "step": 2_000_000, "total_steps": 6_000_000, "phase": "saving",
    "elapsed_s": 5000.0, "sps": 321.0, "eta_s": 99_000.0, "episodes": 77, "epsilon": (0.5, 0.5, 0.5), "learned": 123,
    "usage": parts.Usage(1.0, 2.0, 3.0, 4.0, 5.0), "time_budget": (("dream", 100.0),), "losses": (("other_loss", 7.0),),
    "stats": (("other", 7.0),), "rewards": (parts.RewardTerm("env", 7.0, 1.0),), "milestones": (), "badges": "11110000",
    "curriculum": (("start", 100.0),), "envs": (parts.EnvCell("Elsewhere"),), "worker_restarts": (7, 0), "alarms": (),
    "world": None, "series": (("other", (1.0, 2.0)),), "saved": None,
}  # fmt: skip
OTHER_PARTS = {
    "run": {"name": "x", "model": "x", "params": 7, "device": "cuda:0", "backend": "serial"},
    "usage": {"cpu": 1.0, "ram": 1.0, "rss_gib": 7.0, "gpu": None, "vram": None},
    "rewards": {"name": "new", "mean": 7.0, "weight": 7.0},
    "milestones": {
        "name": "EVENT_X", "mean": 0.5, "lo95": 0.4, "hi95": 0.4, "attempts": 7, "reached": False, "alarm_level": 2,
    },
    "envs": {"map": "Elsewhere", "state": "dead"},
    "alarms": {"level": 2, "text": "x", "age_s": 7.0},
    "world": {"cells": np.full((9, 9), 200, np.uint8), "envs": ((0, 0),), "tiles": 7, "maps": 7},
    "saved": {"step": 7, "age_s": 7.0, "command": "x"},
}  # fmt: skip


def painted(moment: parts.Snapshot) -> list[str]:
    return render(moment, LINES, *BIG, Look()).rows(Look())


@pytest.mark.parametrize("name", OTHER)
def test_every_field_reaches_the_screen(name):
    assert painted(snapshot(**{name: OTHER[name]})) != painted(snapshot())


@pytest.mark.parametrize("name, field", [(name, field) for name, changes in OTHER_PARTS.items() for field in changes])
def test_every_field_of_a_part_reaches_the_screen(name, field):
    part = getattr(snapshot(), name)
    first = part[0] if isinstance(part, tuple) else part
    changed = dataclasses.replace(first, **{field: OTHER_PARTS[name][field]})
    value = (changed, *part[1:]) if isinstance(part, tuple) else changed
    assert painted(snapshot(**{name: value})) != painted(snapshot())


def test_no_field_is_forgotten_above():
    assert set(OTHER) == {field.name for field in dataclasses.fields(parts.Snapshot)}
    for name, changes in OTHER_PARTS.items():
        part = getattr(snapshot(), name)
        kind = type(part[0] if isinstance(part, tuple) else part)
        assert set(changes) == {field.name for field in dataclasses.fields(kind)}


def test_the_command_that_goes_on_is_whole_or_absent():
    command = snapshot().saved.command
    for width in (45, 60, 80, 100, 120, 140):
        text = " ".join(row.strip("│ ") for row in frame(snapshot(), width, 50))
        assert command in text, width
    assert "--resume" not in " ".join(frame(snapshot(), 40, 10))


def test_alarms_are_shown_even_on_24_rows_of_60():
    text = " ".join(row.strip("│ ") for row in frame(snapshot(), 60, 24))
    assert "warning for 2m05s: steps/s fell to 60% of its median: close other programs or set --num-workers" in text


def test_hostile_names_cannot_move_the_cursor_or_shift_the_grid():
    evil = snapshot(run=parts.RunInfo("a\x1b[2Jb\n漢字"), envs=(parts.EnvCell("\x1b[31mtown"),))
    canvas = render(evil, ["\x1b[2J line", "名前 wide"], 120, 40, Look())
    text = "\n".join(canvas.text())
    assert "\x1b" not in text and "a?[2Jb???" in text
    assert {len(row) for row in frame(evil, 120, 40)} == {120}


def test_one_line_fits_and_starts_with_what_matters():
    for width in (10, 40, 80, 200):
        assert len(one_line(snapshot(), width)) <= width
    assert one_line(snapshot(), 80).startswith("big_run_01 23.4%  1.17M/5.00M  1,234 steps/s  left 51m45s")
