"""The curriculum on the cartridge: a savestate taken by playing the recording, episodes that start from it."""

import hashlib
import json
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import curriculum_run
import numpy as np
import pytest
from tiny_agent import CONFIG

from Daddy.agent import Agent
from Daddy.curriculum import Curriculum, CurriculumSettings
from Daddy.curriculum.memory import read_memory, write_memory
from Daddy.curriculum.registry import Registry
from Daddy.curriculum.savestates import Savestate
from Daddy.episodes import EpisodeTracker
from Daddy.intrinsic import RewardTerms
from Daddy.logs.reader import latest_metrics, read_events, read_rows
from Daddy.puffer_shim import STRUCTURED_DIM, make_vector, milestone_names, rom_sha1
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording

LAB = "EVENT_FOLLOWED_OAK_INTO_LAB"
STEPS = 80


class Log:
    def __init__(self):
        self.tags, self.told = {}, []

    def log_event(self, kind, text, **fields):
        self.told.append((kind, text))


def power_on() -> bytes:
    emulator = Emulator(resolve_rom(None))
    state = emulator.save_state()
    emulator.close()
    return state


class Stage:
    """Two envs, of which the first plays the recording and the other waits, until both have begun a second episode."""

    def __init__(self, directory: Path, settings: CurriculumSettings | None = None):
        self.vector = make_vector({}, backend="serial", num_envs=2, max_episode_steps=STEPS)
        self.agent = Agent(replace(CONFIG, buffer_size=2 * 400), 2, self.vector.num_actions, STRUCTURED_DIM)
        registry = Registry(directory, rom_sha1("", False), version("pyboy"))
        self.log, settings = Log(), settings or CurriculumSettings()
        self.curriculum = Curriculum(settings, registry, self.vector, self.agent.actor)
        self.curriculum.open(self.log)
        self.episodes = EpisodeTracker(2, 16)
        self.rows, self.memories, self.ended = [], [], []
        keys = [KEYS.index(key) for key in Recording.load().keys]
        self.vector.spawn(0, power_on(), 900)
        self.vector.reset()
        for step in range(2 * STEPS + 2):
            self.turn(step, keys[step] if step < STEPS else KEYS.index("b"))

    def turn(self, step, key):
        batch = self.vector.recv()
        rows, envs = batch.records.copy(), batch.env_ids
        self.memories.append([self.agent.actor.memory(env) for env in (0, 1)])
        self.curriculum.look(rows, envs, step)
        reward = np.zeros(2, np.float32)
        self.agent.act(rows, reward, envs, np.ones(2))
        actions = np.array([key, KEYS.index("b")], np.int32)
        self.vector.send(actions)
        self.agent.observe(rows, reward, actions, envs)
        self.curriculum.hear(self.vector.events())
        self.ended += self.episodes.add(rows, envs, RewardTerms(*[reward] * 5), step)
        self.rows.append(rows)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("run") / "savestates")
    yield stage
    stage.vector.close()


def test_reaching_a_milestone_files_a_savestate_with_its_entry_and_memory(stage):
    directory = stage.curriculum.registry.directory
    ((number, entry),) = [pair for pair in stage.curriculum.registry if pair[1].milestone == LAB]
    assert re.fullmatch(LAB + r"_\d{8}T\d{6}_\d{6}Z\.state", entry.file)
    assert hashlib.sha256((directory / entry.file).read_bytes()).hexdigest() == entry.sha256
    assert (entry.owned, entry.tier, entry.parent) == ([LAB], "early", "")
    at = Recording.load().milestones[LAB]
    captured = stage.rows[at][0]
    assert (entry.created_at_step, entry.map_id, entry.x, entry.y) == (at, *captured[["map_id", "x", "y"]].tolist())
    width = sum(stage.agent.actor.network.state_sizes)
    np.testing.assert_array_equal(read_memory(directory, entry, width), stage.memories[at][0])
    assert np.abs(stage.memories[at][0].astype(float)).sum() > 0
    listed = json.loads((directory / "registry.json").read_text())["savestates"]
    assert [row["file"] for row in listed] == [e.file for _, e in stage.curriculum.registry]
    assert stage.log.tags[number] == entry.name


