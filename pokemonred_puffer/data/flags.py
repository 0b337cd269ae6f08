"""The game's status bytes D728-D734: which bit means what. Facts: the environment's specification."""
from __future__ import annotations

FLAGS_START = 0xD728
FLAGS_LENGTH = 13

# name -> (address, bit)
STATUS_BITS: dict[str, tuple[int, int]] = {
    "BIT_STRENGTH_ACTIVE": (0xD728, 0),
    "BIT_GOT_OLD_ROD": (0xD728, 3),
    "BIT_GOT_GOOD_ROD": (0xD728, 4),
    "BIT_GOT_SUPER_ROD": (0xD728, 5),
    "BIT_GAVE_SAFFRON_GUARDS_DRINK": (0xD728, 6),
    "BIT_GOT_LAPRAS": (0xD72E, 0),
    "BIT_USED_POKECENTER": (0xD72E, 2),
    "BIT_GOT_STARTER": (0xD72E, 3),
    "BIT_DISABLE_JOYPAD": (0xD730, 5),
    "BIT_NO_TEXT_DELAY": (0xD730, 6),
}


class Flags:
    """The 13 status bytes with named bits: `Flags(reader).get_bit("BIT_GOT_LAPRAS")`."""

    def __init__(self, reader) -> None:
        """`reader` has `read_range(address, length) -> bytes` (an Emulator or a WramImage)."""
        self.asbytes = reader.read_range(FLAGS_START, FLAGS_LENGTH)

    def get_bit(self, name: str) -> bool:
        """Value of a bit of STATUS_BITS; KeyError for other names."""
        address, bit = STATUS_BITS[name]
        return bool(self.asbytes[address - FLAGS_START] >> bit & 1)
