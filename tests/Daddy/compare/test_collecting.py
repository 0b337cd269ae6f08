"""Runs as numbers and rows, from directories written by hand."""

import csv
import json
from statistics import fmean, median

import numpy as np
import pytest
from run_directories import evaluation_rows, write_run

from Daddy.compare import output, plots
from Daddy.compare.reading import GREEDY, SAMPLED, read_run
from Daddy.compare.rows import build_rows, check_comparable, common_marks, values_at
from Daddy.errors import UsageError

CLOCK = [(step, "time/train_seconds", step / 2) for step in range(100, 1001, 100)]


def random_run(tmp_path, seed: int, last: int = 1000, **more):
    """(directory, its episodes, its evaluations) of a made-up run."""
    rng = np.random.default_rng(seed)
    episodes = [
        {"end_step_global": int(end), "milestones_reached": ";".join("ABCDE"[: rng.integers(6)]),
         "return_env": round(float(rng.normal()), 3), "badges": int(rng.integers(3)),
         "savestate_tag": "boot" if rng.random() < 0.7 else "town_20260101T000000_000000Z"}
        for end in sorted(rng.integers(1, last + 1, size=60))
    ]  # fmt: skip
    evaluations = [(step, epsilon, [list("ABCDE"[: rng.integers(6)]) for _ in range(4)])
                   for step in range(200, last + 1, 200) for epsilon in (0.0, 0.05)]  # fmt: skip
    clock = [(step, "time/train_seconds", step / 2) for step in range(100, last + 1, 100)]
    path = write_run(
        tmp_path / f"mine_seed{seed}", config={"seed": seed}, status={"step_global": last}, episodes=episodes,
        evaluations=evaluations, metrics=[*clock, (last, "replay/ratio", 3.5)], **more,
    )  # fmt: skip
    return path, episodes, evaluations


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("step", [1000, 600, 410])
def test_values_at_a_step_are_those_of_plain_loops(tmp_path, seed, step):
    path, episodes, evaluations = random_run(tmp_path, seed)
    values = values_at(read_run(path, "mine"), step)
    recent = [e for e in episodes if 0.8 * step < e["end_step_global"] <= step and e["savestate_tag"] == "boot"]
    assert recent
    expected = [len([n for n in e["milestones_reached"].split(";") if n]) for e in recent]
    assert values["milestones_training"] == pytest.approx(fmean(expected))
    assert values["return_training"] == pytest.approx(fmean(e["return_env"] for e in recent))
    for kind, epsilon in ((GREEDY, 0.0), (SAMPLED, 0.05)):
        newest = [played for at, eps, played in evaluations if at <= step and eps == epsilon][-1]
        assert values[f"milestones_{kind}"] == values[f"return_{kind}"] == fmean(len(names) for names in newest)


@pytest.mark.parametrize("seed", range(3))
def test_first_steps_are_those_of_plain_loops(tmp_path, seed):
    path, _, evaluations = random_run(tmp_path, seed)
    run = read_run(path, "mine")
    for kind, epsilon in ((GREEDY, 0.0), (SAMPLED, 0.05)):
        expected = {}
        for step, eps, played in evaluations:
            for name in "ABCDE":
                often = sum(name in names for names in played) * 2 >= len(played)
                if eps == epsilon and often:
                    expected[name] = min(step, expected.get(name, step))
        assert run.first_steps(kind) == expected


def test_a_row_is_the_median_over_seeds_and_never_is_said(tmp_path):
    played = [(500, 0.0, [["A"], []]), (1000, 0.0, [["A", "B"]])]
    one = write_run(tmp_path / "a_seed1", evaluations=played, metrics=CLOCK)
    two = write_run(tmp_path / "a_seed2", evaluations=[(1000, 0.0, [["A"], ["A"]])], metrics=CLOCK)
    three = write_run(tmp_path / "a_seed3", evaluations=[(1000, 0.0, [[]])], metrics=CLOCK)
    (row,), _ = build_rows({"a": [read_run(path, "a") for path in (one, two, three)]})
    times = row.milestone_times(GREEDY)
    assert times["A"] == {"steps": median([500, 1000, 1e9]), "minutes": 500 / 60, "seeds_reached": 2, "seeds": 3}
    assert times["B"]["steps"] is None and times["B"]["seeds_reached"] == 1
    assert row.milestone_times(SAMPLED) == {}
    assert row.final["milestones_greedy"].values == (2.0, 1.0, 0.0) and row.final["milestones_sampled"] is None
    assert row.best == GREEDY


