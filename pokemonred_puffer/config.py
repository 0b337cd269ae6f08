"""Settings of the environment: one dataclass, one YAML file with the same keys, and errors that say what to do.

Keys that upstream has and this environment does not implement are accepted at the values listed in `UNIMPLEMENTED` and
refused otherwise.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pokemonred_puffer.errors import ConfigError, did_you_mean

PACKAGED_CONFIG = Path(__file__).parent / "config.yaml"
SECTIONS = ("env", "wrappers", "rewards", "train", "policies", "wandb", "debug")
HOLD_FRAMES = 8

# key -> accepted values; no other value does anything here.
UNIMPLEMENTED: dict[str, tuple[Any, ...]] = {
    "save_video": (False,),
    "fast_video": (False,),
    "animate_scripts": (False,),
    "auto_teach_cut": (False,),
    "auto_use_cut": (False,),
    "auto_use_strength": (True, False),
    "auto_use_surf": (True, False),
    "auto_teach_surf": (True, False),
    "auto_teach_strength": (True, False),
    "auto_solve_strength_puzzles": (True, False),
    "auto_remove_all_nonuseful_items": (True, False),
    "auto_pokeflute": (True, False),
    "auto_next_elevator_floor": (False,),
    "skip_safari_zone": (False,),
    "insert_saffron_guard_drinks": (False,),
    "use_global_map": (False,),
    "required_tolerance": (None,),
}


@dataclass(frozen=True)
class EnvConfig:
    """The `env` section. Meanings and units stand beside each key in config.yaml."""

    headless: bool = True
    video_dir: str = "video"
    state_dir: str = "pyboy_states"
    init_state: str = "boot"
    action_freq: int = 24
    max_steps: int = 19816
    save_video: bool = False
    fast_video: bool = False
    n_record: int = 10
    perfect_ivs: bool = False
    reduce_res: bool = True
    two_bit: bool = True
    log_frequency: int = 2000
    auto_flash: bool = True
    disable_wild_encounters: bool = False
    disable_ai_actions: bool = False
    auto_teach_cut: bool = False
    auto_use_cut: bool = False
    auto_use_strength: bool = False
    auto_use_surf: bool = False
    auto_teach_surf: bool = False
    auto_teach_strength: bool = False
    auto_solve_strength_puzzles: bool = False
    auto_remove_all_nonuseful_items: bool = False
    auto_pokeflute: bool = False
    auto_next_elevator_floor: bool = False
    skip_safari_zone: bool = False
    infinite_safari_steps: bool = False
    insert_saffron_guard_drinks: bool = False
    infinite_money: bool = False
    infinite_health: bool = False
    use_global_map: bool = False
    save_state: bool = False
    animate_scripts: bool = False
    exploration_inc: float = 1.0
    exploration_max: float = 1.0
    max_steps_scaling: float = 0.0
    map_id_scalefactor: float = 9.539340019226074
    required_tolerance: float | None = None
    gb_path: str | None = None
    allow_rom_mismatch: bool = False
    env_id: int = 0
    noop_max: int = 30

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any] | EnvConfig | None) -> EnvConfig:
        """Checks and completes a (partial) mapping; missing keys take their defaults. Raises ConfigError."""
        if isinstance(values, EnvConfig):
            return values
        values = dict(values or {})
        known = {f.name: f for f in fields(cls)}
        for key in values:
            if key not in known:
                raise ConfigError(f"unknown key env.{key}{did_you_mean(key, known)}")
        config = cls(**{key: _coerce(key, value, known[key].default) for key, value in values.items()})
        config._check()
        return config

    def _check(self) -> None:
        for key, accepted in UNIMPLEMENTED.items():
            if getattr(self, key) not in accepted:
                raise ConfigError(f"env.{key}={getattr(self, key)} is not implemented here; leave it at {accepted[0]}")
        if self.action_freq < 2:
            raise ConfigError(f"env.action_freq={self.action_freq} must be at least 2: a button is pressed and let go")
        if self.max_steps < 1:
            raise ConfigError(f"env.max_steps={self.max_steps} must be at least 1")
        for key in ("log_frequency", "noop_max", "env_id", "max_steps_scaling", "exploration_inc", "exploration_max"):
            if getattr(self, key) < 0:
                raise ConfigError(f"env.{key}={getattr(self, key)} must not be negative")

    @property
    def hold_frames(self) -> int:
        """Frames that a button is held: 8, or one less than a step has."""
        return min(HOLD_FRAMES, self.action_freq - 1)

    def as_dict(self) -> dict[str, Any]:
        """A plain dict that `from_mapping` accepts."""
        return asdict(self)


def _coerce(key: str, value: Any, default: Any) -> Any:
    """`value` in the type of `default`; ConfigError when it is of another kind."""
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
    elif isinstance(default, int):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
    elif isinstance(default, float):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif default is None or isinstance(value, str | Path):
        return str(value) if isinstance(value, Path) else value
    raise ConfigError(f"env.{key}={value!r} has the wrong type, expected {type(default).__name__}")


def load_config(path: str | Path | None = None) -> dict[str, dict]:
    """The packaged config.yaml, with the sections of `path` laid over it key by key.

    `env` keys and section names are checked; ConfigError names the file and the problem.
    """
    config = {name: dict(section or {}) for name, section in _read(PACKAGED_CONFIG).items()}
    if path is not None:
        for name, section in _read(Path(path)).items():
            config.setdefault(name, {}).update(section or {})
    EnvConfig.from_mapping(config["env"])
    return config


def _read(path: Path) -> dict[str, Any]:
    return _packaged() if path == PACKAGED_CONFIG else _parse(path)


@lru_cache(maxsize=1)
def _packaged() -> dict[str, Any]:
    return _parse(PACKAGED_CONFIG)


def _parse(path: Path) -> dict[str, Any]:
    try:
        parsed = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; pass an existing YAML file") from error
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" near line {place.line + 1}" if place else ""
        raise ConfigError(f"{path} is no valid YAML{where}: fix its syntax") from error
    if not isinstance(parsed, dict):
        raise ConfigError(f"{path} must hold sections ({', '.join(SECTIONS)}) at its top level")
    for name, section in parsed.items():
        if name not in SECTIONS:
            raise ConfigError(f"{path}: unknown section {name}{did_you_mean(name, SECTIONS)}")
        if section is not None and not isinstance(section, dict):
            raise ConfigError(f"{path}: section {name} must be a mapping")
    return parsed


def reward_weights(name: str, config: Mapping[str, dict] | None = None) -> dict[str, float]:
    """Weights of the reward set `name` ("baseline.Class" or "Class"); ConfigError when there is none."""
    sets = (config or load_config())["rewards"]
    key = name if name in sets else f"baseline.{name}"
    if key not in sets:
        raise ConfigError(f"unknown reward {name}{did_you_mean(name, sets)}")
    return dict((sets[key] or {}).get("reward") or {})
