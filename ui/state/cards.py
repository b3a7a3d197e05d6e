"""A side of the comparison as its card shows it: words and shares, ready to draw."""

from dataclasses import dataclass
from typing import Literal

from shared_models import AgentIdentity, BackendState, Breakdown, Capabilities, Metrics, TestStatus

from .board import SideRun
from .figures import TOO_SMALL, UNKNOWN, megabytes, milliseconds, number, per_second, span

Tone = Literal["quiet", "busy", "good", "warn", "bad"]

PARTS = ("framework", "transport", "model")
FIGURES = (
    "average",
    "minimum",
    "maximum",
    "p95",
    "throughput",
    "successful",
    "failures",
    "memory peak",
    "warm-up",
    "cold start",
    "first call",
    "tokens",
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
    metrics = side.result.metrics if side.result else None
    key, unit = _key_figure(side, metrics)
    return CardView(
        status=side.phase,
        tone=_TONES[side.phase],
        runtime=_runtime(metrics, capabilities),
        key=key,
        unit=unit,
        figures=_figures(side, metrics),
        segments=_segments(metrics.breakdown if metrics else None, scale_ms),
        progress=_progress(side),
        note=_note(side, health),
    )


def common_scale(sides: tuple[SideRun, ...]) -> float:
    """Return the longest mean call of all sides in ms, so that bars can be compared by eye."""
    totals = [
        _total(side.result.metrics.breakdown)
        for side in sides
        if side.result and side.result.metrics
    ]
    return max(totals, default=0.0)


def _total(breakdown: Breakdown) -> float:
    parts = (breakdown.framework_ms, breakdown.transport_ms, breakdown.model_ms)
    return sum(max(part, 0.0) for part in parts if part is not None)


def _key_figure(side: SideRun, metrics: Metrics | None) -> tuple[str, str]:
    if metrics and metrics.median_ms is not None and metrics.success_count:
        return number(metrics.median_ms), "ms median"
    if side.phase == "Running" and side.status:
        average = side.status.average_time_per_iteration_ms
        return (UNKNOWN, "") if average is None else (number(average), "ms average so far")
    return UNKNOWN, "ms median"


def _runtime(metrics: Metrics | None, capabilities: Capabilities | None) -> str:
    measured = metrics.environment.agent if metrics else None
    agent = measured or (capabilities.agent if capabilities else None)
    return _identity(agent) if agent else "agent not known yet"


def _identity(agent: AgentIdentity) -> str:
    runtime = f"{agent.runtime} {agent.runtime_version}"
    # .NET calls its runtime by its full version string, which already starts with the name.
    if agent.runtime_version.startswith(agent.runtime):
        runtime = agent.runtime_version
    return f"{runtime} · {agent.framework} {agent.framework_version}"


def _figures(side: SideRun, metrics: Metrics | None) -> tuple[str, ...]:
    if metrics is None:
        return _figures_so_far(side.status if side.phase != "Idle" else None)
    too_few = metrics.p95_ms is None and metrics.success_count > 0
    return (
        milliseconds(metrics.average_time_per_iteration_ms),
        milliseconds(metrics.min_iteration_time_ms),
        milliseconds(metrics.max_iteration_time_ms),
        TOO_SMALL if too_few else milliseconds(metrics.p95_ms),
        per_second(metrics.iterations_per_second),
        *_counts(metrics.success_count, metrics.failure_count),
        megabytes(metrics.memory_used_mb),
        milliseconds(metrics.warmup_time_ms),
        milliseconds(metrics.cold_start_ms),
        milliseconds(metrics.first_call_ms),
        per_second(metrics.tokens.per_second),
    )


def _figures_so_far(status: TestStatus | None) -> tuple[str, ...]:
    if status is None:
        return (UNKNOWN,) * len(FIGURES)
    return (
        milliseconds(status.average_time_per_iteration_ms),
        milliseconds(status.min_iteration_time_ms),
        milliseconds(status.max_iteration_time_ms),
        UNKNOWN,
        per_second(status.iterations_per_second),
        *_counts(status.success_count, status.failure_count),
        megabytes(status.memory_used_mb),
        milliseconds(status.warmup_time_ms),
        *(UNKNOWN,) * 3,
    )


def _counts(succeeded: int, failed: int) -> tuple[str, str]:
    return f"{succeeded:,} of {succeeded + failed:,}", f"{failed:,} of {succeeded + failed:,}"


def _segments(breakdown: Breakdown | None, scale_ms: float) -> tuple[Segment, ...]:
    values = (
        (breakdown.framework_ms, breakdown.transport_ms, breakdown.model_ms)
        if breakdown
        else (None, None, None)
    )
    return tuple(
        Segment(
            name=name,
            text=f"{name} {milliseconds(value)}",
            percent=max(value or 0.0, 0.0) / scale_ms * 100 if scale_ms > 0 else 0.0,
        )
        for name, value in zip(PARTS, values, strict=True)
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
    failures = side.result.metrics.failures if side.result and side.result.metrics else {}
    if failures:
        return "Failed calls: " + ", ".join(f"{n:,} {kind}" for kind, n in sorted(failures.items()))
    if side.phase == "Idle" and health is not None and health.state != "healthy":
        return f"{health.state.capitalize()}: {health.reason or 'no reason given'}"
    return None


def announcement(sides: tuple[SideRun, ...]) -> str:
    """Return what a screen reader says: every change of status, and each quarter of a run."""
    return "; ".join(f"{side.backend} {_spoken(side)}" for side in sides if side.phase != "Idle")


def _spoken(side: SideRun) -> str:
    progress = _progress(side)
    if progress is None or progress.percent is None:
        return side.phase.lower()
    return f"{side.phase.lower()}, {int(progress.percent // 25) * 25} %"
