"""The modules on made-up memory, and on the recorded game beside those of the newer agent's shim."""

import numpy as np
import pytest
from fake_game import set_event

from Daddy.puffer_shim import reward_modules as newer
from Final.epsilon.epsilon_env import EpsilonEnv
from Final.epsilon.reward_modules import MODULES, make_modules
from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.data.events import EVENTS
from pokemonred_puffer.data.milestones import MILESTONE_TABLE
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.exploration import ExplorationMemory
from pokemonred_puffer.progress import Progress
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.telemetry import Telemetry
from pokemonred_puffer.walkthrough import Recording


class Judge:
    """One module over made-up memory: ``pays(address=value)`` writes and asks."""

    def __init__(self, name: str) -> None:
        self.memory, self.progress, (self.module,) = ram.WramImage(), Progress(), make_modules([name])
        self.exploration = ExplorationMemory({}, 1.0, 1.0)
        self.module.reset()
        self.screen = np.zeros((72, 20), np.uint8)

    def pays(self, **writes: int | bytes) -> float:
        for name, value in writes.items():
            self.memory.write(getattr(ram, name), value)
        now = Telemetry(self.memory)
        self.progress.update(now)
        now.take(self.progress, self.exploration, 0)
        return self.module.compute({"screen": self.screen}, {"telemetry": now, "env_reward": 0.25})


def opponent(hp: int, kind: int = 1) -> dict[str, int | bytes]:
    return {"wIsInBattle": kind, "wEnemyMonHP": hp.to_bytes(2, "big"), "wEnemyMonMaxHP": (300).to_bytes(2, "big")}


def test_badges():
    judge = Judge("badge")
    judge.pays(wObtainedBadges=0b1)
    assert judge.pays(wObtainedBadges=0b111) == 20 and judge.pays() == 0
    assert judge.pays(wObtainedBadges=0) == judge.pays(wObtainedBadges=0b111) == 0


@pytest.mark.parametrize(("kind", "prize"), [(1, 1), (2, 3)])
def test_battles_are_paid_by_big_endian_hp(kind, prize):
    judge = Judge("battle")
    assert judge.pays(**opponent(300, kind)) == 0
    assert judge.pays(**opponent(270, kind)) == pytest.approx(0.1)
    assert judge.pays(**opponent(280, kind)) == 0
    assert judge.pays(**opponent(0, kind)) == pytest.approx(280 / 300)
    assert judge.pays(wIsInBattle=0) == prize and judge.pays() == 0


def test_flight_and_defeat():
    judge = Judge("battle")
    judge.pays(**opponent(300))
    assert judge.pays(wIsInBattle=0) == 0
    judge.pays(**opponent(300))
    assert judge.pays(wIsInBattle=255) == -1 and judge.pays() == 0


def test_exploration():
    judge = Judge("exploration")
    judge.pays(wCurMap=3, wXCoord=1, wYCoord=1)
    assert judge.pays() == 0 and judge.pays(wYCoord=2) == 0.02
    assert judge.pays(wCurMap=4) == 1.02 and judge.pays(wCurMap=3) == 0


def test_novelty():
    judge = Judge("novelty")
    assert [judge.pays() for _ in range(3)] == pytest.approx([0.1 / n**0.5 for n in (1, 2, 3)])
    judge.screen[4, 3] = 64
    assert judge.pays() == 0.1
    judge.screen[5, 3] = 64
    assert judge.pays() < 0.1


def test_the_dex():
    judge = Judge("pokedex")
    judge.pays(wPokedexSeen=1)
    assert judge.pays(wPokedexSeen=0b111) == 1 and judge.pays(wPokedexOwned=0b100) == 1.5


def test_the_quest_waits_for_the_order():
    judge = Judge("quest")
    events = [m.event for m in MILESTONE_TABLE[:3]]
    judge.pays()
    set_event(judge.memory, events[0])
    assert judge.pays() == 5
    set_event(judge.memory, events[2])
    assert judge.pays() == 0
    set_event(judge.memory, events[1])
    assert judge.pays() == 10 and judge.pays() == 0


def test_story_flags_pay_once():
    judge = Judge("story_flag")
    judge.pays()
    for value, paid in ((True, 0.5), (False, 0), (True, 0)):
        set_event(judge.memory, EVENTS["EVENT_GOT_POKEDEX"], value)
        assert judge.pays() == paid


def test_the_env_module_passes_the_envs_reward_on():
    assert Judge("env").pays() == 0.25


@pytest.mark.parametrize("names, word", [(["bage"], "badge"), (["badge", "badge"], "twice"), ([], "name some")])
def test_wrong_names_are_refused(names, word):
    with pytest.raises(ConfigError, match=word):
        make_modules(names)


@pytest.fixture(scope="module")
def start() -> bytes:
    emulator = Emulator(resolve_rom(None))
    state = emulator.save_state()
    emulator.close()
    return state


def test_the_recorded_game_pays_what_the_newer_modules_pay(start):
    env = RedGymEnv({"log_frequency": 0})
    env.observe_screen_only(np.zeros((72, 20), np.uint8))
    ours, theirs = make_modules(list(MODULES)), newer.make_modules(list(MODULES))
    paid = dict.fromkeys(MODULES, 0.0)
    observation, info = env.reset(options={"state": start})
    for module in (*ours, *theirs):
        module.reset()
        module.compute(observation, {"telemetry": env.telemetry(), "env_reward": 0.0})
    for key in Recording.load().keys:
        observation, reward, _, _, info = env.step(KEYS.index(key))
        view = {**info, "telemetry": env.telemetry(), "env_reward": reward}
        values = [module.compute(observation, view) for module in ours]
        assert values == pytest.approx([module.compute(observation, view) for module in theirs])
        for name, value in zip(MODULES, values, strict=True):
            paid[name] += value
    env.close()
    assert paid["badge"] == 20 and all(value > 5 for value in paid.values())


def test_the_env_pays_the_sum_and_never_for_a_start(start):
    names = ["env", "exploration", "quest"]
    env = EpsilonEnv(RedGymEnv({"log_frequency": 0, "max_steps": 40}), make_modules(names))
    for _ in range(2):
        _, info = env.reset(options={"state": start})
        assert "reward_sum" not in info
        total, steps, truncated = 0.0, 0, False
        while not truncated:
            _, reward, terminated, truncated, info = env.step(KEYS.index(Recording.load().keys[steps]))
            assert not terminated and [name for name, _ in info["reward_components"]] == names
            assert reward == info["reward_sum"] == sum(value for _, value in info["reward_components"])
            assert dict(info["reward_components"])["env"] == info["env_reward"]
            total, steps = total + dict(info["reward_components"])["exploration"], steps + 1
        now = env.unwrapped.telemetry()
        assert steps == 40 and total == pytest.approx(0.02 * (now.tiles - 1) + now.maps - 1)
    env.close()
