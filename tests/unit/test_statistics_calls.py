"""What single calls show: failures, effect sizes, outliers, tokens, objectives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from comparison.statistics import SideObservations, Slos
from comparison.statistics.effect_size import effect_size
from comparison.statistics.failures import fisher_exact_p, imbalance_p, too_many_failures
from comparison.statistics.failures import wilson_interval as wilson
from comparison.statistics.goodput import good_calls, good_share
from comparison.statistics.outliers import outliers
from comparison.statistics.sides import breakdown, token_sums
from comparison.statistics.streaming import (
    decode_tokens_per_second,
    inter_token_s,
    streaming_metrics,
    time_per_output_token_s,
)
from tests.support.simulated_run import SimulatedRun

COUNTS = st.integers(min_value=0, max_value=60)
FEW_VALUES = st.lists(st.integers(min_value=1, max_value=9), min_size=4, max_size=30)


@given(COUNTS, COUNTS.filter(bool), st.sampled_from([0.9, 0.95]))
def test_wilsons_interval(hits: int, n: int, confidence: float) -> None:
    """As scipy's binomtest gives it, 0 and n hits included."""
    assume(hits <= n)
    expected = stats.binomtest(hits, n).proportion_ci(confidence, method="wilson")

    found = wilson(hits, n, confidence=confidence)

    assert pytest.approx((expected.low, expected.high), abs=1e-12) == (found.low, found.high)


def test_a_share_of_nothing_is_refused() -> None:
    """No trial, no interval."""
    with pytest.raises(ValueError, match="trial"):
        wilson(0, 0)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_fishers_exact_test(a: int, b: int, c: int, d: int) -> None:
    """As scipy's, for all tables."""
    expected = stats.fisher_exact([[a, b], [c, d]]).pvalue

    assert pytest.approx(expected, rel=1e-6, abs=1e-12) == fisher_exact_p((a, b), (c, d))


def with_failures(side: SideObservations, count: int) -> SideObservations:
    """Return a side with failures that have no row of their own."""
    return replace(side, failures={"dropped": count} if count else {})


def test_one_failure_in_a_hundred_is_not_too_many() -> None:
    """The bound itself is allowed, one more is not; nothing attempted is not a failure."""
    side = SimulatedRun(launches=1, super_blocks=99, calls=5).sides()[0]
    assert 990 == side.success_count

    assert not too_many_failures(with_failures(side, 10))
    assert too_many_failures(with_failures(side, 11))


def test_failures_on_one_side_only() -> None:
    """Both rates may be small and still differ."""
    baseline, candidate = SimulatedRun(launches=10, super_blocks=50, calls=2).sides()
    assert 2_000 == baseline.success_count

    assert imbalance_p(with_failures(baseline, 0), with_failures(candidate, 6)) > 0.01
    assert imbalance_p(with_failures(baseline, 0), with_failures(candidate, 9)) < 0.01


@given(FEW_VALUES, FEW_VALUES)
def test_the_effect_size_is_mann_whitneys(a: list[int], b: list[int]) -> None:
    """U, its p with the correction for ties, and the shares that follow from U."""
    baseline, candidate = np.sort(np.array(a, float)), np.sort(np.array(b, float))
    assume(len({*a, *b}) > 1)
    expected = stats.mannwhitneyu(candidate, baseline, method="asymptotic")
    greater = np.mean(np.sign(candidate[:, None] - baseline[None, :]))

    found = effect_size(baseline, candidate)

    assert found is not None
    assert pytest.approx(expected.statistic / (len(a) * len(b))) == found.common_language
    assert pytest.approx(expected.pvalue) == found.p_value
    assert pytest.approx(greater) == found.cliffs_delta


@pytest.mark.parametrize(
    ("shift", "magnitude"), [(0, "negligible"), (20, "small"), (40, "medium"), (60, "large")]
)
def test_the_magnitude_has_a_word(shift: int, magnitude: str) -> None:
    """By the customary bounds of Cliff's delta."""
    values = np.arange(100.0)

    found = effect_size(values, values + shift / 1.6)

    assert found is not None
    assert magnitude == found.magnitude


