"""What the analysis gives back; names and units are those of the wire models in shared_models.

Times are milliseconds, ratios candidate / baseline with more than 1 meaning slower; None is
unknown or resting on too few calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared_models import Verdict, VerdictReason
from shared_models.comparisons import Severity

from .observations import Metric

Magnitude = Literal["negligible", "small", "medium", "large"]
Unit = Literal["launch", "super-block"]
Figure = float | int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval; an open end is None."""

    low: float | None
    high: float | None
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """A figure with its interval."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that bears on the trust in a figure, as data; `text` is the sentence for people.

    `side` is the index of the side that it is about, None when it is about the comparison or,
    with `candidate` among the figures, about one pair.
    """

    code: str
    severity: Severity
    side: int | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The launch-level estimate of the ratio that the verdict rests on.

    `interval95` and `interval90` hold at 1 − α and 1 − 2α: with α = 5 % at 95 % and 90 %.
    `minimum_detectable_effect` is relative (0.1 is 10 %); `launches_needed` counts in total.
    """

    ratio: float
    interval95: Interval
    interval90: Interval
    p_value: float
    adjusted_p_value: float | None
    clusters: int
    unit: Unit
    difference_detected: bool
    minimum_detectable_effect: float | None
    launches_needed: int | None
    order_effect: Estimated | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSize:
    """P(candidate > baseline) over single calls, ties half; Cliff's delta; Mann-Whitney's p."""

    common_language: float
    cliffs_delta: float
    magnitude: Magnitude
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnalysis:
    """One candidate against the baseline; both are indexes into the sides.

    `secondary` holds the estimates of the metrics that carry no verdict.
    """

    baseline: int
    candidate: int
    metric: Metric
    verdict: Verdict
    reason: VerdictReason | None
    estimate: Estimate | None
    secondary: Mapping[Metric, Estimate]
    difference_ms: float | None
    difference_percent: float | None
    ratio: float | None
    median_ratio: Estimated | None
    mean_ratio: Estimated | None
    percentile_ratios: Mapping[str, Estimated]
    effect_size: EffectSize | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAnalysis:
    """One launch of one side."""

    launch: int
    success_count: int
    failure_count: int
    median_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownMeans:
    """Mean milliseconds per successful call, by where they were spent."""

    framework_ms: float | None
    transport_ms: float | None
    model_ms: float | None
    tool_ms: float | None
    framework_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSums:
    """Token sums over the successful calls, and completion tokens per second of timed windows."""

    prompt: int | None
    completion: int | None
    per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingMetrics:
    """Streamed replies: medians over the successful calls, the first field excepted."""

    time_to_first_token_ms: float | None
    """Mean."""
    median_time_to_first_token_ms: float | None
    p95_time_to_first_token_ms: float | None
    inter_token_latency_ms: float | None
    time_per_output_token_ms: float | None
    output_tokens_per_second: float | None
    decode_tokens_per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideAnalysis:
    """One side's figures over all its launches; intervals hold within this run."""

    label: str
    success_count: int
    failure_count: int
    failures: Mapping[str, int]
    failure_rate: Estimated | None
    median: Estimated | None
    mean_ms: float | None
    stdev_ms: float | None
    mad_ms: float | None
    log_stdev: float | None
    min_ms: float | None
    max_ms: float | None
    percentiles: Mapping[str, Estimated | None]
    lag1_correlation: float | None
    effective_count: float | None
    outlier_count: int
    outlier_time_share: float | None
    outlier_rows: tuple[int, ...]
    """Rows of the longest outliers in the observations, so that their traces can be shown."""
    throughput: Estimated | None
    goodput: Estimated | None
    good_share: Estimated | None
    breakdown: BreakdownMeans
    tokens: TokenSums
    streaming: StreamingMetrics
    launches: tuple[LaunchAnalysis, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything; `verdict` and `reason` are the first pair's, `headline` says it in words."""

    verdict: Verdict
    reason: VerdictReason | None
    headline: str
    sides: tuple[SideAnalysis, ...]
    pairs: tuple[PairAnalysis, ...]
    findings: tuple[Finding, ...]
