"""Rows of the CSV files as made from what ``--json`` commands print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from Daddy.logs import schema


def evaluation_row(step_global: int, number: int, episode: Mapping[str, Any]) -> dict[str, Any]:
    """The row of ``evaluations.csv`` of one episode as ``Daddy.evaluate --json`` tells it."""
    named = {name: episode[name] for name in schema.EVALUATION_COLUMNS if name in episode}
    reached = ";".join(f"{name}@{step}" for name, step in episode["milestones"].items())
    return named | {
        "step_global": step_global, "episode": number, "length_steps": episode["length"],
        "milestones": len(episode["milestones"]), "milestones_reached": reached,
    }  # fmt: skip
