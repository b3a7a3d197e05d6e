"""The time limit of each call, kept for all calls in flight by one timer."""

import asyncio
from typing import Protocol


class Limited(Protocol):
    """What can take too long."""

    def expire(self) -> None:
        """End it, its time is up."""


class CallsInFlight:
    """The calls in flight, oldest first.

    They all have the same limit, so that the oldest is the first whose time is up: one timer,
    set anew about once per limit, serves them all. One for each call would be a cost of each call.
    """

    def __init__(self, *, limit_s: float) -> None:
        self._limit_s = limit_s
        self._deadlines: dict[Limited, float] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._deadlines)

    def begin(self, call: Limited) -> None:
        """Let the time of a call run; `call.expire()` is called once when it is up."""
        deadline = self._loop.time() + self._limit_s
        self._deadlines[call] = deadline
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._check)

    def end(self, call: Limited) -> None:
        """Forget a call that has ended."""
        self._deadlines.pop(call, None)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        now = self._loop.time()
        for call, deadline in list(self._deadlines.items()):
            if deadline > now:
                self._timer = self._loop.call_at(deadline, self._check)
                return
            del self._deadlines[call]
            call.expire()
