"""The analysis as a whole: what it says of runs whose truth is known, and when it says nothing."""

import math
import string
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from comparison.statistics import (
    Analysis,
    Design,
    Estimate,
    Finding,
    PairAnalysis,
    SideObservations,
    analyse,
    finding,
)
from comparison.statistics.wording import SENTENCES
from shared_models import Schedule, Verdict, VerdictReason
from tests.support.simulated_run import SimulatedRun

QUICK = Design(resamples=200)
OPPOSITE: dict[Verdict, Verdict] = {"faster": "slower", "slower": "faster"}
RUNS = st.builds(
    SimulatedRun,
    launches=st.integers(min_value=1, max_value=6),
    super_blocks=st.integers(min_value=1, max_value=4),
    calls=st.integers(min_value=1, max_value=4),
    ratio=st.sampled_from([0.8, 1.0, 1.1, 1.5]),
    seed=st.integers(min_value=0, max_value=1_000),
)


def estimate_of(pair: PairAnalysis) -> Estimate:
    """Return the estimate that this pair must have."""
    assert pair.estimate is not None
    return pair.estimate


def codes(analysis: Analysis) -> set[str]:
    """Return the codes of all findings."""
    return {found.code for found in analysis.findings}


def found_with(analysis: Analysis, code: str) -> Finding:
    """Return the one finding with this code."""
    (only,) = [found for found in analysis.findings if found.code == code]
    return only


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, "equivalent"), (1.3, "slower"), (1 / 1.3, "faster")]
)
def test_a_clear_case_is_called(ratio: float, verdict: str) -> None:
    """Ten launches tell a third apart, and sides that are alike from sides that are not."""
    analysis = analyse(SimulatedRun(launches=10, ratio=ratio, seed=3).sides(), QUICK)

    estimate = estimate_of(analysis.pairs[0])
    assert verdict == analysis.verdict
    assert analysis.reason is None
    assert verdict in analysis.headline
    assert (10, "launch") == (estimate.clusters, estimate.unit)
    assert estimate.adjusted_p_value is None
    assert (ratio != 1) == estimate.difference_detected
    assert abs(math.log(estimate.ratio / ratio)) < 0.05


def test_the_pipeline_falls_on_the_right_verdict_as_often_as_the_rule() -> None:
    """From calls to verdict: 5 × 10 at a true 15 % is called slower in 97 %."""
    runs = [SimulatedRun(launches=5, ratio=1.15, seed=seed) for seed in range(60)]

    verdicts = Counter(analyse(run.sides(), Design(resamples=20)).verdict for run in runs)

    assert verdicts["slower"] >= 60 * (0.97 - 4 * math.sqrt(0.97 * 0.03 / 60))
    assert 60 == verdicts["slower"] + verdicts["inconclusive"]


@settings(max_examples=20)
@given(RUNS, st.integers(min_value=0, max_value=100))
def test_the_order_of_rows_does_not_matter(run: SimulatedRun, seed: int) -> None:
    """Calls carry their place with them."""
    sides = run.sides()
    random = np.random.default_rng(seed)

    shuffled = analyse([shuffle(side, random) for side in sides], QUICK)

    assert_same(analyse(sides, QUICK), shuffled)


def shuffle(side: SideObservations, random: np.random.Generator) -> SideObservations:
    """Return the same calls in another order of rows."""
    order = random.permutation(len(side.ok))
    columns = {
        name: getattr(side, name)[order]
        for name in side.__dataclass_fields__
        if isinstance(getattr(side, name), np.ndarray)
    }
    return replace(side, **columns)


