"""`python -m pokemonred_puffer.peers sb3-dqn|sb3-recurrent-ppo [flags]` trains; `evaluate RUN` plays its weights."""
from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from pokemonred_puffer.errors import ConfigError, PokemonRedError, did_you_mean
from pokemonred_puffer.peers.settings import PEERS, PeerSettings, check, read_run, require_libraries
from pokemonred_puffer.ppo.cli import Parser, add_flag, whole_number

_EPILOG = """\
exit codes: 0 done, 1 failure, 2 usage, 3 bad ROM, 4 no usable checkpoint, 130 Ctrl-C and 143 SIGTERM after saving;
a run cannot be resumed
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    parser = Parser(prog="python -m pokemonred_puffer.peers", description=__doc__, epilog=_EPILOG,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for peer in PEERS:
        _train_flags(commands.add_parser(peer, help=f"train {peer}", allow_abbrev=False))
    _evaluate_flags(commands.add_parser("evaluate", help="play a run's weights from the true start"))
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = [flag for action in commands.choices[parsed.command]._actions for flag in action.option_strings]
        parser.error(f"unknown argument {unknown[0]}{did_you_mean(unknown[0].split('=')[0], known)}")
    try:
        return _evaluate(parsed) if parsed.command == "evaluate" else _train(parsed)
    except PokemonRedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; nothing was running that needs saving", file=sys.stderr)
        return 130


def _train_flags(parser: argparse.ArgumentParser) -> None:
    groups: dict[str, Any] = {}
    for spec in dataclasses.fields(PeerSettings):
        name = spec.metadata["group"]
        if name not in groups:
            groups[name] = parser.add_argument_group(name)
        add_flag(groups[name], spec)


def _evaluate_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory")
    parser.add_argument("--episodes", type=whole_number, default=8, help="of each kind (default: 8)")
    parser.add_argument("--seed", type=whole_number, help="of the first episode (default: from the run)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _train(parsed: argparse.Namespace) -> int:
    peer = parsed.command
    names = {spec.name for spec in dataclasses.fields(PeerSettings)}
    settings = PeerSettings(**{name: value for name, value in vars(parsed).items() if name in names})
    check(settings)
    require_libraries(peer)
    from pokemonred_puffer.peers.training import train

    name = settings.run_name or f"{peer}_{time.strftime('%Y%m%d-%H%M%S')}"
    return train(peer, dataclasses.replace(settings, run_name=name))


def _evaluate(parsed: argparse.Namespace) -> int:
    if not 1 <= parsed.episodes <= 1000:
        raise ConfigError(f"--episodes is {parsed.episodes}; it must be between 1 and 1000")
    peer, settings = read_run(parsed.run)
    require_libraries(peer)
    import torch

    from pokemonred_puffer.peers import models, training
    from pokemonred_puffer.peers.envs import make_envs
    from pokemonred_puffer.ppo.playing import evaluation_rows, seed_for
    from pokemonred_puffer.rom import resolve_rom

    torch.set_num_threads(1)
    rom = resolve_rom(settings.rom or None, settings.allow_rom_mismatch)
    one = dataclasses.replace(settings, num_envs=1)
    vector = models.vector_env(peer, make_envs(one, stagger=False), workers=False)
    model = models.build(peer, vector, one)
    step = models.load(model, parsed.run)
    vector.close()
    seed = seed_for(settings.seed) if parsed.seed is None else parsed.seed
    played = list(training.play(peer, model, settings, parsed.episodes, seed))
    rows = evaluation_rows(step, played, training.map_names(rom))
    if parsed.json:
        print(json.dumps({"step_global": step, "episodes": rows}))
        return 0
    for kind in models.kinds(peer):
        group = [row for row in rows if row["epsilon"] == kind]
        mean = {key: sum(row[key] for row in group) / len(group) for key in ("milestones", "badges", "return_env")}
        print(f"{parsed.run}, step {step:,}, epsilon {kind:g}: {len(group)} episodes, milestones "
              f"{mean['milestones']:.2f}, badges {mean['badges']:.2f}, return {mean['return_env']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
