"""`python -m pokemonred_puffer.train train|evaluate|autotune|debug`: the puffer PPO baseline."""
from __future__ import annotations

import argparse
import dataclasses
import errno
import sys
import time
from pathlib import Path

from pokemonred_puffer.errors import ConfigError, PokemonRedError
from pokemonred_puffer.ppo.cli import Cli, given_settings
from pokemonred_puffer.ppo.settings import Settings, build_settings, choose_preset

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    parsed = Cli().parse(arguments)
    try:
        if parsed.command == "train":
            return _train(parsed)
        from pokemonred_puffer.ppo import tools

        return {"evaluate": tools.evaluate, "autotune": tools.autotune, "debug": tools.debug}[parsed.command](parsed)
    except PokemonRedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; nothing was running that needs saving", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno not in _DISK:
            raise
        print(f"error: {error}; make room or choose another --runs-dir", file=sys.stderr)
        return 1


def _train(parsed: argparse.Namespace) -> int:
    flags, config, base = given_settings(parsed), parsed.config, None
    preset, why = choose_preset(parsed.preset)
    if flags.get("resume"):
        base, kept = _earlier(flags)
        preset, why, config = kept["preset"], "of the run that goes on", config or kept.get("config") or None
    settings, notes = build_settings(preset, parsed.config, parsed.debug, flags, base)
    if not settings.run_name:
        settings = dataclasses.replace(settings, run_name=f"ppo_{time.strftime('%Y%m%d-%H%M%S')}")
    from pokemonred_puffer.ppo.trainer import train

    first = f"run {Path(settings.runs_dir) / settings.run_name}: preset {preset} ({why})"
    return train(settings, preset, config, [first, *notes])


def _earlier(flags: dict) -> tuple[Settings, dict]:
    from pokemonred_puffer.ppo.building import read_run

    if not flags.get("run_name"):
        raise ConfigError("--resume needs --run-name: which run shall go on?")
    return read_run(Path(flags.get("runs_dir", Settings.runs_dir)) / flags["run_name"])


if __name__ == "__main__":
    sys.exit(main())
