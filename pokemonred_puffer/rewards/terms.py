"""The weighted reward terms. The reward of a step is the change of their sum since the last step: it telescopes.

Terms computed from memory, each times its weight:
event: named flags ever set in this episode, without the museum ticket · required_event: of 61 events and 4 extras, how
many hold now · required_item / useful_item / hm_count: in the bag now · badges · level: running maximum S of the
party's level sum, S below 15, 15 + (S - 15) / 4 above · seen_pokemon / caught_pokemon: dex bits · obtained_move_ids:
distinct moves ever known, and one for the empty move · exploration: visited cells, boosted · explore_warps: distinct
warps · pokecenter_heal: 1 once the party was healed in a healer's house · safari_zone: best remaining steps per map,
of 502 · use_ball_count: balls thrown at wild ones · bill_saved, rocket_hideout_found, taught_cut: 0 or 1.

Terms that upstream counts with hooks into one ROM's code, and that are always 0 here: see CONSTANT_ZERO.
"""
from __future__ import annotations

from collections.abc import Mapping

from pokemonred_puffer.data.events import (
    COUNTED_EVENTS_MASK,
    EVENTS,
    EXTRA_EVENTS,
    REQUIRED_EVENTS,
)
from pokemonred_puffer.data.items import BALL_ITEMS, REQUIRED_ITEMS, USEFUL_ITEMS, Items
from pokemonred_puffer.data.map import MAP_ID_COMPLETION_EVENTS, POKECENTERS, SAFARI_MAPS, MapIds
from pokemonred_puffer.data.moves import Moves
from pokemonred_puffer.data.tilesets import Tilesets
from pokemonred_puffer.errors import ConfigError, did_you_mean
from pokemonred_puffer.ram_map import DEX_BYTES, EXTRA_CONDITIONS, Snapshot, popcount

COMPUTED = (
    "event", "required_event", "required_item", "useful_item", "badges", "hm_count", "level", "seen_pokemon",
    "caught_pokemon", "obtained_move_ids", "exploration", "explore_warps", "pokecenter_heal", "safari_zone",
    "use_ball_count", "bill_saved", "rocket_hideout_found", "taught_cut",
)  # fmt: skip
CONSTANT_ZERO = (
    "explore_signs", "explore_npcs", "explore_hidden_objs", "a_press", "start_menu", "pokemon_menu", "stats_menu",
    "bag_menu", "seen_action_bag_menu", "cut_coords", "cut_tiles", "valid_cut_coords", "invalid_cut_coords",
    "pokeflute_tiles", "valid_pokeflute_coords", "invalid_pokeflute_coords", "surf_tiles", "valid_surf_coords",
    "invalid_surf_coords", "use_surf",
)  # fmt: skip
TILESET_TERMS = {
    "exploration_gym": Tilesets.GYM, "exploration_facility": Tilesets.FACILITY,
    "exploration_plateau": Tilesets.PLATEAU, "exploration_lobby": Tilesets.LOBBY,
}  # fmt: skip
KNOWN_TERMS = (*COMPUTED, *CONSTANT_ZERO, *TILESET_TERMS)
SAFARI_START = 502
LEVEL_KNEE = 15


