"""The report of a comparison in the words of the wire, at any moment of its life (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from shared_models import (
    Breakdown,
    ComparisonProgress,
    ComparisonReport,
    ComparisonRequest,
    ComparisonStatus,
    Finding,
    LaunchReport,
    Metrics,
    PairReport,
    SideReport,
    Tokens,
)

from .findings import metrics_of
from .record import LaunchRecord, Record, SideRecord

if TYPE_CHECKING:
    from .statistics import Analysis
    from .statistics.figures import SideAnalysis

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a comparison ended; `failure_kind` says what ended a failed one."""

    status: ComparisonStatus
    message: str
    failure_kind: str | None
    ended_at: datetime


def build_report(
    request: ComparisonRequest,
    record: Record,
    progress: ComparisonProgress,
    *,
    identity: str,
    created_at: datetime,
    outcome: Outcome | None,
    analysis: "Analysis | None",
) -> ComparisonReport:
    """Return the report; without an outcome the comparison goes on and has no verdict.

    Neither has one that was stopped or failed: its length was not fixed in advance.
    """
    complete = outcome is not None and outcome.status == "Completed" and analysis is not None
    return ComparisonReport(
        id=identity,
        status=outcome.status if outcome else "Running",
        message=outcome.message if outcome else "The comparison goes on",
        failure_kind=outcome.failure_kind if outcome else None,
        created_at=created_at,
        ended_at=outcome.ended_at if outcome else None,
        request=request,
        iterations_asked=request.configuration.iterations,
        schedule=request.schedule,
        verdict=analysis.verdict if complete and analysis else "none",
        reason=analysis.reason if complete and analysis else None,
        headline=_headline(record, outcome, analysis),
        simulated=any(
            metrics.provider == "ollama-simulator"
            for side in record.sides
            for metrics in metrics_of(side)
        ),
        sides=[
            _side(side, analysis.sides[side.side.index] if analysis else None)
            for side in record.sides
        ],
        pairs=_pairs(analysis, complete=complete),
        findings=[*record.findings, *_findings(analysis)],
        order=record.order,
        progress=progress,
    )


def _headline(record: Record, outcome: Outcome | None, analysis: "Analysis | None") -> str:
    names = " and ".join(side.side.label for side in record.sides)
    if outcome is None:
        return f"{names} are being compared"
    if outcome.status == "Completed" and analysis is not None:
        return analysis.headline
    verb = {"Stopped": "was stopped", "Failed": "failed", "Completed": "has no figures"}
    return f"The comparison of {names} {verb.get(outcome.status, 'goes on')}: {outcome.message}"


def _findings(analysis: "Analysis | None") -> list[Finding]:
    return [_wire(Finding, finding) for finding in (analysis.findings if analysis else ())]


def _pairs(analysis: "Analysis | None", *, complete: bool) -> list[PairReport]:
    pairs = [_wire(PairReport, pair) for pair in (analysis.pairs if analysis else ())]
    if complete:
        return pairs
    return [pair.model_copy(update={"verdict": "none", "reason": None}) for pair in pairs]


def _side(record: SideRecord, analysis: "SideAnalysis | None") -> SideReport:
    metrics = metrics_of(record)
    first = metrics[0] if metrics else None
    known = {
        "backend": record.side.backend.name,
        "flavour": record.side.flavour,
        "delay_ms": record.side.delay_ms,
        "success_count": record.successes,
        "provider": first.provider if first else None,
        "agent": first.environment.agent if first else None,
        "environment": first.environment if first else None,
        "machine_info": first.machine_info if first else None,
        "message": record.problem,
        **_starts(metrics),
    }
    if analysis is None:
        return SideReport(**(_provisional(record) | known))
    medians = {launch.launch: launch.median_ms for launch in analysis.launches}
    launches = [_launch(launch, medians.get(launch.launch)) for launch in record.launches]
    return _wire(SideReport, analysis, **known, launches=launches)


def _starts(metrics: Sequence[Metrics]) -> dict[str, Any]:
    """Return what a start costs: medians over the launches, and the warm-up in total."""
    warm_ups = [m.warm_up for m in metrics if m.warm_up is not None]
    return {
        "cold_start_ms": _median([m.cold_start_ms for m in metrics]),
        "first_call_ms": _median([m.first_call_ms for m in metrics]),
        "cold_median_ms": _median([warm_up.cold_median_ms for warm_up in warm_ups]),
        "warm_up_iterations": sum(w.iterations for w in warm_ups) if warm_ups else None,
        "warm_up_ms": sum(w.time_ms for w in warm_ups) if warm_ups else None,
    }


def _provisional(record: SideRecord) -> dict[str, Any]:
    """Return the counts of a comparison that goes on, and no figure that would change."""
    unknown = {
        name: None
        for name, field in SideReport.model_fields.items()
        if type(None) in getattr(field.annotation, "__args__", ())
    }
    return unknown | {
        "label": record.side.label,
        "failure_count": sum(record.failures.values()),
        "failures": dict(record.failures),
        "percentiles": {},
        "outlier_count": 0,
        "breakdown": Breakdown(framework_ms=None, transport_ms=None, model_ms=None),
        "tokens": Tokens(prompt=None, completion=None, per_second=None),
        "launches": [_launch(launch, None) for launch in record.launches],
    }


def _launch(record: LaunchRecord, median_ms: float | None) -> LaunchReport:
    return LaunchReport(
        launch=record.launch,
        position=record.position,
        session_id=record.session_id,
        success_count=record.successes,
        failure_count=record.failures,
        median_ms=median_ms,
        metrics=record.metrics,
    )


def _wire(model: type[ModelT], figures: object, **known: object) -> ModelT:
    """Return the wire's model of a dataclass that has the same names, and of those inside it."""
    names = set(model.model_fields) - set(known)
    values = {name: getattr(figures, name) for name in names} | known
    return model.model_validate(values, by_name=True, from_attributes=True, strict=False)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
