"""Every reward module pays what it says, on made-up memory and on the cartridge; EpsilonEnv adds them up."""

import numpy as np
import pytest
from fake_game import put_party, set_event
from stand_in_env import StandInEnv

from Daddy.config import TrainConfig
from Daddy.puffer_shim.epsilon_env import EpsilonEnv
from Daddy.puffer_shim.record import RECORD
from Daddy.puffer_shim.record_env import RecordEnv
from Daddy.puffer_shim.red import RedFactory
from Daddy.puffer_shim.reward_modules import MODULES, FairBattleReward, QuestReward, make_modules
from Daddy.puffer_shim.telemetry import ForkTelemetry
from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.data.events import EVENTS
from pokemonred_puffer.data.milestones import MILESTONE_TABLE
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.environment import RedGymEnv
from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording


class Memory(ram.WramImage):
    """Made-up memory that a module looks at."""

    read_m = ram.WramImage.read


class Judge:
    """One module over made-up memory: ``pays(**changes)`` writes them and asks."""

    def __init__(self, name: str) -> None:
        self.memory, (self.module,) = Memory(), make_modules([name])
        self.fork = ForkTelemetry(self.memory)
        self.module.reset()
        self.screen = np.zeros((72, 20), np.uint8)

    def pays(self, action: int = -1, **writes: int | bytes) -> float:
        for name, value in writes.items():
            self.memory.write(getattr(ram, name), value)
        info = {"telemetry": self.fork.now(), "env_reward": 0.25, "action": action}
        return self.module.compute({"screen": self.screen}, info)


def test_badges_pay_once_each_and_never_for_what_a_spawn_owns():
    judge = Judge("badge")
    judge.pays(wObtainedBadges=0b1)
    assert judge.pays() == 0
    assert judge.pays(wObtainedBadges=0b111) == 20
    assert judge.pays(wObtainedBadges=0) == judge.pays(wObtainedBadges=0b111) == 0


def battle(hp: int, most: int = 40, kind: int = 1) -> dict[str, int | bytes]:
    words = {"wEnemyMonHP": hp.to_bytes(2, "big"), "wEnemyMonMaxHP": most.to_bytes(2, "big")}
    return {"wIsInBattle": kind, **words}


@pytest.mark.parametrize(("kind", "won"), [(1, 1.0), (2, 3.0)])
def test_battles_pay_damage_and_victory(kind, won):
    judge = Judge("battle")
    assert judge.pays(wIsInBattle=0) == 0
    assert judge.pays(**battle(40, kind=kind)) == 0
    assert judge.pays(**battle(30, kind=kind)) == 0.25
    assert judge.pays(**battle(35, kind=kind)) == 0, "healing costs nothing"
    assert judge.pays(**battle(0, kind=kind)) == 35 / 40
    assert judge.pays(**battle(20, 20, kind=kind)) == 0, "the next opponent"
    assert judge.pays(**battle(0, 20, kind=kind)) == 1
    assert judge.pays(wIsInBattle=0) == won and judge.pays() == 0


@pytest.mark.parametrize(("kind", "level", "worth"), [(1, 5, 0.25), (1, 10, 1.0), (1, 40, 1.0), (2, 5, 1.0)])
def test_weak_wild_opponents_pay_less(kind, level, worth):
    judge = Judge("fair_battle")
    put_party(judge.memory, {"level": 3}, {"level": 10})
    judge.pays(**battle(40, kind=kind), wEnemyMonLevel=level)
    half, decay = 0.5 * worth, FairBattleReward.decay
    assert judge.pays(**battle(20, kind=kind)) == pytest.approx(decay * half)
    assert judge.pays(**battle(0, kind=kind)) == pytest.approx(decay * 2 * half - half)
    assert judge.pays(wIsInBattle=0) == worth * (1 if kind == 1 else 3)


@pytest.mark.parametrize("end", [0, 255])
def test_a_fight_that_is_not_won_is_worth_nothing_at_its_start(end):
    """However long it takes: with the learner's discount what damage paid and what is taken back are worth the same."""
    judge = Judge("fair_battle")
    put_party(judge.memory, {"level": 10})
    for waited in (0, 50):
        paid = [judge.pays(**battle(hp, kind=2), wEnemyMonLevel=10) for hp in (40, 10, 10, 0)]
        assert paid[0] == 0 < paid[1]
        paid += [judge.pays(**battle(hp, 20, kind=2)) for hp in (20, *[5] * (waited + 1))]
        paid += [judge.pays(wIsInBattle=end)]
        assert sum(pay * FairBattleReward.decay**n for n, pay in enumerate(paid)) == pytest.approx(0, abs=1e-9)
        assert judge.pays(wIsInBattle=0) == 0


