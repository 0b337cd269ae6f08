"""Names of agents and variants, and the commands that train and evaluate them."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from Daddy.cli import did_you_mean
from Daddy.compare.settings import CompareConfig
from Daddy.config import evaluation_seed
from Daddy.errors import UsageError

_SB3 = ("stable_baselines3", "sb3_contrib")
_SEED_IN_NAME = re.compile(r"[_-]s(?:eed)?[_-]?\d+$")
NOISE = 0.05  # random actions in the second evaluation of agents with Q-values


@dataclass(frozen=True)
class Base:
    """A trainer: words after ``python -m`` to train and to evaluate, and what it can."""

    train: tuple[str, ...]
    evaluate: tuple[str, ...]
    flags: tuple[str, ...] = ()
    resume: tuple[str, ...] | None = None  # flags that go on with a half run; None: it cannot
    inline: bool = True  # takes --eval-interval and --eval-episodes
    variants: bool = False
    evaluate_flags: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    once: bool = False  # plays the same whatever the seed


_DQN_EVALUATION = ("--epsilon", "0", str(NOISE))
_DADDY = {"flags": ("--dashboard", "plain"), "resume": ("--on-exist", "resume"), "variants": True,
          "evaluate_flags": _DQN_EVALUATION}  # fmt: skip
_PLAYER, _PEER = ("Daddy.players", "evaluate"), ("pokemonred_puffer.peers", "evaluate")
BASES = {
    "random": Base(("Daddy.players", "random"), _PLAYER, inline=False),
    "walkthrough": Base(("Daddy.players", "walkthrough"), _PLAYER, inline=False, once=True),
    "epsilon": Base(("Final.epsilon.train",), ("Final.epsilon.evaluate",), ("--reward-modules", "env"),
                    evaluate_flags=_DQN_EVALUATION),
    "puffer-ppo": Base(("pokemonred_puffer.train", "train"), ("pokemonred_puffer.train", "evaluate"),
                       ("--preset", "cpu", "--dashboard", "plain"), ("--resume",)),
    "dqn-slim": Base(("Daddy.train_slim",), ("Daddy.evaluate",), **_DADDY),
    "dqn-large": Base(("Daddy.train_big",), ("Daddy.evaluate",), **_DADDY),
    "sb3-dqn": Base(("pokemonred_puffer.peers", "sb3-dqn"), _PEER, needs=_SB3),
    "sb3-recurrent-ppo": Base(("pokemonred_puffer.peers", "sb3-recurrent-ppo"), _PEER, needs=_SB3),
}  # fmt: skip
ABLATIONS = {
    "no-gru": ("gru",), "no-lstm": ("lstm",), "no-ssm": ("ssm",), "flat": ("gru", "lstm", "ssm"), "no-rnd": ("rnd",),
    "no-novelty": ("novelty",), "no-bayes": ("bayes",),
}  # fmt: skip
CURRICULA = {
    "curriculum": ("--curriculum",), "no-curriculum": ("--no-curriculum",),
    "frozen": ("--curriculum", "--freeze-curriculum"), "forget": ("--curriculum", "--forget-at-spawn"),
}  # fmt: skip
_WITH_SAVESTATES = {"curriculum", "frozen", "forget"}


@dataclass(frozen=True)
class Agent:
    """One agent to run. ``flags`` come after the common ones, so that they win."""

    name: str
    base: Base
    flags: tuple[str, ...]

    def train_words(self, config: CompareConfig, runs_dir: Path, seed: int) -> list[str]:
        """Words after ``python -m`` that train it."""
        words = [
            *self.base.train, "--run-name", run_name(self.name, seed), "--runs-dir", str(runs_dir),
            "--total-steps", str(config.steps), "--seed", str(seed),
            "--max-episode-steps", str(config.max_episode_steps), "--reward", config.reward,
            "--log-interval", str(config.log_interval),
        ]  # fmt: skip
        words += ["--num-envs", config.num_envs] if config.num_envs != "auto" else []
        if self.base.inline:
            words += ["--eval-interval", str(config.inline_interval), "--eval-episodes", str(config.eval_episodes)]
        words += ["--rom", config.rom] if config.rom else []
        words += ["--allow-rom-mismatch"] if config.allow_rom_mismatch else []
        return [*words, *self.base.flags, *self.flags]


def evaluate_words(base: Base, run: Path, episodes: int, seed: int) -> list[str]:
    """Words after ``python -m`` that play a run's newest checkpoint from the true start; same seeds for all agents."""
    first = str(evaluation_seed(seed))
    return [*base.evaluate, str(run), "--episodes", str(episodes), "--seed", first, "--json", *base.evaluate_flags]


