"""An open loop is only as good as its generator, and has no steady state when saturated (4.12)."""

import math
from dataclasses import dataclass

import numpy as np

from .distributions import t_tail
from .groups import Groups
from .observations import Floats, SideObservations

LAG_FLOOR_S = 0.005
LAG_SHARE = 0.05
BINS = 20
SLOPE_P = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """How late the generator sent; `limit_ms` is what it may be at the 99th percentile."""

    lag_p99_ms: float
    limit_ms: float

    @property
    def late(self) -> bool:
        """Whether the lag is the generator's result rather than the server's."""
        return self.lag_p99_ms > self.limit_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """The p-values of in-flight count and latency not growing within a window."""

    in_flight_p: float
    latency_p: float

    @property
    def saturated(self) -> bool:
        """Whether both grow: arrivals come faster than they are served."""
        return self.in_flight_p < SLOPE_P and self.latency_p < SLOPE_P


def generator(side: SideObservations) -> Generator | None:
    """Return the generator's lag against its limit: the larger of 5 ms and 5 % of the median.

    None without a lag, that is in closed loops.
    """
    if side.lag_s is None:
        return None
    lags, latencies = side.lag_s[np.isfinite(side.lag_s)], side.latency_s[side.counted]
    if not (len(lags) and len(latencies)):
        return None
    limit_s = max(LAG_FLOOR_S, LAG_SHARE * float(np.median(latencies)))
    return Generator(lag_p99_ms=float(np.quantile(lags, 0.99)) * 1000, limit_ms=limit_s * 1000)


def saturation(side: SideObservations) -> Saturation | None:
    """Return whether queue and latency grow over the windows; None with too few calls.

    Calls are binned by their time since the window's start, all windows together, into 20 bins;
    each bin's mean is a point of a least-squares line. The first tenth of the window is left out:
    the queue of any open loop fills from empty there.
    """
    rows = np.flatnonzero(side.counted)
    if len(rows) < 2 * BINS:
        return None
    since = _since_window_start(side)[rows]
    length = float(since.max())
    kept = since >= length / 10
    if length <= 0 or kept.sum() < 2 * BINS:
        return None
    bins = ((since[kept] / length - 0.1) / 0.9 * BINS).astype(np.int64).clip(0, BINS - 1)
    groups = Groups.by(bins)
    in_flight = groups.means(_in_flight(side)[rows][kept])
    latency = groups.means(side.latency_s[rows][kept])
    return Saturation(
        in_flight_p=growth_p(groups.keys.astype(np.float64), in_flight),
        latency_p=growth_p(groups.keys.astype(np.float64), latency),
    )


def growth_p(x: Floats, y: Floats) -> float:
    """Return the one-sided p-value of the least-squares slope of y on x being at most 0."""
    n = len(x)
    if n < 3:
        return 1.0
    dx, dy = x - x.mean(), y - y.mean()
    slope = float((dx * dy).sum() / (dx * dx).sum())
    residual = float(((dy - slope * dx) ** 2).sum()) / (n - 2)
    error = math.sqrt(residual / float((dx * dx).sum()))
    if error == 0:
        return 0.0 if slope > 0 else 1.0
    return t_tail(slope / error, n - 2)


def _since_window_start(side: SideObservations) -> Floats:
    windows = Groups.by(side.window)
    starts = np.empty_like(side.start_s)
    starts[windows.order] = np.repeat(windows.minima(side.start_s), windows.counts)
    return side.start_s - starts


def _in_flight(side: SideObservations) -> Floats:
    """Return how many calls were due and not ended when each call was due; (n,)."""
    ends = np.sort(side.start_s + np.nan_to_num(side.latency_s))
    starts = np.sort(side.start_s)
    begun = np.searchsorted(starts, side.start_s, side="right")
    ended = np.searchsorted(ends, side.start_s, side="right")
    return (begun - ended).astype(np.float64)
