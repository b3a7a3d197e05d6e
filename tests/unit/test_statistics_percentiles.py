"""One side's quantiles, their intervals and deviations; and figures per group of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from comparison.statistics.groups import Groups
from comparison.statistics.percentiles import (
    deviations,
    least_count,
    median_with_interval,
    order_statistic_interval,
    percentile,
    percentile_with_interval,
)

VALUES = st.lists(st.floats(min_value=1e-3, max_value=1e3), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("q", "least"), [(0.5, 20), (0.9, 100), (0.95, 200), (0.99, 1_000), (0.999, 10_000)]
)
def test_a_percentile_needs_ten_values_beyond_it(q: float, least: int) -> None:
    """One value fewer, and there is none."""
    values = np.arange(1.0, least + 1)

    assert least == least_count(q)
    assert percentile(values[1:], q) is None
    assert percentile_with_interval(values[1:], q) is None
    assert np.quantile(values, q) == percentile(values, q)


@pytest.mark.parametrize(
    ("q", "least"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3_688)]
)
def test_the_interval_closes_at_a_known_count(q: float, least: int) -> None:
    """The least n with two finite ends: the smallest with qⁿ ≤ 2.5 %."""
    shorter = order_statistic_interval(np.arange(least - 1.0), q)
    longer = order_statistic_interval(np.arange(float(least)), q)

    assert shorter.low is None or shorter.high is None
    assert longer.low is not None
    assert longer.high is not None


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95])
def test_the_interval_covers_the_true_quantile(q: float) -> None:
    """At least 95 % of intervals do, whatever the distribution; ranks are whole numbers."""
    random = np.random.default_rng(1)
    truth = stats.lognorm.ppf(q, 0.5)
    trials = 1_000

    intervals = [
        order_statistic_interval(np.sort(random.lognormal(0, 0.5, 200)), q) for _ in range(trials)
    ]

    covered = sum((i.low or -np.inf) <= truth <= (i.high or np.inf) for i in intervals)
    assert covered / trials >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / trials)


@given(VALUES)
def test_deviations_are_scipys(values: list[float]) -> None:
    """σ with n − 1, the MAD scaled to it, σ of the logs."""
    numbers = np.array(values)
    found = deviations(numbers)

    assert pytest.approx(stats.median_abs_deviation(numbers) * 1.4826) == found.mad
    if len(values) == 1:
        assert found.stdev is None
        assert found.log_stdev is None
    else:
        assert pytest.approx(np.std(numbers, ddof=1)) == found.stdev
        assert pytest.approx(np.std(np.log(numbers), ddof=1)) == found.log_stdev


def test_no_values_have_no_figures() -> None:
    """Unknown is None, never 0."""
    assert median_with_interval(np.empty(0)) is None
    assert deviations(np.empty(0)).mad is None


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 100)), max_size=60))
def test_groups_agree_with_a_loop(rows: list[tuple[int, float]]) -> None:
    """Each figure per group is the one of the group's values alone."""
    keys = np.array([key for key, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows])
    groups = Groups.by(keys)

    alone = [values[keys == key] for key in sorted({key for key, _ in rows})]

    assert [len(v) for v in alone] == groups.counts.tolist()
    np.testing.assert_allclose(groups.medians(values), [np.median(v) for v in alone])
    np.testing.assert_allclose(groups.means(values), [v.mean() for v in alone])
    np.testing.assert_array_equal(groups.minima(values), [v.min() for v in alone])
    np.testing.assert_array_equal(groups.maxima(values), [v.max() for v in alone])
    for expected, found in zip(alone, groups.split(values), strict=True):
        np.testing.assert_array_equal(expected, found)
