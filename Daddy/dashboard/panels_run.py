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
    """What a panel draws from: the snapshot, the newest printed lines, and what the terminal can show."""

    snapshot: Snapshot
    lines: Sequence[str]
    look: Look


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
    about = (run.world, run.model, f"{formats.count(run.params)} parameters", run.device, run.backend)
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
        ("Left", formats.duration(snapshot.eta_s)),
        ("Episodes", f"{snapshot.episodes:,}"),
        ("Epsilon", f"{mean:.3f}{spread}"),
        ("Learned", f"{formats.count(snapshot.learned)} {ratio:.2f}x"),
        ("Steps", f"{snapshot.step:,}"),
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


def draw_alarms(region: Region, scene: Scene) -> None:
    mark = "▲" if scene.look.unicode else "!"
    for y, alarm in enumerate(sorted(scene.snapshot.alarms, key=lambda alarm: -alarm.level)):
        word, style = ("CRITICAL", "bad") if alarm.level > 1 else ("warning", "warn")
        x = region.put(1, y, f"{mark} {word} ", style)
        region.put(x, y, f"{alarm.text} ({formats.duration(alarm.age_s)})", style)


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


def draw_saved(region: Region, scene: Scene) -> None:
    """The last checkpoint; the command that continues from it is shown whole or not at all."""
    saved = scene.snapshot.saved
    if saved is None:
        region.put(1, 0, "no checkpoint yet", "dim")
        return
    x = region.put(1, 0, f"step {saved.step:,}", "value")
    x = region.put(x, 0, f", {formats.duration(saved.age_s)} ago", "label")
    if x + 4 + len(saved.command) < region.width and region.height:
        region.put(region.put(x, 0, ": ", "label"), 0, saved.command, "good")
    else:
        wrapped = _wrap(saved.command, region.width - 2)
        for y, text in enumerate(wrapped if len(wrapped) < region.height else [], start=1):
            region.put(1, y, text, "good")


def saved_rows(scene: Scene, width: int) -> tuple[int, int]:
    """(least, wanted) rows of ``draw_saved``; it wants to show the whole command."""
    saved = scene.snapshot.saved
    if saved is None:
        return 1, 1
    head = len(f"step {saved.step:,}, {formats.duration(saved.age_s)} ago") + 5
    return 1, 1 if head + len(saved.command) < width else 1 + len(_wrap(saved.command, width - 2))


def _wrap(command: str, width: int) -> list[str]:
    return textwrap.wrap(command, max(width, 1), break_on_hyphens=False)


def _table(region: Region, rows: Sequence[tuple[str, str]]) -> None:
    for y, (name, value) in enumerate(rows):
        region.put(1, y, name[: max(region.width - len(value) - 3, 0)], "label")
        region.right(y, value + " ", "value")


def _dots(look: Look) -> str:
    return " · " if look.unicode else " | "
