"""Comparing sides: what is asked for, and the report with its verdict.

Ratios are candidate / baseline times: above 1 the candidate is slower. Times are milliseconds
over successful calls. What is unknown, or rests on too few calls, is null.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from .configuration import Flavour, TestConfiguration
from .results import (
    AgentIdentity,
    Breakdown,
    Count,
    Environment,
    MachineInfo,
    Metrics,
    Milliseconds,
    Tokens,
)
from .services import Schedule, Verdict, VerdictReason
from .wire import RequestModel, WireModel

MAX_SIDES = 8
ComparisonStatus = Literal["Running", "Completed", "Stopped", "Failed"]
Severity = Literal["note", "warning", "error"]


class SideRequest(RequestModel):
    """One side: a backend, and in which flavour its agent works.

    `flavour` is the configuration's unless given. The same backend twice compares an agent with
    itself; `delay_ms` then makes one side slower by a known amount.
    """

    backend: Annotated[str, Field(min_length=1, max_length=64)]
    flavour: Flavour | None = None
    label: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    delay_ms: Annotated[float, Field(ge=0, le=60_000)] | None = None


class ComparisonRequest(RequestModel):
    """What to compare, and how. Without `sides` all backends are compared, the first is the
    baseline.

    Interleaved: `launches` pairs of fresh agents; within each, segments of `calls_per_segment`
    calls alternate A-B-B-A and B-A-A-B, or whole windows of `window_seconds` in the load modes
    (batch, concurrent, rate). The configuration's `iterations` is the number of timed calls per
    side in total, rounded up to a multiple of launches × 2 × callsPerSegment.
    """

    configuration: TestConfiguration = TestConfiguration()
    sides: Annotated[list[SideRequest], Field(min_length=1, max_length=MAX_SIDES)] | None = None
    schedule: Schedule = "interleaved"
    launches: Annotated[int, Field(ge=1, le=50)] = 6
    calls_per_segment: Annotated[int, Field(ge=1, le=1_000)] | None = None
    window_seconds: Annotated[float, Field(ge=0.5, le=600)] = 10.0
    equivalence_margin: Annotated[float, Field(gt=0, le=1)] = 0.05
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = 1
    """For everything that is random: the order of a sequential schedule and the resampling."""
    expected_tokens: (
        Annotated[list[Annotated[int, Field(ge=1, le=1_000_000)] | None], Field(max_length=10_000)]
        | None
    ) = None
    """How long the answer to each of the configuration's `prompts` should be."""


class Interval(WireModel):
    """A confidence interval; an open end is null. `confidence` is 0.95 or 0.90."""

    low: float | None
    high: float | None
    confidence: float


class Estimated(WireModel):
    """A figure with its interval."""

    value: float
    interval: Interval | None


class Finding(WireModel):
    """Something that bears on the trust in a figure: a code, how grave it is, and its figures.

    `text` is the sentence for people, worded in one place. `side` is the index of the side that
    it is about, null when it is about the comparison.
    """

    code: str
    severity: Severity
    side: Count | None = None
    figures: dict[str, float | int | str | None] = Field(default_factory=dict)
    text: str


class Estimate(WireModel):
    """The launch-level estimate of the ratio that the verdict rests on.

    `clusters` is the number of launch pairs, or of super-blocks when there was one launch
    (`unit`: "this launch only"). `minimum_detectable_effect` is the relative effect found with
    80 % power; `launches_needed` is how many launches in total would narrow the interval enough.
    """

    ratio: float
    interval95: Interval
    interval90: Interval
    p_value: float
    adjusted_p_value: float | None
    """After Holm, with more than one candidate or metric."""
    clusters: Count
    unit: Literal["launch", "super-block"]
    difference_detected: bool
    minimum_detectable_effect: float | None
    launches_needed: Count | None
    order_effect: Estimated | None
    """How much longer the side that was launched first took, as a ratio, over the launches."""


