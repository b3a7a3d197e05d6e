"""What an estimate allows to be said, how often it is right, and what more launches would buy."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from comparison.statistics.launches import LogEstimate
from comparison.statistics.multiplicity import holm
from comparison.statistics.power import calls_needed, launches_needed, minimum_detectable_effect
from comparison.statistics.verdict import decide, decide_all
from shared_models import Verdict
from tests.support.simulated_run import SimulatedRun, simulated_log_ratios

ESTIMATES = st.builds(
    lambda mean, stdev, clusters: LogEstimate(
        mean=mean, stdev=stdev, clusters=clusters, unit="launch"
    ),
    st.floats(min_value=-0.3, max_value=0.3),
    st.floats(min_value=1e-4, max_value=0.2),
    st.integers(min_value=2, max_value=20),
)
OPPOSITE: dict[Verdict, Verdict] = {"faster": "slower", "slower": "faster"}


@given(ESTIMATES, st.sampled_from([0.02, 0.05, 0.1]))
def test_the_rule_is_about_intervals(found: LogEstimate, margin: float) -> None:
    """Slower: the 95 % interval above 1 + margin. Equivalent: the 90 % one inside the margin."""
    wide, narrow = found.interval(0.95), found.interval(0.90)
    assert None not in (wide.low, wide.high, narrow.low, narrow.high)
    expected: Verdict = "inconclusive"
    if (wide.low or 0) > 1 + margin:
        expected = "slower"
    elif (wide.high or 0) < 1 / (1 + margin):
        expected = "faster"
    elif (narrow.low or 0) > 1 / (1 + margin) and (narrow.high or 0) < 1 + margin:
        expected = "equivalent"

    assert expected == decide(found, margin=margin)


@given(ESTIMATES)
def test_swapped_sides_swap_the_verdict(found: LogEstimate) -> None:
    """Faster is slower the other way round; the other verdicts stay."""
    mirrored = LogEstimate(
        mean=-found.mean, stdev=found.stdev, clusters=found.clusters, unit=found.unit
    )
    verdict = decide(found, margin=0.05)

    assert OPPOSITE.get(verdict, verdict) == decide(mirrored, margin=0.05)


@given(st.lists(ESTIMATES, min_size=1, max_size=6))
def test_more_candidates_never_help_a_claim(found: list[LogEstimate]) -> None:
    """What Holm allows to be said was allowed alone, and the surest of all stays said."""
    alone = [decide(one, margin=0.05) for one in found]

    together = decide_all(found, margin=0.05)

    assert all(t in (a, "inconclusive") for a, t in zip(alone, together, strict=True))
    if len(found) == 1:
        assert alone == together


@given(st.lists(st.floats(min_value=0, max_value=1), max_size=8))
def test_holm_rejects_what_the_step_down_test_rejects(p_values: list[float]) -> None:
    """Adjusted ≤ α exactly where the ordered p-values are below α / m, α / (m − 1), …"""
    adjusted = holm(p_values)

    alpha, m = 0.05, len(p_values)
    rejected: set[int] = set()
    for rank, index in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        if (m - rank) * p_values[index] > alpha:
            break
        rejected.add(index)
    assert rejected == {i for i in range(m) if adjusted[i] <= alpha}
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))


TABLE: dict[tuple[int, int], dict[float, dict[Verdict, float]]] = {
    (3, 10): {
        1.0: {"equivalent": 0.23, "slower": 0.0, "faster": 0.0},
        1.05: {"slower": 0.023, "equivalent": 0.043},
        1.10: {"slower": 0.23},
        1.15: {"slower": 0.59},
    },
    (5, 20): {1.0: {"equivalent": 0.69}, 1.05: {"slower": 0.021, "equivalent": 0.069}},
    (10, 5): {
        1.0: {"equivalent": 0.86, "slower": 0.0, "faster": 0.0},
        1.05: {"slower": 0.025, "equivalent": 0.055},
        1.10: {"slower": 0.82},
        1.15: {"slower": 1.0},
    },
}
"""How often which verdict falls, by launches × super-blocks and true ratio; 1,500 trials each.

