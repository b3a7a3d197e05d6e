"""What the coordinator notices: about the plan, the prompts and the environment, worded here.

What the figures themselves show is found and worded by `statistics`.
"""

from collections.abc import Iterator, Sequence

from shared_models import ComparisonRequest, Finding, Metrics

from .plan import DEFAULT_CALLS, Plan
from .record import Record, SideRecord
from .sides import uses_windows

BUSY_LOAD_PER_CORE = 0.5
TOKEN_TOLERANCE = 0.05
"""By how much the mean lengths of the answers may differ between sides."""


def of_plan(request: ComparisonRequest, plan: Plan) -> Iterator[Finding]:
    """Yield where the plan is not what was asked for to the letter."""
    if uses_windows(request):
        yield from _of_windows(request, plan)
        return
    asked, rounded = request.configuration.iterations, round(plan.amount)
    segment = plan.segments[0]
    calls = (segment.calls or 0) - segment.discarded
    if rounded != asked:
        yield Finding(
            code="iterations-rounded",
            severity="note",
            figures={"asked": asked, "rounded": rounded},
            text=f"{asked:,} calls a side were asked for; {rounded:,} fill whole super-blocks of "
            f"{2 * calls} calls in each of {request.launches} launches.",
        )
    if request.calls_per_segment is None and calls < DEFAULT_CALLS:
        yield Finding(
            code="slow-calls",
            severity="note",
            figures={"callsPerSegment": calls},
            text="A call takes more than 5 s, so that the sides alternate after every call.",
        )
    if segment.discarded:
        yield Finding(
            code="after-switch-discarded",
            severity="note",
            figures={"discardedPerSegment": segment.discarded},
            text="The model server answers at once, so that the first call after each switch of "
            "sides shows the pause of the process; it is made, kept and left out of the figures.",
        )


def of_record(request: ComparisonRequest, record: Record) -> Iterator[Finding]:
    """Yield what is known once the comparison has ended."""
    yield from _simulated(record)
    for side in record.sides:
        yield from _environment(side)
        yield from _versions(side)
        yield from _expected_tokens(request, side)
    yield from _origins(record)
    yield from _unequal_tokens(record)


def metrics_of(side: SideRecord) -> list[Metrics]:
    """Return what its backend said about each launch, as far as it did."""
    return [launch.metrics for launch in side.launches if launch.metrics is not None]


def _of_windows(request: ComparisonRequest, plan: Plan) -> Iterator[Finding]:
    asked = request.configuration.duration_seconds
    if asked is None and "iterations" in request.configuration.model_fields_set:
        text = (
            f"In this mode whole windows alternate: {plan.amount:g} s a side in windows of "
            f"{request.window_seconds:g} s, however many calls that makes."
        )
    elif asked is not None and asked != plan.amount:
        text = (
            f"{asked:g} s a side were asked for; {plan.amount:g} s fill whole windows of "
            f"{request.window_seconds:g} s in each of {request.launches} launches."
        )
    else:
        return
    yield Finding(
        code="whole-windows",
        severity="note",
        figures={"secondsPerSide": plan.amount, "windowSeconds": request.window_seconds},
        text=text,
    )


def _simulated(record: Record) -> Iterator[Finding]:
    if any(m.provider == "ollama-simulator" for side in record.sides for m in metrics_of(side)):
        yield Finding(
            code="simulated-model",
            severity="warning",
            text="The answers came from the simulator: these figures are no real model's.",
        )


def _environment(side: SideRecord) -> Iterator[Finding]:
    for metrics in metrics_of(side)[:1]:
        load, cores = metrics.environment.load_average, metrics.machine_info.logical_cores
        if load is not None and cores and load > BUSY_LOAD_PER_CORE * cores:
            yield Finding(
                code="busy-machine",
                severity="warning",
                side=side.side.index,
                figures={"loadAverage": load, "cores": cores},
                text=f"{side.side.label}: the machine was busy before the start (load "
                f"{load:.1f} on {cores} cores).",
            )


def _versions(side: SideRecord) -> Iterator[Finding]:
    seen = {
        (m.environment.agent, m.environment.ollama_version, m.environment.agent_origin)
        for m in metrics_of(side)
        if m.environment.agent is not None
    }
    if len(seen) > 1:
        yield Finding(
            code="versions-differ",
            severity="error",
            side=side.side.index,
            figures={"versions": len(seen)},
            text=f"{side.side.label}: the agent, its runtime or the model server changed between "
            "launches.",
        )


def _origins(record: Record) -> Iterator[Finding]:
    origins = [
        m.environment.agent_origin
        for side in record.sides
        for m in metrics_of(side)[:1]
        if m.language == "CSharp" and m.environment.agent_origin is not None
    ]
    if len(set(origins)) > 1:
        yield Finding(
            code="origins-differ",
            severity="warning",
            figures={"origins": ", ".join(origins)},
            text="The .NET agents came from different builds (" + ", ".join(origins) + "): their "
            "start times do not compare.",
        )


def _expected_tokens(request: ComparisonRequest, side: SideRecord) -> Iterator[Finding]:
    expected = request.expected_tokens
    if not expected:
        return
    wrong = told = 0
    for place, counted in zip(side.columns.prompt, side.columns.completion_tokens, strict=True):
        wanted = expected[place % len(expected)]
        if wanted is not None and counted == counted:  # NaN is unknown
            told += 1
            wrong += counted != wanted
    if wrong:
        yield Finding(
            code="unexpected-tokens",
            severity="warning",
            side=side.side.index,
            figures={"unexpected": wrong, "known": told},
            text=f"{side.side.label}: {wrong:,} of {told:,} answers were not as long as expected.",
        )


def _unequal_tokens(record: Record) -> Iterator[Finding]:
    means = [_mean_known(side.columns.completion_tokens) for side in record.sides]
    known = [mean for mean in means if mean]
    if len(known) > 1 and max(known) > min(known) * (1 + TOKEN_TOLERANCE):
        figures = {
            f"tokens{index}": None if mean is None else round(mean, 2)
            for index, mean in enumerate(means)
        }
        words = ", ".join(
            f"{side.side.label} {mean:.1f}"
            for side, mean in zip(record.sides, means, strict=True)
            if mean is not None
        )
        yield Finding(
            code="unequal-tokens",
            severity="warning",
            figures={**figures},
            text=f"The answers differ in length (mean tokens: {words}), and a longer answer takes "
            "longer.",
        )


def _mean_known(values: Sequence[float]) -> float | None:
    known = [value for value in values if value == value]  # NaN is unknown
    return sum(known) / len(known) if known else None
