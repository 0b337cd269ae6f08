"""The replay against a slow list of observations: frames hold their step number, so every mistake shows."""

import numpy as np
import pytest

from Final.epsilon.replay import Replay, SumTree

GAMMA, STACK = 0.9, 4


class History:
    """Random play of ``envs`` envs, kept as plain lists and offered to a Replay."""

    def __init__(self, replay: Replay, envs: int, seed: int = 0) -> None:
        self.replay, self.envs, self.rng = replay, envs, np.random.default_rng(seed)
        self.rows: list[list[dict]] = [[] for _ in range(envs)]
        self.number = 0

    def play(self, steps: int) -> None:
        for _ in range(steps):
            now = [self._next(rows) for rows in self.rows]
            for rows, row in zip(self.rows, now, strict=True):
                rows.append(row)
            screens = np.array([np.frombuffer(row["id"].to_bytes(4, "little"), np.uint8) for row in now])
            columns = {key: np.array([row[key] for row in now]) for key in now[0]}
            self.replay.add(
                screens[:, None], columns["id"][:, None] % 251, columns["action"], columns["reward"], columns["first"],
                columns["terminated"], columns["truncated"],
            )  # fmt: skip

    def _next(self, rows: list[dict]) -> dict:
        self.number += 1
        first = not rows or rows[-1]["terminated"] or rows[-1]["truncated"]
        end = 0 if first else self.rng.choice(3, p=[0.8, 0.1, 0.1])
        reward = 0.0 if first else round(self.rng.normal(), 3)
        return {"id": self.number, "action": int(self.rng.integers(7)), "reward": reward, "first": first,
                "terminated": end == 1, "truncated": end == 2}  # fmt: skip

    def expected(self, env: int, position: int, n: int) -> dict:
        rows, value, discount, after = self.rows[env], 0.0, 1.0, position
        for _ in range(n):
            after += 1
            value += discount * rows[after]["reward"]
            discount *= GAMMA
            if rows[after]["terminated"] or rows[after]["truncated"]:
                break
        return {
            "frames": self.stack(env, position), "next_frames": self.stack(env, after), "return": value,
            "discount": 0.0 if rows[after]["terminated"] else discount, "action": rows[position]["action"],
            "features": rows[position]["id"] % 251, "next_features": rows[after]["id"] % 251,
        }  # fmt: skip

    def stack(self, env: int, position: int) -> list[int]:
        found = [position]
        while len(found) < STACK:
            found.insert(0, found[0] if self.rows[env][found[0]]["first"] else found[0] - 1)
        return [self.rows[env][place]["id"] for place in found]

    def complete(self, n: int) -> set[tuple[int, int]]:
        """(env, position) of all transitions whose end is known."""
        known = set()
        for env, rows in enumerate(self.rows):
            ends = [i for i, row in enumerate(rows) if row["terminated"] or row["truncated"]]
            for i in range(len(rows)):
                if i not in ends and (i + n < len(rows) or any(i < end <= i + n for end in ends)):
                    known.add((env, i))
        return known


def make(capacity: int, envs: int, n: int, alpha: float = 0.0) -> History:
    return History(Replay(capacity, envs, (1, 4), 1, n_step=n, gamma=GAMMA, alpha=alpha, stack=STACK), envs)


def ids(frames: np.ndarray) -> list[list[int]]:
    return frames.reshape(len(frames), STACK, 4).copy().view("<u4")[..., 0].tolist()


