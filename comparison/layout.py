"""Which plan a request asks for, and how the agents' own speed adapts it (pure)."""

from collections.abc import Iterable, Sequence
from math import ceil

from shared_models import ComparisonRequest, TestConfiguration, WarmUpFigures

from .plan import DEFAULT_CALLS, Launch, Plan, plan_calls, plan_windows
from .sides import uses_windows

SLOW_CALL_MS = 5_000.0
"""Above it a segment is a single call."""
FAST_CALL_MS = 10.0
"""Below it the first call after a pause is told apart: it takes up to 1.8 times as long."""


def plan_for(
    request: ComparisonRequest, *, sides: int, call_ms: Sequence[float] | None = None
) -> Plan:
    """Return the schedule of an interleaved comparison.

    `call_ms` is what a warm call takes, on each side that tells. Before the first warm-up it is
    None, and the plan has the most calls that a launch may need.
    """
    if uses_windows(request):
        return plan_windows(
            sides=sides,
            launches=request.launches,
            window_s=request.window_seconds,
            duration_s=request.configuration.duration_seconds,
        )
    return plan_calls(
        sides=sides,
        launches=request.launches,
        iterations=request.configuration.iterations,
        calls=_calls(request, slow=max(call_ms or [0.0]) > SLOW_CALL_MS),
        discarded=_discarded(
            request, fast=call_ms is None or min(call_ms, default=FAST_CALL_MS) < FAST_CALL_MS
        ),
    )


def typical_call_ms(warm_ups: Iterable[WarmUpFigures | None]) -> list[float]:
    """Return what a warm call takes, for each side whose warm-up tells."""
    found = []
    for warm_up in warm_ups:
        if warm_up is None:
            continue
        medians = warm_up.window_medians_ms
        median = medians[-1] if medians else warm_up.cold_median_ms
        if median is not None:
            found.append(median)
    return found


def for_launch(
    configuration: TestConfiguration, launch: Launch, side: int, *, calls_before: int
) -> TestConfiguration:
    """Return what a side's run of one launch is asked to do, all its blocks together.

    A list of prompts is turned so that it goes on where the launches before have stopped.
    """
    seconds, calls = launch.seconds_of(side), launch.calls_of(side)
    changes: dict[str, object] = {"gated": True, "duration_seconds": seconds or None}
    if calls:
        changes["iterations"] = calls
    if configuration.prompts:
        turn = calls_before % len(configuration.prompts)
        changes["prompts"] = configuration.prompts[turn:] + configuration.prompts[:turn]
    return configuration.model_copy(update=changes)


def _calls(request: ComparisonRequest, *, slow: bool) -> int:
    calls = request.calls_per_segment or (1 if slow else DEFAULT_CALLS)
    return _whole_sessions(request, calls)


def _discarded(request: ComparisonRequest, *, fast: bool) -> int:
    return _whole_sessions(request, 1) if fast else 0


def _whole_sessions(request: ComparisonRequest, calls: int) -> int:
    """Round up to whole conversations, so that every segment starts with a first turn."""
    if request.configuration.scenario != "conversation":
        return calls
    turns = request.configuration.turns
    return ceil(calls / turns) * turns
