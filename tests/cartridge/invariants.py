"""What must hold in the cartridge's memory after every action, whatever keys were pressed."""
from pokemonred_puffer import ram_map as ram
from pokemonred_puffer.bot.game import GAME_READY

MAX_BUSY = 60  # actions (24 frames each) within which the game has to ask for a key again
FACINGS = (0, 4, 8, 12)
BATTLE_VALUES = (0, 1, 2, 255)


class Invariants:
    """Checks one emulator after every action; a broken rule is returned as a line of text, None when all is well."""

    def __init__(self, world):
        self.areas = {area["id"]: area for area in world["maps"]}
        self.species = {int(number) for number in world["species"]}
        self.moves = {int(number) for number in world["moves"]} | {0}
        self.items = {int(number) for number in world["items"]}
        self.busy = 0
        self.events = 0

    def restart(self):
        """Forgets what was seen: another state was loaded."""
        self.busy = 0
        self.events = 0

    def check(self, emulator):
        """First broken rule, or None."""
        for rule in (self._place, self._party, self._bag, self._money, self._battle, self._progress, self._alive):
            broken = rule(emulator)
            if broken:
                return broken
        return None

    def _place(self, emulator):
        number = emulator.read(ram.wCurMap)
        area = self.areas.get(number)
        if area is None:
            return f"unknown map {number:#x}"
        x, y = emulator.read(ram.wXCoord), emulator.read(ram.wYCoord)
        if x >= area["width"] or y >= area["height"]:
            return f"({x}, {y}) is outside map {number:#x}"
        size = (2 * emulator.read(ram.wCurMapWidth), 2 * emulator.read(ram.wCurMapHeight))
        if size != (area["width"], area["height"]):
            return f"map {number:#x} claims size {size}"
        if emulator.read(ram.wSpritePlayerStateData1FacingDirection) not in FACINGS:
            return "facing is no direction"
        return None

    def _party(self, emulator):
        count = emulator.read(ram.wPartyCount)
        if count > 6:
            return f"{count} companions"
        listed = emulator.read_range(ram.wPartySpecies, count + 1)
        if listed[count] != 0xFF and count:
            return "the species list has no end"
        for i in range(count):
            member = emulator.read_range(ram.wPartyMons + i * ram.PARTY_STRUCT, ram.PARTY_STRUCT)
            broken = self._member(member) or (member[0] != listed[i] and "species list and member differ")
            if broken:
                return f"companion {i}: {broken}"
        return None

    def _member(self, member):
        hp, most = int.from_bytes(member[1:3], "big"), int.from_bytes(member[34:36], "big")
        if member[0] not in self.species:
            return f"unknown species {member[0]:#x}"
        if hp > most or most == 0:
            return f"HP {hp} of {most}"
        if not 1 <= member[ram.LEVEL_OFFSET] <= 100:
            return f"level {member[ram.LEVEL_OFFSET]}"
        if not set(member[8:12]) <= self.moves or member[8] == 0:
            return f"moves {list(member[8:12])}"
        if any(pp & 63 > 40 for pp in member[29:33]):
            return f"PP {list(member[29:33])}"
        return None

    def _bag(self, emulator):
        count = emulator.read(ram.wNumBagItems)
        if count > ram.BAG_CAPACITY:
            return f"{count} kinds of items"
        raw = emulator.read_range(ram.wBagItems, 2 * count + 1)
        ids, amounts = raw[:-1:2], raw[1::2]
        if not set(ids) <= self.items or len(set(ids)) != count:
            return f"bag ids {list(ids)}"
        if any(not 1 <= n <= 99 for n in amounts):
            return f"bag amounts {list(amounts)}"
        return None if raw[-1] == 0xFF else "the bag has no end"

    def _money(self, emulator):
        raw = emulator.read_range(ram.wPlayerMoney, 3)
        return None if raw.hex().isdecimal() else f"money {raw.hex()} is no BCD"

    def _battle(self, emulator):
        kind = emulator.read(ram.wIsInBattle)
        if kind not in BATTLE_VALUES:
            return f"battle kind {kind}"
        hp = int.from_bytes(emulator.read_range(ram.wEnemyMonHP, 2), "big")
        most = int.from_bytes(emulator.read_range(ram.wEnemyMonMaxHP, 2), "big")
        # the next foe's numbers are copied in the midst of a frame: look when the game has come to rest
        resting = kind in (1, 2) and emulator.read(GAME_READY)
        return f"foe HP {hp} of {most}" if resting and hp > most else None

    def _progress(self, emulator):
        events = int.from_bytes(emulator.read_range(ram.wEventFlags, 320), "little")
        lost = self.events & ~events
        self.events = events
        return f"event {lost.bit_length() - 1:#x} was taken back" if lost else None

    def _alive(self, emulator):
        self.busy = 0 if emulator.read(GAME_READY) else self.busy + 1
        return f"no key asked for in {self.busy} actions" if self.busy > MAX_BUSY else None
