"""A curriculum around a vector env that is made up, record by record."""

import hashlib

import numpy as np
from savestate_files import PYBOY, ROM, state_of

from Daddy.curriculum import Curriculum, CurriculumSettings
from Daddy.curriculum.registry import Registry
from Daddy.puffer_shim import MILESTONES, RECORD, Captured

NAMES = list(MILESTONES)


def record(**fields) -> np.ndarray:
    rows = np.zeros(1, RECORD)
    for name, value in fields.items():
        rows[name] = value
    return rows


def bits(*indices: int) -> np.ndarray:
    packed = np.zeros(16, np.uint8)
    for index in indices:
        packed[index // 8] |= 1 << index % 8
    return packed


class FakeVector:
    num_envs = 2

    def __init__(self):
        self.captures, self.spawns, self.patience = [], [], []

    def capture(self, env_id, path, tag):
        self.captures.append((env_id, path, tag))

    def spawn(self, env_id, state, spawn_id, patience):
        self.spawns.append((env_id, state, spawn_id))
        self.patience.append(patience)


class FakeMemories:
    def __init__(self):
        self.begun = []

    def memory(self, env_id):
        return np.full(4, env_id + 1, np.float16)

    def begin_with(self, env_id, memory):
        self.begun.append((env_id, memory.tolist()))


class Play:
    def __init__(self, directory, **settings):
        self.vector, self.memories = FakeVector(), FakeMemories()
        self.told, self.tags, self.step = [], {}, 0
        registry = Registry(directory, ROM, PYBOY)
        self.curriculum = Curriculum(CurriculumSettings(**settings), registry, self.vector, self.memories)
        self.curriculum.open(self)

    def log_event(self, kind, text):
        self.told.append((kind, text))

    def row(self, env=1, **fields):
        self.step += 1
        fields = {"episode_step": 0 if fields.get("is_first") else 1} | fields
        self.curriculum.look(record(**fields), np.array([env]), self.step)

    def written(self, spawn_id=0, episode_step=1):
        """The worker has done the last capture."""
        env, path, tag = self.vector.captures[-1]
        path.write_bytes(state_of(7))
        digest = hashlib.sha256(state_of(7)).hexdigest()
        event = Captured(env, str(path), tag, digest, len(state_of(7)), 3, 4, 5, 0, bytes(16), spawn_id, 0,
                         episode_step)  # fmt: skip
        self.curriculum.hear([event])
        assert not [e for _, e in self.curriculum.registry if e.file == path.name], "nothing counts before its turn"
        for _ in range(2):
            self.row(env, spawn_id=spawn_id)

    def reach(self, milestone=0, env=1, spawn_id=0):
        self.row(env, is_first=1, spawn_id=spawn_id)
        self.row(env, milestones=bits(milestone), spawn_id=spawn_id)