class EffectSize(WireModel):
    """P(candidate > baseline) over single calls, ties half; Cliff's delta; Mann-Whitney's p."""

    common_language: float
    cliffs_delta: float
    magnitude: Literal["negligible", "small", "medium", "large"]
    p_value: float


class PairReport(WireModel):
    """One candidate against the baseline; both are indexes into the report's sides.

    The pooled intervals hold "within this run" only and carry no verdict.
    """

    baseline: Count
    candidate: Count
    metric: str
    """The primary metric, declared by the mode: `latency`, `timeToFirstToken` or `goodput`."""
    verdict: Verdict
    reason: VerdictReason | None
    estimate: Estimate | None
    difference_ms: float | None
    difference_percent: float | None
    ratio: float | None
    """Of the pooled medians."""
    median_ratio: Estimated | None
    mean_ratio: Estimated | None
    percentile_ratios: dict[str, Estimated]
    effect_size: EffectSize | None


class LaunchReport(WireModel):
    """One launch of one side: its place in the order, its start and its warm-up."""

    launch: Count
    position: Count
    """0 when this side was launched and warmed first in its pair."""
    session_id: str
    success_count: Count
    failure_count: Count
    median_ms: Milliseconds | None
    metrics: Metrics | None


class SideReport(WireModel):
    """One side's figures over all its launches."""

    backend: str
    flavour: Flavour
    label: str
    delay_ms: float
    provider: Literal["Ollama", "ollama-simulator"] | None
    agent: AgentIdentity | None
    environment: Environment | None
    machine_info: MachineInfo | None
    success_count: Count
    failure_count: Count
    failures: dict[str, Count]
    failure_rate: Estimated | None
    """Share of failures with Wilson's 95 % interval."""
    median: Estimated | None
    mean_ms: Milliseconds | None
    stdev_ms: Milliseconds | None
    mad_ms: Milliseconds | None
    """Median absolute deviation × 1.4826."""
    min_ms: Milliseconds | None
    max_ms: Milliseconds | None
    percentiles: dict[str, Estimated | None]
    """`p90`, `p95`, `p99`, `p99.9`; null where n is too small."""
    effective_count: float | None
    """n_eff: how many independent calls these are worth."""
    outlier_count: Count
    outlier_time_share: float | None
    throughput: Estimated | None
    """Successful calls per second of timed windows."""
    goodput: Estimated | None
    breakdown: Breakdown
    tokens: Tokens
    cold_start_ms: Milliseconds | None
    first_call_ms: Milliseconds | None
    cold_median_ms: Milliseconds | None
    warm_up_iterations: Count | None
    warm_up_ms: Milliseconds | None
    launches: list[LaunchReport]
    message: str | None = None
    """Why this side's run did not go well, null when it did."""


class ComparisonProgress(WireModel):
    """How far a comparison is; `done` and `total` count calls over all sides, or milliseconds of
    windows where calls cannot be foreseen."""

    phase: str
    done: Count
    total: Count
    launch: Count
    launches: Count
    elapsed_ms: Count
    remaining_ms: Count | None


class ComparisonReport(WireModel):
    """A comparison from its start on; the figures are provisional until `status` is final.

    `order` is what was done in which order: for each launch the indexes of the sides. `verdict`
    and `reason` are those of the first pair; with more sides each pair has its own.
    """

    id: str
    status: ComparisonStatus
    message: str
    failure_kind: str | None
    created_at: AwareDatetime
    ended_at: AwareDatetime | None
    request: ComparisonRequest
    iterations_asked: Count
    """Before rounding."""
    schedule: Schedule
    verdict: Verdict
    reason: VerdictReason | None
    headline: str
    """The verdict as one sentence."""
    simulated: bool
    sides: list[SideReport]
    pairs: list[PairReport]
    findings: list[Finding]
    order: list[list[int]]
    progress: ComparisonProgress


class ComparisonAccepted(WireModel):
    """The reply of `POST /api/comparisons`."""

    id: str
    message: str


class ComparisonList(WireModel):
    """The comparisons that are known, newest first."""

    comparisons: list[ComparisonReport]
    total: Count