def assert_same(expected: Analysis, found: Analysis) -> None:
    """Both analyses say the same, up to the last digits."""
    assert (expected.verdict, expected.reason) == (found.verdict, found.reason)
    assert codes(expected) == codes(found)
    for before, after in zip(expected.pairs, found.pairs, strict=True):
        assert (before.estimate is None) == (after.estimate is None)
        if before.estimate and after.estimate:
            assert pytest.approx(before.estimate.ratio) == after.estimate.ratio
            assert pytest.approx(before.estimate.p_value) == after.estimate.p_value
        assert before.median_ratio is not None
        assert after.median_ratio is not None
        assert pytest.approx(before.median_ratio.value) == after.median_ratio.value


@settings(max_examples=20)
@given(RUNS, st.sampled_from([0.01, 3.0, 1_000.0]))
def test_another_unit_changes_no_ratio(run: SimulatedRun, factor: float) -> None:
    """A machine that is slower for both sides is none of our business."""
    sides = run.sides()

    scaled = analyse(
        [
            replace(side, latency_s=side.latency_s * factor, start_s=side.start_s * factor)
            for side in sides
        ],
        QUICK,
    )

    assert_same(analyse(sides, QUICK), scaled)


@settings(max_examples=20)
@given(RUNS)
def test_swapped_sides_invert_the_ratio(run: SimulatedRun) -> None:
    """And swap faster and slower."""
    sides = run.sides()

    there, back = analyse(sides, QUICK), analyse(sides[::-1], QUICK)

    assert OPPOSITE.get(there.verdict, there.verdict) == back.verdict
    assert there.reason == back.reason
    if there.pairs[0].estimate is None:
        assert back.pairs[0].estimate is None
    else:
        first, second = estimate_of(there.pairs[0]), estimate_of(back.pairs[0])
        assert pytest.approx(1 / first.ratio) == second.ratio
        assert first.interval95.low is not None
        assert pytest.approx(1 / first.interval95.low) == second.interval95.high
        assert pytest.approx(first.p_value) == second.p_value


@pytest.mark.parametrize(
    ("schedule", "reason"), [("parallel", "contended"), ("sequential", "order-biased")]
)
def test_only_interleaved_carries_a_verdict(schedule: Schedule, reason: VerdictReason) -> None:
    """However clear the difference is; the observed figures are there."""
    analysis = analyse(
        SimulatedRun(ratio=2.0, drift=0).sides(), Design(schedule=schedule, resamples=50)
    )

    assert ("none", reason) == (analysis.verdict, analysis.reason)
    assert reason in codes(analysis)
    assert analysis.pairs[0].difference_percent is not None
    assert abs(analysis.pairs[0].difference_percent - 100) < 15


def test_drift_is_a_warning_where_nothing_cancels_it() -> None:
    """And a note where alternation does."""
    sides = SimulatedRun(drift=1.0).sides()

    cancelled = analyse(sides, QUICK)
    uncancelled = analyse(sides, Design(schedule="sequential", resamples=50))

    assert {"note"} == {f.severity for f in cancelled.findings if f.code == "drift"}
    assert "drift-uncancelled" not in codes(cancelled)
    assert {"warning"} == {f.severity for f in uncancelled.findings if "drift" in f.code}


@pytest.mark.parametrize("dropped", [(0, 20), (20, 20), (0, 8)])
def test_failures_make_a_comparison_invalid(dropped: tuple[int, int]) -> None:
    """More than 1 % on a side, or sides that fail differently often."""
    sides = [
        replace(side, failures={"dropped": count})
        for side, count in zip(SimulatedRun(launches=10, ratio=1.5).sides(), dropped, strict=True)
    ]

    analysis = analyse(sides, QUICK)

    assert ("invalid", "failures") == (analysis.verdict, analysis.reason)
    assert {"failures", "failure-imbalance"} & codes(analysis)
    assert analysis.pairs[0].estimate is not None


def test_a_few_failures_on_both_sides_are_told_but_not_fatal() -> None:
    """Five of a thousand."""
    sides = [
        replace(side, failures={"timeout": 5})
        for side in SimulatedRun(launches=10, ratio=1.5).sides()
    ]

    analysis = analyse(sides, QUICK)

    assert "slower" == analysis.verdict
    rate = analysis.sides[0].failure_rate
    assert rate is not None
    assert 5 / 1_005 == rate.value


