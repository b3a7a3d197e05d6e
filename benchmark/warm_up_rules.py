"""How many untimed calls a run makes before it measures, and why it stops then (pure).

A rule is asked for the size of the next request until it has none; the requests are small enough
that a rule by time ends on time and that a reply fits into one line of the protocol.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Protocol

from shared_models.agent_protocol import Sample
from shared_models.configuration import TestConfiguration
from shared_models.results import WarmUpEnd

WINDOW = 50
STEADY = 0.98
"""A window's median of at least this share of the smallest one before it is no faster."""
STEADY_WINDOWS = 2
MOST_CALLS = 2_000
MOST_S = 20.0
LEAST_CALLS = 10
"""Of a warm-up by time."""
REQUEST_S = 0.5
REQUEST_CALLS = 1_000


class WarmUpRule(Protocol):
    """One way to warm up."""

    ended: WarmUpEnd | None
    """Why it was over; None before."""

    @property
    def window_medians_ns(self) -> Sequence[float]:
        """The medians that it looked at; empty unless it goes by them."""

    def next_calls(self, elapsed_s: float) -> int | None:
        """Return how many calls to make next, or None when the warm-up is over."""

    def take(self, samples: Sequence[Sample], took_s: float) -> None:
        """Look at the calls that a request made, in `took_s` seconds."""


def warm_up_rule(configuration: TestConfiguration, concurrency: int) -> WarmUpRule:
    """Return the rule that a configuration asks for; calls come `concurrency` at a time."""
    if configuration.warmup_seconds is not None:
        return TimedWarmUp(configuration.warmup_seconds, concurrency)
    if configuration.warmup_iterations == "auto":
        return AutomaticWarmUp(concurrency)
    return FixedWarmUp(configuration.warmup_iterations)


class FixedWarmUp:
    """As many calls as were asked for."""

    def __init__(self, calls: int) -> None:
        self.ended: WarmUpEnd | None = None
        self.window_medians_ns: Sequence[float] = ()
        self._left = calls
        self._asked = False

    def next_calls(self, elapsed_s: float) -> int | None:
        """Return the rest; a warm-up of no call is asked for as well, once."""
        if self._asked and self._left == 0:
            self.ended = "fixed"
            return None
        self._asked = True
        return min(self._left, REQUEST_CALLS)

    def take(self, samples: Sequence[Sample], took_s: float) -> None:
        """Count the calls."""
        self._left -= len(samples)


class _Pace:
    """The size of requests by the pace of the last one, in whole rounds of `concurrency` calls."""

    def __init__(self, concurrency: int) -> None:
        self._round = concurrency
        self._per_call_s: float | None = None
        self.calls = 0

    def take(self, count: int, took_s: float) -> None:
        self.calls += count
        if count:
            self._per_call_s = took_s / count

    def fit(self, seconds: float, *, most: int) -> int:
        """Return how many calls take `seconds`: at least a round, about `most` at most."""
        rounds = 1
        if self._per_call_s:
            fitting = min(seconds, REQUEST_S) / self._per_call_s
            most_rounds = math.ceil(min(most, REQUEST_CALLS) / self._round)
            rounds = max(1, min(int(fitting / self._round), most_rounds))
        return rounds * self._round


class TimedWarmUp:
    """At least so long, and at least ten calls."""

    def __init__(self, seconds: float, concurrency: int) -> None:
        self.ended: WarmUpEnd | None = None
        self.window_medians_ns: Sequence[float] = ()
        self._seconds = seconds
        self._pace = _Pace(concurrency)

    def next_calls(self, elapsed_s: float) -> int | None:
        """Return what fits into the rest of the time."""
        left_s = self._seconds - elapsed_s
        missing = LEAST_CALLS - self._pace.calls
        if left_s > 0:
            return self._pace.fit(left_s, most=REQUEST_CALLS)
        if missing > 0:
            return self._pace.fit(REQUEST_S, most=missing)
        self.ended = "time"
        return None

    def take(self, samples: Sequence[Sample], took_s: float) -> None:
        """Learn the pace."""
        self._pace.take(len(samples), took_s)


class AutomaticWarmUp:
    """Until the calls get no faster: window by window, with a cap on calls and time."""

    def __init__(self, concurrency: int) -> None:
        self.ended: WarmUpEnd | None = None
        self.window_medians_ns: list[float] = []
        self._window: list[Sample] = []
        self._steady = 0
        self._pace = _Pace(concurrency)

    def next_calls(self, elapsed_s: float) -> int | None:
        """Return what is missing of the window, or what fits into the time that is left."""
        if self._steady >= STEADY_WINDOWS:
            self.ended = "steady"
        elif self._pace.calls >= MOST_CALLS:
            self.ended = "call-cap"
        elif elapsed_s >= MOST_S:
            self.ended = "time-cap"
        else:
            return self._pace.fit(MOST_S - elapsed_s, most=WINDOW - len(self._window))
        return None

    def take(self, samples: Sequence[Sample], took_s: float) -> None:
        """Fill the windows; a window without a success has no median."""
        self._pace.take(len(samples), took_s)
        for sample in samples:
            self._window.append(sample)
            if len(self._window) == WINDOW:
                self._close_window()

    def _close_window(self) -> None:
        durations = [one.duration_ns for one in self._window if one.outcome == "ok"]
        self._window = []
        if not durations:
            return
        median_ns = statistics.median(durations)
        earlier = self.window_medians_ns
        is_steady = bool(earlier) and median_ns >= STEADY * min(earlier)
        self._steady = self._steady + 1 if is_steady else 0
        self.window_medians_ns.append(median_ns)
