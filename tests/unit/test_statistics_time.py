"""What the order of calls shows: drift, dependence, warm-up, throughput, open loops."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from comparison.statistics import SideObservations, Slos
from comparison.statistics.blocks import LogRatios, log_ratios
from comparison.statistics.drift import (
    differential_drift,
    drift,
    effective_count,
    lag1_correlation,
    spearman,
)
from comparison.statistics.observations import Floats
from comparison.statistics.open_loop import generator, growth_p, saturation
from comparison.statistics.throughput import rate_per_second
from comparison.statistics.warm_up import check_warm_up, mser_cut
from tests.support.simulated_run import SimulatedRun

VALUES = st.lists(st.integers(min_value=0, max_value=20), min_size=3, max_size=30)


@given(VALUES)
def test_spearman_is_scipys(values: list[int]) -> None:
    """Correlation and p-value, with ties."""
    assume(len(set(values)) > 1)
    order, numbers = np.arange(float(len(values))), np.array(values, float)
    expected = stats.spearmanr(order, numbers)

    found = spearman(order, numbers)

    assert found is not None
    assert pytest.approx((expected.statistic, expected.pvalue), abs=1e-9) == found


@pytest.mark.parametrize(
    ("growth", "low", "high"), [(0.0, 0.0, 0.02), (0.10, 0.15, 0.40), (0.20, 0.80, 0.95)]
)
def test_drift_is_seen_as_often_as_it_should(growth: float, low: float, high: float) -> None:
    """200 calls at σ 0.15: 1 % false alarms, 27 % of +10 %, 87 % of +20 %."""
    random = np.random.default_rng(1)
    calls = np.exp(random.normal(0, 0.15, (600, 200))) * np.linspace(1, 1 + growth, 200)

    found = [drift(run) for run in calls]

    assert low <= np.mean([trend is not None and trend.significant for trend in found]) <= high


def test_drift_tells_how_much() -> None:
    """Three quarters of a growth of a half lie between the middles of the outer quarters."""
    found = drift(np.linspace(1, 1.5, 400))

    assert found is not None
    assert found.significant
    assert 0.3 < found.change < 0.4
    assert drift(np.ones(19)) is None
    assert drift(np.ones(40)) is None


def test_neighbouring_calls_that_are_alike_are_worth_less() -> None:
    """Lag-1 r of an AR(1) series is its coefficient; 0.6 leaves a quarter of the calls."""
    random = np.random.default_rng(2)
    series = np.empty(20_000)
    series[0] = 0
    for i in range(1, len(series)):
        series[i] = 0.6 * series[i - 1] + random.normal()

    r = lag1_correlation(series)

    assert r is not None
    assert abs(r - 0.6) < 0.03
    assert pytest.approx(50) == effective_count(200, 0.6)
    assert 200 == effective_count(200, -0.3)
    assert lag1_correlation(np.ones(5)) is None


def drifting_ratio(change: float) -> LogRatios:
    """Return six launches of ten super-blocks whose ratio grows from 1 by `change`."""
    launch, block = np.indices((6, 10))
    noise = np.random.default_rng(3).normal(0, 0.02, (6, 10))
    values = math.log1p(change) * block / 9 + noise + 0.3 * launch
    return LogRatios(launch.ravel(), block.ravel(), values.ravel())


def test_a_side_that_still_warms_up_changes_the_ratio() -> None:
    """Within launches; how launches differ among each other does not matter."""
    steady, changing = (
        differential_drift(drifting_ratio(0)),
        differential_drift(drifting_ratio(0.2)),
    )

    assert steady is not None
    assert not steady.significant
    assert changing is not None
    assert changing.significant
    # The halves' means are 5 / 9 of the whole growth apart.
    assert abs(changing.change - (1.2 ** (5 / 9) - 1)) < 0.02


def test_common_drift_does_not_change_the_ratio() -> None:
    """A machine that slows down by half within the run is no reason for doubt."""
    sides = SimulatedRun(drift=0.5, super_blocks=20).sides()

    found = differential_drift(log_ratios(sides[0], sides[1], "latency", Slos()))

    assert found is not None
    assert not found.significant


def launches_of(cold: float, *, launches: int, seed: int) -> list[Floats]:
    """Return launches of 200 calls, of which the first ones take `cold` times as long."""
    calls = np.exp(np.random.default_rng(seed).normal(0, 0.15, (launches, 200)))
    calls[:, :20] *= np.linspace(cold, 1, 20)
    return list(calls)


@pytest.mark.parametrize("launches", [1, 6])
def test_the_warm_up_check_is_quiet_when_steady(launches: int) -> None:
    """At most 5 % false alarms, however many launches are looked at."""
    found = [check_warm_up(launches_of(1, launches=launches, seed=s)) for s in range(400)]

    alarms = np.mean([check is not None and check.too_short for check in found])
    assert alarms <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("launches", [1, 6])
def test_the_warm_up_check_sees_cold_calls(launches: int) -> None:
    """And proposes to leave out about as many as were cold."""
    check = check_warm_up(launches_of(3, launches=launches, seed=1))

    assert check is not None
    assert check.too_short
    assert launches == check.first_largest
    assert 10 <= check.proposed_cut <= 40
    assert check_warm_up([np.ones(19)]) is None


def test_the_proposed_cut_is_where_the_standard_error_is_smallest() -> None:
    """MSER-5 by its definition, and nothing for a handful of calls."""
    calls = launches_of(2, launches=1, seed=4)[0]
    batches = calls.reshape(-1, 5).mean(axis=1)
    scores = [batches[d:].var() / (len(batches) - d) for d in range(len(batches) // 2 + 1)]

    assert 5 * int(np.argmin(scores)) == mser_cut(calls)
    assert 0 == mser_cut(calls[:9])


def windowed(
    windows: int, per_window: int, *, seconds: float = 10.0, latency_s: float = 0.05
) -> SideObservations:
    """Return windows of evenly spaced calls, a minute apart; the last call ends with its window."""
    n = windows * per_window
    window = np.arange(n) // per_window
    due = np.tile(np.linspace(0, seconds - latency_s, per_window), windows)
    return SideObservations(
        label="A",
        launch=np.zeros(n, dtype=np.int64),
        super_block=window,
        window=window,
        start_s=window * 60.0 + due,
        latency_s=np.full(n, latency_s),
        ok=np.ones(n, dtype=np.bool_),
    )


def test_throughput_is_successes_per_second_of_windows() -> None:
    """The time between windows belongs to the other side."""
    side = windowed(12, 100)
    failed = np.arange(1_200) % 100 == 50
    half = replace(side, ok=~failed, failures={"http": 12})

    found = rate_per_second(side, side.ok)

    assert found is not None
    assert found.interval is not None
    assert pytest.approx(10) == found.value
    assert pytest.approx(10) == found.interval.low
    fewer = rate_per_second(half, half.ok)
    assert fewer is not None
    assert pytest.approx(9.9) == fewer.value


def test_the_interval_of_throughput_is_t_over_windows() -> None:
    """Equal windows: the mean of their rates, as scipy's one-sample t has it."""
    random = np.random.default_rng(5)
    side = windowed(12, 100)
    ok = random.random(1_200) < 0.8
    rates = ok.reshape(12, 100).sum(axis=1) / 10.0
    expected = stats.ttest_1samp(rates, 0).confidence_interval(0.95)

    found = rate_per_second(side, ok)

    assert found is not None
    assert found.interval is not None
    assert pytest.approx((expected.low, expected.high)) == (found.interval.low, found.interval.high)


