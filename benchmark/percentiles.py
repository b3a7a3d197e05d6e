"""Quantiles of one run, without numpy: an idle backend should not carry its 30 MB."""

import math
from collections.abc import Sequence


def quantile(ordered: Sequence[float], q: float) -> float:
    """Return the q-quantile of ascending values by linear interpolation (numpy's `linear`, R7).

    Raises ValueError for an empty sequence or q outside 0..1.
    """
    if not ordered or not 0 <= q <= 1:
        raise ValueError("a quantile needs values and 0 ≤ q ≤ 1")
    position = (len(ordered) - 1) * q
    lower = math.floor(position)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (position - lower)


def percentile_or_none(ordered: Sequence[float], q: float) -> float | None:
    """Return the q-quantile when at least 10 values lie beyond it (n ≥ 10 / (1 − q))."""
    if len(ordered) * (1 - q) < 10 - 1e-9:
        return None
    return quantile(ordered, q)
