"""WRAM addresses by the disassembly's names, and the decoding of what lies there.

Everything here works on a *reader*: any object with `read(address) -> int` and `read_range(address, length) -> bytes`.
The emulator is one; `WramImage` is another, so tests on made-up memory run the code that the environment runs.
"""
from __future__ import annotations

from typing import Protocol

import numpy as np

from pokemonred_puffer.data.items import HM_ITEMS, REQUIRED_ITEMS, USEFUL_ITEMS
from pokemonred_puffer.data.missable_objects import MissableFlags
from pokemonred_puffer.data.party import PARTY_DTYPE, PARTY_LENGTH

wSpritePlayerStateData1FacingDirection = 0xC109  # 0 down, 4 up, 8 left, 12 right
wTileMap = 0xC3A0
wCurrentMenuItem = 0xCC26
wBagSavedMenuItem = 0xCC2C
wListScrollOffset = 0xCC36
wFieldMoves = 0xCD3D
wHiddenObjectIndex = 0xCD3F
wJoyIgnore = 0xCD6B
wFontLoaded = 0xCFC4  # bit 0: a text box is on the screen
wTileInFrontOfPlayer = 0xCFC6
wEnemyMonHP = 0xCFE6  # big-endian word
wEnemyMonLevel = 0xCFF3
wEnemyMonMaxHP = 0xCFF4  # big-endian word
wIsInBattle = 0xD057  # 0 no, 1 wild, 2 trainer, 0xFF lost
wRepelRemainingSteps = 0xD0DB
wCurEnemyLevel = 0xD127
wPartyCount = 0xD163
wPartySpecies = 0xD164
wPartyMons = 0xD16B
wPokedexOwned = 0xD2F7
wPokedexSeen = 0xD30A
wNumBagItems = 0xD31D
wBagItems = 0xD31E
wPlayerMoney = 0xD347  # three bytes, big-endian BCD
wObtainedBadges = 0xD356
wMapPalOffset = 0xD35D
wCurMap = 0xD35E
wYCoord = 0xD361
wXCoord = 0xD362
wLastMap = 0xD365
wCurMapTileset = 0xD367
wCurMapHeight = 0xD368
wCurMapWidth = 0xD369
wCurMapConnections = 0xD370  # bits 0 to 3: east, west, south, north
wNorthConnectedMap = 0xD371  # first byte of the connection's header; the other sides follow
wSouthConnectedMap = 0xD37C
wWestConnectedMap = 0xD387
wEastConnectedMap = 0xD392
wNumberOfWarps = 0xD3AE
wWarpEntries = 0xD3AF  # four bytes each
wDestinationWarpID = 0xD42F
wNumSprites = 0xD4E1
wMissableObjectFlags = 0xD5A6
wMissableObjectList = 0xD5CE
wSSAnne2FCurScript = 0xD665
wWalkBikeSurfState = 0xD700
wSafariSteps = 0xD70D  # big-endian word
wLastBlackoutMap = 0xD719
wStatusFlags1 = 0xD728
wStatusFlags4 = 0xD72E
wMovementFlags = 0xD736
wEventFlags = 0xD747
wEnemyPartyCount = 0xD89C
wEnemyMon1Level = 0xD8C5
wBoxCount = 0xDA80
hWarpDestinationMap = 0xFF8B
hSpriteIndexOrTextID = 0xFF8C
hRandomAdd = 0xFFD3
hRandomSub = 0xFFD4

BAG_CAPACITY = 20
MAX_WARPS = 32
DEX_BYTES = 19
PARTY_STRUCT = PARTY_DTYPE.itemsize  # 44
LEVEL_OFFSET = 33
EXTRA_CONDITIONS = ("rival3", "game_corner_rocket", "saffron_guard", "lapras", "secret_key", "gold_teeth")

_PARTY_SPAN = wPartyMons + PARTY_LENGTH * PARTY_STRUCT - wPartyCount
_STORE = wPokedexOwned
_STORE_SPAN = wCurMapWidth + 1 - _STORE
_LATE = wWalkBikeSurfState
_LATE_SPAN = wEventFlags + 320 - _LATE
_ENEMY_STRUCT = 44


def _missable(flag: MissableFlags) -> tuple[int, int]:
    """(address, bit) of an object's flag in wMissableObjectFlags."""
    return wMissableObjectFlags + (flag >> 3), flag & 7


