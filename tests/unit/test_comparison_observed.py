"""The observed difference: exact figures, and none where there is nothing to compare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparison import compared_side, observed
from shared_models import ComparedSide, Schedule, TestResult
from tests.support.fake_backend import DOTNET, sample_metrics

MEDIANS = st.floats(min_value=1e-3, max_value=1e6, allow_nan=False)


def side(median_ms: float | None, name: str = "python-backend") -> ComparedSide:
    """Return a side with ten calls, all successful or none."""
    succeeded = 0 if median_ms is None else 10
    return ComparedSide(
        backend=name,
        label=name,
        median_ms=median_ms,
        success_count=succeeded,
        failure_count=10 - succeeded,
    )


def test_the_difference_is_side_two_minus_side_one() -> None:
    """20 ms against 30 ms: ten less, a third less, two thirds as long."""
    comparison = observed("parallel", [side(30.0), side(20.0)])

    assert -10.0 == comparison.difference_ms
    assert pytest.approx(-100 / 3) == comparison.difference_percent
    assert pytest.approx(2 / 3) == comparison.ratio


@given(first=MEDIANS, second=MEDIANS)
def test_swapping_the_sides_inverts_the_ratio(first: float, second: float) -> None:
    """Neither order favours a side."""
    forth = observed("parallel", [side(first), side(second)])
    back = observed("parallel", [side(second), side(first)])

    assert forth.ratio is not None
    assert back.ratio is not None
    assert forth.difference_ms is not None
    assert back.difference_ms is not None
    assert pytest.approx(1.0) == forth.ratio * back.ratio
    assert forth.difference_ms == -back.difference_ms


@pytest.mark.parametrize(
    "medians", [(None, 20.0), (30.0, None), (None, None)], ids=["first", "second", "both"]
)
def test_a_side_without_a_success_has_no_difference(
    medians: tuple[float | None, float | None],
) -> None:
    """Null, never zero and never infinite."""
    comparison = observed("parallel", [side(median) for median in medians])

    assert comparison.difference_ms is None
    assert comparison.difference_percent is None
    assert comparison.ratio is None


@pytest.mark.parametrize("count", [0, 1, 3])
def test_only_two_sides_have_a_difference(count: int) -> None:
    """More or fewer sides keep their medians, but no difference is made up."""
    comparison = observed("parallel", [side(10.0 + number) for number in range(count)])

    assert comparison.ratio is None
    assert count == len(comparison.sides)


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [("parallel", "contended"), ("sequential", "order-biased"), ("interleaved", "too-few")],
)
def test_no_schedule_gives_a_verdict_here(schedule: Schedule, reason: str) -> None:
    """The verdict is always `none`, and says why."""
    comparison = observed(schedule, [side(1.0), side(2.0)])

    assert ("none", reason) == (comparison.verdict, comparison.reason)


def test_a_side_takes_its_figures_from_the_result() -> None:
    """Median and counts are the result's own."""
    result = TestResult(success=True, message="", metrics=sample_metrics(DOTNET, median_ms=12.5))

    found = compared_side("dotnet-backend", ".NET", result)

    assert (12.5, 10, 0) == (found.median_ms, found.success_count, found.failure_count)


def test_failed_calls_never_become_a_median() -> None:
    """Even a result that claims a median has none without a success."""
    metrics = sample_metrics(median_ms=3.0, success_count=0, failure_count=10)
    result = TestResult(success=False, message="", metrics=metrics)

    assert compared_side("python-backend", "Python", result).median_ms is None


def test_a_missing_result_is_an_empty_side() -> None:
    """No metrics: no calls, no median."""
    found = compared_side("python-backend", "Python", None)

    assert (None, 0, 0) == (found.median_ms, found.success_count, found.failure_count)
