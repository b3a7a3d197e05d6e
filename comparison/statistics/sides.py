"""All figures of one side, over all its launches."""

import numpy as np

from .drift import effective_count, lag1_correlation
from .failures import failure_rate
from .figures import (
    BreakdownMeans,
    LaunchAnalysis,
    SideAnalysis,
    TokenSums,
)
from .goodput import good_calls, good_share
from .groups import Groups
from .observations import Booleans, Design, Floats, Integers, SideObservations
from .outliers import outliers
from .percentiles import (
    PERCENTILES,
    deviations,
    median_with_interval,
    percentile_with_interval,
)
from .streaming import streaming_metrics
from .throughput import rate_per_second, windows_of

MS = 1000.0


def analyse_side(side: SideObservations, design: Design) -> SideAnalysis:
    """Return one side's figures; latencies over the counted calls, in milliseconds."""
    rows = rows_in_time(side)
    in_time = side.latency_s[rows] * MS
    ordered = np.sort(in_time)
    n = len(ordered)
    spread = deviations(ordered)
    correlation = lag1_correlation(in_time)
    unusual = outliers(in_time)
    return SideAnalysis(
        label=side.label,
        success_count=side.success_count,
        failure_count=side.failure_count,
        failures=dict(side.failures),
        failure_rate=failure_rate(side),
        median=median_with_interval(ordered),
        mean_ms=float(ordered.mean()) if n else None,
        stdev_ms=spread.stdev,
        mad_ms=spread.mad,
        log_stdev=spread.log_stdev,
        min_ms=float(ordered[0]) if n else None,
        max_ms=float(ordered[-1]) if n else None,
        percentiles={name: percentile_with_interval(ordered, q) for name, q in PERCENTILES.items()},
        lag1_correlation=correlation,
        effective_count=None if correlation is None else effective_count(n, correlation),
        outlier_count=unusual.count,
        outlier_time_share=unusual.time_share,
        outlier_rows=tuple(int(rows[position]) for position in unusual.positions),
        throughput=rate_per_second(side, side.ok),
        goodput=rate_per_second(side, good_calls(side, design.slos)),
        good_share=good_share(side, design.slos),
        breakdown=breakdown(side),
        tokens=token_sums(side),
        streaming=streaming_metrics(side),
        launches=_launches(side),
    )


def rows_in_time(side: SideObservations) -> Integers:
    """Return the rows of the counted calls in the order in which they began."""
    rows = np.flatnonzero(side.counted)
    return rows[np.argsort(side.start_s[rows], kind="stable")]


def breakdown(side: SideObservations) -> BreakdownMeans:
    """Return where the counted calls spent their time.

    Only calls whose parts are all known are averaged, so that the parts add up to their mean; in
    scenarios without local functions the tool's part is 0 and not shown.
    """
    if side.transport_s is None or side.model_s is None:
        return BreakdownMeans(
            framework_ms=None, transport_ms=None, model_ms=None, tool_ms=None, framework_share=None
        )
    tool = np.zeros(side.latency_s.shape) if side.tool_s is None else np.nan_to_num(side.tool_s)
    known = side.counted & np.isfinite(side.transport_s) & np.isfinite(side.model_s)
    lag = np.zeros(side.latency_s.shape) if side.lag_s is None else np.nan_to_num(side.lag_s)
    total = _mean(side.latency_s - lag, known)
    transport, model, tools = (_mean(c, known) for c in (side.transport_s, side.model_s, tool))
    if total is None or transport is None or model is None or tools is None:
        return BreakdownMeans(
            framework_ms=None, transport_ms=None, model_ms=None, tool_ms=None, framework_share=None
        )
    framework = total - transport - tools
    return BreakdownMeans(
        framework_ms=framework * MS,
        transport_ms=(transport - model) * MS,
        model_ms=model * MS,
        tool_ms=None if side.tool_s is None else tools * MS,
        framework_share=framework / total,
    )


def token_sums(side: SideObservations) -> TokenSums:
    """Return the token sums of the successful calls, and completion tokens per window second."""
    completion = _token_sum(side.completion_tokens, side.ok)
    seconds = float(windows_of(side, side.ok).seconds.sum())
    return TokenSums(
        prompt=_token_sum(side.prompt_tokens, side.ok),
        completion=completion,
        per_second=completion / seconds if completion is not None and seconds > 0 else None,
    )


def _token_sum(tokens: Floats | None, ok: Booleans) -> int | None:
    if tokens is None:
        return None
    known = tokens[ok & np.isfinite(tokens)]
    return int(known.sum()) if len(known) else None


def _mean(values: Floats, rows: Booleans) -> float | None:
    return float(values[rows].mean()) if rows.any() else None


def _launches(side: SideObservations) -> tuple[LaunchAnalysis, ...]:
    counted = Groups.by(side.launch[side.counted])
    medians = counted.medians(side.latency_s[side.counted] * MS)
    by_launch = dict(zip(counted.keys.tolist(), medians.tolist(), strict=True))
    every = Groups.by(side.launch)
    succeeded = every.sums(side.ok.astype(np.float64))
    return tuple(
        LaunchAnalysis(
            launch=launch,
            success_count=int(ok),
            failure_count=int(rows - ok),
            median_ms=by_launch.get(launch),
        )
        for launch, rows, ok in zip(
            every.keys.tolist(), every.counts.tolist(), succeeded.tolist(), strict=True
        )
    )
