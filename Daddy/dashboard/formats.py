"""Numbers and times in a fixed, small width."""

from __future__ import annotations

import math

_UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "K"))


def count(value: float) -> str:
    """Three significant digits: ``950``, ``1.23K``, ``45.6M``."""
    for scale, unit in _UNITS:
        if abs(value) >= scale * 0.9995:
            scaled = value / scale
            digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:.{digits}f}{unit}"
    return f"{value:.0f}"


def number(value: float) -> str:
    """At most seven characters, four significant digits: ``0.1234``, ``12.34``, ``1,234``, ``1.2e-05``, ``nan``."""
    size = abs(value)
    if not math.isfinite(value):
        return str(value)
    if value == round(value) and size < 1000:
        return f"{value:.0f}"
    if size >= 1e5:
        return count(value)
    if size and size < 1e-3:
        return f"{value:.1e}"
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 1 else 4
    return f"{value:,.{digits}f}"


def duration(seconds: float | None) -> str:
    """``47s``, ``12m05s``, ``3h05m``, ``2d04h``; ``?`` when unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    if seconds < 60:
        return f"{seconds:.0f}s" if seconds < 59.5 else "1m00s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours < 48 else f"{hours // 24}d{hours % 24:02d}h"
