"""Where the story is stuck: stages that savestates seldom lead out of, and the places from where the way leads on.

A stage is a number of milestones owned, a wall a stage that practice has not moved back through to where it begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from Daddy.curriculum.savestates import Savestate, at_stage

GOOD = 0.25  # rate of successes from where it is worth getting to

Numbered = tuple[int, Savestate]


def good_places(savestates: Iterable[Numbered]) -> set[str]:
    """Where those stand that succeed often enough; what is known of one that nobody tried is GOOD on average."""
    return {entry.place for _, entry in savestates if entry.success_rate > GOOD}


def next_wall(savestates: list[Numbered], stage: int) -> int | None:
    """The first later stage that is a wall, short of the last one, which is the frontier: no savestate taken because of
    the milestone that it begins with is GOOD. One success from close by the end does not take a wall down."""
    stages = sorted({len(entry.owned) for _, entry in savestates})
    later = (n for n in stages[:-1] if n > stage and not good_places(_at_milestone(savestates, n)))
    return next(later, None)


def _at_milestone(savestates: Iterable[Numbered], stage: int) -> list[Numbered]:
    return [pair for pair in at_stage(savestates, stage) if pair[1].milestone in pair[1].owned]


def doorsteps(savestates: list[Numbered], stage: int, ways: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Places that are not GOOD at that stage -> how many parts of maps it is from there to one that is, or to where the
    next milestone was once reached; `ways` are the places that were entered from a place."""
    good = good_places(at_stage(savestates, stage))
    goals = {entry.place for _, entry in _at_milestone(savestates, stage + 1)}
    return {place: steps for place, steps in distances(good | goals, ways).items() if place not in good}


def distances(goals: Collection[str], ways: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Place -> how many ways lead from it to the nearest of `goals`; without places that no way leads from."""
    found, ring = dict.fromkeys(goals, 0), set(goals)
    while ring:
        ring = {place for place, entered in ways.items() if place not in found and not ring.isdisjoint(entered)}
        found |= dict.fromkeys(ring, max(found.values()) + 1)
    return found
