"""Env classes of other people, by import path: used as they are, put right from outside, refused when unusable."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from stand_in_env import StandInEnv, UnrulyEnv
from vector_play import play

from Daddy.puffer_shim import RedFactory, make_vector
from Daddy.puffer_shim.normalise import Normalised, adapt, fitted, telemetry_of, widened
from Daddy.puffer_shim.red import load_env_class
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.errors import ConfigError

ROOT = Path(__file__).parents[3]
RIGHT = 2
UNRULY = RedFactory("stand_in_env:UnrulyEnv")


@pytest.mark.filterwarnings("ignore:.*Casting input")
def test_an_unruly_env_is_put_right_from_outside():
    raw = UNRULY({}, None)
    env = adapt(raw)
    assert isinstance(raw, UnrulyEnv) and isinstance(env, Normalised) and env.unwrapped is raw
    observation, _ = env.reset(seed=0)
    assert not raw.observation_space.contains(raw._observe()), "else this test shows nothing"
    for seen in (observation, env.step(2)[0]):
        assert env.observation_space.contains(seen)
        assert (seen["direction"].tolist(), seen["battle_type"].tolist()) == ([3], [255])
        assert seen["hp"].tolist() == [23, 0, 0, 0, 0, 0] and seen["maxHP"].tolist() == [24, 0, 0, 0, 0, 0]
        assert (seen["events"] == 0xA5).all()
    assert telemetry_of(env)().map_id == 40


def test_a_reset_starts_where_the_first_one_did():
    raw = UNRULY({}, None)
    env = adapt(raw)
    env.reset(seed=0)
    start = (raw.x, raw.y)
    env.step(RIGHT)
    raw.reset()
    assert (raw.x, raw.y) != start, "by itself it goes on"
    env.reset(seed=1)
    assert (raw.x, raw.y) == start


def test_a_first_reset_may_have_a_state():
    raw = UNRULY({}, None)
    with pytest.raises(AttributeError):
        raw.reset(options={"state": bytes((3, 4))})
    adapt(raw).reset(seed=0, options={"state": bytes((3, 4))})
    assert (raw.x, raw.y) == (3, 4)


def test_our_own_env_is_left_alone():
    env = RedFactory()({}, None)
    assert adapt(env) is env
    env.close()


def test_values_are_fitted_to_their_boxes():
    box = gymnasium.spaces.Box(0, 1, (1,), np.uint8)
    assert widened(box).high.tolist() == [255]
    assert fitted(7, box).tolist() == [7] and fitted(300, box).tolist() == [255] and fitted(-1, box).tolist() == [0]
    real = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    assert widened(real) is real and fitted([0.5, 2], real).dtype == np.float32


def test_the_same_records_on_both_backends():
    settings = {"num_envs": 4, "seed": 3, "max_episode_steps": 9, "env_factory": UNRULY}
    serial = play(make_vector({}, backend="serial", **settings), 30)
    workers = play(make_vector({}, backend="puffer", num_workers=2, **settings), 30)
    for mine, theirs in zip(workers, serial, strict=True):
        assert mine.tobytes() == theirs.tobytes()
    assert len({records.tobytes() for records in serial}) == 4 and (serial[0]["map_id"] == 40).all()
    assert np.concatenate(serial)["r_env"].any()


def test_the_fork_gets_every_key_and_its_weights():
    env = RedFactory("stand_in_env:UnrulyEnv")({"max_steps": 77, "init_state": "states/start.state"}, None)
    assert env.max_steps == 77 and env.two_bit is True and env.reward_event > 0
    assert (env.config.state_dir, env.config.init_state) == ("states", "start")
    assert Path(env.config.gb_path).is_file()
    with pytest.raises(AttributeError, match=r"env\.no_such"):
        _ = env.config.no_such


def test_our_own_classes_may_be_named_too():
    env = RedFactory("pokemonred_puffer.rewards.baseline:BaselineRewardEnv", "stream_only")({}, "BaselineRewardEnv")
    assert isinstance(env.unwrapped, RedGymEnv) and env is not env.unwrapped
    assert env.unwrapped.reward_terms.weights["badges"] == 5.0
    env.close()


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("stand_in_env", "package.module:Class"),
        ("no_such_package.env:Env", "cannot import no_such_package.env"),
        ("stand_in_env:UnrulyEnf", "UnrulyEnv"),
        ("stand_in_env:MOVES", "no class MOVES"),
        ("stand_in_env:NotAnEnv", "lacks step, close, read_m"),
        ("stand_in_env:Screenless", "with a screen"),
        ("stand_in_env:Broken", "does not start: FileNotFoundError: pyboy_states"),
    ],
)
def test_unusable_classes_are_refused_in_one_line(path, word):
    with pytest.raises(ConfigError, match=word) as caught:
        RedFactory(path)({}, None)
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_wrapper_sets_are_refused_around_a_fork():
    with pytest.raises(ConfigError, match="stream_only"):
        RedFactory("stand_in_env:UnrulyEnv", "stream_only")({}, None)


def test_factories_pickle_and_classes_load():
    factory = RedFactory("stand_in_env:StandInEnv", "empty", ("badge",))
    assert pickle.loads(pickle.dumps(factory)) == factory
    assert load_env_class("stand_in_env:StandInEnv") is StandInEnv


TINY = (
    "--num-envs 2 --total-steps 120 --log-interval 60 --max-episode-steps 30 --learning-starts 1000 "
    "--buffer-size 4000 --seq-len 8 --burn-in 4 --run-name run --dashboard plain"
).split()


def train(root: Path, *flags: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "helpers")))
    command = [sys.executable, "-m", "Daddy.train_slim", *TINY, *flags]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=100, cwd=root, env=os.environ | {"PYTHONPATH": paths}
    )


@pytest.mark.parametrize(
    ("flags", "backend"),
    [
        (("--env-class", "stand_in_env:UnrulyEnv", "--reward-modules", "env,exploration"), "puffer"),
        (("--wrappers", "stream_only", "--reward-modules", "exploration"), "serial"),
    ],
    ids=["fork", "own"],
)
def test_a_run_takes_the_flags(tmp_path, flags, backend):
    done = train(tmp_path, *flags, "--backend", backend)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/run/episodes.csv").read_text().count("\n") > 4
    assert bool(list(tmp_path.glob("runs/stream/*.jsonl"))) == ("stream_only" in flags)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--env-class", "stand_in_env:NotAnEnv"), "lacks"),
        (("--wrappers", "stream_onyl"), "stream_only"),
        (("--reward-modules", "bage"), "--reward-modules"),
    ],
    ids=["class", "wrappers", "modules"],
)
def test_a_run_refuses_wrong_flags_in_one_line(tmp_path, flags, word):
    done = train(tmp_path, *flags)
    assert done.returncode == 2 and word in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("run"))
