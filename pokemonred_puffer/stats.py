"""Statistics of an episode: counters kept each step, and upstream's info dictionaries made of them now and then."""
from __future__ import annotations

from typing import Any

import numpy as np

from pokemonred_puffer.data.events import EVENTS, EXTRA_EVENTS, REQUIRED_EVENTS
from pokemonred_puffer.data.items import REQUIRED_ITEMS, USEFUL_ITEMS, Items
from pokemonred_puffer.data.map import MAP_PROGRESS, SAFARI_MAPS, MapIds
from pokemonred_puffer.data.moves import Moves
from pokemonred_puffer.data.tilesets import Tilesets
from pokemonred_puffer.ram_map import Snapshot, popcount

_PROGRESS_INDEX = {map_id: i for i, map_id in enumerate(MAP_PROGRESS)}
_BATTLE_LOST = 0xFF


class EpisodeStats:
    """Counters of one episode. `take` costs under a microsecond; the dictionaries are built only when asked for."""

    def start_episode(self, snapshot: Snapshot) -> None:
        """Zeroes the counters."""
        self.action_hist = [0] * 7
        self.max_map_progress = _PROGRESS_INDEX.get(snapshot.map_id, -1)
        self.blackouts = self.max_opponent_level = 0
        self._in_battle = snapshot.in_battle

    def take(self, now: Snapshot, action: int) -> None:
        """Counts one step."""
        self.action_hist[action] += 1
        if now.in_battle:
            self.max_opponent_level = max(self.max_opponent_level, now.enemy_level)
        if now.in_battle == _BATTLE_LOST != self._in_battle:
            self.blackouts += 1
        self._in_battle = now.in_battle
        place = _PROGRESS_INDEX.get(now.map_id, -1)
        if place > self.max_map_progress:
            self.max_map_progress = place

    def agent_stats(self, env, action: int) -> dict[str, Any]:
        """Upstream's `stats` for `env`; figures that need hooks into one ROM's code are left out."""
        now, terms, memory = env.telemetry(), env.reward_terms, env.exploration
        mons = now.party_mons[: now.party_count]
        moves = set(mons["moves"].ravel().tolist())
        max_hp = int(mons["max_hp"].sum())
        badges = env.progress.badges
        return {
            "step": env.step_count + env.reset_count * env.max_steps,
            "max_map_progress": self.max_map_progress,
            "last_action": action,
            "party_count": now.party_count,
            "levels": mons["level"].tolist(),
            "levels_sum": int(mons["level"].sum()),
            "ptypes": mons["species"].tolist(),
            "hp": int(mons["hp"].sum()) / max_hp if max_hp else 0.0,
            "coord": memory.tiles,
            "warps": len(memory.seen_warps),
            "map_id": memory.map_count,
            "deaths": self.blackouts,
            "badge": badges.bit_count(),
            "action_hist": np.array(self.action_hist),
            "caught_pokemon": popcount(now.pokedex_owned),
            "seen_pokemon": popcount(now.pokedex_seen),
            "obtained_move_ids": terms.move_ids.bit_count(),
            "opponent_level": self.max_opponent_level,
            "taught_cut": int(Moves.CUT in moves),
            "taught_surf": int(Moves.SURF in moves),
            "taught_strength": int(Moves.STRENGTH in moves),
            "blackout_check": now.blackout_map,
            "item_count": now.item_count,
            "reset_count": env.reset_count,
            "blackout_count": self.blackouts,
            "pokecenter_heal": int(terms.healed),
            "in_battle": int(now.in_battle > 0),
            "event": terms.values["event"],
            "max_steps": env.get_max_steps(),
            "required_count": now.required_count,
            "max_required_count": now.max_required_count,
            "money": now.money,
            "safari_zone": {MapIds(m).name: terms.safari_best[int(m)] for m in SAFARI_MAPS},
            "use_ball_count": terms.balls_thrown,
            "exploration": {
                tileset.name.lower(): len(memory.seen_coords.get(int(tileset), ())) for tileset in Tilesets
            },
            **{f"badge_{i + 1}": badges >> i & 1 for i in range(8)},
        }

    def log_info(self, env, action: int) -> dict[str, Any]:
        """The full info of every `log_frequency` steps."""
        now, progress = env.telemetry(), env.progress
        bag = set(now.bag[0])
        reward = env.get_game_state_reward()
        mons = now.party_mons[: now.party_count]
        return {
            "env_ids": env.env_id,
            "stats": self.agent_stats(env, action),
            "events": {name: bool(progress.event_bits >> EVENTS[name] & 1) for name in REQUIRED_EVENTS}
            | {name: bool(progress.extras >> i & 1) for i, name in enumerate(EXTRA_EVENTS)},
            "required_items": {Items(item).name: item in bag for item in REQUIRED_ITEMS},
            "useful_items": {Items(item).name: item in bag for item in USEFUL_ITEMS},
            "reward": reward,
            "reward_sum": sum(reward.values()),
            "pokemon_exploration_map": env.explore_map.copy(),
            "species": mons["species"].tolist(),
            "levels": mons["level"].tolist(),
            "moves": mons["moves"].tolist(),
        }
