"""Quantiles by linear interpolation, and when there are enough values for one."""

import statistics
from array import array
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.percentiles import Ranked, percentile_or_none, quantile

VALUES = st.lists(st.integers(min_value=0, max_value=10**15), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        ([7], 0.5, 7),
        ([7], 0.99, 7),
        ([1, 2], 0.5, 1.5),
        ([1, 2, 3, 4], 0.0, 1),
        ([1, 2, 3, 4], 1.0, 4),
        ([1, 2, 3, 4], 0.5, 2.5),
        ([10, 20, 30, 40, 50], 0.9, 46),
        (list(range(1, 101)), 0.95, 95.05),
    ],
)
def test_known_answers(values: list[float], q: float, expected: float) -> None:
    """The definition is R7, the one of numpy, R and spreadsheets."""
    assert pytest.approx(expected) == quantile(values, q)


@given(VALUES.filter(lambda values: len(values) > 1), st.integers(min_value=1, max_value=99))
def test_it_agrees_with_the_standard_library(values: list[int], percent: int) -> None:
    """A definition that everybody has at hand gives the same figure."""
    inclusive = statistics.quantiles(values, n=100, method="inclusive")

    assert pytest.approx(inclusive[percent - 1]) == quantile(sorted(values), percent / 100)


@given(VALUES, st.floats(min_value=0, max_value=1))
def test_a_quantile_lies_between_the_extremes(values: list[int], q: float) -> None:
    """No interpolation leaves the data."""
    assert min(values) <= quantile(sorted(values), q) <= max(values)


@pytest.mark.parametrize(("values", "q"), [([], 0.5), ([1], -0.1), ([1], 1.1)])
def test_nothing_and_what_is_no_share_are_refused(values: list[float], q: float) -> None:
    """A wrong call fails instead of giving a figure."""
    with pytest.raises(ValueError, match="quantile"):
        quantile(values, q)


@pytest.mark.parametrize(("q", "least"), [(0.5, 20), (0.90, 100), (0.95, 200), (0.99, 1_000)])
def test_a_percentile_needs_10_values_beyond_it(q: float, least: int) -> None:
    """One value fewer, and there is no figure rather than a wrong one."""
    assert percentile_or_none(range(least - 1), q) is None
    assert percentile_or_none(range(least), q) is not None


@given(st.lists(st.integers(min_value=-(2**62), max_value=2**62), max_size=60), st.integers(1, 16))
def test_a_long_column_is_ranked_like_a_sorted_one(values: list[int], chunk: int) -> None:
    """However it is cut into chunks, ties and ends included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.percentiles.CHUNK", chunk)
        found = Ranked(array("q", values))

    assert sorted(values) == list(found)
    assert sorted(values)[::-1] == [found[-rank] for rank in range(1, len(values) + 1)]
    assert pytest.approx(fmean(values) if values else None) == found.mean
    with pytest.raises(IndexError):
        found[len(values)]
