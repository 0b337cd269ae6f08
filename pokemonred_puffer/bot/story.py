"""The plot as goals for the scripted player: from the bedroom to the second badge, the hook and the short cut."""
from __future__ import annotations

from collections.abc import Callable

from pokemonred_puffer.bot.player import Player

FIRST_WARDEN_LEVEL = 13
SECOND_WARDEN_LEVEL = 19
TONICS = 4


class Story:
    """Plays the chapters in order; a lost fight is tried again after more training."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.game = player.game
        self.world = player.world

    def play(self) -> None:
        """From a fresh boot to the last chapter."""
        chapters = (self.boot, self.starter, self.errand, self.forest)
        for chapter in (*chapters, self.stone_crest, self.cave, self.tide_crest, self.hook):
            chapter()

    def cell(self, area: str, x: int, y: int) -> tuple[int, int, int]:
        """(map id, x, y) of a map's cell by name."""
        return self.world.ids[area], x, y

    def has(self, event: str) -> Callable[[], bool]:
        """A test whether an event has happened."""
        number = self.world.events[event]
        return lambda: self.game.event(number)

    def boot(self) -> None:
        """Through the title screen into the bedroom."""
        for _ in range(60):
            if self.game.ready and not self.game.text_open and self.game.place[0] == self.world.ids["REDS_HOUSE_2F"]:
                return
            self.game.press("a")

    def starter(self) -> None:
        """Out of the house, into Quill's lab, a companion, the rival."""
        player = self.player
        player.walk_until(self.has("EVENT_FOLLOWED_OAK_INTO_LAB"), self.cell("PALLET_TOWN", 9, 1))
        player.talk("OAKS_LAB", "BALL_LEAF", self.has("EVENT_GOT_STARTER"))
        player.walk_until(self.has("EVENT_BATTLED_RIVAL_IN_OAKS_LAB"), self.cell("OAKS_LAB", 4, 8))
        player.talk("BLUES_HOUSE", "SISTER", self.has("EVENT_GOT_TOWN_MAP"))

    def errand(self) -> None:
        """The parcel from Millbrook to Quill, and back with charms and tonics."""
        player = self.player
        player.talk("ROUTE_1", "CLERK", self.has("EVENT_GOT_POTION_SAMPLE"))
        player.walk_until(self.has("EVENT_GOT_OAKS_PARCEL"), self.cell("VIRIDIAN_MART", 3, 6))
        player.heal()
        player.talk("OAKS_LAB", "OAK", self.has("EVENT_GOT_POKEDEX"))
        player.heal()

    def forest(self) -> None:
        """Tanglewood with its three trainers."""
        player = self.player
        player.catch("VIRIDIAN_MART", self.cell("ROUTE_2", 4, 32), self.cell("ROUTE_2", 3, 33))
        player.shop("VIRIDIAN_MART", "Tonic", TONICS)
        player.train(8, self.cell("ROUTE_2", 4, 32), self.cell("ROUTE_2", 3, 33))
        player.heal()
        for name, number in (("POPPY", 0), ("MOSS", 1), ("TANSY", 2)):
            player.prepare()
            player.talk("VIRIDIAN_FOREST", name, self.has(f"EVENT_BEAT_VIRIDIAN_FOREST_TRAINER_{number}"))
        player.heal("PEWTER_POKECENTER")

    def stone_crest(self) -> None:
        """Training, then the first warden."""
        patch = ("VIRIDIAN_FOREST", (18, 3), (19, 3))
        self._badge(FIRST_WARDEN_LEVEL, patch, "PEWTER_GYM", "BROCK", "EVENT_BEAT_BROCK")

    def cave(self) -> None:
        """Gravel Rise and Glimmer Cave to Tidewell."""
        player = self.player
        player.heal("PEWTER_POKECENTER")
        player.shop("PEWTER_MART", "Tonic", self.game.money // 300)
        player.heal("MT_MOON_POKECENTER")
        player.talk("MT_MOON_B1F", "CAMPER")
        player.prepare()
        player.walk_until(self.has("EVENT_BEAT_MT_MOON_EXIT_SUPER_NERD"), self.cell("MT_MOON_B2F", 2, 11))
        player.heal("CERULEAN_POKECENTER")
        player.shop("CERULEAN_MART", "Big Tonic", self.game.money // 700)

    def tide_crest(self) -> None:
        """The rival on the bridge, then the second warden."""
        player = self.player
        patch = ("ROUTE_4", (3, 9), (3, 10))
        beaten = self.has("EVENT_BEAT_CERULEAN_RIVAL")
        level = SECOND_WARDEN_LEVEL - 2
        while not beaten():
            self._train(level, patch)
            self.player.heal("CERULEAN_POKECENTER")
            player.walk_to(self.cell("CERULEAN_CITY", 5, 9), until=lambda: self.game.in_battle)
            player.clear()
            level += 1
        player.heal("CERULEAN_POKECENTER")
        self._badge(SECOND_WARDEN_LEVEL, patch, "CERULEAN_GYM", "MISTY", "EVENT_BEAT_MISTY")

    def hook(self) -> None:
        """The hedge hook, and the short cut on Bramble Way that it opens."""
        player = self.player
        player.talk("CERULEAN_CITY", "GRANNY", self.has("EVENT_GOT_HM01"))
        player.can_cut = True
        player.take("ROUTE_2", "GREAT_BALL", "EVENT_GOT_ROUTE_2_CHARM")

    def _train(self, level: int, patch) -> None:
        area, *cells = patch
        self.player.train(level, *(self.cell(area, x, y) for x, y in cells))

    def _badge(self, level: int, patch, gym: str, warden: str, event: str) -> None:
        beaten = self.has(event)
        while not beaten():
            self._train(level, patch)
            self.player.heal()
            self.player.talk(gym, warden)
            level += 1
