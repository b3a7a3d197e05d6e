"""The interval of a ratio from paired blocks."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MIN_PAIRS = 30


@dataclass(frozen=True, slots=True)
class RatioInterval:
    """A ratio with its two-sided 90 % interval."""

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.ratio:.4f} (90 % interval {self.low:.4f} to {self.high:.4f})"


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> RatioInterval:
    """Return the median ratio of paired blocks, ours / theirs.

    The interval lies between the order statistics of rank n/2 ± 1.645 √n / 2 (the binomial
    interval of a median); unlike a mean's it is not widened by the few blocks that the machine
    interrupted. Raises ValueError below 30 pairs.
    """
    if len(ours) != len(theirs) or len(ours) < MIN_PAIRS:
        raise ValueError(f"at least {MIN_PAIRS} pairs are needed")
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    half = statistics.NormalDist().inv_cdf(0.95) * math.sqrt(len(ratios)) / 2
    low = ratios[math.floor(len(ratios) / 2 - half)]
    high = ratios[math.ceil(len(ratios) / 2 + half) - 1]
    return RatioInterval(statistics.median(ratios), low, high)


def verdict(met: bool) -> str:
    """Return the word that every benchmark ends a target's line with."""
    return "ok" if met else "MISSED"
