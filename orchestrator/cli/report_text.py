"""A comparison's report for a terminal: the sides' figures, the verdict, what bears on it."""

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared_models import ComparisonReport, Estimate, Estimated, PairReport, SideReport

PIPE_WIDTH = 100
UNKNOWN = "–"
GOODPUT = "goodput per second"
NO_VERDICT = {
    "parallel": "sides that run at the same time hide their difference",
    "sequential": "sides that run one after the other see different conditions",
}
STYLES = {"note": "dim", "warning": "yellow", "error": "red"}


def write_report(report: ComparisonReport, stream: TextIO) -> None:
    """Write everything that a person needs to judge the result."""
    console = Console(
        file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False, emoji=False
    )
    if report.simulated:
        console.print(Text("SIMULATED MODEL: these figures are not a real model's", "yellow"))
    console.print(_table(report))
    # A terminal wraps by itself, and in a pipe a sentence is a line.
    console.print(Text(report.headline, style="bold"), soft_wrap=True)
    for line in details(report):
        console.print(Text(line), soft_wrap=True)
    for finding in report.findings:
        text = Text(f"{finding.severity}: {finding.text}", STYLES[finding.severity])
        console.print(text, soft_wrap=True)


def details(report: ComparisonReport) -> Iterator[str]:
    """Yield what stands below the verdict, as plain lines."""
    if report.schedule in NO_VERDICT:
        yield (
            f"The schedule {report.schedule} gives no verdict: {NO_VERDICT[report.schedule]}; "
            "--schedule interleaved gives one."
        )
    for pair in report.pairs:
        yield from _pair(report, pair)


def _table(report: ComparisonReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    for side in report.sides:
        table.add_column(side.label, justify="right")
    rows = [_figures(side) for side in report.sides]
    if report.request.configuration.test_mode != "rate":
        # Without a rate of its own, what is good is what succeeded.
        rows = [row | {GOODPUT: UNKNOWN} for row in rows]
    for name in rows[0]:
        values = [row[name] for row in rows]
        if any(value != UNKNOWN for value in values):
            table.add_row(name, *values)
    return table


def _figures(side: SideReport) -> dict[str, str]:
    parts = side.breakdown
    return {
        "median (95 % interval), ms": _estimated(side.median),
        "mean ± σ, ms": f"{_number(side.mean_ms)} ± {_number(side.stdev_ms)}",
        **{f"{name}, ms": _estimated(value) for name, value in side.percentiles.items()},
        "framework | transport | model, ms": " | ".join(
            _number(part) for part in (parts.framework_ms, parts.transport_ms, parts.model_ms)
        ),
        "calls per second": _number(side.throughput.value if side.throughput else None),
        GOODPUT: _number(side.goodput.value if side.goodput else None),
        "successful calls": f"{side.success_count:,}",
        "failed calls": f"{side.failure_count:,}",
        "cold start | first call, ms": f"{_number(side.cold_start_ms)} | "
        f"{_number(side.first_call_ms)}",
        "warm-up calls": UNKNOWN
        if side.warm_up_iterations is None
        else f"{side.warm_up_iterations:,}",
    }


def _pair(report: ComparisonReport, pair: PairReport) -> Iterator[str]:
    names = f"{report.sides[pair.candidate].label} against {report.sides[pair.baseline].label}"
    if pair.difference_ms is not None and pair.difference_percent is not None:
        yield (
            f"{names}: medians differ by {pair.difference_ms:+.3g} ms "
            f"({pair.difference_percent:+.1f} %)."
        )
    if pair.estimate is not None:
        yield from _estimate(report, pair, pair.estimate)
    if pair.effect_size is not None:
        effect = pair.effect_size
        yield (
            f"A call of {report.sides[pair.candidate].label} takes longer in "
            f"{effect.common_language:.0%} of the pairs of calls "
            f"(Cliff's delta {effect.cliffs_delta:+.2f}, {effect.magnitude})."
        )


def _estimate(report: ComparisonReport, pair: PairReport, estimate: Estimate) -> Iterator[str]:
    unit = f"{estimate.unit}{'es' if estimate.unit == 'launch' else 's'}"
    p_value = estimate.adjusted_p_value or estimate.p_value
    yield (
        f"Ratio {estimate.ratio:.3f}, 95 % interval {_number(estimate.interval95.low)} to "
        f"{_number(estimate.interval95.high)}, over {estimate.clusters} {unit}, p = {p_value:.2g}"
        f"{'; difference detected' if estimate.difference_detected else ''}."
    )
    if pair.verdict == "inconclusive" and estimate.minimum_detectable_effect is not None:
        more = ""
        if estimate.launches_needed is not None:
            more = f"; {estimate.launches_needed} launches in total would narrow the interval"
            more += " to the margin"
        margin = report.request.equivalence_margin
        yield (
            f"Differences from {estimate.minimum_detectable_effect:.1%} on would be found with "
            f"80 % power (margin {margin:.0%}){more}."
        )
    if estimate.order_effect is not None:
        yield (
            "The side that was launched first took "
            f"{estimate.order_effect.value:.3f} times as long{_interval(estimate.order_effect)}."
        )


def _estimated(value: Estimated | None) -> str:
    return UNKNOWN if value is None else f"{_number(value.value)}{_interval(value)}"


def _interval(value: Estimated) -> str:
    if value.interval is None:
        return ""
    return f" ({_number(value.interval.low)} to {_number(value.interval.high)})"


def _number(value: float | None) -> str:
    """Return four significant digits, never in exponents."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