@pytest.mark.parametrize(("windows", "per_window"), [(1, 1_000), (4, 200)])
def test_few_windows_are_cut_into_slices(windows: int, per_window: int) -> None:
    """A steady rate has a narrow interval; too few calls have none."""
    found = rate_per_second(side := windowed(windows, per_window), side.ok)
    bare = rate_per_second(side := windowed(1, 50), side.ok)

    assert found is not None
    assert found.interval is not None
    assert found.interval.low is not None
    assert 0 <= found.value - found.interval.low < 0.05 * found.value
    assert bare is not None
    assert bare.interval is None


@given(VALUES)
def test_growth_is_the_slope_of_least_squares(values: list[int]) -> None:
    """One-sided p as scipy's linregress gives it."""
    assume(len(set(values)) > 1)
    x, y = np.arange(float(len(values))), np.array(values, float)
    expected = stats.linregress(x, y, alternative="greater").pvalue
    assume(0 < expected < 1)

    assert pytest.approx(expected, rel=1e-6, abs=1e-9) == growth_p(x, y)


def test_a_late_generator_is_told_from_a_slow_server() -> None:
    """The limit is 5 ms, or 5 % of the median latency where that is more."""
    fast, slow = windowed(1, 1_000), windowed(1, 1_000, latency_s=1.0)
    lags = np.zeros(1_000)
    lags[:20] = 0.02

    found = generator(replace(fast, lag_s=lags))
    tolerated = generator(replace(slow, lag_s=lags))

    assert found is not None
    assert found.late
    assert pytest.approx(5) == found.limit_ms
    assert pytest.approx(20) == found.lag_p99_ms
    assert tolerated is not None
    assert not tolerated.late
    assert pytest.approx(50) == tolerated.limit_ms
    assert generator(fast) is None


def test_saturation_shows_in_queue_and_latency() -> None:
    """A server of 8 per second saturates at 10 per second and does not at 7."""
    found = {rate: saturation(one_server(rate, service_s=1 / 8)) for rate in (7, 10)}

    assert found[7] is not None
    assert not found[7].saturated
    assert found[10] is not None
    assert found[10].saturated
    assert saturation(windowed(1, 20)) is None


def one_server(rate: float, *, service_s: float) -> SideObservations:
    """Return 300 arrivals at a server that answers one after another, about `service_s` each."""
    random = np.random.default_rng(6)
    side = windowed(1, 300)
    due = np.arange(300) / rate
    free = 0.0
    latencies = []
    for arrival in due:
        free = max(free, arrival) + service_s * random.uniform(0.9, 1.1)
        latencies.append(free - arrival)
    return replace(side, start_s=due, latency_s=np.array(latencies), lag_s=np.zeros(300))
