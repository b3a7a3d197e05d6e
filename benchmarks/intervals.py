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
    """Return exp of the mean log ratio of paired blocks, ours / theirs.

    The interval is the normal one on the log ratios; raises ValueError below 30 pairs, where it
    would be too narrow.
    """
    if len(ours) != len(theirs) or len(ours) < MIN_PAIRS:
        raise ValueError(f"at least {MIN_PAIRS} pairs are needed")
    logs = [math.log(a / b) for a, b in zip(ours, theirs, strict=True)]
    centre = statistics.fmean(logs)
    half = statistics.NormalDist().inv_cdf(0.95) * statistics.stdev(logs) / math.sqrt(len(logs))
    return RatioInterval(math.exp(centre), math.exp(centre - half), math.exp(centre + half))
