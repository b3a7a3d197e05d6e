"""When failures, not times, are the result (statistics 4.1)."""

import math

import numpy as np

from .distributions import hypergeometric_masses, normal_quantile
from .figures import Estimated, Interval
from .observations import SideObservations

MAX_RATE = 0.01
"""A larger share of failures on a side makes a comparison of latencies invalid."""
IMBALANCE_P = 0.01


def failure_rate(side: SideObservations) -> Estimated | None:
    """Return failures / attempts with Wilson's interval; None without an attempt."""
    attempts = side.success_count + side.failure_count
    if not attempts:
        return None
    interval = wilson_interval(side.failure_count, attempts)
    return Estimated(value=side.failure_count / attempts, interval=interval)


def too_many_failures(side: SideObservations) -> bool:
    """Return whether more than one attempt in a hundred failed."""
    rate = failure_rate(side)
    return rate is not None and rate.value > MAX_RATE


def imbalance_p(baseline: SideObservations, candidate: SideObservations) -> float:
    """Return the p-value of the sides failing equally often."""
    return fisher_exact_p(
        (baseline.failure_count, baseline.success_count),
        (candidate.failure_count, candidate.success_count),
    )


def wilson_interval(hits: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a share, which stays sound near 0 and 1.

    Raises ValueError without trials.
    """
    if n < 1:
        raise ValueError("a share needs at least one trial")
    z = normal_quantile((1 + confidence) / 2)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(
        low=max(0.0, centre - half) if hits else 0.0,
        high=min(1.0, centre + half) if hits < n else 1.0,
        confidence=confidence,
    )


def fisher_exact_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return Fisher's exact two-sided p of two (failed, succeeded) counts.

    The sum over all tables with the same margins that are at most as likely as this one.
    """
    failed, total = first[0] + second[0], sum(first) + sum(second)
    if not failed or failed == total:
        return 1.0
    low, masses = hypergeometric_masses(total, failed, sum(first))
    observed = masses[first[0] - low]
    # Equally likely tables differ in their last digits.
    return min(1.0, float(np.sum(masses[masses <= observed * (1 + 1e-7)])))
