"""Milestones per episode against steps and against minutes, with intervals over seeds (needs matplotlib)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from Daddy.compare.reading import KINDS, RunData
from Daddy.compare.rows import Row
from Daddy.compare.stats import interval, iqm

_POINTS = 40
_WINDOW = 0.1  # of the axis: training episodes that a point is the mean of
_PANELS = ("training", *KINDS)
MISSING = "no plots, because matplotlib is missing: pip install -e '.[plots]'"

Place = Callable[[RunData, float], float | None]  # x of a step of a run


def draw(out: Path, rows: Sequence[Row]) -> list[Path]:
    """Write curves_steps.png and curves_minutes.png; the latter only if runs say how long they trained.

    Raises:
        ImportError: no matplotlib.
    """
    import matplotlib

    matplotlib.use("Agg")
    written = []
    for name, label, place in (("steps", "env steps", _step), ("minutes", "minutes of training", _minute)):
        if any(_reach(row.usable, place) for row in rows):
            written.append(_figure(out / f"curves_{name}.png", rows, label, place))
    return written


def _figure(path: Path, rows: Sequence[Row], label: str, place: Place) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.5), layout="constrained")
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    widest = max(_reach(row.usable, place) for row in rows)
    for number, row in enumerate(rows):
        for panel, kind in zip(panels, _PANELS, strict=True):
            xs, values = curve(row.usable, kind, place, widest)
            if len(xs) == 0:
                continue
            colour = f"C{number % 10}"
            panel.plot(xs, iqm(values), color=colour, label=row.agent, marker="" if len(xs) > 1 else "o")
            low, high = interval(values)
            if low is not None:
                panel.fill_between(xs, low, high, color=colour, alpha=0.2, linewidth=0)
    for panel, kind in zip(panels, _PANELS, strict=True):
        panel.set(title=f"{kind} episodes", xlabel=label, xlim=(0, widest))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("milestones per episode")
    handles = {text: handle for panel in panels
               for handle, text in zip(*panel.get_legend_handles_labels(), strict=True)}  # fmt: skip
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=max(1, min(len(handles), 6)))
    figure.savefig(path, dpi=110)
    return path


def curve(runs: Sequence[RunData], kind: str, place: Place, widest: float) -> tuple[np.ndarray, np.ndarray]:
    """(x (P,), milestones (seeds, P)) as far as every run goes; empty when there is nothing to draw.

    Who does not train is a level line over the whole axis.
    """
    training = kind == "training"
    runs = [run for run in runs if (len(run.ends) if training else any(e.kind == kind for e in run.evaluations))]
    if not runs:
        return np.array([]), np.zeros((0, 0))
    if not training:
        return _evaluations(runs, kind, place, widest)
    end = min(x for x in (place(run, run.step) for run in runs) if x is not None)
    xs = np.linspace(0, end, _POINTS + 1)[1:]
    values = np.array([_training(run, xs, place, _WINDOW * end) for run in runs])
    known = ~np.isnan(values).any(axis=0)
    return xs[known], values[:, known]


def _training(run: RunData, xs: np.ndarray, place: Place, width: float) -> np.ndarray:
    """(P,) mean milestones of the episodes that ended in the ``width`` before each x; nan where none did."""
    ends = np.array([place(run, step) for step in run.ends], float)
    means = []
    for x in xs:
        inside = (ends > x - width) & (ends <= x)
        means.append(run.milestones[inside].mean() if inside.any() else np.nan)
    return np.array(means)


def _evaluations(
    runs: Sequence[RunData], kind: str, place: Place, widest: float
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Evaluation n of every seed, at the mean of their places."""
    points = []
    for run in runs:
        found = sorted((e for e in run.evaluations if e.kind == kind), key=lambda e: e.step)
        points.append([(place(run, e.step), float(e.milestones.mean())) for e in found])
    count = min(map(len, points))
    if all(len(p) == 1 and p[0][0] == 0 for p in points):
        return np.array([0.0, widest]), np.repeat([[p[0][1]] for p in points], 2, axis=1)
    xs = np.array([[x for x, _ in p[:count]] for p in points], float).mean(axis=0)
    return xs, np.array([[value for _, value in p[:count]] for p in points])


def _step(run: RunData, step: float) -> float | None:
    return float(step)


def _minute(run: RunData, step: float) -> float | None:
    if not run.trains:
        return 0.0
    seconds = run.seconds_at(step)
    return None if seconds is None else seconds / 60


def _reach(runs: Sequence[RunData], place: Place) -> float:
    """Largest x of any of the runs."""
    return max((x for run in runs if (x := place(run, run.step)) is not None), default=0.0)
