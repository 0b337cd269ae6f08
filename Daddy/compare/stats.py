"""What several seeds say together: interquartile mean with a bootstrap interval (Agarwal et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import bootstrap, trim_mean

_TRIM = 0.25
_RESAMPLES = 2_000


@dataclass(frozen=True)
class Summary:
    """``iqm`` of ``values``, one for each seed, and its 95% interval; no interval for a single seed."""

    iqm: float
    lo95: float | None
    hi95: float | None
    values: tuple[float, ...]

    def text(self, digits: int = 2) -> str:
        """``3.10 [2.50, 3.60]``."""
        if self.lo95 is None or self.hi95 is None:
            return f"{self.iqm:,.{digits}f}"
        return f"{self.iqm:,.{digits}f} [{self.lo95:,.{digits}f}, {self.hi95:,.{digits}f}]"

    def plain(self) -> dict[str, Any]:
        """JSON values."""
        return {"iqm": self.iqm, "lo95": self.lo95, "hi95": self.hi95, "values": list(self.values)}


def iqm(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean of the middle half."""
    return trim_mean(values, _TRIM, axis=axis)


def summarise(values: Sequence[float | None]) -> Summary | None:
    """One number per seed; None of them are left out, and without any there is no summary."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    low, high = interval(np.array(known)[:, None])
    single = low is None or high is None
    bounds = (None, None) if single else (float(low[0]), float(high[0]))
    return Summary(float(iqm(np.array(known))), *bounds, tuple(known))


def interval(values: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Ends of the 95% percentile bootstrap interval of the IQM of each column of (seeds, columns); None for one seed.

    The seed is fixed, so that a table made twice is the same. With few seeds such an interval is too narrow.
    """
    if len(values) < 2:
        return None, None
    result = bootstrap(
        (values,), lambda sample, axis=0: iqm(sample, axis), axis=0, n_resamples=_RESAMPLES, method="percentile",
        confidence_level=0.95, random_state=np.random.default_rng(0), vectorized=True,
    )  # fmt: skip
    return result.confidence_interval.low, result.confidence_interval.high


def median_or_never(values: Sequence[float | None]) -> float | None:
    """Median over seeds, where None is later than anything; None when that is the median."""
    middle = median([float("inf") if value is None else value for value in values])
    return None if middle == float("inf") else float(middle)
