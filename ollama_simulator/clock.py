"""Waiting until an absolute moment of the monotonic clock, and loops that can do so precisely.

asyncio rounds a sleep up to whole milliseconds, and a simulated model of 5 ms must take 5 ms. So
a wait sleeps until shortly before its moment, then lets the loop turn until it is there.
"""

import asyncio
import heapq
import itertools
import select
import selectors
import time
from collections.abc import Callable

__all__ = ["Clock", "precise_loop"]

_COARSE_MARGIN_NS = 1_500_000
"""An ordinary loop wakes up to a millisecond late."""

_PRECISE_MARGIN_NS = 250_000
"""The precise loop wakes within the timer slack of Linux (50 µs) and one turn of the loop."""

_TURN_NS = 30_000
"""One turn of the loop. Less than that is waited out without one, or it would be overslept."""


class Clock:
    """The time, in nanoseconds, and waiting for it. Tests replace it by a stepped one.

    Of all that wait, only the first in line keeps the loop awake shortly before its moment. A
    clock serves one loop at a time.
    """

    __slots__ = ("_alarm", "_count", "_margin_ns", "_waiting", "now_ns", "wall_ns")

    now_ns: Callable[[], int]
    wall_ns: Callable[[], int]

    def __init__(self) -> None:
        self.now_ns = time.perf_counter_ns
        self.wall_ns = time.time_ns
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._alarm: asyncio.Handle | None = None
        self._margin_ns: int | None = None

    async def sleep_until(self, moment_ns: int) -> None:
        """Return at `moment_ns` of `now_ns`, at once when that has passed."""
        if moment_ns <= self.now_ns():
            return
        woken = asyncio.get_running_loop().create_future()
        entry = (moment_ns, next(self._count), woken)
        heapq.heappush(self._waiting, entry)
        if self._waiting[0] is entry:
            self._set_alarm()
        await woken
        while self.now_ns() < moment_ns:
            pass

    def _wake(self) -> None:
        """Wake those that are due within a turn of the loop."""
        self._alarm = None
        soon_ns = self.now_ns() + _TURN_NS
        while self._waiting and self._waiting[0][0] <= soon_ns:
            woken = heapq.heappop(self._waiting)[2]
            if not woken.done():  # a cancelled wait stays in line
                woken.set_result(None)
        if self._waiting:
            self._set_alarm()

    def _set_alarm(self) -> None:
        """Look again shortly before the first moment, or in the next turn when that is now."""
        if self._alarm is not None:
            self._alarm.cancel()
        loop = asyncio.get_running_loop()
        remaining_ns = self._waiting[0][0] - self.now_ns() - self._margin()
        if remaining_ns > 0:
            self._alarm = loop.call_later(remaining_ns / 1e9, self._wake)
        else:
            self._alarm = loop.call_soon(self._wake)

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