def run_name(agent: str, seed: int) -> str:
    """Name of a run's directory."""
    return f"{agent}_seed{seed}"


def label_of(directory: Path) -> str:
    """The agent's name in a run directory's: without the seed at its end."""
    return _SEED_IN_NAME.sub("", directory.name) or directory.name


def base_of(agent: str | None) -> Base:
    """The trainer of an existing run, by ``agent`` in its config.json; ours do not have one."""
    return BASES.get(agent or "dqn-slim", BASES["dqn-slim"])


def parse_agents(config: CompareConfig) -> tuple[list[Agent], list[Path]]:
    """(agents to run, run directories to collect) of ``--agents``.

    Raises:
        UsageError: an unknown name, a combination that cannot be, a missing directory or library.
    """
    extra = _parse_extra(config.extra)
    agents, paths = [], []
    for item in dict.fromkeys(config.agents):
        if item.split("+")[0] not in BASES and (os.sep in item or Path(item).is_dir()):
            paths.append(_existing(Path(item)))
        else:
            agents.append(_parse(item, config, extra))
    _check_extra(extra, agents)
    if config.savestates_from and not any("--savestates-from" in agent.flags for agent in agents):
        raise UsageError("--savestates-from does nothing without a variant +curriculum, +frozen or +forget; add one")
    return agents, paths


def _parse(item: str, config: CompareConfig, extra: dict[str, tuple[str, ...]]) -> Agent:
    name, *variants = item.split("+")
    if name not in BASES:
        hint = did_you_mean(name, list(BASES)) or f"; choose from {', '.join(BASES)}, or name a run directory"
        raise UsageError(f"--agents: unknown agent {name!r}{hint}")
    base = BASES[name]
    if variants and not base.variants:
        raise UsageError(f"--agents: {name} has no variants such as +{variants[0]}; dqn-slim and dqn-large have")
    missing = [library for library in base.needs if importlib.util.find_spec(library) is None]
    if missing:
        raise UsageError(f"{name} needs {missing[0]}, which is not installed: pip install -e '.[bench]'")
    flags = _variant_flags(item, variants, config)
    return Agent(item, base, (*flags, *extra.get(name, ()), *(extra.get(item, ()) if item != name else ())))


def _variant_flags(item: str, variants: Sequence[str], config: CompareConfig) -> tuple[str, ...]:
    known = [*ABLATIONS, *CURRICULA]
    for variant in variants:
        if variant not in known:
            hint = did_you_mean(variant, known) or f"; choose from {', '.join('+' + v for v in known)}"
            raise UsageError(f"--agents: unknown variant +{variant} in {item}{hint}")
    if "no-curriculum" in variants and _WITH_SAVESTATES & set(variants):
        raise UsageError(f"--agents: {item} asks for a curriculum and for none; leave one of them out")
    if "frozen" in variants and not config.savestates_from:
        raise UsageError(f"--agents: {item} takes no savestates of its own; name some with --savestates-from DIR")
    off = list(dict.fromkeys(part for variant in variants for part in ABLATIONS.get(variant, ())))
    flags = ["--ablate", ",".join(off)] if off else []
    flags += dict.fromkeys(flag for variant in variants for flag in CURRICULA.get(variant, ()))
    if config.savestates_from and _WITH_SAVESTATES & set(variants):
        flags += ["--savestates-from", str(Path(config.savestates_from).absolute())]
    return tuple(flags)


def _existing(path: Path) -> Path:
    if not path.is_dir():
        raise UsageError(f"run directory {path} does not exist; name one that does, or an agent: {', '.join(BASES)}")
    missing = [name for name in ("config.json", "status.json") if not (path / name).is_file()]
    if missing:
        raise UsageError(f"{path} is no run directory: {missing[0]} is missing")
    return path


def _parse_extra(text: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for part in filter(str.strip, text.split(";")):
        name, colon, flags = part.partition(":")
        try:
            words = tuple(shlex.split(flags))
        except ValueError as error:
            raise UsageError(f"--extra {part.strip()!r}: {error}") from None
        if not (colon and words):
            raise UsageError(f"--extra {part.strip()!r} must read 'AGENT: --flag value'")
        found[name.strip()] = words
    return found


def _check_extra(extra: dict[str, tuple[str, ...]], agents: Sequence[Agent]) -> None:
    known = {name for agent in agents for name in (agent.name, agent.name.split("+")[0])}
    for name in extra:
        if name not in known:
            raise UsageError(f"--extra names {name!r}, which --agents does not{did_you_mean(name, sorted(known))}")