def test_running_away_pays_nothing_and_losing_costs():
    judge = Judge("battle")
    judge.pays(**battle(40))
    assert judge.pays(wIsInBattle=0) == 0
    judge.pays(**battle(40))
    assert judge.pays(wIsInBattle=255) == -1 and judge.pays() == 0


def test_exploration_pays_new_cells_and_maps():
    judge = Judge("exploration")
    judge.pays(wCurMap=3, wXCoord=1, wYCoord=1)
    assert judge.pays() == 0
    assert judge.pays(wXCoord=2) == 0.02
    assert judge.pays(wCurMap=4) == pytest.approx(1.02)
    assert judge.pays(wCurMap=3, wXCoord=1) == 0


def test_novelty_pays_less_for_every_sight_of_a_picture():
    judge = Judge("novelty")
    assert [judge.pays() for _ in range(4)] == pytest.approx([0.1 / n**0.5 for n in (1, 2, 3, 4)])
    judge.screen[4, 3] = 64
    assert judge.pays() == 0.1
    judge.screen[5, 3] = 64
    assert judge.pays() < 0.1, "only every fourth row counts"


def test_pokedex_pays_seeing_and_catching():
    judge = Judge("pokedex")
    judge.pays(wPokedexSeen=0b1, wPokedexOwned=0b1)
    assert judge.pays(wPokedexSeen=0b111) == 1
    assert judge.pays(wPokedexOwned=0b11) == 1.5


def test_the_quest_pays_stages_in_order_and_catches_up():
    judge = Judge("quest")
    first, second, third = (m.event for m in MILESTONE_TABLE[:3])
    judge.pays()
    set_event(judge.memory, first)
    assert judge.pays() == QuestReward.stage
    set_event(judge.memory, third)
    assert judge.pays() == 0, "the second comes first"
    set_event(judge.memory, second)
    assert judge.pays() == 2 * QuestReward.stage and judge.pays() == 0


def test_story_flags_pay_the_first_time():
    judge = Judge("story_flag")
    set_event(judge.memory, EVENTS["EVENT_GOT_STARTER"])
    judge.pays()
    set_event(judge.memory, EVENTS["EVENT_GOT_POKEDEX"])
    assert judge.pays() == 0.5
    set_event(judge.memory, EVENTS["EVENT_GOT_POKEDEX"], False)
    assert judge.pays() == 0
    set_event(judge.memory, EVENTS["EVENT_GOT_POKEDEX"])
    assert judge.pays() == 0


A, START = KEYS.index("a"), KEYS.index("s")


def test_talking_pays_once_for_what_is_faced_and_again_after_a_milestone():
    judge = Judge("talk")

    def ask(action=A, **where):
        judge.pays(wFontLoaded=0)
        return judge.pays(action, wFontLoaded=1, **where)

    judge.pays(wCurMap=3, wXCoord=5, wYCoord=5)
    facing = "wSpritePlayerStateData1FacingDirection"
    assert [ask(**{facing: way}) for way in (0, 4, 8, 12, 0)] == [3, 3, 3, 3, 0]
    assert ask(wXCoord=6, wYCoord=6, **{facing: 8}) == 0, "the same one from its other side"
    assert ask(wCurMap=4) == 3
    set_event(judge.memory, MILESTONE_TABLE[0].event)
    assert ask() == 3 and ask() == 0


def test_menus_pages_and_fights_are_no_talk():
    judge = Judge("talk")
    judge.pays(wFontLoaded=1)
    assert judge.pays(A) == 0, "it was open when the episode began"
    judge.pays(wFontLoaded=0)
    assert judge.pays(START, wFontLoaded=1) == 0
    assert judge.pays(A) == 0, "the next page"
    judge.pays(wFontLoaded=0)
    assert judge.pays(A, wFontLoaded=1, wIsInBattle=1) == 0
    judge.pays(wFontLoaded=0, wIsInBattle=0)
    assert judge.pays(A) == 0, "nothing there"
    assert judge.pays(A, wFontLoaded=1) == 3


