"""Panels about the game: rewards, milestones, envs, the world's map, spawns and how it all went so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from Daddy.dashboard import formats
from Daddy.dashboard.bars import bar, heat_map, interval, sparkline, stacked
from Daddy.dashboard.canvas import Region
from Daddy.dashboard.panels_run import Scene
from Daddy.snapshot import MilestoneRow, Snapshot

_PALETTE = 6  # map0..map5
_SPAWN_STYLES = ("env", "novel", "bayes", "rnd")


def draw_rewards(region: Region, scene: Scene) -> None:
    """One row per term: mean per step, weight, share of what is paid out; the last row stacks the shares."""
    terms = scene.snapshot.rewards
    paid = sum(abs(term.weighted) for term in terms) or 1.0
    width = max(region.width - 27, 0)
    cross = "×" if scene.look.unicode else "x"
    for y, term in enumerate(terms):
        share = abs(term.weighted) / paid
        x = region.put(1, y, f"{term.name:<5}", _term_style(term.name))
        x = region.put(x, y, f" {formats.number(term.mean):>7}", "value")
        x = region.put(x, y, f" {cross}{term.weight:4.2f} ", "label")
        region.spans(x, y, bar(share, width, scene.look, _term_style(term.name)))
        region.right(y, f"{100 * share:3.0f}% ", "value")
    if terms:
        x = region.put(1, len(terms), "total", "title")
        region.put(x, len(terms), f" {formats.number(scene.snapshot.r_total):>7}", "value")
        shares = [(t.name[:1].upper(), abs(t.weighted) / paid, _term_style(t.name)) for t in terms]
        region.spans(21, len(terms), stacked(shares, width, scene.look))


def _term_style(name: str) -> str:
    return name if name in ("env", "rnd", "novel", "bayes") else "bar"


def milestones_title(scene: Scene) -> str:
    badges = scene.snapshot.badges
    return f"Milestones  badges {badges}" if badges else "Milestones"


def draw_milestones(region: Region, scene: Scene) -> None:
    """Around the frontier: name, 95% interval with its mean on a 0..1 axis, both in numbers, and attempts."""
    rows = frontier(scene.snapshot.milestones, region.height)
    roomy = region.width >= 56
    numbers = [_milestone_numbers(row, roomy) for row in rows]
    wide = max((len(text) for text in numbers), default=0)
    names = min(max((len(short_name(row.name)) for row in rows), default=0), (region.width - wide) * 3 // 5)
    for y, (row, text) in enumerate(zip(rows, numbers, strict=True)):
        region.put(1, y, _cut(short_name(row.name), names, scene), _milestone_style(row))
        region.put(names + 1, y, " !!"[row.alarm_level], _milestone_style(row))
        low_style = "good" if row.mean >= 0.6 else "warn" if row.mean >= 0.2 else "rnd"
        axis = interval(row.mean, row.lo95, row.hi95, max(region.width - names - wide - 5, 3), scene.look, low_style)
        region.spans(names + 3, y, axis)
        region.right(y, text + " ", "value" if row.reached else "label")


def _milestone_style(row: MilestoneRow) -> str:
    return "bad" if row.alarm_level > 1 else "warn" if row.alarm_level else "" if row.reached else "label"


def _cut(text: str, width: int, scene: Scene) -> str:
    if len(text) <= width:
        return text
    return text[: max(width - 1, 0)] + ("…" if scene.look.unicode else "~")


def frontier(milestones: Sequence[MilestoneRow], rows: int) -> Sequence[MilestoneRow]:
    """The ``rows`` milestones around the furthest one that was ever reached, about a third of them beyond it."""
    if len(milestones) <= rows:
        return milestones
    reached = max((i + 1 for i, row in enumerate(milestones) if row.reached), default=0)
    end = min(max(reached + (rows + 2) // 3, rows), len(milestones))
    return milestones[end - rows : end]


def short_name(name: str) -> str:
    return name.removeprefix("EVENT_")


def _milestone_numbers(row: MilestoneRow, roomy: bool) -> str:
    if roomy:
        return f"{row.mean:.2f} [{row.lo95:.2f} {row.hi95:.2f}] {formats.count(row.attempts):>5}"
    return f"{_share(row.mean)} [{_share(row.lo95)} {_share(row.hi95)}] {formats.count(row.attempts):>4}"


def _share(value: float) -> str:
    """Three characters: ``.07``, ``.93``, ``1.0``."""
    return f"{value:.2f}"[1:] if value < 0.995 else "1.0"


def draw_history(region: Region, scene: Scene) -> None:
    """A sparkline per series with its lowest, highest and newest value."""
    for y, (name, values) in enumerate(scene.snapshot.series):
        last = formats.number(values[-1]) if values else "-"
        region.put(1, y, name, "label")
        region.put(12, y, sparkline(values, region.width - 21, scene.look), "spark")
        region.right(y, f"{last:>7} ", "value")


def env_groups(snapshot: Snapshot) -> list[tuple[int, int]]:
    """(first env, number of envs) per worker."""
    workers = max(len(snapshot.worker_restarts), 1)
    size = -(-len(snapshot.envs) // workers)
    return [(i, min(size, len(snapshot.envs) - i)) for i in range(0, len(snapshot.envs), max(size, 1))]


def draw_envs(region: Region, scene: Scene) -> None:
    """One letter per env, its map by the legend below; X in a battle, ! dead; restarts behind each worker."""
    snapshot = scene.snapshot
    legend = _map_letters(snapshot)
    x, y = 1, 0
    for number, (first, size) in enumerate(env_groups(snapshot)):
        restarts = snapshot.worker_restarts[number] if number < len(snapshot.worker_restarts) else 0
        suffix = f" {restarts} restart{'s' * (restarts > 1)}" if restarts else ""
        if x > 1 and x + size + len(suffix) > region.width:
            x, y = 1, y + 1
        for env in range(first, first + size):
            if x >= region.width - 1:
                x, y = 1, y + 1
            letter, style = _env_mark(snapshot, env, legend)
            x = region.put(x, y, letter, style)
        x = region.put(x, y, suffix, "bad") + 1
    _draw_legend(region, y + 1, snapshot, legend)


def _env_mark(snapshot: Snapshot, env: int, legend: dict[str, int]) -> tuple[str, str]:
    cell = snapshot.envs[env]
    if cell.state == "dead":
        return "!", "bad"
    if cell.state == "battle":
        return "X", "bad"
    place = legend[cell.map]
    return _letter(place), "dim" if cell.state == "text" else f"map{place % _PALETTE}"


def _letter(place: int) -> str:
    return chr(ord("a") + min(place, 25))


def _map_letters(snapshot: Snapshot) -> dict[str, int]:
    """Map -> place in the legend: the fullest map first."""
    counts = Counter(cell.map for cell in snapshot.envs)
    return {name: place for place, (name, _) in enumerate(sorted(counts.items(), key=lambda item: (-item[1], item[0])))}


def _draw_legend(region: Region, y: int, snapshot: Snapshot, legend: dict[str, int]) -> None:
    counts = Counter(cell.map for cell in snapshot.envs)
    states = Counter(cell.state for cell in snapshot.envs)
    marks = [("X", "battle"), ("!", "dead")]
    entries = [(f"{mark} {name} {states[name]}", "bad") for mark, name in marks if states[name]]
    entries += [(f"{_letter(place)} {name} {counts[name]}", f"map{place % _PALETTE}") for name, place in legend.items()]
    x = 1
    for text, style in entries:
        if x > 1 and x + len(text) >= region.width:
            x, y = 1, y + 1
        x = region.put(x, y, text, style) + 2


def world_title(scene: Scene) -> str:
    world = scene.snapshot.world
    return f"World  {world.maps} maps, {world.tiles:,} tiles" if world else "World"


def draw_world(region: Region, scene: Scene) -> None:
    world = scene.snapshot.world
    if world is None:
        return
    for y, spans in enumerate(heat_map(world.cells, world.envs, region.width, region.height, scene.look)):
        region.spans(0, y, spans)


def draw_spawns(region: Region, scene: Scene) -> None:
    """Where episodes start: one stacked bar and its words."""
    shares = [
        (name[:1].upper(), percent / 100, _SPAWN_STYLES[i % len(_SPAWN_STYLES)])
        for i, (name, percent) in enumerate(scene.snapshot.curriculum)
    ]
    words = [(f"{name} {percent:.0f}", shares[i][2]) for i, (name, percent) in enumerate(scene.snapshot.curriculum)]
    x = 1
    for text, style in words:
        x = region.put(x, 0, text, style) + 1
    if region.height > 1:
        region.spans(1, 1, stacked(shares, region.width - 2, scene.look))
