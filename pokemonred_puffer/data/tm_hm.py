"""Which move each technical and hidden machine teaches, by machine number. Facts: the disassembly's item constants."""
from __future__ import annotations

HM_MOVES = "CUT FLY SURF STRENGTH FLASH".split()
TM_MOVES = """
MEGA_PUNCH RAZOR_WIND SWORDS_DANCE WHIRLWIND MEGA_KICK TOXIC HORN_DRILL BODY_SLAM TAKE_DOWN DOUBLE_EDGE BUBBLEBEAM
WATER_GUN ICE_BEAM BLIZZARD HYPER_BEAM PAY_DAY SUBMISSION COUNTER SEISMIC_TOSS RAGE MEGA_DRAIN SOLARBEAM DRAGON_RAGE
THUNDERBOLT THUNDER EARTHQUAKE FISSURE DIG PSYCHIC_M TELEPORT MIMIC DOUBLE_TEAM REFLECT BIDE METRONOME SELFDESTRUCT
EGG_BOMB FIRE_BLAST SWIFT SKULL_BASH SOFTBOILED DREAM_EATER SKY_ATTACK REST THUNDER_WAVE PSYWAVE EXPLOSION ROCK_SLIDE
TRI_ATTACK SUBSTITUTE
""".split()
FIRST_HM_ITEM = 0xC4
FIRST_TM_ITEM = 0xC9


def machine_move(item_id: int) -> str | None:
    """The name of the move that the machine `item_id` teaches, or None when the item is no machine."""
    if FIRST_HM_ITEM <= item_id < FIRST_TM_ITEM:
        return HM_MOVES[item_id - FIRST_HM_ITEM]
    if FIRST_TM_ITEM <= item_id < FIRST_TM_ITEM + len(TM_MOVES):
        return TM_MOVES[item_id - FIRST_TM_ITEM]
    return None
