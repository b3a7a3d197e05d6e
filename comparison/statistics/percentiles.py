"""One side's spread: quantiles with order-statistic intervals, and deviations (statistics 4.2)."""

import math
from dataclasses import dataclass

import numpy as np

from .distributions import binomial_quantile
from .figures import Estimated, Interval
from .observations import Floats

PERCENTILES = {"p90": 0.90, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
MAD_TO_SIGMA = 1.4826
"""Makes the median absolute deviation of normal data its standard deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviations:
    """How far values lie apart, in their own unit; the last is the deviation of their logs."""

    stdev: float | None
    mad: float | None
    log_stdev: float | None


def least_count(q: float) -> int:
    """Return the smallest n for which the q-quantile is given: ten values lie beyond it."""
    return math.ceil(10 / (1 - q) - 1e-9)


def percentile(values: Floats, q: float) -> float | None:
    """Return the q-quantile by linear interpolation (R7), or None when n is too small."""
    if len(values) < least_count(q):
        return None
    return float(np.quantile(values, q, method="linear"))


def percentile_with_interval(ordered: Floats, q: float) -> Estimated | None:
    """Return the q-quantile of ascending values with its interval, or None when n is too small."""
    value = percentile(ordered, q)
    if value is None:
        return None
    return Estimated(value=value, interval=order_statistic_interval(ordered, q))


def median_with_interval(ordered: Floats) -> Estimated | None:
    """Return the median of ascending values, however few, with its interval."""
    if not len(ordered):
        return None
    value = float(np.quantile(ordered, 0.5))
    return Estimated(value=value, interval=order_statistic_interval(ordered, 0.5))


def order_statistic_interval(ordered: Floats, q: float) -> Interval:
    """Return the distribution-free 95 % interval of a quantile of ascending values.

    Ranks (from 1) are the 2.5 % and, plus one, the 97.5 % point of Binomial(n, q); an end whose
    rank lies outside 1..n is open.
    """
    n = len(ordered)
    low, high = binomial_quantile(0.025, n, q), binomial_quantile(0.975, n, q) + 1
    return Interval(
        low=float(ordered[low - 1]) if low >= 1 else None,
        high=float(ordered[high - 1]) if high <= n else None,
        confidence=0.95,
    )


def deviations(values: Floats) -> Deviations:
    """Return the standard deviation (n − 1), the scaled MAD and the deviation of the logs."""
    if not len(values):
        return Deviations(stdev=None, mad=None, log_stdev=None)
    mad = float(np.median(np.abs(values - np.median(values)))) * MAD_TO_SIGMA
    if len(values) < 2:
        return Deviations(stdev=None, mad=mad, log_stdev=None)
    return Deviations(
        stdev=float(values.std(ddof=1)), mad=mad, log_stdev=float(np.log(values).std(ddof=1))
    )
