"""One made-up moment of a run in which every part of the dashboard has something to show."""

from __future__ import annotations

import numpy as np

from Daddy import snapshot as parts
from Daddy.snapshot import Snapshot

NAMES = (
    "FOLLOWED_OAK_INTO_LAB", "GOT_STARTER", "BATTLED_RIVAL_IN_OAKS_LAB", "GOT_OAKS_PARCEL", "OAK_GOT_PARCEL",
    "GOT_POKEDEX", "BEAT_VIRIDIAN_FOREST_TRAINER_0", "BEAT_BROCK", "BEAT_MT_MOON_EXIT_SUPER_NERD",
    "BEAT_CERULEAN_RIVAL", "BEAT_MISTY", "MET_BILL",
)  # fmt: skip


def milestones() -> tuple[parts.MilestoneRow, ...]:
    means = (0.99, 0.93, 0.81, 0.62, 0.47, 0.33, 0.18, 0.07, 0.02, 0.01, 0.01, 0.01)
    rows = []
    for i, (name, mean) in enumerate(zip(NAMES, means, strict=True)):
        half = 0.25 * (mean * (1 - mean)) ** 0.5
        rows.append(
            parts.MilestoneRow(
                name=f"EVENT_{name}",
                mean=mean,
                attempts=140 - i,
                reached=i < 8,
                lo95=max(mean - half, 0),
                hi95=min(mean + half, 1),
                alarm_level={6: 1, 7: 2}.get(i, 0),
            )
        )
    return tuple(rows)


def envs() -> tuple[parts.EnvCell, ...]:
    maps = ("Fernhollow", "Clover Lane", "Tanglewood", "Fernhollow", "Millbrook", "Stone Hall", "Fernhollow", "Route")
    states = ("walk", "walk", "battle", "text", "walk", "walk", "dead", "walk")
    return tuple(parts.EnvCell(*cell) for cell in zip(maps * 2, states * 2, strict=True))


def world() -> parts.WorldView:
    cells = np.zeros((100, 70), np.uint8)
    for top, left, height, width in ((70, 20, 16, 20), (46, 24, 24, 14), (24, 18, 20, 26), (2, 44, 22, 20)):
        cells[top : top + height, left : left + width] = 1
    rows, columns = np.mgrid[0:100, 0:70]
    heat = 255 * np.exp(-((rows - 66) ** 2 + 2 * (columns - 30) ** 2) / 900)
    cells = np.where((cells > 0) & (heat > 12), heat, cells).astype(np.uint8)
    return parts.WorldView(cells, envs=((72, 28), (50, 30), (30, 33)), tiles=804, maps=12)


def snapshot(**changes: object) -> Snapshot:
    """The moment; ``changes`` replace fields."""
    fields = dict(
        run=parts.RunInfo(
            "big_run_01", "slim: CNN > GRU 128 > LSTM 128 > SSM 128", 1_213_456, "cpu", "puffer 16 envs"
        ),
        step=1_170_000, total_steps=5_000_000, elapsed_s=948.0, sps=1234.0, eta_s=3105.0, episodes=1342,
        epsilon=(0.31, 0.02, 0.9), learned=4_680_000, usage=parts.Usage(97.0, 41.0, 1.2, 88.0, 12.0),
        time_budget=(("act", 9.0), ("env", 38.0), ("store", 2.0), ("learn", 45.0), ("other", 6.0)),
        losses=(("td_loss", 0.01234), ("q_values", 1.875), ("grad_norm", 3.2), ("rnd_loss", 0.00071), ("td_abs", 0.21)),
        stats=(("length", 1893.0), ("return env", 23.5), ("return total", 31.8), ("milestones", 5.4), ("tiles", 312.0)),
        rewards=(
            parts.RewardTerm("env", 0.0123, 1.0), parts.RewardTerm("rnd", 0.0201, 0.2),
            parts.RewardTerm("novel", 0.0071, 0.5), parts.RewardTerm("bayes", 0.002, 1.0),
        ),
        milestones=milestones(), badges="11000000",
        curriculum=(("start", 30.0), ("early", 38.0), ("mid", 22.0), ("late", 10.0)),
        envs=envs(),
        worker_restarts=(0, 1), world=world(),
        alarms=(parts.Alarm(1, "steps/s fell to 60% of its median: close other programs or set --num-workers", 125.0),),
        series=(
            ("steps/s", tuple(1200 + 100 * np.sin(np.arange(60) / 5))), ("return", tuple(np.sqrt(np.arange(60)) * 3)),
            ("milestones", tuple(np.arange(60) // 10 + 0.4)), ("td_loss", tuple(1 / (1 + np.arange(60)))),
        ),
        saved=parts.Saved(1_100_000, 192.0, "python -m Daddy.train_big --run-name big_run_01 --resume"),
    )  # fmt: skip
    return Snapshot(**(fields | changes))


LINES = (
    "[milestone] BEAT_BROCK first reached at step 1,102,331",
    "[checkpoint] runs/big_run_01/checkpoints/step_000001100000",
    "[EP 1340 env=3] len=2048 R_env=21.40 R_total=29.77 badges=1 map=Tanglewood tiles=344",
    "[EP 1341 env=7] len=642 R_env=23.50 R_total=31.80 badges=2 map=Slatehaven tiles=287 new=BEAT_BROCK",
)
