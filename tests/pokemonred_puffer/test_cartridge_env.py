"""The environment on the packaged cartridge."""
from __future__ import annotations

import numpy as np
import pytest

from pokemonred_puffer import boot
from pokemonred_puffer.data.map import MapIds
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.errors import StateError
from pokemonred_puffer.rewards import baseline
from pokemonred_puffer.rom import CARTRIDGE_PATH, resolve_rom

pytestmark = pytest.mark.skipif(not CARTRIDGE_PATH.is_file(), reason="the cartridge is not built yet")


@pytest.fixture(autouse=True)
def no_other_rom(monkeypatch):
    """The packaged cartridge, whatever the developer plays."""
    monkeypatch.delenv("POKEMON_RED_ROM", raising=False)


@pytest.fixture
def make():
    """Builds environments and closes them."""
    made = []

    def build(env_class=RedGymEnv, **settings):
        made.append(env_class({"log_frequency": 0, **settings}))
        return made[-1]

    yield build
    for env in made:
        env.close()


def actions(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 7, n)


def play(env, moves) -> list[tuple]:
    """What can be seen of each step."""
    trace = []
    for action in moves:
        observation, reward, _, _, _ = env.step(action)
        trace.append((observation["screen"].tobytes(), observation["events"].tobytes(), reward))
    return trace


def memory(env) -> bytes:
    return env.emulator.read_range(0xC000, 0x2000)


def test_it_works_bare_and_starts_in_the_bedroom(make):
    env = make()
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation) and info == {}
    assert observation["map_id"].tolist() == [MapIds.REDS_HOUSE_2F] and env.telemetry().text_open == 0
    assert len(np.unique(observation["screen"])) > 4, "a picture is there from the first observation on"
    assert boot.in_control(env.emulator)


def test_observations_stay_in_their_space(make):
    env = make()
    env.reset(seed=1)
    for action in actions(1, 300):
        observation, reward, terminated, _, _ = env.step(action)
        assert env.observation_space.contains(observation) and np.isfinite(reward) and not terminated


def test_same_seed_same_trajectory_other_seed_another(make):
    moves = actions(2, 400)
    traces = []
    for seed in (5, 5, 6):
        env = make()
        env.reset(seed=seed)
        traces.append((play(env, moves), memory(env)))
    assert traces[0] == traces[1]
    assert traces[0][1] != traces[2][1]


def test_seed_of_the_first_reset_governs_the_later_ones(make):
    ends = []
    for _ in range(2):
        env = make()
        for seed in (9, None, None):
            env.reset(seed=seed)
            play(env, actions(3, 50))
        ends.append(memory(env))
    assert ends[0] == ends[1]


def test_a_state_goes_on_exactly_where_it_was_taken(make):
    first, second = make(), make()
    first.reset(seed=3)
    play(first, actions(4, 200))
    state = first.save_state()
    rest = actions(5, 150)
    seen = first.observer.observe(first.telemetry())
    restored, _ = second.reset(options={"state": state})
    assert all(np.array_equal(restored[key], seen[key]) for key in restored if key != "visited_mask")
    one, two = play(first, rest), play(second, rest)
    assert [step[:2] for step in one] == [step[:2] for step in two] and memory(first) == memory(second)


def test_a_seed_with_a_state_stirs_the_games_luck(make):
    env = make()
    env.reset(seed=3)
    state = env.save_state()
    ends = []
    for seed in (1, 1, 2):
        env.reset(seed=seed, options={"state": state})
        ends.append(env.emulator.read_range(0xFF90, 2))
    assert ends[0] == ends[1] != ends[2]


def test_walking_takes_one_cell_per_step_and_earns_exploration(make):
    env = make()
    env.reset(seed=0)
    start = env.get_game_coords()
    moved = {}
    for action, (dx, dy) in enumerate([(0, 1), (-1, 0), (1, 0), (0, -1)]):
        env.reset(seed=0)
        reward = env.step(action)[1]
        x, y, _ = env.get_game_coords()
        if (x, y) != start[:2]:
            moved[action] = (x - start[0], y - start[1]) == (dx, dy) and reward > 0
    assert moved and all(moved.values())


def test_every_reset_returns_to_the_start(make):
    env = make()
    env.reset(seed=0)
    play(env, actions(6, 100))
    assert env.reset()[0]["map_id"].tolist() == [MapIds.REDS_HOUSE_2F] and env.telemetry().tiles == 1


def test_rewards_telescope_over_random_play(make):
    env = make(baseline.ObjectRewardRequiredEventsMapIdsFieldMoves)
    env.reset(seed=2)
    before = sum(env.get_game_state_reward().values())
    total = sum(env.step(action)[1] for action in actions(7, 500))
    assert total == pytest.approx(sum(env.get_game_state_reward().values()) - before, abs=1e-6)
    assert total > 0


def test_states_of_other_roms_are_refused(make, tiny_settings):
    other = RedGymEnv(tiny_settings)
    other.reset(seed=0)
    state = other.save_state()
    other.close()
    with pytest.raises(StateError, match="SHA-1"):
        make().reset(options={"state": state})


def test_nothing_is_left_on_the_disk(make, tmp_path, monkeypatch):
    before = sorted(CARTRIDGE_PATH.parent.iterdir())
    monkeypatch.chdir(tmp_path)
    env = make()
    env.reset(seed=0)
    play(env, actions(8, 20))
    assert sorted(CARTRIDGE_PATH.parent.iterdir()) == before and not list(tmp_path.iterdir())


def test_world_places_every_map_the_player_can_enter(make):
    regions = make().exploration.regions
    assert resolve_rom().kind == "cartridge" and MapIds.REDS_HOUSE_2F in regions and MapIds.PALLET_TOWN in regions
    outdoor = [regions[m] for m in (MapIds.PALLET_TOWN, MapIds.ROUTE_1, MapIds.VIRIDIAN_CITY)]
    cells = [(r.x + x, r.y + y) for r in outdoor for x in range(r.width) for y in range(r.height)]
    assert len(cells) == len(set(cells)), "outdoor maps do not overlap"
