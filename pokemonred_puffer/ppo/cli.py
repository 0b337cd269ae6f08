"""The command line: one flag per field of `Settings`, upstream's spellings beside ours."""
from __future__ import annotations

import argparse
import dataclasses
import math
from typing import Any

from pokemonred_puffer.errors import did_you_mean
from pokemonred_puffer.ppo.settings import Settings

EPILOG = """\
examples:
  python -m pokemonred_puffer.train train --run-name first --total-steps 200_000
  python -m pokemonred_puffer.train train --run-name first --resume
  python -m pokemonred_puffer.train evaluate runs/first --episodes 16
  python -m pokemonred_puffer.train autotune
  python -m pokemonred_puffer.train debug --steps 200

exit codes: 0 done, 1 failure, 2 usage, 3 bad ROM or savestate, 4 no usable checkpoint, 130 Ctrl-C after saving,
            143 SIGTERM after saving
"""


def whole_number(text: str) -> int:
    """`5000`, `1_000_000` or `5e6`."""
    try:
        value = float(text) if "e" in text.lower() or "." in text else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(value) or value != int(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(value)


class Parser(argparse.ArgumentParser):
    """Answers errors in one line."""

    def error(self, message: str) -> None:
        self.exit(2, f"error: {message}\n")


class Cli:
    """The parser of the four commands; `parse` suggests the nearest flag for one that it does not know."""

    def __init__(self) -> None:
        raw = argparse.RawDescriptionHelpFormatter
        self.parser = Parser(prog="python -m pokemonred_puffer.train", formatter_class=raw, epilog=EPILOG,
                              description="The puffer PPO baseline: train, evaluate, tune the vectorization, look.")
        self._commands = self.parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        self._train(self._add("train", "train a policy"))
        self._evaluate(self._add("evaluate", "play a run's newest checkpoint from the true start"))
        self._autotune(self._add("autotune", "measure env steps per second of several layouts"))
        self._debug(self._add("debug", "play one env in this process and print its rewards"))

    def parse(self, arguments: list[str] | None = None) -> argparse.Namespace:
        """The command and what was given. SystemExit 2 with one line for anything wrong."""
        parsed, unknown = self.parser.parse_known_args(arguments)
        if unknown:
            sub = self._commands.choices[parsed.command]
            known = [flag for action in sub._actions for flag in action.option_strings]
            self.parser.error(f"unknown argument {unknown[0]}{did_you_mean(unknown[0].split('=')[0], known)}")
        return parsed

    def _add(self, name: str, text: str) -> argparse.ArgumentParser:
        return self._commands.add_parser(name, help=text, description=text, allow_abbrev=False, epilog=EPILOG,
                                         formatter_class=argparse.RawDescriptionHelpFormatter)

    def _train(self, parser: argparse.ArgumentParser) -> None:
        _common(parser)
        parser.add_argument("--debug", action=argparse.BooleanOptionalAction, default=False,
                            help="one env in this process and small batches; the file's debug section over the others")
        groups: dict[str, Any] = {}
        for spec in dataclasses.fields(Settings):
            name = spec.metadata["group"]
            if name not in groups:
                groups[name] = parser.add_argument_group(f"{name} (defaults of the preset upstream)")
            add_flag(groups[name], spec)

    def _evaluate(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", metavar="RUN", nargs="?", help="run directory, or one of its checkpoints/step_N")
        parser.add_argument("--checkpoint-path", dest="run_again", metavar="RUN", help="the same as RUN")
        parser.add_argument("--episodes", type=whole_number, default=8, help="of each kind (default: 8)")
        parser.add_argument("--seed", type=whole_number, help="of the first episode (default: from the run)")
        parser.add_argument("--rom", "--rom-path", help="another ROM than the run's")
        parser.add_argument("--json", action="store_true", help="print everything as JSON")

    def _autotune(self, parser: argparse.ArgumentParser) -> None:
        _common(parser)
        _flags(parser, "rom allow_rom_mismatch init_state reward wrappers max_episode_steps seed")
        parser.add_argument("--envs", default="4,8,16,32", help="numbers of envs to try (default: 4,8,16,32)")
        parser.add_argument("--seconds", type=float, default=3.0, help="for each layout (default: 3)")

    def _debug(self, parser: argparse.ArgumentParser) -> None:
        _common(parser)
        _flags(parser, "rom allow_rom_mismatch init_state reward wrappers max_episode_steps seed")
        parser.add_argument("--steps", type=whole_number, default=100, help="steps to play (default: 100)")
        parser.add_argument("--checkpoint", metavar="RUN", help="let this run's policy act instead of chance")


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=("auto", "upstream", "cpu"), default="auto",
                        help="upstream's numbers, or those for CPUs; auto: cpu where there is no CUDA device")
    parser.add_argument("--config", metavar="FILE.yaml",
                        help="sections env, wrappers, rewards and train (keys as the flags, or upstream's); flags win")


def _flags(parser: argparse.ArgumentParser, names: str) -> None:
    specs = {spec.name: spec for spec in dataclasses.fields(Settings)}
    for name in names.split():
        add_flag(parser, specs[name])


def add_flag(group: Any, spec: dataclasses.Field) -> None:
    """The flag of one field made by `settings.setting`; left out, it stays unset."""
    default, choices = spec.default, spec.metadata.get("choices")
    shown = {False: "off", True: "on"}[default] if isinstance(default, bool) else str(default)
    options: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": spec.name,
                               "help": spec.metadata["help"] + (f" (default: {shown})" if shown else "")}
    if isinstance(default, bool):
        options["action"] = argparse.BooleanOptionalAction
    else:
        options |= {"type": whole_number if isinstance(default, int) else type(default), "choices": choices}
        options["metavar"] = None if choices else {int: "N", float: "X", str: "NAME"}[type(default)]
    group.add_argument("--" + spec.name.replace("_", "-"), *spec.metadata.get("aliases", ()), **options)


def given_settings(parsed: argparse.Namespace) -> dict[str, Any]:
    """The settings whose flags were typed."""
    names = {spec.name for spec in dataclasses.fields(Settings)}
    return {name: value for name, value in vars(parsed).items() if name in names}
