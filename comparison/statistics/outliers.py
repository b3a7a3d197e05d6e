"""Unusual calls: counted and listed, never dropped (statistics 4.11)."""

from dataclasses import dataclass

import numpy as np

from .observations import Floats

FENCE = 3.0
MAX_LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Outliers:
    """How many, their share of the total time, and where the longest are (at most 100)."""

    count: int
    time_share: float | None
    positions: tuple[int, ...]


def outliers(latencies_s: Floats) -> Outliers:
    """Find the calls beyond Tukey's outer fences (3 × IQR) on the logs.

    On logs, because latencies are skewed: clean lognormal calls are flagged one in 100,000.
    """
    if not len(latencies_s):
        return Outliers(count=0, time_share=None, positions=())
    logs = np.log(latencies_s)
    low, high = np.quantile(logs, [0.25, 0.75])
    reach = FENCE * (high - low)
    found = np.flatnonzero((logs < low - reach) | (logs > high + reach))
    longest = found[np.argsort(latencies_s[found])[::-1][:MAX_LISTED]]
    share = float(latencies_s[found].sum() / latencies_s.sum())
    return Outliers(count=len(found), time_share=share, positions=tuple(longest.tolist()))