def test_the_next_episodes_start_there_and_are_credited_there(stage):
    begun = stage.rows[STEPS + 1]
    assert begun["is_first"].all() and stage.rows[STEPS]["truncated"].all()
    for row in begun:
        entry = stage.curriculum.registry.get(int(row["spawn_id"]))
        assert list(milestone_names(row["milestones"])) == entry.owned
        assert (row["map_id"], row["x"], row["y"]) == (entry.map_id, entry.x, entry.y)
    assert [e.spawn_id for e in stage.ended[:2]] == [900, 0]
    assert [e.spawn_id for e in stage.ended[2:]] == begun["spawn_id"].tolist()
    attempts = {number: entry.attempts for number, entry in stage.curriculum.registry}
    assert sum(attempts.values()) == 2 and all(attempts[int(number)] for number in begun["spawn_id"])
    shares = dict(stage.curriculum.mix())
    assert shares == {"true": 25.0, "early": 75.0, "mid": 0.0, "late": 0.0}, "of four starts, the last is a true one"


def test_the_memory_is_restored_when_the_first_record_arrives(stage):
    begun = {row for env, row in stage.agent.replay._begun}
    assert begun == {STEPS + 1}
    for env in (0, 1):
        entry = stage.curriculum.registry.get(int(stage.rows[STEPS + 1][env]["spawn_id"]))
        taken = stage.memories[entry.created_at_step][0]
        np.testing.assert_array_equal(stage.agent.replay._begun[env, STEPS + 1], taken)


def test_without_memory_nothing_is_stored_or_restored(tmp_path):
    stage = Stage(tmp_path / "savestates", CurriculumSettings(with_memory=False))
    stage.vector.close()
    assert len(stage.curriculum.registry) and not list(tmp_path.rglob("*.safetensors"))
    assert (stage.rows[STEPS + 1]["spawn_id"] > 0).all() and not stage.agent.replay._begun


def train(root: Path, *argv: str, backend: str = "serial") -> str:
    learning = "--log-interval 100 --max-episode-steps 30 --learning-starts 60 --buffer-size 4000 --replay-ratio 1"
    return curriculum_run.train(root, *learning.split(), *argv, backend=backend)


def test_a_run_goes_on_from_its_savestates_and_survives_a_bad_one(tmp_path, stage):
    assert "spawn=true 100% early 0%" in train(tmp_path, "--total-steps", "100")
    directory = tmp_path / "run" / "savestates"
    directory.mkdir()
    source = stage.curriculum.registry
    (good,) = [entry for _, entry in source if entry.milestone == LAB]
    registry = Registry(directory, source.rom_sha1, source.pyboy)
    for name in (good.file, "CITY_BAD_x.state"):
        data = (source.directory / good.file).read_bytes()[:: 1 if name == good.file else 2]
        (directory / name).write_bytes(data)
        entry = replace(good, file=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data), memory="")
        if name == good.file:
            write_memory(directory, entry, np.ones(640, np.float16))
        registry.add(entry)
    shown = train(tmp_path, "--total-steps", "500", "--resume", "--sweep-share", "0")  # a sweep gets to the rival
    tags = [row["savestate_tag"] for row in read_rows(tmp_path / "run", "episodes.csv")]
    entered = [Savestate(**entry) for entry in json.loads((directory / "registry.json").read_text())["savestates"]]
    assert {"boot", good.name} <= set(tags) <= {"boot", *(entry.name for entry in entered)}
    reached = {entry.parent for entry in entered if entry.name in tags} - {"", good.parent}
    assert reached <= set(tags), "what play has reached from these"
    assert len(tags) - tags.count("boot") >= 3 and tags.count("boot") >= 5
    assert re.search(r"spawn=true \d+% early [1-9]\d*% mid 0% late 0%", shown)
    assert f"savestate_tag={good.name}" in shown
    assert "[curriculum] savestate CITY_BAD_x.state is not used: " in shown, "truncated: the env refused it"
    assert (directory / "quarantine" / "CITY_BAD_x.state").exists()
    kinds = [record["kind"] for record in read_events(tmp_path / "run")]
    assert kinds.count("spawn") == 1 and "curriculum" in kinds
    assert "memory" not in shown, "the memory of the good one fits"
    assert 0.0 < latest_metrics(tmp_path / "run")["curriculum/bold"] < 1.0
    assert entered[0].file == good.file


def test_the_same_seed_gives_the_same_curriculum_on_both_backends(tmp_path, stage):
    source, told = str(stage.curriculum.registry.directory), []
    for backend in ("serial", "puffer"):
        shown = train(tmp_path / backend, "--total-steps", "300", "--savestates-from", source, backend=backend)
        assert f"savestates taken over from {source}" in shown
        told.append([
            {**row, "savestate_tag": re.sub(r"_\d+T\d+_\d+Z$", "", row["savestate_tag"])}
            for row in read_rows(tmp_path / backend / "run", "episodes.csv")
        ])  # fmt: skip
    assert told[0] == told[1] and {row["savestate_tag"] for row in told[0]} >= {"boot", LAB}
