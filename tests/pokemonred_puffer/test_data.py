"""The tables against the figures of the specification."""
from __future__ import annotations

import numpy as np

from pokemonred_puffer.data.events import EVENTS, EXTRA_EVENTS, REQUIRED_EVENTS, EventFlags
from pokemonred_puffer.data.items import REQUIRED_ITEMS, USEFUL_ITEMS, Items
from pokemonred_puffer.data.map import MAP_BLOCKS, MapIds
from pokemonred_puffer.data.milestones import (
    EARLY,
    LATE,
    MID,
    MILESTONE_TABLE,
    MILESTONES,
    milestone_names,
    pack_milestones,
    unpack_milestones,
)
from pokemonred_puffer.data.moves import Moves
from pokemonred_puffer.data.party import PARTY_DTYPE
from pokemonred_puffer.data.species import Species
from pokemonred_puffer.data.tilesets import Tilesets
from pokemonred_puffer.data.tm_hm import machine_move
from pokemonred_puffer.ram_map import WramImage


def test_events_and_required_events():
    assert len(EVENTS) == 504 and len(set(EVENTS.values())) == 504
    assert len(REQUIRED_EVENTS) == 61 and set(REQUIRED_EVENTS) <= set(EVENTS) and len(EXTRA_EVENTS) == 4
    known = {"GOT_STARTER": 0x022, "BEAT_BROCK": 0x077, "BEAT_MISTY": 0x0BF, "GOT_HM01": 0x5E0, "MET_BILL": 0x550,
             "BEAT_SILPH_CO_GIOVANNI": 0x78F, "BEAT_CHAMPION_RIVAL": 0x901, "BEAT_ROCK_TUNNEL_2_TRAINER_7": 0x9B8,
             "GOT_HM02": 0x4CE, "BEAT_ROUTE12_SNORLAX": 0x48F, "BEAT_ROUTE_9_TRAINER_0": 0x441}  # fmt: skip
    assert {name: EVENTS[f"EVENT_{name}"] for name in known} == known


def test_maps():
    assert len(MapIds) == len(MAP_BLOCKS) == 248
    assert (MapIds.OAKS_LAB, MapIds.PEWTER_GYM, MapIds.LANCES_ROOM, MapIds.AGATHAS_ROOM) == (0x28, 0x36, 0x71, 0xF7)
    assert MAP_BLOCKS[MapIds.ROUTE_23] == (72, 10)


def test_items_moves_species_tilesets():
    assert [Items[n] for n in ("POTION", "SECRET_KEY", "LIFT_KEY", "FLOOR_B4F", "HM_01", "TM_01", "TM_50")] == [
        0x14, 0x2B, 0x4A, 0x61, 0xC4, 0xC9, 0xFA,
    ]  # fmt: skip
    assert len(REQUIRED_ITEMS) == 11 and len(USEFUL_ITEMS) == 5
    assert (Moves.CUT, Moves.SURF, Moves.STRENGTH, Moves.FLASH, Moves.STRUGGLE) == (0x0F, 0x39, 0x46, 0x94, 0xA5)
    assert (Species.RHYDON, Species.BULBASAUR, Species.VICTREEBEL) == (0x01, 0x99, 0xBE)
    assert len(Tilesets) == 24 and PARTY_DTYPE.itemsize == 44
    assert machine_move(0xC4) == "CUT" and machine_move(0xFA) == "SUBSTITUTE" and machine_move(0x14) is None


def test_milestones_have_tiers_in_order_and_all_badges():
    tiers = [m.tier for m in MILESTONE_TABLE]
    assert tiers == sorted(tiers, key=[EARLY, MID, LATE].index) and len(set(MILESTONES)) == len(MILESTONES) <= 128
    assert sorted(m.badge for m in MILESTONE_TABLE if m.badge is not None) == list(range(8))


def test_milestones_pack_each_bit_on_its_own():
    for i, milestone in enumerate(MILESTONE_TABLE):
        events, badges, extras = bytearray(320), 0, 0
        if milestone.badge is not None:
            badges = 1 << milestone.badge
        elif milestone.event is not None:
            events[milestone.event >> 3] |= 1 << (milestone.event & 7)
        else:
            extras = 1 << EXTRA_EVENTS.index(milestone.name)
        packed = pack_milestones(bytes(events), badges, extras)
        assert packed.shape == (16,) and packed[i >> 3] == 1 << (i & 7)
        assert milestone_names(packed) == (milestone.name,)
        assert np.flatnonzero(unpack_milestones(packed)).tolist() == [i]


def test_event_flags_by_name():
    image = WramImage()
    image.write(0xD74B, 0b100)
    flags = EventFlags(image)
    assert flags.get_event("EVENT_GOT_STARTER") and not flags.get_event("EVENT_GOT_POKEDEX")
    assert flags.get_events(["EVENT_GOT_STARTER", "EVENT_BEAT_BROCK"]) == (True, False)