def test_a_late_generator_makes_a_comparison_invalid() -> None:
    """Its own lag is in the latencies."""
    sides = [
        replace(side, lag_s=np.full(side.latency_s.shape, 0.006))
        for side in SimulatedRun(ratio=1.5).sides()
    ]

    analysis = analyse(sides, QUICK)

    assert ("invalid", "generator") == (analysis.verdict, analysis.reason)
    assert [0, 1] == [f.side for f in analysis.findings if f.code == "generator-late"]


def test_one_launch_has_an_estimate_and_no_verdict() -> None:
    """Labelled; how launches differ is not in its interval."""
    analysis = analyse(SimulatedRun(launches=1, super_blocks=20, ratio=2.0).sides(), QUICK)

    estimate = estimate_of(analysis.pairs[0])
    assert ("inconclusive", "too-few") == (analysis.verdict, analysis.reason)
    assert "super-block" == estimate.unit
    assert estimate.launches_needed is None
    assert "one-launch" in codes(analysis)
    assert "this launch only" in analysis.headline


def test_one_super_block_has_no_estimate() -> None:
    """The observed ratio is all there is."""
    analysis = analyse(SimulatedRun(launches=1, super_blocks=1).sides(), QUICK)

    assert ("inconclusive", "too-few") == (analysis.verdict, analysis.reason)
    assert analysis.pairs[0].estimate is None
    assert analysis.pairs[0].ratio is not None
    assert "no-estimate" in codes(analysis)


def test_few_launches_may_have_a_verdict_with_a_warning() -> None:
    """The t interval pays for their number."""
    run = SimulatedRun(launches=3, ratio=2.0, launch_sigma=0.005)

    analysis = analyse(run.sides(), QUICK)

    assert "slower" == analysis.verdict
    assert {"few-launches", "unbalanced-order"} <= codes(analysis)


def test_a_side_that_was_always_first_cannot_be_judged() -> None:
    """Being second alone makes programs faster."""
    baseline, candidate = SimulatedRun(ratio=2.0).sides()
    positions = [(0,) * 6, (1,) * 6]

    analysis = analyse(
        [
            replace(side, launch_position=position)
            for side, position in zip((baseline, candidate), positions, strict=True)
        ],
        QUICK,
    )

    assert ("inconclusive", "order-biased") == (analysis.verdict, analysis.reason)
    assert "fixed-order" in codes(analysis)
    assert estimate_of(analysis.pairs[0]).order_effect is None


def test_being_first_is_reported_as_an_effect_of_its_own() -> None:
    """A fifth slower for whoever is first; the ratio of equal sides stays 1."""
    sides = [
        replace(side, latency_s=side.latency_s * np.where(first(side), 1.2, 1.0))
        for side in SimulatedRun(launches=10, launch_sigma=0.01).sides()
    ]

    analysis = analyse(sides, QUICK)

    estimate = estimate_of(analysis.pairs[0])
    assert estimate.order_effect is not None
    assert abs(estimate.order_effect.value - 1.2) < 0.03
    assert abs(estimate.ratio - 1) < 0.03
    assert "order-effect" in codes(analysis)


def first(side: SideObservations) -> NDArray[np.bool_]:
    """Return which calls belong to a launch in which this side came first."""
    return np.isin(side.launch, np.flatnonzero(np.array(side.launch_position) == 0))


def test_a_ratio_that_changes_within_the_launches_is_not_judged() -> None:
    """One side warms up by a half during each launch."""
    baseline, candidate = SimulatedRun(ratio=2.0, drift=0).sides()
    warming = candidate.latency_s * (1 + 0.5 * (1 - candidate.super_block / 9))

    analysis = analyse([baseline, replace(candidate, latency_s=warming)], QUICK)

    assert ("inconclusive", "drift") == (analysis.verdict, analysis.reason)
    assert "differential-drift" in codes(analysis)


