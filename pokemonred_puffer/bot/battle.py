"""How the scripted player fights: the strongest move, tonics when hurt, running from wild fights that go badly."""
from __future__ import annotations

from pokemonred_puffer.bot.game import BATTLE_STRUCT, ENEMY_STRUCT, Game
from pokemonred_puffer.bot.world import World

MOVES_OFFSET, PP_OFFSET, TYPE_OFFSET = 8, 25, 5
HP_OFFSET, SLOT_OFFSET, MAX_HP_OFFSET = 1, 3, 15
MENU = {"FIGHT": (3, 14), "BAG": (11, 14), "SWITCH": (3, 16), "RUN": (11, 16)}
MOVE_COLUMN, MOVE_ROW = 1, 13
HURT, WORN = 0.35, 0.25
FIRST_SPECIAL_TYPE = 0x14


class Fighter:
    """Plays one decision of a battle at a time."""

    def __init__(self, game: Game, world: World) -> None:
        self.game = game
        self.world = world
        self.catching = False  # whether to throw charms at whatever is wild

    def turn(self) -> None:
        """Does the next thing the battle asks for."""
        game = self.game
        game.settle()
        rows = game.text()
        if "FIGHT" in rows[14] and "RUN" in rows[16]:
            self._command()
        elif game.cursor() and "Yes" in rows[14][14:]:
            self._question()
        elif "Who goes next?" in rows[15]:
            self._send_next()
        else:
            game.press("a")

    def _command(self) -> None:
        game = self.game
        if self.catching and game.in_battle == 1 and game.has(self.world.charm):
            self._throw()
        elif self.tonics() and self._health() < HURT and game.in_battle == 2:
            self._drink()
        elif game.in_battle == 1 and self._health() < WORN:
            self._pick("RUN")
        else:
            self._attack()

    def tonics(self) -> int:
        """Number of tonics of any size in the bag."""
        return sum(n for item, n in self.game.bag() if item in self.world.tonics)

    def _health(self) -> float:
        # of the companion that fights
        return self.game.word(BATTLE_STRUCT + HP_OFFSET) / max(1, self.game.word(BATTLE_STRUCT + MAX_HP_OFFSET))

    def _pick(self, word: str) -> None:
        column, row = MENU[word]
        for _ in range(20):
            at = self.game.cursor()
            if at is None:
                return
            if at == (column, row):
                self.game.press("a")
                return
            if at[0] != column:
                self.game.press("r" if at[0] < column else "l")
            else:
                self.game.press("d" if at[1] < row else "u")
            self.game.settle()

    def _attack(self) -> None:
        self._pick("FIGHT")
        self.game.settle()
        if self._choosing_move():
            self._pick_move(self.best_move())

    def _choosing_move(self) -> bool:
        at = self.game.cursor()
        return at is not None and at[0] == MOVE_COLUMN and at[1] >= MOVE_ROW

    def _pick_move(self, slot: int) -> None:
        for _ in range(12):
            at = self.game.cursor()
            if at is None:
                return
            if at[1] - MOVE_ROW == slot:
                self.game.press("a")
                return
            self.game.press("d" if at[1] - MOVE_ROW < slot else "u")
            self.game.settle()

    def _drink(self) -> None:
        game = self.game
        self._pick("BAG")
        if game.choose("Tonic"):
            self._pick_member(game.byte(BATTLE_STRUCT + SLOT_OFFSET))
        for _ in range(12):
            game.settle()
            if "FIGHT" in game.text()[14] or game.cursor() is None:
                return
            game.press("b")

    def _throw(self) -> None:
        self._pick("BAG")
        self.game.choose("Bond Charm")

    def _send_next(self) -> None:
        game = self.game
        self._pick_member(next(i for i in range(game.party_count) if game.party(1, i, size=2)))

    def _pick_member(self, slot: int) -> None:
        game = self.game
        game.settle()
        while (at := game.cursor()) and at[1] != 2 * slot:
            game.press("d")
            game.settle()
        game.press("a")

    def _question(self) -> None:
        # the only question is whether to learn a move: yes, in place of the weakest
        self.game.press("a")
        self.game.settle()
        if self._choosing_move():
            slots = self._moves(BATTLE_STRUCT)
            self._pick_move(min(range(len(slots)), key=lambda i: self.world.moves[slots[i]]["power"]))

    def _moves(self, struct: int) -> list[int]:
        raw = self.game.emulator.read_range(struct + MOVES_OFFSET, 4)
        return [move for move in raw if move]

    def best_move(self) -> int:
        """Slot of the move with the highest expected damage that has PP left."""
        moves = self._moves(BATTLE_STRUCT)
        points = self.game.emulator.read_range(BATTLE_STRUCT + PP_OFFSET, 4)
        usable = [i for i in range(len(moves)) if points[i] & 63]
        return max(usable, key=lambda i: self.value(moves[i]), default=0)

    def value(self, move_id: int) -> float:
        """Expected damage of one of our moves on the foe, in arbitrary units."""
        move = self.world.moves[move_id]
        mine = self.game.emulator.read_range(BATTLE_STRUCT + TYPE_OFFSET, 2)
        theirs = self.game.emulator.read_range(ENEMY_STRUCT + TYPE_OFFSET, 2)
        value = move["power"] * move["accuracy"]
        if move["type"] in mine:
            value *= 1.5
        for kind in set(theirs):
            value *= self.world.effects.get((move["type"], kind), 1)
        attack, defense = (23, 23) if move["type"] >= FIRST_SPECIAL_TYPE else (17, 19)
        return value * self.game.word(BATTLE_STRUCT + attack) / max(1, self.game.word(ENEMY_STRUCT + defense))
