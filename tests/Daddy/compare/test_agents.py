"""Names, variants, and the commands that they become."""

from pathlib import Path

import pytest

from Daddy.cli import build_parser
from Daddy.compare import agents
from Daddy.compare.agents import BASES, evaluate_words, label_of, parse_agents
from Daddy.compare.settings import CompareConfig, validate
from Daddy.config import preset
from Daddy.errors import UsageError
from Daddy.players.settings import PlayConfig
from pokemonred_puffer.ppo.cli import Cli


def config(*names: str, **settings) -> CompareConfig:
    return validate(CompareConfig(agents=names, **settings))


def flags_of(name: str, **settings) -> tuple[str, ...]:
    ((agent,), _) = parse_agents(config(name, **settings))
    return agent.flags


def words_of(name: str, **settings) -> list[str]:
    settings = config(name, **settings)
    ((agent,), _) = parse_agents(settings)
    return agent.train_words(settings, Path("runs"), 7)


@pytest.mark.parametrize("name, flags", [
    ("dqn-slim", ()),
    ("dqn-slim+no-ssm", ("--ablate", "ssm")),
    ("dqn-large+flat", ("--ablate", "gru,lstm,ssm")),
    ("dqn-slim+no-rnd+flat+no-gru", ("--ablate", "rnd,gru,lstm,ssm")),
    ("dqn-slim+no-novelty+no-bayes", ("--ablate", "novelty,bayes")),
    ("dqn-slim+no-lstm", ("--ablate", "lstm")),
    ("dqn-slim+curriculum+no-rnd", ("--ablate", "rnd", "--curriculum")),
    ("dqn-slim+no-curriculum", ("--no-curriculum",)),
    ("dqn-slim+forget", ("--curriculum", "--forget-at-spawn")),
])  # fmt: skip
def test_variants_become_flags(name, flags):
    assert flags_of(name) == flags


def test_frozen_needs_savestates():
    with pytest.raises(UsageError, match="--savestates-from"):
        flags_of("dqn-slim+frozen")
    flags = flags_of("dqn-slim+frozen", savestates_from="/some/where")
    assert flags == ("--curriculum", "--freeze-curriculum", "--savestates-from", "/some/where")


@pytest.mark.parametrize("name, message", [
    ("dqn-slm", "did you mean dqn-slim"), ("dqn-slim+no-smm", "did you mean no-ssm"), ("zzz", "choose from random"),
    ("puffer-ppo+flat", "no variants"), ("dqn-slim+curriculum+no-curriculum", "for none"),
    ("no/where", "does not exist"),
])  # fmt: skip
def test_wrong_names_are_refused(name, message):
    with pytest.raises(UsageError, match=message) as error:
        parse_agents(config(name))
    assert error.value.exit_code == 2


def test_a_directory_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no run directory: config\.json is missing"):
        parse_agents(config(str(tmp_path)))


def test_a_missing_library_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(agents.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"stable_baselines3.*pip install -e '\.\[bench\]'"):
        parse_agents(config("sb3-dqn"))
    parse_agents(config("puffer-ppo"))


def test_extra_flags_come_last_and_must_belong_to_an_agent():
    extra = "dqn-slim: --lr 1e-3; dqn-slim+flat: --gamma 0.9"
    found, _ = parse_agents(config("dqn-slim", "dqn-slim+flat", extra=extra))
    assert found[0].flags == ("--lr", "1e-3")
    assert found[1].flags == ("--ablate", "gru,lstm,ssm", "--lr", "1e-3", "--gamma", "0.9")
    for wrong, message in (("puffer: --lr 1", "did you mean puffer-ppo"), ("dqn-slim --lr 1", "must read")):
        with pytest.raises(UsageError, match=message):
            parse_agents(config("dqn-slim", "puffer-ppo", extra=wrong))


def test_savestates_for_nobody_are_refused():
    with pytest.raises(UsageError, match="does nothing"):
        parse_agents(config("dqn-slim", savestates_from="x"))


@pytest.mark.parametrize("name", ["dqn-slim+flat", "dqn-large+curriculum"])
def test_the_trainer_understands_what_it_is_told(name):
    words = words_of(name, steps=5000, rom="a.gb", allow_rom_mismatch=True, eval_interval="700")
    parsed = build_parser("p", "t", preset("big")).parse_args(words[1:])
    assert (parsed.total_steps, parsed.seed, parsed.eval_interval, parsed.rom) == (5000, 7, 700, "a.gb")
    assert parsed.run_name == f"{name}_seed7" and not hasattr(parsed, "num_envs") and parsed.max_episode_steps == 2048


def test_the_baselines_understand_it_too():
    ppo = Cli().parse([*words_of("puffer-ppo", num_envs="4")[1:], "--resume"])
    assert (ppo.num_envs, ppo.preset, ppo.total_steps) == (4, "cpu", 1_000_000)
    assert not hasattr(Cli().parse(words_of("puffer-ppo")[1:]), "num_envs"), "its preset's"
    from Final.epsilon.settings import parse_config

    epsilon = parse_config(words_of("epsilon", max_episode_steps=99)[1:])
    assert (epsilon.max_episode_steps, epsilon.reward_modules, epsilon.seed) == (99, ("env",), 7)
    names = vars(PlayConfig())
    for player in ("random", "walkthrough"):
        assert {word[2:].replace("-", "_") for word in words_of(player) if word.startswith("--")} <= set(names)


def test_every_agent_is_evaluated_from_the_same_seed():
    for base in BASES.values():
        words = evaluate_words(base, Path("run"), 5, 2)
        assert words[words.index("--seed") + 1] == "1000005" and words[words.index("--episodes") + 1] == "5"


def test_labels_are_names_without_the_seed():
    for name in ("mine_seed3", "mine-s12", "mine_seed_4", "mine"):
        assert label_of(Path("runs") / name) == "mine"


@pytest.mark.parametrize("settings, message", [
    ({"seeds": "x"}, "--seeds"), ({"seeds": "0"}, "--seeds"), ({"seeds": ","}, "--seeds"), ({"jobs": "many"}, "--jobs"),
    ({"steps": 0}, "--steps"), ({"minutes": -1.0}, "--minutes"), ({"eval_interval": "often"}, "--eval-interval"),
    ({"eval_episodes": 0}, "--eval-episodes"), ({"num_envs": "0"}, "--num-envs"),
    ({"max_episode_steps": 1}, "--max-episode-steps"), ({"agents": ()}, "--agents is empty"),
])  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        validate(CompareConfig(**{"agents": ("random",)} | settings))


def test_seeds_jobs_and_intervals():
    assert config("random", seeds="2").seed_list == [1, 2]
    assert config("random", seeds="5,1,5").seed_list == [5, 1]
    assert config("random", jobs="3").choose_jobs(9) == (3, "as asked")
    assert config("random").choose_jobs(1)[0] == 1
    assert config("random", steps=3000).inline_interval == 0
    assert config("random", steps=1_000_000).inline_interval == 100_000
    assert config("random", steps=3000, eval_interval="500").inline_interval == 500
    assert config("random", minutes=2.0).log_interval < config("random").log_interval
