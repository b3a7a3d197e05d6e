"""An open loop: how well the generator kept its schedule, and the calls without their lag."""

from array import array

from benchmark.percentiles import Ranked, median, milliseconds, percentile_or_none
from shared_models.agent_protocol import Sample
from shared_models.results import RateFigures

LATE_NS = 5_000_000
"""A start is late beyond this lag (5 ms)."""


class OpenLoop:
    """Lag = actual − intended start, of every call that was sent."""

    def __init__(self) -> None:
        self._lags_ns = array("q")
        self._services_ns = array("q")
        self._late = 0
        self._intervals = 0
        self._intervals_ns = 0
        self._first_start_ns: int | None = None
        self._last_start_ns = 0
        self._block_starts = 0

    def open_block(self) -> None:
        """Begin a new block; the time since the last one is no gap between two arrivals."""
        self._intervals, self._intervals_ns = self._started()
        self._first_start_ns, self._last_start_ns, self._block_starts = None, 0, 0

    def add(self, process: int, sample: Sample, offset_ns: int) -> None:
        """Take a sample."""
        start_ns = sample.start_ns + offset_ns
        if self._first_start_ns is None or start_ns < self._first_start_ns:
            self._first_start_ns = start_ns
        self._last_start_ns = max(self._last_start_ns, start_ns)
        self._block_starts += 1
        if sample.intended_start_ns is not None:
            lag_ns = sample.start_ns - sample.intended_start_ns
            self._lags_ns.append(lag_ns)
            self._late += lag_ns > LATE_NS
        if sample.outcome == "ok":
            self._services_ns.append(sample.duration_ns)

    def figures(self, intended_per_second: float, *, dropped: int) -> RateFigures:
        """Return what was asked for and what was done; `dropped` arrivals were never sent.

        The achieved rate is the intervals between starts over the time they took.
        """
        lags, services = Ranked(self._lags_ns), Ranked(self._services_ns)
        intervals, intervals_ns = self._started()
        return RateFigures(
            intended_per_second=intended_per_second,
            achieved_per_second=intervals * 1e9 / intervals_ns if intervals_ns else None,
            arrivals=len(lags) + dropped,
            dropped=dropped,
            late_starts=self._late,
            lag_median_ms=_not_negative(median(lags)),
            lag_p99_ms=_not_negative(percentile_or_none(lags, 0.99)),
            lag_max_ms=_not_negative(lags[-1] if len(lags) else None),
            service_median_ms=milliseconds(median(services)),
        )

    def _started(self) -> tuple[int, int]:
        """Return the number and the sum (ns) of the intervals between starts, over all blocks."""
        if self._first_start_ns is None:
            return self._intervals, self._intervals_ns
        return (
            self._intervals + self._block_starts - 1,
            self._intervals_ns + self._last_start_ns - self._first_start_ns,
        )


def _not_negative(lag_ns: float | None) -> float | None:
    # A generator may be early by the resolution of its clock; that is no lag.
    return None if lag_ns is None else milliseconds(max(0.0, lag_ns))