def test_effects_of_almost_nothing() -> None:
    """Three calls have no effect size; calls that are all equal have none to see."""
    equal = np.ones(5)

    assert effect_size(equal[:3], equal) is None
    found = effect_size(equal, equal)
    assert found is not None
    assert (0.5, 0.0, 1.0) == (found.common_language, found.cliffs_delta, found.p_value)


def test_outliers_are_counted_on_logs() -> None:
    """Clean skewed calls have none; one long call is found, with its share of the time."""
    values = np.random.default_rng(1).lognormal(0, 0.6, 1_000)
    assert 0 == outliers(values).count

    values[300], values[400] = 100.0, 50.0
    found = outliers(values)

    assert 2 == found.count
    assert (300, 400) == found.positions
    assert pytest.approx(150 / values.sum()) == found.time_share


def streamed() -> SideObservations:
    """Four calls: two streamed, one of a single token, one that nothing is known about."""
    nan = np.nan
    side = SimulatedRun(launches=1, super_blocks=1, calls=2).sides()[0]
    return replace(
        side,
        latency_s=np.array([1.0, 2.0, 0.5, 1.0]),
        first_token_s=np.array([0.2, 0.4, 0.5, nan]),
        last_token_s=np.array([1.0, 2.0, 0.5, nan]),
        completion_tokens=np.array([5.0, 9.0, 1.0, nan]),
        prompt_tokens=np.array([3.0, 3.0, 3.0, nan]),
        eval_s=np.array([0.4, 0.8, 0.1, nan]),
        transport_s=np.array([0.9, 1.8, 0.4, nan]),
        model_s=np.array([0.8, 1.5, 0.3, nan]),
    )


def test_token_times_by_their_definitions() -> None:
    """n tokens have n − 1 gaps; the server's timer spans the gaps too."""
    side = streamed()

    np.testing.assert_allclose([0.2, 0.2, np.nan, np.nan], inter_token_s(side))
    np.testing.assert_allclose([0.2, 2 / 9, 0.5, np.nan], time_per_output_token_s(side))
    np.testing.assert_allclose([10.0, 10.0, np.nan, np.nan], decode_tokens_per_second(side))
    found = streaming_metrics(side)
    assert pytest.approx(1_100 / 3) == found.time_to_first_token_ms
    assert pytest.approx(400) == found.median_time_to_first_token_ms
    assert found.p95_time_to_first_token_ms is None
    assert pytest.approx(200) == found.inter_token_latency_ms
    assert pytest.approx(10) == found.decode_tokens_per_second


def test_calls_that_were_not_streamed_have_no_token_times() -> None:
    """Unknown is None, never 0."""
    found = streaming_metrics(SimulatedRun().sides()[0])

    assert found.time_to_first_token_ms is None
    assert found.inter_token_latency_ms is None
    assert found.decode_tokens_per_second is None


def test_tokens_and_parts_of_a_call() -> None:
    """Sums over what is known; the parts add up to the mean of the calls that have them."""
    side = streamed()

    tokens = token_sums(side)
    parts = breakdown(side)

    assert (9, 15) == (tokens.prompt, tokens.completion)
    known = (parts.framework_ms, parts.transport_ms, parts.model_ms)
    assert pytest.approx((400 / 3, 500 / 3, 2_600 / 3)) == known
    assert pytest.approx(3_500 / 3) == sum(part or 0 for part in known)
    assert pytest.approx(400 / 3_500) == parts.framework_share
    assert breakdown(SimulatedRun().sides()[0]).model_ms is None


@pytest.mark.parametrize(
    ("slos", "good"),
    [
        (Slos(), [True, True, True, True]),
        (Slos(latency_s=1.0), [True, False, True, True]),
        (Slos(first_token_s=0.4), [True, True, False, False]),
        (Slos(inter_token_s=0.25), [True, True, False, False]),
        (Slos(latency_s=1.0, first_token_s=0.4), [True, False, False, False]),
    ],
)
def test_a_good_call_meets_every_objective(slos: Slos, good: list[bool]) -> None:
    """What is unknown is not good."""
    assert good == good_calls(streamed(), slos).tolist()


def test_the_good_share_counts_everything_attempted() -> None:
    """Dropped arrivals were attempted, though they have no row."""
    side = replace(streamed(), failures={"dropped": 4})

    found = good_share(side, Slos(latency_s=1.0))

    assert found is not None
    assert 3 / 8 == found.value
    assert wilson(3, 8) == found.interval
