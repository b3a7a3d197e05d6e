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
MIN_CALLS_PER_SLICE = 10
"""With fewer, whole calls entering or leaving a slice would look like a changing rate."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """One side's windows in order, each array (windows,): a row of it, start, seconds and calls.

    `seconds` is last end − first intended start over all rows with a known end, failed or not.
    """

    first_row: Integers
    start_s: Floats
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
        first,
        np.where(last > first, last - first, 0.0),
        groups.sums(wanted.astype(np.float64)),
    )


def rate_per_second(side: SideObservations, wanted: Booleans) -> Estimated | None:
    """Return wanted calls per second of windows, with a t interval over them from ten on.

    Fewer windows are cut into equal slices, the first and last of each left out as its ramp and
    tail; the slices then say how far the rate varies. None without a window that lasted.
    """
    windows = windows_of(side, wanted)
    seconds, calls = windows.seconds, windows.calls
    if not seconds.sum():
        return None
    rate = float(calls.sum() / seconds.sum())
    if len(seconds) < MIN_WINDOWS:
        seconds, calls = _slices(side, wanted, windows)
    return Estimated(value=rate, interval=_interval(calls, seconds, rate))


def _slices(side: SideObservations, wanted: Booleans, windows: Windows) -> tuple[Floats, Floats]:
    """Return the seconds of the inner slices of all windows, and the calls that ended in each."""
    count = math.ceil(MIN_WINDOWS / len(windows.seconds)) + 2
    index = np.searchsorted(side.window[windows.first_row], side.window[wanted])
    since = (side.start_s + side.latency_s)[wanted] - windows.start_s[index]
    length = windows.seconds / count
    place = (since / np.maximum(length, np.finfo(np.float64).tiny)[index]).astype(np.int64)
    table = np.bincount(
        index * count + place.clip(0, count - 1), minlength=count * len(length)
    ).reshape(len(length), count)
    inner = table[:, 1:-1].ravel().astype(np.float64)
    if inner.mean() < MIN_CALLS_PER_SLICE:
        return np.empty(0), np.empty(0)
    return np.repeat(length, count - 2), inner


def _interval(calls: Floats, seconds: Floats, rate: float) -> Interval | None:
    n = len(seconds)
    if n < MIN_WINDOWS:
        return None
    # The residuals of a ratio estimate: windows need not last equally long.
    residuals = (calls - calls.sum() / seconds.sum() * seconds) / seconds.mean()
    half = t_quantile(0.975, n - 1) * math.sqrt(float((residuals**2).sum()) / (n - 1) / n)
    return Interval(low=max(0.0, rate - half), high=rate + half, confidence=0.95)