def test_an_inconclusive_comparison_says_what_would_help() -> None:
    """The detectable effect, and how many launches; not from the sign of the estimate."""
    sides = SimulatedRun(launches=4, launch_sigma=0.05, seed=2).sides()

    there, back = analyse(sides, QUICK), analyse(sides[::-1], QUICK)

    assert "inconclusive" == there.verdict
    more = found_with(there, "more-launches")
    needed = estimate_of(there.pairs[0]).launches_needed
    assert needed is not None
    assert needed > 4
    assert (needed - 4, needed) == (more.figures["more"], more.figures["needed"])
    assert needed == estimate_of(back.pairs[0]).launches_needed
    assert "underpowered" in codes(there)


def test_cold_first_calls_are_told() -> None:
    """In every launch the first calls of one side take three times as long."""
    baseline, candidate = SimulatedRun().sides()
    cold = np.where(candidate.super_block == 0, 3.0, 1.0)

    analysis = analyse([baseline, replace(candidate, latency_s=candidate.latency_s * cold)], QUICK)

    assert 1 == found_with(analysis, "warm-up-short").side


def test_calls_after_a_switch_are_left_out() -> None:
    """They would double the ratio."""
    baseline, candidate = SimulatedRun(launches=10, seed=3).sides()
    switch = np.arange(len(candidate.ok)) % 5 == 0
    slow = replace(candidate, latency_s=np.where(switch, 10.0, candidate.latency_s))

    analysis = analyse([baseline, replace(slow, after_switch=switch)], QUICK)

    assert "equivalent" == analysis.verdict
    assert 1_000 == analysis.sides[1].success_count
    assert (analysis.sides[1].max_ms or 0) < 1_000


def test_more_sides_are_each_compared_with_the_first() -> None:
    """With p-values that are adjusted for their number."""
    baseline, slower = SimulatedRun(launches=10, ratio=1.3, seed=3).sides()
    _, alike = SimulatedRun(launches=10, seed=4).sides()

    analysis = analyse([baseline, slower, alike], QUICK)

    assert [(0, 1), (0, 2)] == [(pair.baseline, pair.candidate) for pair in analysis.pairs]
    assert ["slower", "equivalent"] == [pair.verdict for pair in analysis.pairs]
    first, second = (estimate_of(pair) for pair in analysis.pairs)
    assert pytest.approx(2 * first.p_value) == first.adjusted_p_value
    assert pytest.approx(second.p_value) == second.adjusted_p_value


def test_one_side_alone_has_figures_and_no_verdict() -> None:
    """There is nothing to compare it with."""
    analysis = analyse(SimulatedRun().sides()[:1], QUICK)

    assert ((), "none", None) == (analysis.pairs, analysis.verdict, analysis.reason)
    assert analysis.sides[0].median is not None


def test_no_side_is_refused() -> None:
    """A wrong call fails instead of giving figures."""
    with pytest.raises(ValueError, match="side"):
        analyse([], QUICK)


def test_sides_without_a_success_have_no_figures() -> None:
    """A run that failed altogether is invalid, not an error of ours."""
    sides = [
        replace(side, ok=np.zeros(len(side.ok), dtype=np.bool_), failures={"http": len(side.ok)})
        for side in SimulatedRun().sides()
    ]

    analysis = analyse(sides, QUICK)

    assert ("invalid", "failures") == (analysis.verdict, analysis.reason)
    assert analysis.pairs[0].ratio is None
    assert analysis.sides[0].median is None