_ROCKET_BYTE, _ROCKET_BIT = _missable(MissableFlags.HS_GAME_CORNER_ROCKET)
_KEY_BYTE, _KEY_BIT = _missable(MissableFlags.HS_POKEMON_MANSION_B1F_ITEM_5)
_TEETH_BYTE, _TEETH_BIT = _missable(MissableFlags.HS_SAFARI_ZONE_WEST_ITEM_4)


class Reader(Protocol):
    """What decoding needs: the emulator, or a WramImage."""

    def read(self, address: int) -> int: ...

    def read_range(self, address: int, length: int) -> bytes: ...


class WramImage:
    """64 KiB of made-up memory with the emulator's read and write methods."""

    def __init__(self) -> None:
        self.data = bytearray(0x10000)

    def read(self, address: int) -> int:
        """One byte."""
        return self.data[address]

    def read_range(self, address: int, length: int) -> bytes:
        """`length` bytes from `address` on."""
        return bytes(self.data[address : address + length])

    def write(self, address: int, data: int | bytes) -> None:
        """Writes one byte, or several consecutive ones."""
        data = bytes([data]) if isinstance(data, int) else data
        self.data[address : address + len(data)] = data


def decode_bcd(raw: bytes) -> int:
    """Big-endian binary coded decimal; digits above 9 (junk memory) count as 9."""
    value = 0
    for byte in raw:
        value = value * 100 + min(byte >> 4, 9) * 10 + min(byte & 15, 9)
    return value


def encode_bcd(value: int, length: int = 3) -> bytes:
    """`value` as `length` bytes of big-endian BCD, capped at what fits (999,999 in three bytes)."""
    digits = f"{min(max(value, 0), 100**length - 1):0{2 * length}d}"
    return bytes.fromhex(digits)


def popcount(raw: bytes) -> int:
    """Number of set bits."""
    return int.from_bytes(raw, "little").bit_count()


