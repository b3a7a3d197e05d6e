"""The observed difference of two sides: what was seen, never who won.

Runs that share a one-slot model server wait for each other, and runs one after another see a
differently warm server; neither can carry a verdict, so none is given here.
"""

from collections.abc import Sequence

from shared_models import ComparedSide, Comparison, Schedule, TestResult, VerdictReason

REASONS: dict[Schedule, VerdictReason] = {
    "parallel": "contended",
    "sequential": "order-biased",
    "interleaved": "too-few",
}


def compared_side(backend: str, label: str, result: TestResult | None) -> ComparedSide:
    """Return the figures of one side; a side without a successful call has no median."""
    metrics = result.metrics if result else None
    succeeded = metrics.success_count if metrics else 0
    return ComparedSide(
        backend=backend,
        label=label,
        median_ms=metrics.median_ms if metrics and succeeded else None,
        success_count=succeeded,
        failure_count=metrics.failure_count if metrics else 0,
    )


def observed(schedule: Schedule, sides: Sequence[ComparedSide]) -> Comparison:
    """Compare side 2 with side 1; with more or fewer than two sides there is no difference."""
    difference, percent, ratio = _difference([side.median_ms for side in sides])
    return Comparison(
        schedule=schedule,
        verdict="none",
        reason=REASONS[schedule],
        sides=list(sides),
        difference_ms=difference,
        difference_percent=percent,
        ratio=ratio,
    )


def _difference(
    medians: Sequence[float | None],
) -> tuple[float | None, float | None, float | None]:
    if len(medians) != 2:
        return None, None, None
    first, second = medians
    # A median of zero is below the clock's resolution: nothing can be divided by it.
    if first is None or second is None or first <= 0:
        return None, None, None
    return second - first, (second - first) / first * 100, second / first