@pytest.mark.parametrize("n", [1, 3, 5])
@pytest.mark.parametrize(("capacity", "steps"), [(10_000, 60), (90, 200)], ids=["growing", "wrapped"])
def test_every_sample_is_what_a_slow_reading_of_the_history_gives(n, capacity, steps):
    history = make(capacity, 3, n)
    history.play(steps)
    rng, seen = np.random.default_rng(1), set()
    of = {row["id"]: (env, i) for env, rows in enumerate(history.rows) for i, row in enumerate(rows)}
    for _ in range(40):
        batch = history.replay.sample(32, 0.5, rng)
        for i, frames in enumerate(ids(batch.frames)):
            env, position = of[frames[-1]]
            seen.add((env, position))
            wanted = history.expected(env, position, n)
            assert frames == wanted["frames"] and ids(batch.next_frames)[i] == wanted["next_frames"]
            assert batch.returns[i] == pytest.approx(wanted["return"], abs=1e-5)
            assert batch.discounts[i] == pytest.approx(wanted["discount"])
            assert batch.actions[i] == wanted["action"]
            assert (batch.features[i, 0], batch.next_features[i, 0]) == (wanted["features"], wanted["next_features"])
    kept = {(env, i) for env, i in history.complete(n) if i >= steps - history.replay._length + STACK - 1}
    assert seen == kept, "all transitions that are complete and whose frames are all there, and no others"


def test_nothing_can_be_sampled_before_a_transition_is_complete():
    history = make(100, 1, 3)
    assert not history.replay.ready and len(history.replay) == 0
    history.play(1)
    assert not history.replay.ready and len(history.replay) == 1
    history.play(5)
    assert history.replay.ready


def test_priorities_are_followed_and_paid_back_by_the_weights():
    history = make(1000, 2, 1, alpha=0.6)
    history.play(50)
    rng = np.random.default_rng(0)
    every = sorted({place for _ in range(40) for place in history.replay.sample(64, 0.4, rng).places.tolist()})
    errors = np.linspace(0.0, 5.0, len(every))
    history.replay.update(np.array(every), errors)
    draws = np.zeros(2 * history.replay._length)
    for _ in range(400):
        batch = history.replay.sample(64, 0.4, rng)
        np.add.at(draws, batch.places, 1)
    share = (errors + 1e-3) ** 0.6
    share /= share.sum()
    assert draws.sum() == draws[every].sum()
    assert draws[every] / draws.sum() == pytest.approx(share, abs=0.003)
    mine = share[[every.index(place) for place in batch.places]]
    weights = (1 / mine) ** 0.4
    assert batch.weights == pytest.approx(weights / weights.max(), rel=1e-4)


def test_a_new_transition_has_the_highest_priority_so_far():
    history = make(1000, 1, 1, alpha=1.0)
    history.play(30)
    rng = np.random.default_rng(0)
    places = np.unique(np.concatenate([history.replay.sample(64, 1.0, rng).places for _ in range(10)]))
    history.replay.update(places, np.full(len(places), 1e-3))
    history.replay.update(places[:1], np.array([50.0]))
    history.play(8)
    batch = history.replay.sample(2000, 1.0, rng)
    newest = {row["id"] for row in history.rows[0][-9:]} | {history.rows[0][int(places[0])]["id"]}
    assert np.mean([frames[-1] in newest for frames in ids(batch.frames)]) > 0.99


def test_frames_are_kept_once():
    replay = Replay(8000, 8, (72, 20), 80, n_step=5, gamma=0.99)
    assert replay._screens.nbytes == 8000 * 1440
    assert sum(value.nbytes for value in vars(replay).values() if isinstance(value, np.ndarray)) < 8000 * 1600


@pytest.mark.parametrize("size", [1, 2, 7, 64, 100])
def test_the_sum_tree_finds_what_a_running_sum_finds(size):
    rng, tree, numbers = np.random.default_rng(size), SumTree(size), np.zeros(size)
    for _ in range(20):
        index = rng.integers(size, size=5)
        values = rng.random(5) * (rng.random(5) < 0.7)
        for i, value in zip(index, values, strict=True):
            numbers[i] = value
        tree.set(index, values)
        assert tree.total == pytest.approx(numbers.sum()) and tree.get(np.arange(size)) == pytest.approx(numbers)
        if numbers.sum():
            points = rng.random(50) * tree.total
            assert tree.find(points).tolist() == np.searchsorted(np.cumsum(numbers), points, side="right").tolist()
            assert numbers[tree.find(np.array([tree.total]))].all(), "rounding never leads to an empty place"
