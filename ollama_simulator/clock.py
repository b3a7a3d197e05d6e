"""Waiting until an absolute moment of the monotonic clock, and loops that can do so precisely.

asyncio rounds a sleep up to whole milliseconds, and a simulated model of 5 ms must take 5 ms. So
a wait sleeps until shortly before its moment and then yields to the loop until it is there.
"""

import asyncio
import select
import selectors
import time
from collections.abc import Callable

__all__ = ["Clock", "precise_loop"]

_COARSE_MARGIN_NS = 1_500_000
"""An ordinary loop wakes up to a millisecond late."""

_PRECISE_MARGIN_NS = 250_000
"""The precise loop wakes within the timer slack of Linux (50 µs) and one turn of the loop."""

_TURN_NS = 100_000
"""One slow turn of the loop. Less than that is waited out without one, or it would be overslept."""


class Clock:
    """The time, in nanoseconds, and waiting for it. Tests replace it by a stepped one."""

    __slots__ = ("_margin_ns", "now_ns", "wall_ns")

    now_ns: Callable[[], int]
    wall_ns: Callable[[], int]

    def __init__(self) -> None:
        self.now_ns = time.perf_counter_ns
        self.wall_ns = time.time_ns
        self._margin_ns: int | None = None

    async def sleep_until(self, moment_ns: int) -> None:
        """Return at `moment_ns` of `now_ns`, at once when that has passed."""
        remaining_ns = moment_ns - self.now_ns()
        if remaining_ns <= 0:
            return
        margin_ns = self._margin()
        if remaining_ns > margin_ns:
            await asyncio.sleep((remaining_ns - margin_ns) / 1e9)
        while self.now_ns() < moment_ns - _TURN_NS:  # noqa: ASYNC110 - only time sets the moment
            await asyncio.sleep(0)
        while self.now_ns() < moment_ns:
            pass

    def _margin(self) -> int:
        if self._margin_ns is None:
            precise = isinstance(asyncio.get_running_loop(), _PreciseLoop)
            self._margin_ns = _PRECISE_MARGIN_NS if precise else _COARSE_MARGIN_NS
        return self._margin_ns


def precise_loop() -> asyncio.AbstractEventLoop:
    """A new event loop whose timers have microseconds where the system has epoll.

    A loop with asyncio's own rounding has to spin for the last 1.5 ms of each wait, which takes
    processor time from the agents that are being measured.
    """
    if not hasattr(select, "epoll"):
        return asyncio.new_event_loop()
    selector = _MicrosecondSelector()
    if selector.fileno() >= _HIGHEST_FOR_SELECT:
        selector.close()
        return asyncio.new_event_loop()
    return _PreciseLoop(selector)


class _PreciseLoop(asyncio.SelectorEventLoop):
    """Marks the loop, so that a clock knows how late it may wake."""


if hasattr(select, "epoll"):

    class _MicrosecondSelector(selectors.EpollSelector):
        """An epoll selector that waits in `select`, whose timeout is not in milliseconds."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and 0 < timeout < _LONG_S:
                # An epoll descriptor is itself readable as soon as it has an event.
                select.select((self.fileno(),), (), (), timeout)
                timeout = 0
            return super().select(timeout)


_HIGHEST_FOR_SELECT = 1_024
"""`select` cannot wait for descriptors from here on."""

_LONG_S = 1.0
"""From here on milliseconds do, and `select` would be one more system call."""