def test_the_final_evaluation_replaces_that_of_the_same_step(tmp_path):
    path = write_run(tmp_path / "a", evaluations=[(1000, 0.0, [["A"]]), (1000, 0.05, [["A"]])])
    final = tmp_path / "final.json"
    final.write_text(json.dumps({"step_global": 1000, "episodes": evaluation_rows(1000, 0.0, [["A", "B"]])}))
    run = read_run(path, "a", final)
    assert values_at(run, 1000)["milestones_greedy"] == 2.0 and values_at(run, 1000)["milestones_sampled"] == 1.0
    ours = {"epsilon": 0.0, "seed": 1, "length": 9, "return_env": 1.5, "milestones": {"A": 4}, "badges": 1, "tiles": 2,
            "map": "x", "seconds": 1.0}  # fmt: skip
    final.write_text(json.dumps({"step_global": 900, "episodes": [ours]}))
    run = read_run(path, "a", final)
    assert values_at(run, 1000)["milestones_greedy"] == 1.0 and values_at(run, 1000)["badges_greedy"] == 1.0
    assert "step 900" in run.notes[0]


def test_who_learns_nothing_plays_the_same_at_every_step(tmp_path):
    path = write_run(tmp_path / "r", config={"agent": "random"})
    final = tmp_path / "final.json"
    final.write_text(json.dumps({"step_global": 0, "episodes": evaluation_rows(0, 1.0, [["A"]])}))
    run = read_run(path, "random", final)
    assert values_at(run, 10)["milestones_sampled"] == 1.0 and not run.notes
    assert run.first_steps(SAMPLED) == {"A": 0}


def test_equal_views_are_taken_where_every_learner_has_been(tmp_path):
    fast = write_run(tmp_path / "fast", status={"step_global": 4000}, metrics=[(4000, "time/train_seconds", 200.0)],
                     evaluations=[(2000, 0.0, [["A"]]), (4000, 0.0, [["A", "B"]])])  # fmt: skip
    slow = write_run(tmp_path / "slow", status={"step_global": 2000}, metrics=[(2000, "time/train_seconds", 150.0)],
                     evaluations=[(1900, 0.0, [["A"]]), (2050, 0.0, [["A", "B", "C"]])])  # fmt: skip
    dice = write_run(tmp_path / "dice", config={"agent": "random"}, status={"step_global": 100})
    runs = {path.name: [read_run(path, path.name)] for path in (fast, slow, dice)}
    rows, marks = build_rows(runs)
    assert (marks.steps, marks.minutes) == (2000, 2.0)
    assert rows[0].equal_steps["milestones_greedy"].values == (1.0,)
    assert rows[1].equal_steps["milestones_greedy"].values == (3.0,), "an evaluation a little beyond counts"
    assert rows[0].equal_minutes["milestones_greedy"].values == (1.0,), "2,400 steps after two minutes"
    assert runs["fast"][0].step_at(120) == 2400
    short = read_run(write_run(tmp_path / "short", metrics=[(1000, "time/train_seconds", 31.0)]), "short")
    assert common_marks([short]).minutes == 0.5


def test_a_run_without_a_clock_is_timed_by_its_speed(tmp_path):
    run = read_run(write_run(tmp_path / "old", metrics=[(500, "charts/SPS", 50.0), (1000, "charts/SPS", 20.0)]), "old")
    assert run.seconds == 50.0 and run.seconds_at(500) == 10.0 and run.sps == 20.0
    bare = read_run(write_run(tmp_path / "bare"), "bare")
    assert bare.seconds is None and bare.sps is None and common_marks([bare]).minutes is None


def test_speed_ratio_and_command_come_from_the_files(tmp_path):
    run = read_run(random_run(tmp_path, 1)[0], "mine", notes={"peak_rss_bytes": 5})
    assert (run.sps, run.ratio, run.peak_bytes, run.command) == (2.0, 3.5, 5, "python -m some.trainer --seed 1")
    ppo = read_run(write_run(tmp_path / "ppo", config={"agent": "puffer-ppo", "update_epochs": 4}), "ppo")
    assert ppo.ratio == 4.0 and ppo.peak_bytes is None
    own = write_run(tmp_path / "own", metrics=[(500, "sys/rss_gib", 2.0), (1000, "sys/rss_gib", 1.0)])
    assert read_run(own, "own").peak_bytes == 2 * 2**30