def test_the_env_module_passes_the_envs_reward_on():
    assert Judge("env").pays() == 0.25


@pytest.mark.parametrize("name", MODULES)
def test_a_new_episode_forgets_the_old_one(name):
    judge = Judge(name)

    def tour() -> list[float]:
        judge.memory.data[:] = bytes(0x10000)
        start = judge.pays()
        put_party(judge.memory, {"level": 5})
        set_event(judge.memory, MILESTONE_TABLE[0].event)
        return [start, judge.pays(wObtainedBadges=1, wXCoord=5, wPokedexSeen=1, **battle(30)), judge.pays(**battle(0))]

    once = tour()
    judge.module.reset()
    judge.fork.start_episode()
    assert tour() == once


def test_settings_and_modules_have_the_same_names():
    spec = TrainConfig.__dataclass_fields__["reward_modules"]
    assert spec.metadata["choices"] == tuple(MODULES)


@pytest.mark.parametrize("names, word", [(["bage"], "badge"), (["badge", "badge"], "twice")])
def test_wrong_names_are_refused(names, word):
    with pytest.raises(ConfigError, match=word):
        make_modules(names)


class Constant:
    """Somebody else's module."""

    def __init__(self, name: str, value: float) -> None:
        self.name, self.value, self.resets = name, value, 0

    def reset(self) -> None:
        self.resets += 1

    def compute(self, observation: dict, info: dict) -> float:
        return self.value


def test_modules_add_up_replace_the_reward_and_compose():
    two, three = Constant("two", 2.0), Constant("three", 3.0)
    inner = EpsilonEnv(StandInEnv({}), [two, three])
    env = EpsilonEnv(inner, [*make_modules(["env"]), Constant("half", 0.5)])
    env.reset(seed=0)
    _, reward, _, _, info = env.step(5)
    assert reward == info["reward_sum"] == 5.5 and two.resets == 1
    assert info["reward_components"] == [("env", 5.0), ("half", 0.5)]


def test_the_record_shows_the_modules_reward_and_terms():
    env = RecordEnv(EpsilonEnv(StandInEnv({}), [Constant("two", 2.0), Constant("half", 0.5)]), 9)
    first = env.reset(seed=0)[0].view(RECORD)
    assert first["r_env"][0] == 0 and not first["reward_terms"].any()
    assert env.reward_term_names == ("two", "half")
    for _ in range(2):
        row, reward, *_ = env.step(5)
        record = row.view(RECORD)
        assert reward == record["r_env"][0] == 2.5
        assert record["reward_terms"][0].tolist()[:3] == [2.0, 0.5, 0.0]


@pytest.fixture(scope="module")
def walkthrough() -> tuple[dict[str, float], object]:
    """What each module paid over the whole recorded game, and the telemetry at its end."""
    emulator = Emulator(resolve_rom(None))
    state = emulator.save_state()
    emulator.close()
    env = RedFactory(reward_modules=tuple(MODULES))({}, None)
    paid = dict.fromkeys(MODULES, 0.0)
    try:
        env.reset(options={"state": state})
        for key in Recording.load().keys:
            for name, value in env.step(KEYS.index(key))[4]["reward_components"]:
                paid[name] += value
        yield paid, env.unwrapped
    finally:
        env.close()


def test_the_recorded_game_pays_what_it_reached(walkthrough):
    paid, env = walkthrough
    now = env.telemetry()
    assert paid["badge"] == 10 * now.badges.bit_count() == 20
    assert paid["env"] == pytest.approx(now.total_reward)
    assert paid["exploration"] == pytest.approx(0.02 * (now.tiles - 1) + now.maps - 1)
    assert paid["pokedex"] == 0.5 * ram.popcount(now.pokedex_seen) + 1.5 * ram.popcount(now.pokedex_owned)
    assert paid["quest"] >= 5 * 8, "everything up to the first badge comes in order"
    assert paid["story_flag"] >= 0.5 * 20
    assert paid["talk"] >= 3 * 8, "the people of the story at least"
    assert paid["battle"] > 1.3 * paid["fair_battle"] > 30 and 10 < paid["novelty"] < 0.1 * len(Recording.load().keys)


def test_the_default_factory_has_no_modules():
    env = RedFactory()({}, None)
    assert type(env.unwrapped) is type(env) and isinstance(env, RedGymEnv)
    env.close()
