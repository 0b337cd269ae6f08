"""Which panels stand where: bands of panels, chosen by priority until the rows of the terminal are used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from Daddy.dashboard import formats, panels_game, panels_run
from Daddy.dashboard.bars import bar
from Daddy.dashboard.canvas import Canvas, Rect, Region
from Daddy.dashboard.look import MIN_FULL, Look
from Daddy.dashboard.panels_run import Scene
from Daddy.snapshot import Snapshot

WIDE = 112  # columns from which world and envs get a column of their own
_SIDE = 35  # its width
_MEDIUM = 76  # columns from which three panels stand side by side


class Panel(NamedTuple):
    """``rows``: (least, wanted) for a width; ``title`` may depend on the scene."""

    title: Callable[[Scene], str]
    rows: Callable[[Scene, int], tuple[int, int]]
    draw: Callable[[Region, Scene], None]


class Band(NamedTuple):
    """Panels side by side. The lower ``priority`` the sooner it gets its rows; ``stretch``: takes what is left."""

    priority: int
    panels: tuple[str, ...]
    stretch: bool = False
    weights: tuple[int, ...] = ()  # widths relative to each other; equal by default


def _fixed(text: str) -> Callable[[Scene], str]:
    return lambda scene: text


def _about(least: int, length: Callable[[Snapshot], int], extra: int = 0) -> Callable[[Scene, int], tuple[int, int]]:
    def rows(scene: Scene, width: int) -> tuple[int, int]:
        wanted = length(scene.snapshot) + extra
        return min(least, wanted), wanted

    return rows


def _alarm_rows(scene: Scene, width: int) -> tuple[int, int]:
    rows = len(panels_run.alarm_lines(scene, width))
    return min(rows, 2), min(rows, 5)


PANELS: dict[str, Panel] = {
    "progress": Panel(_fixed(""), lambda scene, width: (1, 2), panels_run.draw_progress),
    "alarms": Panel(_fixed("Alarms"), _alarm_rows, panels_run.draw_alarms),
    "summary": Panel(_fixed("Summary"), lambda scene, width: (5, 6), panels_run.draw_summary),
    "time": Panel(_fixed("Time"), _about(4, lambda s: len(s.time_budget)), panels_run.draw_time),
    "losses": Panel(_fixed("Losses"), _about(3, lambda s: min(len(s.losses), 8)), panels_run.draw_losses),
    "rewards": Panel(_fixed("Reward per step"), _about(5, lambda s: len(s.rewards), 1), panels_game.draw_rewards),
    "milestones": Panel(
        panels_game.milestones_title, _about(3, lambda s: min(len(s.milestones), 12)), panels_game.draw_milestones
    ),
    "stats": Panel(_fixed("Episodes"), _about(2, lambda s: len(s.stats)), panels_run.draw_stats),
    "history": Panel(_fixed("History"), _about(2, lambda s: len(s.series)), panels_game.draw_history),
    "envs": Panel(_fixed("Envs"), _about(1, lambda s: 2 if s.envs else 0, 2), panels_game.draw_envs),
    "world": Panel(panels_game.world_title, _about(5, lambda s: 10 if s.world else 0), panels_game.draw_world),
    "spawns": Panel(_fixed("Spawns %"), _about(1, lambda s: 2 if s.curriculum else 0), panels_game.draw_spawns),
    "saved": Panel(_fixed("Go on with"), panels_run.saved_rows, panels_run.draw_saved),
    "lines": Panel(_fixed("Log"), lambda scene, width: (2, 4), panels_run.draw_lines),
}  # fmt: skip

_TOP = (Band(0, ("progress",)), Band(1, ("alarms",)))
_BOTTOM = (Band(6, ("lines",), stretch=True), Band(5, ("saved",)))
NARROW = (
    *_TOP, Band(2, ("summary", "time")), Band(4, ("rewards",)), Band(3, ("milestones",)), Band(8, ("losses", "stats")),
    Band(7, ("history",)), Band(9, ("spawns",)), Band(10, ("envs",)), Band(11, ("world",)), *_BOTTOM,
)  # fmt: skip
_MAIN = (
    *_TOP, Band(2, ("summary", "time", "losses")),
    Band(3, ("rewards", "milestones"), weights=(5, 7)), Band(7, ("stats", "history"), weights=(5, 7)),
)  # fmt: skip
MEDIUM = (*_MAIN, Band(8, ("spawns",)), Band(9, ("world", "envs"), stretch=True), *_BOTTOM)
LEFT = (*_MAIN, *_BOTTOM)
RIGHT = (Band(2, ("world",), stretch=True), Band(1, ("envs",)), Band(0, ("spawns",)))


def render(snapshot: Snapshot, lines: Sequence[str], width: int, height: int, look: Look) -> Canvas:
    """The frame for a terminal of ``width`` columns and ``height`` rows; any size is fine."""
    scene = Scene(snapshot, lines, look, width)
    canvas = Canvas(max(width, 1), max(height, 1))
    if width < MIN_FULL[0] or height < MIN_FULL[1]:
        _draw_tiny(Region(canvas, 0, 0, width, height), scene)
        return canvas
    side = _SIDE if width >= WIDE and (snapshot.world or snapshot.envs or snapshot.curriculum) else 1
    left = LEFT if side > 1 else MEDIUM if width >= _MEDIUM else NARROW
    placed = _place(left, scene, 0, width - side + 1, height)
    if side > 1:
        placed += _place(RIGHT, scene, width - side, side, height)
    canvas.borders([rect for _, rect in placed], look)
    for name, (x, y, columns, rows) in placed:
        if name:
            _title(canvas, x, y, columns, PANELS[name].title(scene))
            PANELS[name].draw(Region(canvas, x + 1, y + 1, columns - 2, rows - 2), scene)
    _head(canvas, scene, width - side + 1 if side > 1 else width)
    _foot(canvas, scene)
    return canvas


def one_line(snapshot: Snapshot, width: int) -> str:
    """The run in at most ``width`` characters, the most important first."""
    percent = 100 * snapshot.step / max(snapshot.total_steps, 1)
    parts = [
        f"{snapshot.run.name} {percent:.1f}%",
        f"{formats.count(snapshot.step)}/{formats.count(snapshot.total_steps)}",
        f"{formats.number(snapshot.sps)} steps/s",
        f"left {formats.duration(snapshot.eta_s)}",
        *(f"{alarm.text}" for alarm in snapshot.alarms),
        f"r={formats.number(snapshot.r_total)}",
        f"eps={snapshot.epsilon[0]:.2f}",
        f"badges {snapshot.badges}",
        f"episodes {snapshot.episodes:,}",
        *(f"{name} {formats.number(value)}" for name, value in snapshot.losses[:1]),
    ]
    text = parts[0]
    for part in parts[1:]:
        if len(text) + 2 + len(part) > width:
            break
        text += "  " + part
    return text[:width]


def _draw_tiny(region: Region, scene: Scene) -> None:
    """No frame, no panels: the numbers that fit, a bar, and the newest lines."""
    snapshot = scene.snapshot
    share = snapshot.step / max(snapshot.total_steps, 1)
    region.put(region.put(0, 0, f"{snapshot.run.name} ", "name"), 0, snapshot.phase, "dim")
    region.spans(0, 1, bar(share, region.width - 6, scene.look))
    region.right(1, f"{100 * share:5.1f}%", "value")
    facts = [
        f"{formats.count(snapshot.step)}/{formats.count(snapshot.total_steps)}", f"{formats.number(snapshot.sps)}/s",
        f"left {formats.duration(snapshot.eta_s)}", f"r {formats.number(snapshot.r_total)}",
        f"eps {snapshot.epsilon[0]:.2f}", f"badges {snapshot.badges}", f"episodes {snapshot.episodes:,}",
        *(alarm.text for alarm in snapshot.alarms),
    ]  # fmt: skip
    x, y = 0, 2
    for fact in facts:
        if x and x + len(fact) > region.width:
            x, y = 0, y + 1
        x = region.put(x, y, fact) + 2
    for offset, line in enumerate(list(scene.lines)[-max(region.height - y - 1, 0) :] if y + 1 < region.height else ()):
        region.put(0, y + 1 + offset, line, "dim")


def _head(canvas: Canvas, scene: Scene, width: int) -> None:
    """Name and phase on the left of the frame's top line, the machine's load on the right."""
    snapshot = scene.snapshot
    usage = f" {panels_run.usage_title(scene)} "
    x = canvas.put(2, 0, f" {snapshot.run.name[: max(width - 20, 4)]} ", "name")
    dot = "●" if scene.look.unicode else "*"
    x = canvas.put(x, 0, f"{dot} {snapshot.phase} ", "good" if snapshot.phase == "training" else "warn")
    if width - 2 - len(usage) > x:
        canvas.put(width - 2 - len(usage), 0, usage, "label")


def _foot(canvas: Canvas, scene: Scene) -> None:
    """The last checkpoint in the frame's bottom line."""
    text, command = panels_run.saved_line(scene)
    x = canvas.put(2, canvas.height - 1, f" {text}", "label")
    canvas.put(x, canvas.height - 1, f"{command} " if command else " ", "good")


