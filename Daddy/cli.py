"""Command line and YAML settings, generated from ``TrainConfig``: flags win over the file, the file over the preset."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import math
from pathlib import Path
from typing import Any

import yaml
from rich_argparse import RawDescriptionRichHelpFormatter

from Daddy.config import TrainConfig, validate
from Daddy.errors import EXIT_USAGE, UsageError

_EPILOG = """\
examples:
  {prog}
  {prog} --run-name first --total-steps 200_000
  {prog} --run-name first --resume            # goes on where it stopped
  {prog} --config settings.yaml --seed 2      # keys are the flags with _ for -

exit codes: 0 done, 1 failure, 2 usage, 3 bad ROM or savestate, 4 no valid checkpoint to resume from,
            130 Ctrl-C after saving, 143 SIGTERM after saving
"""


def whole_number(text: str) -> int:
    """Parse ``5000``, ``1_000_000`` or ``5e6``."""
    try:
        value = float(text) if "e" in text.lower() or "." in text else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(value) or value != int(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(value)


def comma_list(text: str) -> tuple[str, ...]:
    """Parse ``gru,lstm`` into a tuple of names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that suggests the nearest flag and answers errors in one line."""

    def error(self, message: str) -> None:
        self.exit(EXIT_USAGE, f"error: {message}\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            self.error(f"unknown argument {unknown[0]}{did_you_mean(unknown[0].split('=')[0], flags)}")
        return parsed


def did_you_mean(word: str, known: list[str]) -> str:
    """``; did you mean X?`` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def build_parser(prog: str, description: str, defaults: TrainConfig) -> argparse.ArgumentParser:
    """A parser with one flag per field of ``TrainConfig`` plus ``--config``; flags left out stay unset."""
    parser = Parser(
        prog=prog, usage=f"{prog} [flags]", description=description, epilog=_EPILOG.format(prog=prog),
        formatter_class=RawDescriptionRichHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--config", metavar="FILE.yaml", help="read settings from this file; explicit flags win")
    add_flags(parser, defaults)
    return parser


def add_flags(parser: argparse.ArgumentParser, defaults: Any) -> None:
    """One flag for each field of the dataclass of settings that ``defaults`` belongs to, in their groups."""
    groups: dict[str, Any] = {}
    for spec in dataclasses.fields(defaults):
        name = spec.metadata["group"]
        if name not in groups:
            groups[name] = parser.add_argument_group(name)
        _add_flag(groups[name], spec, getattr(defaults, spec.name))


def _add_flag(group: Any, spec: dataclasses.Field, default: Any) -> None:
    flag = "--" + spec.name.replace("_", "-")
    choices, shown = spec.metadata.get("choices"), _shown(default)
    help_text = spec.metadata["help"] + (f" (default: {shown})" if shown else "")
    options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": help_text}
    if isinstance(default, bool):
        options.update(action=argparse.BooleanOptionalAction)
    elif isinstance(default, tuple):
        options.update(type=comma_list, metavar="NAME,...")
        options["help"] += f"; any of {', '.join(choices)}" if choices else ""
    else:
        metavar = spec.metadata.get("metavar", _METAVARS[type(default)])
        parse = whole_number if isinstance(default, int) else type(default)
        options.update(type=parse, choices=choices, metavar=None if choices else metavar)
    group.add_argument(flag, **options)


_METAVARS = {int: "N", float: "X", str: "NAME"}


def _shown(default: Any) -> str:
    """A default as one would type it; nothing for what is off or empty."""
    if isinstance(default, bool):
        return "on" if default else ""
    if isinstance(default, tuple):
        return ",".join(default)
    return f"{default:_}" if isinstance(default, int) else str(default)


def load_settings(path: str, label: str) -> dict[str, Any]:
    """Settings from a YAML (or JSON) mapping of field names; `label` names the file in messages.

    Raises:
        UsageError: unreadable file, not a mapping, unknown key or a value of the wrong type.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{label}: {str(error).splitlines()[0]}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{label}: expected 'key: value' lines, found {type(content).__name__}")
    fields = {spec.name: spec for spec in dataclasses.fields(TrainConfig)}
    return {key: _yaml_value(label, key, value, fields) for key, value in content.items()}


def _yaml_value(label: str, key: Any, value: Any, fields: dict[str, dataclasses.Field]) -> Any:
    if key not in fields:
        raise UsageError(f"{label}: unknown key {key!r}{did_you_mean(str(key), list(fields))}")
    default = fields[key].default
    if value is None:
        raise UsageError(f"{label}: {key} has no value; leave the line out for the default")
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UsageError(f"{label}: {key} must be true or false, found {value!r}")
        return value
    try:
        if isinstance(default, tuple):
            return tuple(map(str, value)) if isinstance(value, list) else comma_list(str(value))
        return whole_number(str(value)) if isinstance(default, int) else type(default)(value)
    except (ValueError, TypeError, argparse.ArgumentTypeError):
        raise UsageError(f"{label}: {key} cannot be {value!r}") from None


def parse_config(prog: str, description: str, defaults: TrainConfig, argv: list[str] | None = None) -> TrainConfig:
    """Preset, then ``--config`` file, then explicit flags, validated.

    Raises:
        UsageError: a file or a combination that cannot work.
        SystemExit: ``--help`` (0) or an unknown or malformed flag (2).
    """
    return validate(dataclasses.replace(defaults, **explicit_settings(prog, description, defaults, argv)))


def explicit_settings(
    prog: str, description: str, defaults: TrainConfig, argv: list[str] | None = None
) -> dict[str, Any]:
    """What the user set: the ``--config`` file and, over it, the flags; not validated. Raises like `parse_config`."""
    given = vars(build_parser(prog, description, defaults).parse_args(argv))
    path = given.pop("config", None)
    from_file = load_settings(path, f"--config {path}") if path else {}
    return {**from_file, **given}