class Snapshot:
    """All memory that one step needs, read in three slices and a dozen single reads (about 20 us), decoded on demand.

    `party`, `store` (dex, bag, money, badges, place) and `late` (status and event flags) are raw slices: comparing
    them with the previous snapshot's tells cheaply whether anything has to be decoded again.
    """

    __slots__ = (
        "destination_warp",
        "enemy_hp",
        "enemy_level",
        "enemy_max_hp",
        "facing",
        "hidden_key",
        "hidden_rocket",
        "hidden_teeth",
        "in_battle",
        "joy_ignore",
        "late",
        "party",
        "rival3_script",
        "store",
        "text_open",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        """Reads everything now."""
        read, read_range = reader.read, reader.read_range
        # Slots beyond the party's size are not read: each byte costs 27 ns.
        used = wPartyMons - wPartyCount + PARTY_STRUCT * min(read(wPartyCount), PARTY_LENGTH)
        self.party = read_range(wPartyCount, used).ljust(_PARTY_SPAN, b"\0")
        self.store = read_range(_STORE, _STORE_SPAN)
        self.late = read_range(_LATE, _LATE_SPAN)
        self.facing = read(wSpritePlayerStateData1FacingDirection) >> 2 & 3
        self.in_battle = read(wIsInBattle)
        self.text_open = read(wFontLoaded) & 1
        self.joy_ignore = read(wJoyIgnore)
        self.destination_warp = read(wDestinationWarpID)
        self.rival3_script = read(wSSAnne2FCurScript)
        self.hidden_rocket = read(_ROCKET_BYTE) >> _ROCKET_BIT & 1
        self.hidden_key = read(_KEY_BYTE) >> _KEY_BIT & 1
        self.hidden_teeth = read(_TEETH_BYTE) >> _TEETH_BIT & 1
        self.enemy_hp = self.enemy_max_hp = self.enemy_level = 0
        if self.in_battle:
            self.enemy_hp = read(wEnemyMonHP) << 8 | read(wEnemyMonHP + 1)
            self.enemy_max_hp = read(wEnemyMonMaxHP) << 8 | read(wEnemyMonMaxHP + 1)
            self.enemy_level = read(wEnemyMonLevel)

    @property
    def map_id(self) -> int:
        return self.store[wCurMap - _STORE]

    @property
    def x(self) -> int:
        return self.store[wXCoord - _STORE]

    @property
    def y(self) -> int:
        return self.store[wYCoord - _STORE]

    @property
    def tileset(self) -> int:
        return self.store[wCurMapTileset - _STORE]

    @property
    def map_size(self) -> tuple[int, int]:
        """(height, width) of the current map in cells."""
        return 2 * self.store[wCurMapHeight - _STORE], 2 * self.store[wCurMapWidth - _STORE]

    @property
    def badges(self) -> int:
        """wObtainedBadges: bit 0 Boulder to bit 7 Earth."""
        return self.store[wObtainedBadges - _STORE]

    @property
    def money(self) -> int:
        offset = wPlayerMoney - _STORE
        return decode_bcd(self.store[offset : offset + 3])

    @property
    def bag_raw(self) -> bytes:
        """wNumBagItems and the (id, quantity) pairs, 41 bytes: what `bag` decodes."""
        return self.store[wNumBagItems - _STORE : wNumBagItems - _STORE + 1 + 2 * BAG_CAPACITY]

    @property
    def pockets(self) -> bytes:
        """Raw bag and money: compare it to see whether `bag` or `money` changed."""
        return self.store[wNumBagItems - _STORE : wPlayerMoney + 3 - _STORE]

    @property
    def bag(self) -> tuple[bytes, bytes]:
        """(item ids, quantities) of the items really in the bag, at most 20 each."""
        raw = self.bag_raw
        count = min(raw[0], BAG_CAPACITY)
        ids, quantities = raw[1 : 1 + 2 * count : 2], raw[2 : 2 + 2 * count : 2]
        end = ids.find(0xFF)
        return (ids, quantities) if end < 0 else (ids[:end], quantities[:end])

    @property
    def pokedex_owned(self) -> bytes:
        return self.store[:DEX_BYTES]

    @property
    def pokedex_seen(self) -> bytes:
        return self.store[wPokedexSeen - _STORE : wPokedexSeen - _STORE + DEX_BYTES]

    @property
    def party_count(self) -> int:
        return min(self.party[0], PARTY_LENGTH)

    @property
    def party_mons(self) -> np.ndarray:
        """(6,) PARTY_DTYPE; slots beyond the party's size are zero."""
        return np.frombuffer(self.party, PARTY_DTYPE, PARTY_LENGTH, wPartyMons - wPartyCount)

    @property
    def events(self) -> bytes:
        """wEventFlags, 320 bytes."""
        return self.late[wEventFlags - _LATE :]

    @property
    def safari_steps(self) -> int:
        offset = wSafariSteps - _LATE
        return self.late[offset] << 8 | self.late[offset + 1]

    @property
    def blackout_map(self) -> int:
        return self.late[wLastBlackoutMap - _LATE]

    @property
    def surfing(self) -> bool:
        return self.late[wWalkBikeSurfState - _LATE] == 2

    @property
    def spinning(self) -> bool:
        """On a spin tile, where the game moves the player."""
        return bool(self.late[wMovementFlags - _LATE] & 0x80)

    @property
    def extras(self) -> int:
        """The four milestones outside wEventFlags: bit 0 rival3, 1 game_corner_rocket, 2 saffron_guard, 3 lapras."""
        return (
            (self.rival3_script == 4)
            | self.hidden_rocket << 1
            | (self.late[wStatusFlags1 - _LATE] >> 6 & 1) << 2
            | (self.late[wStatusFlags4 - _LATE] & 1) << 3
        )

    @property
    def treasures(self) -> int:
        """Bit 0: the mansion's key was picked up, bit 1: the safari's teeth were (their objects are hidden then)."""
        return self.hidden_key | self.hidden_teeth << 1


def event_bit(events: bytes, index: int) -> int:
    """Flag `index` of 320 packed bytes."""
    return events[index >> 3] >> (index & 7) & 1


def item_groups(bag_ids: bytes) -> tuple[int, int, int]:
    """How many (required items, useful items, HMs) the bag holds."""
    owned = set(bag_ids)
    return tuple(sum(item in owned for item in group) for group in (REQUIRED_ITEMS, USEFUL_ITEMS, HM_ITEMS))


def opponent_levels(reader: Reader) -> list[int]:
    """Levels of the enemy party (six slots; empty ones keep old values)."""
    raw = reader.read_range(wEnemyMon1Level, 5 * _ENEMY_STRUCT + 1)
    return [raw[i * _ENEMY_STRUCT] for i in range(PARTY_LENGTH)]


def read_coords(reader: Reader) -> tuple[int, int, int]:
    """(x, y, map id) now, without a whole snapshot."""
    raw = reader.read_range(wCurMap, wXCoord + 1 - wCurMap)
    return raw[4], raw[3], raw[0]
