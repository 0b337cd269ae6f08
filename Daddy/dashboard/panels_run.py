"""Panels about the run itself: progress, summary, time budget, losses, episodes, alarms, lines, checkpoint."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from Daddy.dashboard import formats
from Daddy.dashboard.bars import bar
from Daddy.dashboard.canvas import Region
from Daddy.dashboard.look import Look
from Daddy.snapshot import Snapshot


@dataclass(frozen=True)
class Scene:
    """What a panel draws from: the snapshot, the newest printed lines, what the terminal can show, its columns."""

    snapshot: Snapshot
    lines: Sequence[str]
    look: Look
    width: int


def draw_progress(region: Region, scene: Scene) -> None:
    """The bar over all steps with its numbers; below it what is running."""
    snapshot, run = scene.snapshot, scene.snapshot.run
    share = snapshot.step / max(snapshot.total_steps, 1)
    steps = f"{snapshot.step:,}/{snapshot.total_steps:,}"
    if region.width < 70:
        steps = f"{formats.count(snapshot.step)}/{formats.count(snapshot.total_steps)}"
    tail = f" {100 * share:5.1f}%  {steps}  left {formats.duration(snapshot.eta_s)}"
    region.spans(1, 0, bar(share, region.width - len(tail) - 2, scene.look))
    region.right(0, tail + " ", "value")
    about = (run.model, run.device, run.backend)
    region.put(1, 1, _dots(scene.look).join(text for text in about if text), "dim")


def usage_title(scene: Scene) -> str:
    """Load of the machine, for the frame's top line."""
    usage = scene.snapshot.usage
    shown = [("CPU", usage.cpu), ("RAM", usage.ram), ("GPU", usage.gpu), ("VRAM", usage.vram)]
    parts = [f"{name} {value:.0f}%" for name, value in shown if value is not None]
    parts.insert(2, f"{usage.rss_gib:.1f}G")
    return " ".join(parts)


def draw_summary(region: Region, scene: Scene) -> None:
    """What a look at the run should tell first."""
    snapshot = scene.snapshot
    mean, low, high = snapshot.epsilon
    spread = "" if low == high else f" {low:.2f}-{high:.2f}"
    ratio = snapshot.learned / max(snapshot.step, 1)
    rows = [
        ("Steps/s", f"{snapshot.sps:,.0f}" if snapshot.sps >= 10 else f"{snapshot.sps:.1f}"),
        ("Elapsed", formats.duration(snapshot.elapsed_s)),
        ("Episodes", f"{snapshot.episodes:,}"),
        ("Epsilon", f"{mean:.3f}{spread}"),
        ("Learned", f"{formats.count(snapshot.learned)} {formats.number(ratio)}x"),
        ("Params", formats.count(snapshot.run.params)),
    ]
    _table(region, rows)


def draw_time(region: Region, scene: Scene) -> None:
    """Where the loop's time goes, longest bar first to the eye: sections stand in the loop's order."""
    for y, (name, percent) in enumerate(scene.snapshot.time_budget):
        region.put(1, y, name, "label")
        region.spans(8, y, bar(percent / 100, region.width - 14, scene.look))
        region.right(y, f"{percent:4.0f}% ", "value")


def draw_losses(region: Region, scene: Scene) -> None:
    _table(region, [(name, formats.number(value)) for name, value in scene.snapshot.losses])


def draw_stats(region: Region, scene: Scene) -> None:
    """Means over the last episodes."""
    _table(region, [(name, formats.number(value)) for name, value in scene.snapshot.stats])


def alarm_lines(scene: Scene, width: int) -> list[tuple[str, str]]:
    """(text, style) per row: each alarm with its age, wrapped, because its end says what to do."""
    mark = "▲" if scene.look.unicode else "!"
    lines = []
    for alarm in scene.snapshot.alarms:
        word, style = ("CRITICAL", "bad") if alarm.level > 1 else ("warning", "warn")
        text = f"{mark} {word} for {formats.duration(alarm.age_s)}: {alarm.text}"
        lines += [(line, style) for line in _wrap(text, width - 2)]
    return lines


def draw_alarms(region: Region, scene: Scene) -> None:
    for y, (text, style) in enumerate(alarm_lines(scene, region.width)):
        region.put(1, y, text, style)


def draw_lines(region: Region, scene: Scene) -> None:
    """The newest lines that fit, newest at the bottom."""
    shown = list(scene.lines)[-region.height :] if region.height else []
    for y, line in enumerate(shown):
        head, bracket, rest = line.partition("] ")
        if not (bracket and line.startswith("[")):
            region.put(1, y, line)
            continue
        style = {"[EP": "dim", "[milestone": "good", "[alarm": "bad"}.get(head.split(" ")[0], "title")
        region.put(region.put(1, y, head + bracket, style), y, rest)


def saved_line(scene: Scene) -> tuple[str, str]:
    """(text, command) for the frame's bottom line: the command is there whole, or empty if the line is too short."""
    saved = scene.snapshot.saved
    if saved is None:
        return "no checkpoint yet", ""
    text = f"saved step {saved.step:,}, {formats.duration(saved.age_s)} ago"
    between = ", go on with: "
    fits = len(text) + len(between) + len(saved.command) <= scene.width - 6
    return (text + between, saved.command) if fits else (text, "")


def saved_rows(scene: Scene, width: int) -> tuple[int, int]:
    """The command needs a panel of its own when the bottom line is too short for it."""
    if scene.snapshot.saved is None or saved_line(scene)[1]:
        return 0, 0
    rows = len(_wrap(scene.snapshot.saved.command, width - 2))
    return rows, rows


def draw_saved(region: Region, scene: Scene) -> None:
    """The command that goes on from the last checkpoint."""
    if scene.snapshot.saved is not None:
        for y, text in enumerate(_wrap(scene.snapshot.saved.command, region.width - 2)):
            region.put(1, y, text, "good")


def _wrap(command: str, width: int) -> list[str]:
    return textwrap.wrap(command, max(width, 1), break_on_hyphens=False)


def _table(region: Region, rows: Sequence[tuple[str, str]]) -> None:
    for y, (name, value) in enumerate(rows):
        region.put(1, y, name[: max(region.width - len(value) - 3, 0)], "label")
        region.right(y, value + " ", "value")


def _dots(look: Look) -> str:
    return " · " if look.unicode else " | "
