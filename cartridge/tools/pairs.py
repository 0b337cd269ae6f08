"""Squeezes dialog text: bytes from 0x80 on stand for two others (byte pair encoding)."""

from __future__ import annotations

import itertools
from collections import Counter

FIRST_CODE, MAX_CODES = 0x80, 128
MAX_DEPTH = 6  # src/text.c keeps that many waiting letters


def _replace(text: list[int], pair: tuple[int, int], code: int) -> list[int]:
    out, i = [], 0
    while i < len(text):
        if i + 1 < len(text) and (text[i], text[i + 1]) == pair:
            out.append(code)
            i += 2
        else:
            out.append(text[i])
            i += 1
    return out


class PairCoder:
    """Learns the most useful pairs of some texts, then encodes any text with them."""

    def __init__(self, texts: list[bytes]) -> None:
        self.pairs: list[tuple[int, int]] = []
        depth: dict[int, int] = {}
        work = [list(text) for text in texts]
        while len(self.pairs) < MAX_CODES:
            counts = Counter(pair for text in work for pair in itertools.pairwise(text) if 0 not in pair)
            fits = [(n, p) for p, n in counts.items() if max(depth.get(c, 0) for c in p) < MAX_DEPTH]
            if not fits:
                break
            best = max(fits)[1]
            code = FIRST_CODE + len(self.pairs)
            depth[code] = 1 + max(depth.get(c, 0) for c in best)
            self.pairs.append(best)
            work = [_replace(text, best, code) for text in work]

    def encode(self, text: bytes) -> bytes:
        """The text in its short form."""
        out = list(text)
        for n, pair in enumerate(self.pairs):
            out = _replace(out, pair, FIRST_CODE + n)
        return bytes(out)

    def c_table(self) -> str:
        """C source of the pairs."""
        return "const u8 textPairs[] = {" + ", ".join(f"{a}, {b}" for a, b in self.pairs) + "};"
