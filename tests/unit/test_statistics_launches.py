"""The estimate over launches: its interval, its tests, who was first, and what it covers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from comparison.statistics.blocks import LogRatios
from comparison.statistics.launches import LogEstimate, estimate, order_effect
from comparison.statistics.observations import Floats
from tests.support.simulated_run import SimulatedRun, simulated_log_ratios

RATIOS = st.lists(st.floats(min_value=-1, max_value=1), min_size=2, max_size=12)


def log_ratios(values: Floats) -> LogRatios:
    """Return (launches, super-blocks) as the rows that the analysis has."""
    launch, block = np.indices(values.shape)
    return LogRatios(launch.ravel(), block.ravel(), values.ravel())


def over_launches(values: Floats) -> LogEstimate:
    """Return the estimate of (launches, super-blocks), of which there must be enough."""
    found = estimate(log_ratios(values))
    assert found is not None
    return found


@given(RATIOS.filter(lambda values: np.std(values) > 1e-6))
def test_it_is_the_one_sample_t_test(means: list[float]) -> None:
    """Interval and p-values agree with scipy's ttest_1samp over the launches' means."""
    values = np.array(means)
    found = over_launches(values[:, None])
    expected = stats.ttest_1samp(values, 0.0)
    ends = expected.confidence_interval(0.95)

    interval = found.interval(0.95)

    assert pytest.approx(math.exp(ends.low), rel=1e-6) == interval.low
    assert pytest.approx(math.exp(ends.high), rel=1e-6) == interval.high
    assert pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12) == found.p_value
    above = stats.ttest_1samp(values, 0.05, alternative="greater").pvalue
    below = stats.ttest_1samp(values, -0.05, alternative="less").pvalue
    assert pytest.approx(above, rel=1e-6, abs=1e-12) == found.p_above(0.05)
    assert pytest.approx(below, rel=1e-6, abs=1e-12) == found.p_below(-0.05)


def test_a_launch_counts_once_however_many_super_blocks_it_has() -> None:
    """Means of launches are averaged, not super-blocks."""
    values = LogRatios(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 0]), np.array([1.0, 1, 1, 0]))

    found = estimate(values)

    assert found is not None
    assert 0.5 == found.mean
    assert (2, "launch") == (found.clusters, found.unit)


def test_one_launch_falls_back_to_its_super_blocks() -> None:
    """The unit says so; one super-block is not enough."""
    found = over_launches(np.array([[0.1, 0.2, 0.3]]))

    assert (3, "super-block") == (found.clusters, found.unit)
    assert estimate(log_ratios(np.array([[0.1]]))) is None


def test_equal_launches_leave_no_doubt() -> None:
    """Without spread the p-values are 0 or 1 and the interval is a point."""
    found = over_launches(np.full((4, 1), 0.5))

    assert 0 == found.p_value
    assert (0.0, 1.0) == (found.p_above(0.1), found.p_below(0.1))
    assert found.interval(0.95).low == found.interval(0.95).high
    assert 1 == over_launches(np.zeros((4, 1))).p_value


def test_the_order_effect_is_half_the_difference_of_the_orders() -> None:
    """With the interval of scipy's two-sample t test."""
    means = np.array([0.13, 0.06, 0.15, 0.05, 0.11, 0.08, 0.12])
    first = (True, False, True, False, True, False, True)
    a, b = means[::2], means[1::2]
    expected = stats.ttest_ind(a, b).confidence_interval(0.95)

    found = order_effect(log_ratios(means[:, None]), first)

    assert found is not None
    assert found.interval is not None
    assert pytest.approx(math.exp((a.mean() - b.mean()) / 2)) == found.value
    assert pytest.approx(math.exp(expected.low / 2)) == found.interval.low
    assert pytest.approx(math.exp(expected.high / 2)) == found.interval.high


def test_an_order_that_never_changed_has_no_effect_to_show() -> None:
    """What is confounded cannot be told apart; two launches have an effect but no interval."""
    ratios = log_ratios(np.array([[0.1], [0.2]]))

    assert order_effect(ratios, (True, True)) is None
    found = order_effect(ratios, (True, False))
    assert found is not None
    assert found.interval is None


def coverage(values: Floats) -> float:
    """Return how often the 95 % interval holds the true ratio, 1, over the trials."""
    intervals = [over_launches(trial).interval(0.95) for trial in values]
    return float(np.mean([(i.low or 0) <= 1 <= (i.high or 0) for i in intervals]))


@pytest.mark.parametrize("super_blocks", [3, 4, 6, 10, 20, 40])
def test_t_over_super_blocks_covers_what_it_says(super_blocks: int) -> None:
    """94 to 96 % from three super-blocks up, with AR(1) noise, drift and far outliers."""
    run = SimulatedRun(launches=1, super_blocks=super_blocks, launch_sigma=0, seed=6)
    trials = 1_000

    values = simulated_log_ratios(run, trials=trials, outliers=0.03, correlation=0.3)

    assert abs(coverage(values) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / trials)


def test_one_launch_is_wrong_too_often_where_launches_differ() -> None:
    """26 % false alarms with a launch effect of 2 %: why one launch has no verdict."""
    run = SimulatedRun(launches=1, super_blocks=20, drift=0, seed=8)
    trials = 1_000

    alarms = 1 - coverage(simulated_log_ratios(run, trials=trials))

    assert abs(alarms - 0.265) < 4 * math.sqrt(0.265 * 0.735 / trials) + 0.01


def test_launches_cover_where_launches_differ() -> None:
    """The same noise over six launches is within the promised 5 %."""
    run = SimulatedRun(launches=6, super_blocks=10, seed=9)
    trials = 1_000

    values = simulated_log_ratios(run, trials=trials)

    assert abs(coverage(values) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / trials)
