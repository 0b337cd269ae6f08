"""Walking, talking, healing and shopping: what the scripted player can be asked to do."""
from __future__ import annotations

from pokemonred_puffer.bot.battle import Fighter
from pokemonred_puffer.bot.game import DIRECTIONS, Game, StuckError
from pokemonred_puffer.bot.world import Cell, Thing, World

HEALERS = ("VIRIDIAN_POKECENTER", "PEWTER_POKECENTER", "MT_MOON_POKECENTER", "CERULEAN_POKECENTER")
MAX_ASIDE = 400
CHARMS_MONEY = 600  # price of the charms bought at a time
HURT = 0.5  # share of HP below which a tonic is used between fights
TIRED = 0.45  # share of HP below which grinding stops for the healer


class Player:
    """Drives a Game by goals; every interruption (fight, text, blackout) is dealt with on the way."""

    def __init__(self, game: Game, world: World) -> None:
        self.game = game
        self.world = world
        self.fighter = Fighter(game, world)
        self.can_cut = False

    def handle(self) -> bool:
        """Deals with a fight, a text or a wait; False when the player is free to walk."""
        game = self.game
        if game.in_battle:
            self.fighter.turn()
        elif not game.ready:
            game.settle()
        elif game.text_open:
            self._answer()
        else:
            return False
        return True

    def _answer(self) -> None:
        # an open menu is a question: the first entry is Yes; otherwise the next page
        self.game.press("a")

    def clear(self) -> None:
        """Handles everything until the player may walk."""
        for _ in range(2000):
            if not self.handle():
                return
        raise StuckError(f"never free to walk at {self.game.place}: {self.game.text()!r}")

    def walk_to(self, *goals: Cell, until=None) -> None:
        """Walks to the nearest of the cells; stops early when `until()` is true."""
        waits = 0
        while True:
            self.clear()
            if self.game.place in goals or (until and until()):
                return
            self.drink()
            path = self._path(set(goals))
            if path is None:
                waits += 1
                self._step_aside(waits)
                continue
            self._follow(path, until)

    def _path(self, goals: set[Cell]):
        here = self.game.place
        blocked = {(here[0], x, y) for x, y in self.game.persons()}
        return self.world.plan(here, goals, blocked, self.can_cut, self.world.watched(self.game.event))

    def _step_aside(self, waits: int) -> None:
        # somebody who wanders stands in the only way: people move only while the player does
        if waits > MAX_ASIDE:
            raise StuckError(f"no way from {self.game.place}")
        self.game.press("lrud"[waits // 2 % 4] if waits % 2 else "rldu"[waits // 2 % 4])

    def _follow(self, path: list[tuple[str, Cell]], until) -> None:
        for key, expected in path:
            if self.world.kind(expected) == "cut":
                self._cut(key)
            self.game.press(key)
            if not self.game.ready:
                self.game.settle()
            if self.game.place != expected or self.game.in_battle or self.game.text_open or (until and until()):
                return

    def _cut(self, key: str) -> None:
        if self.game.facing != key:
            self.game.press(key)  # bumps into the bush and so faces it
            self.game.settle()
        self.game.press("a")
        self.clear()

    def walk_until(self, done, *goals: Cell) -> None:
        """Walks to the cells again and again until `done()` (a step script or a trainer on the way ends it)."""
        for _ in range(30):
            self.walk_to(*goals, until=done)
            self.clear()
            if done():
                return
        raise StuckError(f"goal not reached at {self.game.place}")

    def spots(self, thing: Thing) -> dict[Cell, str]:
        """{cell to stand on: key to face the thing}, also across counters."""
        found = {}
        for key, (dx, dy) in DIRECTIONS.items():
            near = (thing.map_id, thing.x - dx, thing.y - dy)
            if self.world.kind(near) == "counter":
                near = (thing.map_id, near[1] - dx, near[2] - dy)
            if self.world.kind(near) in ("walk", "grass", "mat"):
                found[near] = key
        return found

    def talk(self, area: str, name: str, done=None) -> None:
        """Goes to somebody and presses A until `done()` (default: once)."""
        thing = self.world.thing(area, name)
        spots = self.spots(thing)
        for _ in range(30):
            self.walk_to(*spots, until=done)
            if done and done():
                return
            self._face(spots[self.game.place])
            self.game.press("a")
            self.clear()
            if done is None or done():
                return
        raise StuckError(f"talking to {name} on {area} had no effect")

    def _face(self, key: str) -> None:
        if self.game.facing != key:
            self.game.press(key)
            self.game.settle()

    def take(self, area: str, item: str, event: str) -> None:
        """Picks up an item from the ground."""
        number = self.world.events[event]
        if not self.game.event(number):
            self.talk(area, item, lambda: self.game.event(number))

    def heal(self, healer: str | None = None) -> None:
        """Goes to a healer (default: the nearest by walking) and has everybody restored."""
        healer = healer or self.nearest_healer()
        self.talk(healer, "HEALER")

    def prepare(self) -> None:
        """Before a fight: tonics, and the healer when they are not enough."""
        self.drink()
        if self.game.health < HURT:
            self.heal()

    def catch(self, shop: str, *patch: Cell) -> None:
        """Paces in the grass and throws charms until a second companion joins; buys more while there is money."""
        self.fighter.catching = True
        joined = lambda: self.game.party_count > 1 or not self.game.has(self.world.charm)  # noqa: E731
        while self.game.party_count < 2:
            if not self.game.has(self.world.charm):
                if self.game.money < CHARMS_MONEY:
                    break
                self.shop(shop, "Bond Charm", 3)
            for cell in patch:
                self.walk_to(cell, until=joined)
        self.fighter.catching = False

    def drink(self) -> None:
        """Uses tonics from the start menu's bag while the first companion is hurt."""
        for _ in range(3):
            if self.game.health > HURT or not self.fighter.tonics() or self.game.in_battle:
                return
            self.game.press("s")
            if self.game.choose("Bag") and self.game.choose("Tonic") and self.game.choose("Use"):
                self.game.settle()
                self.game.press("a")  # the first companion
            self._leave_menus()

    def nearest_healer(self) -> str:
        """Name of the healer map with the shortest way from here."""
        lengths = {}
        for name in HEALERS:
            path = self._path(set(self.spots(self.world.thing(name, "HEALER"))))
            if path is not None:
                lengths[name] = len(path)
        return min(lengths, key=lengths.get)

    def train(self, level: int, *patch: Cell) -> None:
        """Paces between grass cells until the first companion has the level; heals in between."""
        while self.game.level < level:
            if self.game.health < TIRED:
                self.heal()
            for cell in patch:
                self.walk_to(cell, until=lambda: self.game.health < TIRED or self.game.level >= level)

    def shop(self, area: str, word: str, count: int) -> None:
        """Buys `count` of the item whose name contains `word` from the keeper of a shop."""
        thing = self.world.thing(area, "KEEPER")
        spots = self.spots(thing)
        self.walk_to(*spots)
        self._face(spots[self.game.place])
        self.game.press("a")
        if self.game.choose("Buy"):
            for _ in range(count):
                self.game.choose(word)
                self.game.settle()
                self.game.press("a")  # "here you are"
        self._leave_menus()

    def _leave_menus(self) -> None:
        for _ in range(40):
            self.game.settle()
            if not self.game.text_open:
                return
            self.game.press("b")
        raise StuckError(f"a menu does not close: {self.game.text()!r}")

