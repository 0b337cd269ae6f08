"""The recorded game, from power-on to the short cut, as the monitor and the flags see it."""

import gymnasium
import numpy as np
import pytest

from Daddy.bayes_quests import BayesMonitor, default_budgets, taper
from Daddy.flags import FlagWatcher, decode, quests
from Daddy.names import Names
from Daddy.puffer_shim import RECORD
from Daddy.puffer_shim.record_env import RecordEnv
from Daddy.puffer_shim.red import make_red_env
from pokemonred_puffer.bot.game import KEYS
from pokemonred_puffer.emulator import Emulator
from pokemonred_puffer.rom import resolve_rom
from pokemonred_puffer.walkthrough import Recording

ENV = np.zeros(1, np.int64)


class PowerOn(gymnasium.Wrapper):
    def reset(self, **_):
        emulator = Emulator(resolve_rom(None))
        state = emulator.save_state()
        emulator.close()
        return self.env.reset(options={"state": state})


@pytest.fixture(scope="module")
def game():
    """(monitor, first times, r_bayes in all, last record, recording) of the recorded game as one episode."""
    recording = Recording.load()
    actions = [KEYS.index(key) for key in recording.keys]
    table = quests()
    monitor, watcher = BayesMonitor(table, 1, default_budgets(table, len(actions))), FlagWatcher(1)
    env, told, paid = RecordEnv(PowerOn(make_red_env({}, None)), len(actions)), [], 0.0
    try:
        row = env.reset(seed=0)[0]
        for action in [*actions, None]:
            rows = row.copy().view(RECORD)
            paid += float(monitor.observe(rows, ENV)[0])
            told += watcher.update(rows, ENV)
            if action is not None:
                row = env.step(action)[0]
    finally:
        env.close()
    return monitor, told, paid, rows[0], recording


def test_every_milestone_is_seen_at_the_step_at_which_the_game_sets_it(game):
    _, told, _, _, recording = game
    seen = {first.name: first.episode_step for first in told if first.kind == "milestone"}
    badge = {"EVENT_BEAT_BROCK": "BOULDER_BADGE", "EVENT_BEAT_MISTY": "CASCADE_BADGE"}
    assert seen == {name: recording.milestones[badge.get(name, name)] for name in seen}
    assert set(seen) == {quest.name for quest in quests() if quest.available}


def test_towns_caves_badges_and_items_are_first_times_too(game):
    _, told, _, _, recording = game
    seen = {(first.kind, first.name): first.episode_step for first in told}
    assert seen["city", "VIRIDIAN"] == recording.milestones["VIRIDIAN_CITY"]
    assert seen["dungeon", "MT_MOON"] == recording.milestones["MT_MOON_1F"]
    assert seen["badge", "CASCADE"] == recording.milestones["CASCADE_BADGE"]
    assert seen["item", "OAKS_PARCEL"] <= recording.milestones["EVENT_GOT_OAKS_PARCEL"] < seen["item", "HM_01"]
    assert len(seen) == len(told), "each of them once"


def test_a_perfect_episode_is_a_success_on_every_milestone_and_is_paid_for(game):
    monitor, _, paid, _, _ = game
    assert [posterior.attempts for posterior in monitor.posteriors()] == [1] * 12
    assert all(posterior.mean > 0.45 for posterior in monitor.posteriors())
    assert paid == pytest.approx(12 * float(taper(0.25)), rel=1e-5)


def test_the_end_in_words(game):
    *_, row, _ = game
    flags = decode(row, Names("", False))
    assert flags.badges == ("BOULDER", "CASCADE") and "HM_01" in flags.key_items
    assert len(flags.milestones) == 12 and flags.quest == "" and max(flags.levels) > 10
