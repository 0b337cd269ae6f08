import numpy as np
import pytest

from Daddy.puffer_shim.structured import LAYOUT, STRUCTURED_DIM, StructuredEncoder
from Daddy.puffer_shim.telemetry import ForkTelemetry
from pokemonred_puffer import ram_map
from pokemonred_puffer.data.items import Items
from pokemonred_puffer.data.milestones import MILESTONES
from pokemonred_puffer.telemetry import Telemetry


class Memory(ram_map.WramImage):
    """Made-up memory that reads like an env."""

    read_m = ram_map.WramImage.read

    def telemetry(self) -> Telemetry:
        return ForkTelemetry(self).now()


def encode(memory: Memory, progress: float = 0.0) -> dict[str, np.ndarray]:
    out = np.zeros(STRUCTURED_DIM, np.uint8)
    StructuredEncoder(out).encode(memory.telemetry(), progress)
    return {name: out[where] for name, where in LAYOUT.items()}


def mon(level: int, hp: int, max_hp: int, pp: tuple[int, ...] = (0, 0, 0, 0)) -> bytes:
    struct = np.zeros(1, ram_map.PARTY_DTYPE)
    struct["level"], struct["hp"], struct["max_hp"], struct["pp"] = level, hp, max_hp, pp
    return struct.tobytes()


def test_the_layout_covers_every_byte_once():
    covered = np.concatenate([np.arange(STRUCTURED_DIM)[where] for where in LAYOUT.values()])
    assert covered.tolist() == list(range(STRUCTURED_DIM)) == list(range(218))
    assert 8 * 6 >= len(MILESTONES)


def test_place_keeps_the_exact_map_and_coordinates():
    memory = Memory()
    memory.write(ram_map.wCurMap, 0xC5)
    memory.write(ram_map.wXCoord, 37)
    memory.write(ram_map.wYCoord, 5)
    memory.write(ram_map.wSpritePlayerStateData1FacingDirection, 8)
    part = encode(memory)
    assert (part["map_bits"] > 0).tolist() == [bool(0xC5 >> i & 1) for i in range(8)]
    assert (part["x"][0], part["y"][0]) == (148, 20)
    assert (part["x_bits"] > 0) @ (1 << np.arange(6)) == 37
    assert part["facing"].tolist() == [0, 0, 255, 0]


@pytest.mark.parametrize(("in_battle", "kind"), [(0, 0), (1, 1), (2, 2), (255, 3), (7, 3)])
def test_battle_is_one_hot_with_a_place_for_lost(in_battle, kind):
    memory = Memory()
    memory.write(ram_map.wIsInBattle, in_battle)
    memory.write(ram_map.wEnemyMonLevel, 50)
    part = encode(memory)
    assert part["battle"].argmax() == kind
    assert part["enemy_level"][0] == (127 if in_battle else 0)


def test_party_scales_levels_hides_old_slots_and_survives_junk():
    memory = Memory()
    memory.write(ram_map.wPartyCount, 3)
    memory.write(ram_map.wPartyMons, mon(50, 10, 20) + mon(100, 65535, 1) + mon(255, 5, 0) + mon(7, 7, 7))
    part = encode(memory)
    assert part["levels"].tolist() == [127, 255, 255, 0, 0, 0]
    assert part["hp"].tolist() == [127, 255, 255, 0, 0, 0]
    assert part["party_count"][0] == 127


@pytest.mark.parametrize(
    ("count", "hps", "shown"), [(2, (5, 5), 0), (2, (0, 5), 1), (1, (0, 5), None), (2, (0, 0), None), (0, (5, 5), None)]
)
def test_pp_of_the_first_who_can_fight(count, hps, shown):
    memory, moves = Memory(), ((35, 0, 1, 0xC0), (40, 63, 0xC0 | 20, 3))  # the upper two bits count PP Ups
    memory.write(ram_map.wPartyCount, count)
    memory.write(ram_map.wPartyMons, b"".join(mon(9, hp, 20, pp) for hp, pp in zip(hps, moves, strict=True)))
    scaled = [[246, 0, 47, 0], [255, 255, 209, 95]]
    assert encode(memory)["pp"].tolist() == (scaled[shown] if shown is not None else [0] * 4)


def test_story_bag_and_money():
    memory = Memory()
    memory.write(ram_map.wObtainedBadges, 0b10)
    memory.write(ram_map.wBagItems, bytes((Items.OAKS_PARCEL, 1, Items.POTION, 3, 0xFF)))
    memory.write(ram_map.wNumBagItems, 2)
    memory.write(ram_map.wPlayerMoney, b"\x99\x99\x99")
    part = encode(memory, progress=2.0)
    assert np.flatnonzero(part["milestones"]).tolist() == [MILESTONES.index("EVENT_BEAT_MISTY")]
    assert np.flatnonzero(part["badges"]).tolist() == [1]
    assert np.count_nonzero(part["key_items"]) == 1
    assert part["bag_count"][0] == 25 and part["progress"][0] == 255
    assert part["money"][0] >= 254
    assert part["required_count"][0] == 255 // 76


def test_a_second_call_forgets_what_is_gone():
    out = np.zeros(STRUCTURED_DIM, np.uint8)
    encoder = StructuredEncoder(out)
    full = Memory()
    full.data[:] = b"\x03" * len(full.data)
    encoder.encode(full.telemetry(), 1.0)
    assert np.count_nonzero(out) > 40
    encoder.encode(Memory().telemetry(), 0.0)
    assert np.flatnonzero(out).tolist() == [LAYOUT["facing"].start, LAYOUT["battle"].start]