σ of a call 0.15, drift 10 %, launch effect 2 %, margin 5 %."""


@pytest.mark.parametrize("launches", TABLE, ids=lambda design: f"{design[0]} × {design[1]}")
def test_verdicts_fall_as_often_as_they_should(launches: tuple[int, int]) -> None:
    """The rule on simulated runs, within four standard errors of both simulations."""
    trials = 800
    for ratio, expected in TABLE[launches].items():
        run = SimulatedRun(
            launches=launches[0], super_blocks=launches[1], ratio=ratio, seed=round(ratio * 100)
        )
        means = simulated_log_ratios(run, trials=trials).mean(axis=2)
        verdicts = Counter(
            decide(
                LogEstimate(
                    mean=float(values.mean()),
                    stdev=float(values.std(ddof=1)),
                    clusters=len(values),
                    unit="launch",
                ),
                margin=0.05,
            )
            for values in means
        )
        for verdict, share in expected.items():
            # A share of 0 or 1 in the table is one that rounds to it.
            p = min(max(share, 0.002), 0.998)
            error = math.sqrt(p * (1 - p) * (1 / trials + 1 / 1_500))
            assert abs(verdicts[verdict] / trials - share) < 4 * error + 0.005, (ratio, verdict)


def test_the_detectable_effect_is_detected_in_four_of_five_cases() -> None:
    """Exact power by scipy's noncentral t is 77 to 80 %, as the approximation promises."""
    for launches in (4, 6, 10, 20):
        found = LogEstimate(mean=0, stdev=0.03, clusters=launches, unit="launch")
        effect = math.log1p(minimum_detectable_effect(found))
        critical = stats.t.ppf(0.975, launches - 1)
        power = stats.nct.sf(critical, launches - 1, effect / found.standard_error)
        assert 0.77 <= power <= 0.805


@pytest.mark.parametrize(("launches", "divisor"), [(5, 3.67), (10_000, 2.93)])
def test_the_divisor_of_the_needed_error(launches: int, divisor: float) -> None:
    """s_D / √R must be at most L over the sum of two t quantiles."""
    points = stats.t.ppf(0.95, launches - 1) + stats.t.ppf(0.90, launches - 1)

    assert pytest.approx(divisor, abs=0.01) == points


@pytest.mark.parametrize("stdev", [0.01, 0.03, 0.1])
def test_that_many_launches_make_equal_sides_equivalent(stdev: float) -> None:
    """In four of five cases at least, and two launches fewer would not be enough."""
    needed = launches_needed(stdev, 0.05)
    assert needed is not None
    assert 0 == needed % 2

    power = equivalence_power(stdev, needed)
    assert power >= 0.78
    if needed > 4:
        assert equivalence_power(stdev, needed - 2) < 0.82


def equivalence_power(stdev: float, launches: int) -> float:
    """Return how often launches of equal sides are called equivalent, by simulation."""
    random = np.random.default_rng(launches)
    values = random.normal(0, stdev, (4_000, launches))
    half = stats.t.ppf(0.95, launches - 1) * values.std(axis=1, ddof=1) / math.sqrt(launches)
    return float(np.mean(np.abs(values.mean(axis=1)) + half < math.log1p(0.05)))


def test_hopeless_noise_needs_more_launches_than_anybody_runs() -> None:
    """There is no number to offer then."""
    assert launches_needed(10.0, 0.05) is None


@pytest.mark.parametrize(("margin", "calls"), [(0.10, 67), (0.05, 254), (0.02, 1_543)])
def test_planning_without_data(margin: float, calls: int) -> None:
    """Independent calls per side at σ 0.15."""
    assert abs(calls_needed(0.15, margin) - calls) <= 1