def check_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """All terms with their weights (0 where none is given); ConfigError for unknown names and wrong types."""
    for name, value in weights.items():
        if name not in KNOWN_TERMS:
            raise ConfigError(f"unknown reward term {name}{did_you_mean(name, KNOWN_TERMS)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"reward term {name}={value!r} must be a number")
    return {name: float(weights.get(name, 0.0)) for name in KNOWN_TERMS}


class RewardTerms:
    """Keeps the terms of one environment up to date; recomputes only what changed in memory.

    `values` maps each computed term to its weighted value; `total()` is their sum.
    """

    def __init__(self, weights: Mapping[str, float], map_boost: float = 1.0) -> None:
        """`weights` as in config.yaml; `map_boost` multiplies exploration on maps whose story is open."""
        self.weights = check_weights(weights)
        self._map_boost = map_boost
        exploration = self.weights["exploration"]
        self._tileset_boost = {
            int(tileset): self.weights[term] / exploration
            for term, tileset in TILESET_TERMS.items()
            if exploration and self.weights[term]
        }
        self.values = dict.fromkeys(COMPUTED, 0.0)
        self._conditions = self._event_bits = 0

    def start_episode(self, snapshot: Snapshot, progress, memory) -> None:
        """Forgets the episode's maxima and takes `snapshot` as the new baseline."""
        self.values.update(dict.fromkeys(self.values, 0.0))
        self.max_events = self.max_level_sum = self.balls_thrown = 0
        self.move_ids = 1  # bit per move id ever seen; upstream counts the empty move
        self.healed = False
        self.safari_best = dict.fromkeys(map(int, SAFARI_MAPS), 0)
        self._party = self._bag = self._dex = b""
        self._hp, self._balls = 0, None
        self.update(snapshot, progress, memory, story=True)

    def update(self, snapshot: Snapshot, progress, memory, story: bool) -> None:
        """Takes in a step; `story` says whether flags, badges or bag changed (Progress.update)."""
        values, weights = self.values, self.weights
        if snapshot.party != self._party:
            self._take_party(snapshot)
        dex = snapshot.store[: 2 * DEX_BYTES]
        if dex != self._dex:
            self._dex = dex
            values["caught_pokemon"] = weights["caught_pokemon"] * popcount(snapshot.pokedex_owned)
            values["seen_pokemon"] = weights["seen_pokemon"] * popcount(snapshot.pokedex_seen)
        if story:
            self._take_story(snapshot, progress)
        if snapshot.map_id in self.safari_best:
            self._take_safari(snapshot)
        values["exploration"] = weights["exploration"] * memory.reward_sum
        values["explore_warps"] = weights["explore_warps"] * len(memory.seen_warps)

    def total(self) -> float:
        """Sum of all terms."""
        return sum(self.values.values())

    def _take_party(self, snapshot: Snapshot) -> None:
        self._party = snapshot.party
        mons, values, weights = snapshot.party_mons[: snapshot.party_count], self.values, self.weights
        self.max_level_sum = max(self.max_level_sum, int(mons["level"].sum()))
        values["level"] = weights["level"] * level_value(self.max_level_sum)
        moves = set(mons["moves"].ravel().tolist())
        for move in moves:
            self.move_ids |= 1 << move
        values["obtained_move_ids"] = weights["obtained_move_ids"] * self.move_ids.bit_count()
        values["taught_cut"] = weights["taught_cut"] * (Moves.CUT in moves)
        self._take_health(snapshot, int(mons["hp"].sum()), int(mons["max_hp"].sum()))

    def _take_health(self, snapshot: Snapshot, hp: int, max_hp: int) -> None:
        rose = 0 < self._hp < hp == max_hp
        self._hp = hp
        if rose and not snapshot.in_battle and snapshot.map_id in POKECENTERS:
            self.healed = True
        self.values["pokecenter_heal"] = self.weights["pokecenter_heal"] * self.healed

    def _take_story(self, snapshot: Snapshot, progress) -> None:
        values, weights = self.values, self.weights
        bits = progress.event_bits
        self._conditions = progress.extras | snapshot.treasures << len(EXTRA_EVENTS)
        self._event_bits = bits
        self.max_events = max(self.max_events, (bits & COUNTED_EVENTS_MASK).bit_count())
        values["event"] = weights["event"] * self.max_events
        values["required_event"] = weights["required_event"] * progress.required_events
        values["required_item"] = weights["required_item"] * progress.required_items
        values["useful_item"] = weights["useful_item"] * progress.useful_items
        values["hm_count"] = weights["hm_count"] * progress.hm_items
        values["badges"] = weights["badges"] * progress.badges.bit_count()
        values["bill_saved"] = weights["bill_saved"] * (bits >> EVENTS["EVENT_USED_CELL_SEPARATOR_ON_BILL"] & 1)
        values["rocket_hideout_found"] = weights["rocket_hideout_found"] * (
            bits >> EVENTS["EVENT_FOUND_ROCKET_HIDEOUT"] & 1
        )
        self._take_balls(snapshot)

    def _take_balls(self, snapshot: Snapshot) -> None:
        ids, quantities = snapshot.bag
        balls = sum(n for item, n in zip(ids, quantities, strict=True) if item in BALL_ITEMS)
        if self._balls is not None and balls < self._balls and snapshot.in_battle == 1:
            self.balls_thrown += self._balls - balls
        self._balls = balls
        self.values["use_ball_count"] = self.weights["use_ball_count"] * self.balls_thrown

    def _take_safari(self, snapshot: Snapshot) -> None:
        best = self.safari_best
        best[snapshot.map_id] = max(best[snapshot.map_id], min(snapshot.safari_steps, SAFARI_START))
        self.values["safari_zone"] = self.weights["safari_zone"] * sum(best.values()) / SAFARI_START

    def exploration_boost(self, map_id: int, tileset: int) -> float:
        """Factor of a newly visited cell: the tileset's own weight if it has one, times the open map's boost."""
        boost = self._tileset_boost.get(tileset, 1.0)
        return boost * self._map_boost if self.map_is_open(map_id) else boost

    def map_is_open(self, map_id: int) -> bool:
        """Whether the map's story can go on now: its "after" conditions hold and some "until" condition does not."""
        if map_id not in MAP_ID_COMPLETION_EVENTS:
            return False
        after, until = MAP_ID_COMPLETION_EVENTS[MapIds(map_id)]
        return all(map(self._holds, after)) and not all(map(self._holds, until))

    def _holds(self, condition: str) -> bool:
        if condition in EXTRA_CONDITIONS:
            return bool(self._conditions >> EXTRA_CONDITIONS.index(condition) & 1)
        return bool(self._event_bits >> EVENTS[condition] & 1)

    def detailed(self, snapshot: Snapshot, progress) -> dict[str, float]:
        """Upstream's long form: required events, extras and items one by one; same sum as `total()`."""
        terms = {k: v for k, v in self.values.items() if k not in ("required_event", "required_item", "useful_item")}
        terms |= dict.fromkeys(CONSTANT_ZERO, 0.0)
        event, bag = self.weights["required_event"], set(snapshot.bag[0])
        terms |= {name: event * (progress.event_bits >> EVENTS[name] & 1) for name in REQUIRED_EVENTS}
        terms |= {name: event * (progress.extras >> i & 1) for i, name in enumerate(EXTRA_EVENTS)}
        for group, weight in ((REQUIRED_ITEMS, "required_item"), (USEFUL_ITEMS, "useful_item")):
            terms |= {Items(item).name: self.weights[weight] * (item in bag) for item in group}
        return terms


def level_value(level_sum: int) -> float:
    """The level term before its weight: the sum itself up to 15, a quarter of what is above."""
    return float(level_sum) if level_sum < LEVEL_KNEE else LEVEL_KNEE + (level_sum - LEVEL_KNEE) / 4
