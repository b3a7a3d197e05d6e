"""How far a comparison is and how long it will still take."""

from collections.abc import Callable
from time import monotonic

from shared_models import ComparisonProgress

from .plan import Plan, Segment

MS = 1000


class Progress:
    """Counts what is done; every change is told to `changed`.

    Work is counted in calls over all sides, or in milliseconds of windows.
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`clock` gives seconds; it only ever goes forward."""
        self.phase = "starting"
        self.changed = changed
        self._clock = clock
        self._started = clock()
        self._ended: float | None = None
        self._done = self._total = 0
        self._launch = self._launches = 0
        self._timed_s = self._opening_s = 0.0
        self._opened = 0
        self._left_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the comparison was asked for, until its end."""
        return (self._ended or self._clock()) - self._started

    def expect(self, plan: Plan) -> None:
        """Set the whole work; a plan may take the place of another before any work is done."""
        self._total = sum(work(segment) for segment in plan.segments)
        self._launches = len(plan.launches)

    def expect_amount(self, total: int) -> None:
        """Set the whole work of a schedule without segments."""
        self._total, self._launches = total, 1

    def enter(self, phase: str, *, launch: int | None = None) -> None:
        """Say what is being done; `launch` counts from 1."""
        self.phase = phase
        self._launch = launch or self._launch
        self.changed()

    def opened(self, seconds: float) -> None:
        """Note what it took to launch and warm all sides once."""
        self._opening_s += seconds
        self._opened += 1

    def finished(self, segment: Segment, seconds: float) -> None:
        """Note a segment that has ended."""
        self._done += work(segment)
        self._timed_s += seconds
        self.changed()

    def at(self, done: int, *, left_s: float | None) -> None:
        """Note the state of runs that count for themselves."""
        self._done, self._left_s = done, left_s
        self.changed()

    def end(self) -> None:
        """Stop the clock."""
        self.phase = "ended"
        self._ended = self._clock()

    def snapshot(self) -> ComparisonProgress:
        """Return the state as it is now."""
        left_s = self._remaining_s()
        return ComparisonProgress(
            phase=self.phase,
            done=self._done,
            total=self._total,
            launch=self._launch,
            launches=self._launches,
            elapsed_ms=round(self.elapsed_s * MS),
            remaining_ms=None if left_s is None else round(left_s * MS),
        )

    def _remaining_s(self) -> float | None:
        if self._ended is not None:
            return 0.0
        if not self._done or not self._opened:
            return self._left_s
        calls_s = self._timed_s / self._done * (self._total - self._done)
        return calls_s + self._opening_s / self._opened * (self._launches - self._opened)


def work(segment: Segment) -> int:
    """Return how much a segment counts: its calls, or the milliseconds of its window."""
    if segment.seconds is not None:
        return round(segment.seconds * MS)
    return segment.calls or 0