@pytest.mark.parametrize("fact, value", [
    ("rom_sha1", "bb"), ("reward", "baseline.Y"), ("action_freq", 12), ("max_episode_steps", 60)
])  # fmt: skip
def test_runs_of_another_kind_are_refused_unless_forced(tmp_path, fact, value):
    one, two = write_run(tmp_path / "one"), write_run(tmp_path / "two", config={fact: value})
    runs = [read_run(one, "one"), read_run(two, "two")]
    assert check_comparable(runs[:1], force=False) == []
    with pytest.raises(UsageError, match=rf"differ in .*{value} \(two\).*--force") as error:
        check_comparable(runs, force=False)
    assert error.value.exit_code == 2 and "\n" not in str(error.value)
    assert len(check_comparable(runs, force=True)) == 1


def test_facts_of_a_daddy_run_are_in_its_env_txt_and_what_is_not_said_is_taken_as_equal(tmp_path):
    config = {"rom_sha1": None, "action_freq": None}
    told, silent = write_run(tmp_path / "told", config=config), write_run(tmp_path / "silent", config=config)
    for path in (told, silent):
        content = json.loads((path / "config.json").read_text())
        (path / "config.json").write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
    (told / "env.txt").write_text("torch 2.13\nrom_sha1 aa\naction_freq 24\n")
    runs = [read_run(path, path.name) for path in (told, silent, write_run(tmp_path / "other"))]
    assert runs[0].facts == {"rom_sha1": "aa", "reward": "baseline.X", "action_freq": 24, "max_episode_steps": 50}
    assert runs[1].facts["rom_sha1"] is None and check_comparable(runs, force=False) == []


def test_tables_hold_what_the_rows_hold(tmp_path):
    runs = [read_run(random_run(tmp_path, seed)[0], "mine") for seed in (1, 2, 3)]
    failure = {"phase": "failed", "exit_code": 1, "step_global": 7}
    lost = read_run(write_run(tmp_path / "lost_seed1", status=failure), "lost")
    lost.trouble = "boom"
    rows, marks = build_rows({"mine": runs, "lost": [lost]})
    text = output.write_tables(tmp_path, rows, marks, ["something differs"])
    assert text == (tmp_path / "table.md").read_text() and "something differs" in text
    assert rows[0].final["milestones_greedy"].text() in text
    assert "lost_seed1: failed, exit code 1, at step 7: boom" in text
    content = json.loads((tmp_path / "table.json").read_text())
    mine, failed = content["agents"]
    assert mine["seeds"] == [1, 2, 3] and mine["steps"]["values"] == [1000, 1000, 1000]
    assert mine["milestones_greedy"]["iqm"] == pytest.approx(rows[0].final["milestones_greedy"].iqm)
    assert failed["status"] == "failed" and failed["failures"][0]["last_line"] == "boom"
    assert {"command", "git_commit", "machine", "versions"} <= set(content) and "cores" in content["machine"]
    lines = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [(line["agent"], line["view"]) for line in lines[:3]] == [
        ("mine", "final"), ("mine", "equal_steps"), ("mine", "equal_minutes")
    ]  # fmt: skip
    assert float(lines[0]["milestones_greedy"]) == pytest.approx(mine["milestones_greedy"]["iqm"])
    assert lines[1]["mark"] == "1000" and lines[2]["mark"] == "8"
    assert output.short_table(rows).count("\n") == 3


def test_curves_are_those_of_plain_loops(tmp_path):
    runs = [read_run(random_run(tmp_path, seed)[0], "mine") for seed in (1, 2)]
    xs, values = plots.curve(runs, "training", plots._step, 1000)
    assert len(xs) > 10 and values.shape == (2, len(xs))
    for x, value in zip(xs, values[1], strict=True):
        inside = [m for m, end in zip(runs[1].milestones, runs[1].ends, strict=True) if x - 100 < end <= x]
        assert value == pytest.approx(fmean(inside))
    xs, values = plots.curve(runs, GREEDY, plots._minute, 8)
    assert xs.tolist() == pytest.approx([step / 2 / 60 for step in range(200, 1001, 200)])
    assert plots.curve([], GREEDY, plots._step, 8)[0].size == 0


def test_plots_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    runs = [read_run(random_run(tmp_path, seed)[0], "mine") for seed in (1, 2)]
    dice = read_run(write_run(tmp_path / "dice", config={"agent": "random"}), "dice")
    rows, _ = build_rows({"mine": runs, "dice": [dice]})
    for path in plots.draw(tmp_path, rows):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.glob("*.png")} == {"curves_steps.png", "curves_minutes.png"}
