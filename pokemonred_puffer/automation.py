"""Help that writes memory: the `auto_*`, `infinite_*` and `perfect_ivs` switches that work on every ROM."""
from __future__ import annotations

from collections.abc import Callable

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.config import EnvConfig
from pokemonred_puffer.data.map import SAFARI_MAPS
from pokemonred_puffer.data.party import PARTY_LENGTH

DARK_PALETTE = 6
LOW_MONEY, RAISED_MONEY = 10_000, 102_700
FIXED_HP = (128).to_bytes(2, "big")
_HP_OFFSET, _STAT_EXP_OFFSET, _MAX_HP_OFFSET = 1, 17, 34


def build_automations(config: EnvConfig, emulator) -> list[Callable[[], None]]:
    """The helpers that `config` switches on; the environment calls each once before every step."""
    switches = {
        "auto_flash": light_cave,
        "disable_wild_encounters": keep_repel,
        "infinite_money": raise_money,
        "infinite_health": fix_health,
        "perfect_ivs": perfect_values,
        "infinite_safari_steps": keep_safari_steps,
    }
    return [lambda help=help: help(emulator) for key, help in switches.items() if getattr(config, key)]


def light_cave(emulator) -> None:
    """Undoes the darkness of caves."""
    if emulator.read(ram.wMapPalOffset) == DARK_PALETTE:
        emulator.write(ram.wMapPalOffset, 0)


def keep_repel(emulator) -> None:
    """Keeps the repel counter at its maximum."""
    emulator.write(ram.wRepelRemainingSteps, 0xFF)


def raise_money(emulator) -> None:
    """Gives 102,700 whenever less than 10,000 is left."""
    if ram.decode_bcd(emulator.read_range(ram.wPlayerMoney, 3)) < LOW_MONEY:
        emulator.write(ram.wPlayerMoney, ram.encode_bcd(RAISED_MONEY))


def fix_health(emulator) -> None:
    """Sets HP and maximum HP of every member to 128."""
    for slot in range(min(emulator.read(ram.wPartyCount), PARTY_LENGTH)):
        base = ram.wPartyMons + slot * ram.PARTY_STRUCT
        emulator.write(base + _HP_OFFSET, FIXED_HP)
        emulator.write(base + _MAX_HP_OFFSET, FIXED_HP)


def perfect_values(emulator) -> None:
    """Fills stat experience and individual values (12 bytes) of every member with 0xFF."""
    for slot in range(min(emulator.read(ram.wPartyCount), PARTY_LENGTH)):
        emulator.write(ram.wPartyMons + slot * ram.PARTY_STRUCT + _STAT_EXP_OFFSET, b"\xff" * 12)


def keep_safari_steps(emulator) -> None:
    """Keeps the step counter up inside the safari."""
    if emulator.read(ram.wCurMap) in SAFARI_MAPS:
        emulator.write(ram.wSafariSteps, b"\x00\xff")
