"""How far a comparison is and how long it will take, on a clock of the test's own."""

import pytest

from comparison.plan import plan_calls, plan_windows
from comparison.progress import Progress


class Clock:
    """Seconds that only go on when told to."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_the_time_left_counts_launches_and_calls() -> None:
    """Unknown until a segment has ended; then what launches and calls took so far."""
    clock = Clock()
    progress = Progress(clock=clock)
    plan = plan_calls(sides=2, launches=2, iterations=20, calls=5)
    progress.expect(plan)
    progress.enter("warming up", launch=1)
    assert progress.snapshot().remaining_ms is None

    clock.now += 3
    progress.opened(3.0)
    clock.now += 1
    progress.finished(plan.segments[0], 1.0)

    now = progress.snapshot()
    assert (5, 40, 1, 2, 4_000) == (now.done, now.total, now.launch, now.launches, now.elapsed_ms)
    assert 10_000 == pytest.approx(now.remaining_ms)  # 7 segments and one launch

    progress.enter("warming up", launch=2)
    assert 10_000 == pytest.approx(progress.snapshot().remaining_ms)
    progress.end()
    clock.now += 50
    assert (0, 4_000) == (progress.snapshot().remaining_ms, progress.snapshot().elapsed_ms)


def test_windows_count_milliseconds() -> None:
    """Calls cannot be foreseen there."""
    progress = Progress(clock=Clock())
    plan = plan_windows(sides=2, launches=1, window_s=10.0)
    progress.expect(plan)
    progress.opened(2.0)
    progress.finished(plan.segments[0], 10.5)

    assert (10_000, 40_000) == (progress.snapshot().done, progress.snapshot().total)
    assert 31_500 == pytest.approx(progress.snapshot().remaining_ms)


def test_runs_that_count_for_themselves() -> None:
    """What they say is passed on."""
    progress = Progress(clock=Clock())
    progress.expect_amount(200)
    progress.at(50, left_s=7.5)

    assert (50, 200, 7_500) == (
        progress.snapshot().done,
        progress.snapshot().total,
        progress.snapshot().remaining_ms,
    )
