"""The cartridge as its scripted player sees it: one key per action, the environment's timing, decoded memory."""
from __future__ import annotations

from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.emulator import BUTTONS, Emulator

KEYS = "dlruabs"  # one letter per action, in the environment's action order
HOLD_FRAMES = 8
ACTION_FRAMES = 24
GAME_READY = 0xDEF0  # the cartridge's own byte: 1 while it waits for a key
ENEMY_STRUCT = 0xCFE5
BATTLE_STRUCT = 0xD014
TEXT_WIDTH, TEXT_HEIGHT = 20, 18
CURSOR_TILE = 0xE7
FIRST_LETTER, LAST_LETTER, LETTER_OFFSET = 0x80, 0xDE, 0x60
DIRECTIONS = {"d": (0, 1), "l": (-1, 0), "r": (1, 0), "u": (0, -1)}
FACING = {0: "d", 4: "u", 8: "l", 12: "r"}


class StuckError(RuntimeError):
    """The player has pressed too many keys without reaching its goal."""


def act(emulator: Emulator, key: str) -> None:
    """One action: hold the key 8 frames, 24 frames in all (nothing is drawn)."""
    emulator.press(BUTTONS[KEYS.index(key)], HOLD_FRAMES)
    emulator.tick(ACTION_FRAMES)


class Game:
    """An emulator with the keys pressed so far and readable properties of the game's state.

    `on_action(game)` is called after every action; `limit` bounds the number of actions (StuckError).
    """

    def __init__(self, emulator: Emulator, on_action=None, limit: int = 30_000) -> None:
        self.emulator = emulator
        self.keys: list[str] = []
        self.limit = limit
        self._on_action = on_action

    def press(self, key: str) -> None:
        """Performs one action and notes it."""
        if len(self.keys) >= self.limit:
            raise StuckError(f"no end after {self.limit} actions; last place {self.place}, text {self.text()!r}")
        act(self.emulator, key)
        self.keys.append(key)
        if self._on_action:
            self._on_action(self)

    def byte(self, address: int) -> int:
        """One byte of memory."""
        return self.emulator.read(address)

    def word(self, address: int) -> int:
        """A big-endian word of memory."""
        return self.byte(address) << 8 | self.byte(address + 1)

    @property
    def ready(self) -> bool:
        """Whether the game waits for a key."""
        return self.byte(GAME_READY) == 1

    @property
    def place(self) -> tuple[int, int, int]:
        """(map id, x, y)."""
        return self.byte(ram.wCurMap), self.byte(ram.wXCoord), self.byte(ram.wYCoord)

    @property
    def facing(self) -> str:
        """Key of the direction the player looks in."""
        return FACING.get(self.byte(ram.wSpritePlayerStateData1FacingDirection), "d")

    @property
    def in_battle(self) -> int:
        """0 no, 1 wild, 2 trainer, 255 lost."""
        return self.byte(ram.wIsInBattle)

    @property
    def text_open(self) -> bool:
        """Whether a text box or menu is on the screen."""
        return bool(self.byte(ram.wFontLoaded) & 1)

    @property
    def badges(self) -> int:
        """Badge bits."""
        return self.byte(ram.wObtainedBadges)

    @property
    def money(self) -> int:
        """Money in whole units."""
        return ram.decode_bcd(self.emulator.read_range(ram.wPlayerMoney, 3))

    def event(self, number: int) -> bool:
        """Event flag by number."""
        return bool(self.byte(ram.wEventFlags + number // 8) >> number % 8 & 1)

    def party(self, offset: int, slot: int = 0, size: int = 1) -> int:
        """A field of a party member (big-endian)."""
        address = ram.wPartyMons + slot * ram.PARTY_STRUCT + offset
        return int.from_bytes(self.emulator.read_range(address, size), "big")

    @property
    def party_count(self) -> int:
        """Number of companions."""
        return self.byte(ram.wPartyCount)

    @property
    def level(self) -> int:
        """Level of the first companion (0 without one)."""
        return self.party(ram.LEVEL_OFFSET) if self.party_count else 0

    @property
    def health(self) -> float:
        """HP of the first companion as a fraction of its maximum (1 without one)."""
        return self.party(1, size=2) / max(1, self.party(34, size=2)) if self.party_count else 1.0

    def bag(self) -> list[tuple[int, int]]:
        """(item id, quantity) pairs in bag order."""
        count = min(self.byte(ram.wNumBagItems), ram.BAG_CAPACITY)
        raw = self.emulator.read_range(ram.wBagItems, 2 * ram.BAG_CAPACITY)[: 2 * count]
        return list(zip(raw[::2], raw[1::2], strict=True))

    def has(self, item: int) -> int:
        """How many of an item the bag holds."""
        return dict(self.bag()).get(item, 0)

    def persons(self) -> set[tuple[int, int]]:
        """Cells of the current map's visible persons and items."""
        cells = set()
        for i in range(1, min(self.byte(ram.wNumSprites), 15) + 1):
            if self.byte(0xC102 + 16 * i) != 0xFF:
                cells.add((self.byte(0xC205 + 16 * i) - 4, self.byte(0xC204 + 16 * i) - 4))
        return cells

    def text(self) -> list[str]:
        """The 18 rows of 20 letters of the screen's tile map; other tiles read as blanks."""
        tiles = self.emulator.read_range(ram.wTileMap, TEXT_WIDTH * TEXT_HEIGHT)
        letters = [chr(t - LETTER_OFFSET) if FIRST_LETTER <= t <= LAST_LETTER else " " for t in tiles]
        return ["".join(letters[i : i + TEXT_WIDTH]) for i in range(0, len(letters), TEXT_WIDTH)]

    def cursor(self) -> tuple[int, int] | None:
        """(column, row) of the menu arrow (the last one: a box over a list leaves the list's arrow), else None."""
        tiles = self.emulator.read_range(ram.wTileMap, TEXT_WIDTH * TEXT_HEIGHT)
        index = tiles.rfind(CURSOR_TILE)
        return None if index < 0 else (index % TEXT_WIDTH, index // TEXT_WIDTH)

    def choose(self, word: str) -> bool:
        """Moves the cursor to the entry that contains `word` and presses A; False when it is not in the menu."""
        for _ in range(2 * TEXT_HEIGHT):
            self.settle()
            at = self.cursor()
            if at is None:
                return False
            rows = self.text()
            entries = [y for y, row in enumerate(rows) if word in row[at[0] :]]
            if entries and at[1] == entries[0]:
                self.press("a")
                return True
            self.press("u" if entries and entries[0] < at[1] else "d")  # a list may have to scroll down first
        return False

    def settle(self) -> None:
        """Waits until the game wants a key, with a key that no menu and no text reacts to."""
        for _ in range(200):
            if self.ready:
                return
            self.press("l" if self.text_open or self.in_battle else "b")
        raise StuckError(f"the game never became ready at {self.place}: {self.text()!r}")