def _title(canvas: Canvas, x: int, y: int, columns: int, title: str) -> None:
    if title:
        canvas.put(x + 2, y, f" {title} "[: columns - 4], "title")


def _place(bands: Sequence[Band], scene: Scene, x: int, width: int, height: int) -> list[tuple[str, Rect]]:
    """(panel, rectangle) of what fits; the rectangles share borders and fill ``height`` rows."""
    shown = [(band, _columns(scene, band, width)) for band in bands]
    needs = [_needs(scene, band, columns) for band, columns in shown]
    rows = allocate([band for band, _ in shown], needs, height - 1)
    placed, y = [], 0
    for (_, columns), inner in zip(shown, rows, strict=True):
        at = x
        for name, share in columns if inner else ():
            placed.append((name, (at, y, share, inner + 2)))
            at += share - 1
        y += inner + 1 if inner else 0
    return placed


def _columns(scene: Scene, band: Band, width: int) -> list[tuple[str, int]]:
    """(panel, columns with both borders) of the panels of a band that have something to show."""
    weights = band.weights or (1,) * len(band.panels)
    shown = [(name, w) for name, w in zip(band.panels, weights, strict=True) if PANELS[name].rows(scene, width)[1] > 0]
    inner, total = width - 1 - len(shown), sum(w for _, w in shown)
    edges = [inner * sum(w for _, w in shown[:i]) // max(total, 1) for i in range(len(shown) + 1)]
    return [(name, edges[i + 1] - edges[i] + 2) for i, (name, _) in enumerate(shown)]


def _needs(scene: Scene, band: Band, columns: list[tuple[str, int]]) -> tuple[int, int]:
    asked = [PANELS[name].rows(scene, share - 2) for name, share in columns]
    return max((a for a, _ in asked), default=0), max((b for _, b in asked), default=0)


def allocate(bands: Sequence[Band], needs: Sequence[tuple[int, int]], height: int) -> list[int]:
    """Inner rows per band (0: not shown); each shown band costs one row more, and together they fill ``height``.

    First every band gets its least rows, by priority, then what it wants; the rest goes to those that stretch.
    """
    rows, left = [0] * len(bands), height
    order = sorted((i for i in range(len(bands)) if needs[i][1]), key=lambda i: bands[i].priority)
    for i in order:
        if needs[i][0] + 1 <= left:
            rows[i], left = needs[i][0], left - needs[i][0] - 1
    for i in order:
        more = min(needs[i][1] - rows[i], left) if rows[i] else 0
        rows[i], left = rows[i] + more, left - more
    stretch = [i for i in order if rows[i] and bands[i].stretch] or [i for i in order if rows[i]][-1:]
    for n, i in enumerate(stretch):
        rows[i] += left // len(stretch) + (n < left % len(stretch))
    return rows
