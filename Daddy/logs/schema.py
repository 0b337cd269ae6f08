"""The columns and keys of every log file, in one place; readers, writers and the documentation follow this module.

Any change of a name, an order or a meaning raises ``VERSION``. A run keeps its version in ``schema.json``.
"""

from __future__ import annotations

VERSION = 1

EPISODE_COLUMNS = (
    "episode_id", "env_id", "length_steps", "return_total", "return_total_with_intrinsic", "return_env", "return_rnd",
    "return_novel", "return_bayes", "milestones_reached", "posterior_summary", "alarm_triggered", "start_step_global",
    "end_step_global", "savestate_tag", "map", "badges", "tiles", "terminated", "truncated",
)  # fmt: skip
PROGRESS_COLUMNS = (
    "step_global", "episode_id", "milestone", "alpha", "beta", "mean", "lo95", "hi95", "p_below_target", "alarm_level",
)  # fmt: skip
EVALUATION_COLUMNS = (
    "step_global", "episode", "epsilon", "seed", "length_steps", "return_env", "milestones", "milestones_reached",
    "badges", "tiles", "map", "seconds",
)  # fmt: skip
METRICS_COLUMNS = ("step_global", "unix_time", "tag", "value")
STEP_KEYS = (
    "kind", "step_global", "unix_time", "episode_id", "env_id", "r_env", "r_rnd", "r_novel", "r_bayes", "r_total",
    "w_rnd", "w_novel", "w_bayes", "milestone_flags", "map_id", "city_id", "quest_id", "x", "y", "posterior_m",
    "alarm_score",
)  # fmt: skip
EVENT_KEYS = ("kind", "step_global", "unix_time", "text")  # an event may add fields of its own
STATUS_KEYS = (
    "run_name", "phase", "pid", "host", "process_started", "heartbeat", "loop_heartbeat", "step_global", "total_steps",
    "sps", "episodes", "last_checkpoint", "exit_code", "dropped_step_rows", "alarms",
)  # fmt: skip

EPISODES, PROGRESS, METRICS, EVALUATIONS = "episodes.csv", "progress.csv", "metrics.csv", "evaluations.csv"
EVENTS, STATUS, TEXT, SCHEMA, BOARD = "events.jsonl", "status.json", "train.log", "schema.json", "tb"
CSV_COLUMNS = {
    EPISODES: EPISODE_COLUMNS, PROGRESS: PROGRESS_COLUMNS, METRICS: METRICS_COLUMNS, EVALUATIONS: EVALUATION_COLUMNS,
}  # fmt: skip
STEP_COLUMN = {
    EPISODES: "end_step_global", PROGRESS: "step_global", METRICS: "step_global", EVALUATIONS: "step_global",
}  # fmt: skip

FINAL_PHASES = ("done", "stopped", "failed")


def describe() -> dict[str, object]:
    """What ``schema.json`` holds: the version and the columns of each file."""
    files: dict[str, object] = {name: list(columns) for name, columns in CSV_COLUMNS.items()}
    files[EVENTS] = {"step": list(STEP_KEYS), "other": list(EVENT_KEYS)}
    return {"version": VERSION, "files": files}
