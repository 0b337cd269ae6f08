"""Packs pictures for src/crt0.s's far_unpack: literal runs and repeats from up to 256 bytes back."""

from __future__ import annotations

MAX_LITERAL = 128
MIN_REPEAT, MAX_REPEAT = 2, 129
WINDOW = 256


def _longest(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(length, distance) of the longest earlier copy of data[at:]; length 0 when none."""
    best, distance = 0, 0
    for back in range(1, min(WINDOW, at) + 1):
        n = 0
        while at + n < end and n < MAX_REPEAT and data[at + n] == data[at + n - back]:
            n += 1
        if n > best:
            best, distance = n, back
    return best, distance


def _pack_part(data: bytes, start: int, end: int) -> bytes:
    """Cheapest encoding of data[start:end], computed backwards."""
    found = {i: _longest(data, i, end) for i in range(start, end)}
    cost, choice = {end: 0}, {}
    for i in range(end - 1, start - 1, -1):
        cost[i], choice[i] = min((1 + n + cost[i + n], (n, 0)) for n in range(1, min(MAX_LITERAL, end - i) + 1))
        length, distance = found[i]
        for n in range(MIN_REPEAT, length + 1):
            if 2 + cost[i + n] < cost[i]:
                cost[i], choice[i] = 2 + cost[i + n], (n, distance)
    out, i = bytearray(), start
    while i < end:
        n, distance = choice[i]
        out += bytes((n + 126, distance - 1)) if distance else bytes((n - 1,)) + data[i : i + n]
        i += n
    return bytes(out)


def pack(data: bytes, part: int | None = None) -> bytes:
    """Packed data; with part, unpacking may stop at every multiple of part bytes."""
    step = part or len(data)
    return b"".join(_pack_part(data, i, min(i + step, len(data))) for i in range(0, len(data), step))
