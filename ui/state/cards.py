"""A side of the comparison as its card shows it: words and shares, ready to draw."""

from dataclasses import dataclass
from typing import Literal

from shared_models import (
    AgentIdentity,
    BackendState,
    Breakdown,
    Capabilities,
    Metrics,
    SideReport,
    TestStatus,
)

from .board import SideRun
from .figures import TOO_SMALL, UNKNOWN, megabytes, milliseconds, number, per_second, span

Tone = Literal["quiet", "busy", "good", "warn", "bad"]

PARTS = ("framework", "transport", "model", "tools")
FIGURES = (
    "average",
    "minimum",
    "maximum",
    "deviation",
    "p95",
    "p99",
    "throughput",
    "tokens",
    "successful",
    "failures",
    "memory peak",
    "warm-up",
    "warm-up calls",
    "cold start",
    "first call",
    "cold median",
)

_TONES: dict[str, Tone] = {
    "Idle": "quiet",
    "Running": "busy",
    "Completed": "good",
    "Stopped": "warn",
    "Failed": "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of the breakdown bar: its words, and its width in percent of the common scale."""

    name: str
    text: str
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is; `percent` is null while the agent is starting."""

    percent: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """Everything that one card says."""

    status: str
    tone: Tone
    runtime: str
    key: str
    unit: str
    figures: tuple[str, ...]
    extras: tuple[tuple[str, str], ...]
    """What only this mode or scenario has, with its name."""
    segments: tuple[Segment, ...]
    progress: Progress | None
    note: str | None


def card_view(
    side: SideRun,
    *,
    scale_ms: float,
    capabilities: Capabilities | None = None,
    health: BackendState | None = None,
) -> CardView:
    """Return what the card of `side` says; `scale_ms` is the longest bar of all cards."""
    report = side.report
    key, unit = _key_figure(side)
    return CardView(
        status=side.phase,
        tone=_TONES[side.phase],
        runtime=_runtime(report, capabilities),
        key=key,
        unit=unit,
        figures=_figures(report) if report else _figures_so_far(side),
        extras=_extras(report),
        segments=_segments(report.breakdown if report else None, scale_ms),
        progress=_progress(side),
        note=_note(side, health),
    )


def common_scale(sides: tuple[SideRun, ...]) -> float:
    """Return the longest mean call of all sides in ms, so that bars can be compared by eye."""
    return max((_total(side.report.breakdown) for side in sides if side.report), default=0.0)


def _parts(breakdown: Breakdown | None) -> tuple[float | None, ...]:
    if breakdown is None:
        return (None,) * len(PARTS)
    return (
        breakdown.framework_ms,
        breakdown.transport_ms,
        breakdown.model_ms,
        breakdown.tool_ms,
    )


def _total(breakdown: Breakdown) -> float:
    return sum(max(part, 0.0) for part in _parts(breakdown) if part is not None)


def _key_figure(side: SideRun) -> tuple[str, str]:
    if side.report and side.report.median is not None:
        return number(side.report.median.value), "ms median"
    if side.phase == "Running" and side.status:
        average = side.status.average_time_per_iteration_ms
        return (UNKNOWN, "") if average is None else (number(average), "ms average so far")
    return UNKNOWN, "ms median"


def _runtime(report: SideReport | None, capabilities: Capabilities | None) -> str:
    measured = report.agent if report else None
    agent = measured or (capabilities.agent if capabilities else None)
    return _identity(agent) if agent else "agent not known yet"


def _identity(agent: AgentIdentity) -> str:
    runtime = f"{agent.runtime} {agent.runtime_version}"
    # .NET calls its runtime by its full version string, which already starts with the name.
    if agent.runtime_version.startswith(agent.runtime):
        runtime = agent.runtime_version
    return f"{runtime} · {agent.framework} {agent.framework_version}"


def _figures(report: SideReport) -> tuple[str, ...]:
    peaks = [launch.metrics.memory_used_mb for launch in report.launches if launch.metrics]
    warm_up = report.warm_up_iterations
    return (
        milliseconds(report.mean_ms),
        milliseconds(report.min_ms),
        milliseconds(report.max_ms),
        milliseconds(report.stdev_ms),
        _percentile(report, "p95"),
        _percentile(report, "p99"),
        per_second(report.throughput.value if report.throughput else None),
        per_second(report.tokens.per_second),
        *_counts(report.success_count, report.failure_count),
        megabytes(max((peak for peak in peaks if peak is not None), default=None)),
        milliseconds(report.warm_up_ms),
        UNKNOWN if warm_up is None else f"{warm_up:,}",
        milliseconds(report.cold_start_ms),
        milliseconds(report.first_call_ms),
        milliseconds(report.cold_median_ms),
    )


def _percentile(report: SideReport, name: str) -> str:
    found = report.percentiles.get(name)
    if found is None and report.success_count:
        return TOO_SMALL
    return milliseconds(found.value if found else None)


def _figures_so_far(side: SideRun) -> tuple[str, ...]:
    status = side.status if side.phase != "Idle" else None
    if status is None:
        return (UNKNOWN,) * len(FIGURES)
    known = {
        "average": milliseconds(status.average_time_per_iteration_ms),
        "minimum": milliseconds(status.min_iteration_time_ms),
        "maximum": milliseconds(status.max_iteration_time_ms),
        "throughput": per_second(status.iterations_per_second),
        "memory peak": megabytes(status.memory_used_mb),
        "warm-up": milliseconds(status.warmup_time_ms),
    }
    counts = _counts(status.success_count, status.failure_count)
    known["successful"], known["failures"] = counts
    return tuple(known.get(name, UNKNOWN) for name in FIGURES)


def _extras(report: SideReport | None) -> tuple[tuple[str, str], ...]:
    """Return the figures of the mode and scenario; several launches have them one by one."""
    if report is None or len(report.launches) != 1 or report.launches[0].metrics is None:
        return ()
    metrics = report.launches[0].metrics
    return (*_mode_extras(metrics), *_scenario_extras(metrics))


def _mode_extras(metrics: Metrics) -> tuple[tuple[str, str], ...]:
    if streaming := metrics.streaming:
        return (
            ("first token", milliseconds(streaming.median_time_to_first_token_ms)),
            ("inter-token", milliseconds(streaming.inter_token_latency_ms)),
            ("per output token", milliseconds(streaming.time_per_output_token_ms)),
            ("output tokens", per_second(streaming.output_tokens_per_second)),
        )
    if rate := metrics.rate:
        return (
            ("achieved", per_second(rate.achieved_per_second)),
            ("late starts", f"{rate.late_starts:,} of {rate.arrivals:,}"),
            ("lag p99", milliseconds(rate.lag_p99_ms)),
            ("dropped", f"{rate.dropped:,}"),
        )
    if batches := metrics.batches:
        return (
            ("batches", f"{batches.count:,}"),
            ("batch median", milliseconds(batches.median_ms)),
            ("batch maximum", milliseconds(batches.max_ms)),
        )
    return ()


def _scenario_extras(metrics: Metrics) -> tuple[tuple[str, str], ...]:
    scenario = metrics.scenario
    if scenario is None:
        return ()
    turns = (
        (f"turn {turn.turn}", milliseconds(turn.median_ms))
        for turn in scenario.turns[:: max(1, len(scenario.turns) - 1)]
    )
    return (
        ("model calls", f"{scenario.model_calls:,}"),
        *((("tool calls", f"{scenario.tool_calls:,}"),) * bool(scenario.tool_calls)),
        *((("invalid answers", f"{scenario.invalid_answers:,}"),) * bool(scenario.invalid_answers)),
        *turns,
    )


def _counts(succeeded: int, failed: int) -> tuple[str, str]:
    return f"{succeeded:,} of {succeeded + failed:,}", f"{failed:,} of {succeeded + failed:,}"


def _segments(breakdown: Breakdown | None, scale_ms: float) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            name=name,
            # Only one scenario has tools: elsewhere the fourth part is not spoken of.
            text="" if name == "tools" and not value else f"{name} {milliseconds(value)}",
            percent=max(value or 0.0, 0.0) / scale_ms * 100 if scale_ms > 0 else 0.0,
        )
        for name, value in zip(PARTS, _parts(breakdown), strict=True)
    )


def _progress(side: SideRun) -> Progress | None:
    if side.phase != "Running":
        return None
    status = side.status
    if status is None or (status.current_iteration == 0 and not status.warmup_successful):
        return Progress(percent=None, text="Starting the agent and warming up")
    return Progress(percent=min(status.progress_percentage, 100.0), text=_progress_text(status))


def _progress_text(status: TestStatus) -> str:
    parts = [
        f"{status.current_iteration:,} of {status.total_iterations:,}",
        f"{span(status.elapsed_time_ms)} elapsed",
    ]
    if status.iterations_per_second is not None:
        parts.append(f"{number(status.iterations_per_second)} it/s")
    if status.estimated_time_remaining_ms is not None:
        parts.append(f"{span(status.estimated_time_remaining_ms)} left")
    return " · ".join(parts)


def _note(side: SideRun, health: BackendState | None) -> str | None:
    if side.cause:
        return side.cause
    failures = side.report.failures if side.report else {}
    if failures:
        return "Failed calls: " + ", ".join(f"{n:,} {kind}" for kind, n in sorted(failures.items()))
    if side.phase == "Idle" and health is not None and health.state != "healthy":
        return f"{health.state.capitalize()}: {health.reason or 'no reason given'}"
    return None


def announcement(sides: tuple[SideRun, ...]) -> str:
    """Return what a screen reader says: every change of status, and each quarter of a run."""
    return "; ".join(f"{side.label} {_spoken(side)}" for side in sides if side.phase != "Idle")


def _spoken(side: SideRun) -> str:
    progress = _progress(side)
    if progress is None or progress.percent is None:
        return side.phase.lower()
    return f"{side.phase.lower()}, {int(progress.percent // 25) * 25} %"
