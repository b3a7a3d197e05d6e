"""Calls per second of timed windows; the window is the unit, for calls in flight together are not
independent (statistics 4.13)."""

import math
from dataclasses import dataclass

import numpy as np

from .distributions import t_quantile
from .figures import Estimated, Interval
from .groups import Groups
from .observations import Booleans, Floats, Integers, SideObservations

MIN_WINDOWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """One side's windows in order, each array (windows,): first row, seconds and calls.

    `seconds` is last end − first intended start over all rows with a known end, failed or not.
    """

    first_row: Integers
    seconds: Floats
    calls: Floats


def windows_of(side: SideObservations, wanted: Booleans) -> Windows:
    """Return the windows and how many `wanted` calls each has."""
    ends = side.start_s + side.latency_s
    known = np.isfinite(ends)
    groups = Groups.by(side.window)
    last = groups.maxima(np.where(known, ends, -np.inf))
    first = groups.minima(side.start_s)
    return Windows(
        groups.order[groups.starts],
        np.where(last > first, last - first, 0.0),
        groups.sums(wanted.astype(np.float64)),
    )


def rate_per_second(side: SideObservations, wanted: Booleans) -> Estimated | None:
    """Return wanted calls per second of windows, with a t interval over them from ten on.

    None without a window that lasted.
    """
    windows = windows_of(side, wanted)
    lasted = windows.seconds > 0
    seconds, calls = windows.seconds[lasted], windows.calls[lasted]
    if not len(seconds):
        return None
    value = float(calls.sum() / seconds.sum())
    return Estimated(value=value, interval=_interval(calls, seconds, value))


def _interval(calls: Floats, seconds: Floats, rate: float) -> Interval | None:
    n = len(seconds)
    if n < MIN_WINDOWS:
        return None
    # The residuals of a ratio estimate: windows need not last equally long.
    residuals = (calls - rate * seconds) / seconds.mean()
    half = t_quantile(0.975, n - 1) * math.sqrt(float((residuals**2).sum()) / (n - 1) / n)
    return Interval(low=max(0.0, rate - half), high=rate + half, confidence=0.95)