def test_a_longer_first_token_is_slower_in_streaming() -> None:
    """The primary metric of a mode carries the verdict, the other has an adjusted p-value."""
    baseline, candidate = (
        replace(side, first_token_s=side.latency_s * share)
        for side, share in zip(SimulatedRun(launches=10, seed=3).sides(), (0.2, 0.4), strict=True)
    )

    pair = analyse([baseline, candidate], Design(mode="streaming", resamples=50)).pairs[0]

    assert ("timeToFirstToken", "slower") == (pair.metric, pair.verdict)
    latency = pair.secondary["latency"]
    assert abs(latency.ratio - 1) < 0.05
    assert latency.adjusted_p_value is not None
    assert latency.p_value <= latency.adjusted_p_value


@pytest.mark.parametrize("metric", ["goodput", "throughput"])
def test_fewer_calls_per_second_are_slower(metric: str) -> None:
    """Rates are inverted, so that more than 1 means slower in every metric."""
    design = replace(QUICK, metric=metric)  # type: ignore[arg-type] # the parameters are metrics

    analysis = analyse(SimulatedRun(launches=10, ratio=1.3, seed=3).sides(), design)

    assert (metric, "slower") == (analysis.pairs[0].metric, analysis.verdict)
    assert abs(estimate_of(analysis.pairs[0]).ratio - 1.3) < 0.05


def test_blocks_without_a_good_call_are_not_left_out() -> None:
    """The worst blocks would otherwise be the ones that are missing."""
    baseline, candidate = SimulatedRun(launches=10, seed=3).sides()
    failed = candidate.super_block == 0
    none_good = replace(candidate, ok=~failed, failures={"timeout": int(failed.sum())})

    pair = analyse([baseline, none_good], replace(QUICK, metric="goodput")).pairs[0]

    assert estimate_of(pair).ratio > 1.1


def test_looking_again_costs() -> None:
    """A comparison that may be extended has wider intervals from its first look on."""
    sides = SimulatedRun().sides()

    once = estimate_of(analyse(sides, QUICK).pairs[0])
    extendable = estimate_of(analyse(sides, replace(QUICK, extendable=True)).pairs[0])
    extended = estimate_of(analyse(sides, replace(QUICK, look=2)).pairs[0])

    assert (0.95, 0.90) == (once.interval95.confidence, once.interval90.confidence)
    assert (0.9875, 0.975) == (extended.interval95.confidence, extended.interval90.confidence)
    assert extendable == extended
    with pytest.raises(ValueError, match="looked at"):
        Design(look=5)


@pytest.mark.parametrize("design", [{"margin": 0.0}, {"alpha": 0.5}])
def test_an_impossible_design_is_refused(design: dict[str, float]) -> None:
    """Before anything is measured."""
    with pytest.raises(ValueError, match=r"margin|alpha"):
        replace(QUICK, **design)  # type: ignore[arg-type] # the fields are numbers


def test_observations_must_fit_together() -> None:
    """Columns of another length, impossible latencies and uncounted failures are refused."""
    side = SimulatedRun().sides()[0]

    with pytest.raises(ValueError, match="lag_s"):
        replace(side, lag_s=np.zeros(3))
    with pytest.raises(ValueError, match="above 0"):
        replace(side, latency_s=side.latency_s * 0)
    with pytest.raises(ValueError, match="counted"):
        replace(side, ok=np.zeros(len(side.ok), dtype=np.bool_))


@pytest.mark.parametrize("code", SENTENCES)
def test_every_sentence_can_be_said(code: str) -> None:
    """With the figures that it names; per cent signs stand apart."""
    fields = [name for _, name, _, _ in string.Formatter().parse(SENTENCES[code][1]) if name]

    said = finding(code, dict.fromkeys(fields, 0.5), side=None)

    assert code == said.code
    assert said.text.endswith((".", ")."))
    assert "{" not in said.text
    assert not any(f"{digit}%" in said.text for digit in range(10))


def test_importing_the_package_brings_no_numpy() -> None:
    """The web service and the command line start without 50 MB of numbers."""
    script = "import comparison, sys; print('numpy' in sys.modules, 'scipy' in sys.modules)"

    shown = subprocess.check_output([sys.executable, "-c", script], text=True)

    assert "False False" == shown.strip()
