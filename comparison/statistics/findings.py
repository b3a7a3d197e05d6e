"""Which facts about a run bear on the trust in its figures; wording.py has the sentences."""

from collections.abc import Iterator, Sequence

from .drift import drift
from .failures import IMBALANCE_P, MAX_RATE, imbalance_p, too_many_failures
from .figures import Estimate, Figure, Finding, PairAnalysis, SideAnalysis
from .groups import Groups
from .observations import Design, SideObservations
from .open_loop import generator, saturation
from .pairs import SCHEDULE_REASONS, MeasuredPair
from .sides import rows_in_time
from .warm_up import check_warm_up
from .wording import finding

MIN_LAUNCHES = 4
"""The least that a comparison should plan; fewer are analysed all the same."""
DEPENDENT_BELOW = 0.5
"""Said when the calls are worth less than this share of their number."""


def find(
    sides: Sequence[SideObservations],
    figures: Sequence[SideAnalysis],
    measured: Sequence[MeasuredPair],
    pairs: Sequence[PairAnalysis],
    design: Design,
) -> tuple[Finding, ...]:
    """Return all findings: the schedule's, each side's, then each pair's."""
    found: list[Finding] = []
    if len(sides) > 1 and design.schedule in SCHEDULE_REASONS:
        found.append(finding(SCHEDULE_REASONS[design.schedule], {}))
    for index, (side, analysis) in enumerate(zip(sides, figures, strict=True)):
        named: dict[str, Figure] = {"label": side.label}
        found.extend(_of_failures(side, named, index))
        found.extend(_of_open_loop(side, named, index))
        found.extend(_of_time(side, named, index, design))
        found.extend(_of_calls(analysis, named, index))
    for pair, result in zip(measured, pairs, strict=True):
        found.extend(_of_pair(pair, result, sides, design))
    return tuple(found)


def _of_failures(side: SideObservations, named: dict[str, Figure], index: int) -> Iterator[Finding]:
    if too_many_failures(side):
        attempts = side.success_count + side.failure_count
        yield finding(
            "failures",
            named
            | {
                "failed": side.failure_count,
                "attempts": attempts,
                "rate": side.failure_count / attempts,
                "limit": MAX_RATE,
            },
            side=index,
        )


def _of_open_loop(
    side: SideObservations, named: dict[str, Figure], index: int
) -> Iterator[Finding]:
    sent = generator(side)
    if sent is None:
        return
    if sent.late:
        yield finding(
            "generator-late",
            named | {"lag_p99_ms": sent.lag_p99_ms, "limit_ms": sent.limit_ms},
            side=index,
        )
    grown = saturation(side)
    if grown is not None and grown.saturated:
        yield finding(
            "saturated",
            named | {"in_flight_p": grown.in_flight_p, "latency_p": grown.latency_p},
            side=index,
        )
    dropped = side.failures.get("dropped", 0)
    if dropped:
        yield finding("dropped", named | {"dropped": dropped}, side=index)


def _of_time(
    side: SideObservations, named: dict[str, Figure], index: int, design: Design
) -> Iterator[Finding]:
    rows = rows_in_time(side)
    trend = drift(side.latency_s[rows])
    if trend is not None and trend.significant:
        cancelled = design.schedule == "interleaved"
        yield finding(
            "drift" if cancelled else "drift-uncancelled",
            named | {"correlation": trend.correlation, "p": trend.p_value, "change": trend.change},
            side=index,
        )
    launches = Groups.by(side.launch[rows])
    check = check_warm_up(launches.split(side.latency_s[rows]))
    if check is not None and check.too_short:
        yield finding(
            "warm-up-short",
            named
            | {
                "first_largest": check.first_largest,
                "launches": check.launches,
                "proposed_cut": check.proposed_cut,
            },
            side=index,
        )


def _of_calls(analysis: SideAnalysis, named: dict[str, Figure], index: int) -> Iterator[Finding]:
    if analysis.outlier_count:
        yield finding(
            "outliers",
            named | {"count": analysis.outlier_count, "time_share": analysis.outlier_time_share},
            side=index,
        )
    n, effective = analysis.success_count, analysis.effective_count
    if effective is not None and n >= 20 and effective < DEPENDENT_BELOW * n:
        yield finding(
            "dependent-calls",
            named | {"correlation": analysis.lag1_correlation, "count": n, "effective": effective},
            side=index,
        )


def _of_pair(
    pair: MeasuredPair, result: PairAnalysis, sides: Sequence[SideObservations], design: Design
) -> Iterator[Finding]:
    named: dict[str, Figure] = {
        "candidate": pair.candidate,
        "baseline": sides[0].label,
        "other": sides[pair.candidate].label,
    }
    p = imbalance_p(pair.baseline_side, pair.candidate_side)
    if p < IMBALANCE_P:
        yield finding("failure-imbalance", named | {"p": p})
    if design.schedule != "interleaved":
        return
    if result.estimate is None:
        yield finding("no-estimate", named | {"metric": design.primary})
        return
    yield from _of_launches(pair, named)
    if pair.drifts_beyond(design.margin) and pair.differential is not None:
        yield finding(
            "differential-drift",
            named | {"change": pair.differential.change, "p": pair.differential.p_value},
        )
    yield from _of_order(pair, result.estimate, named)
    if result.verdict == "inconclusive":
        yield from _of_power(pair, result.estimate, named, design)


def _of_launches(pair: MeasuredPair, named: dict[str, Figure]) -> Iterator[Finding]:
    launches = len(pair.orders)
    if launches == 1:
        yield finding("one-launch", named)
    elif launches < MIN_LAUNCHES:
        yield finding("few-launches", named | {"launches": launches, "minimum": MIN_LAUNCHES})


def _of_order(
    pair: MeasuredPair, estimate: Estimate, named: dict[str, Figure]
) -> Iterator[Finding]:
    launches, first = len(pair.orders), sum(pair.orders)
    if pair.fixed_order:
        yield finding("fixed-order", named | {"launches": launches})
    elif launches > 1 and 2 * first != launches:
        yield finding("unbalanced-order", named | {"candidate_first": first, "launches": launches})
    effect = estimate.order_effect
    interval = None if effect is None else effect.interval
    if effect is None or interval is None or interval.low is None or interval.high is None:
        return
    if not interval.low <= 1 <= interval.high:
        yield finding(
            "order-effect",
            named | {"ratio": effect.value, "low": interval.low, "high": interval.high},
        )


def _of_power(
    pair: MeasuredPair, estimate: Estimate, named: dict[str, Figure], design: Design
) -> Iterator[Finding]:
    if estimate.minimum_detectable_effect is not None:
        yield finding("underpowered", named | {"effect": estimate.minimum_detectable_effect})
    needed, launches = estimate.launches_needed, estimate.clusters
    if needed is not None and needed > launches:
        yield finding(
            "more-launches",
            named | {"more": needed - launches, "needed": needed, "margin": design.margin},
        )
