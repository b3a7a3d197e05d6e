"""A run as the API shows it: its status while it goes on, its result afterwards."""

from time import monotonic

import anyio.to_thread

from shared_models.results import TestResult, TestStatus

from .machine import machine_info
from .metrics import per_second, summarise
from .percentiles import NS_PER_MS, milliseconds
from .session import RunSession
from .states import PUBLIC_STATUS, RunState, is_terminal

LONG_RUN = 20_000
"""From so many samples on the figures take longer than other requests should wait."""
IDLE = TestStatus(
    session_id=None,
    status="Idle",
    current_iteration=0,
    total_iterations=0,
    elapsed_time_ms=0,
    progress_percentage=0.0,
    average_time_per_iteration_ms=None,
    min_iteration_time_ms=None,
    max_iteration_time_ms=None,
    last_iteration_time_ms=None,
    iterations_per_second=None,
    estimated_time_remaining_ms=None,
    success_count=0,
    failure_count=0,
    memory_used_mb=None,
    warmup_successful=False,
    warmup_time_ms=None,
    error_message=None,
    configuration=None,
    machine_info=None,
)


def status_of(session: RunSession) -> TestStatus:
    """Return where a run is; elapsed time counts from the request, wall clock."""
    record = session.record
    log = record.samples
    lowest, highest = log.extremes_ns
    timed = session.configuration.duration_seconds is not None
    total = log.attempt_count if timed else session.configuration.iterations
    runtime_version = record.agent.runtime_version if record.agent else None
    end = session.ended_at or monotonic()
    return TestStatus(
        session_id=session.id,
        status=PUBLIC_STATUS[session.state],
        current_iteration=log.attempt_count,
        total_iterations=total,
        elapsed_time_ms=round((end - session.started_at) * 1e3),
        progress_percentage=round(100 * _progress(session), 2),
        average_time_per_iteration_ms=milliseconds(log.average_ns),
        min_iteration_time_ms=milliseconds(lowest),
        max_iteration_time_ms=milliseconds(highest),
        last_iteration_time_ms=milliseconds(log.last_duration_ns),
        iterations_per_second=per_second(log.success_count, log.elapsed_ns),
        estimated_time_remaining_ms=_remaining_ms(session),
        success_count=log.success_count,
        failure_count=log.failure_count,
        memory_used_mb=record.resources.rss_peak_mb if record.resources else None,
        warmup_successful=record.warm_up.successful,
        warmup_time_ms=record.warm_up.duration_ms,
        warmup_iterations=record.warm_up.iterations,
        failure_kind=session.failure_kind,
        error_message=session.message if session.state is RunState.FAILED else None,
        phase=session.state.value,
        configuration=session.configuration,
        machine_info=machine_info(runtime_version),
    )


async def composed_result(session: RunSession) -> TestResult:
    """Return `result_of`; a long run's figures are computed in a thread, the service goes on."""
    if len(session.record.samples) < LONG_RUN:
        return result_of(session)
    return await anyio.to_thread.run_sync(result_of, session)


def result_of(session: RunSession) -> TestResult:
    """Return the end of a run, or its figures so far; without the samples."""
    if session.result is not None:
        return session.result
    ended = is_terminal(session.state)
    result = _result(session)
    if ended:
        session.result = result
    return result


def _result(session: RunSession) -> TestResult:
    log = session.record.samples
    completed = session.state is RunState.COMPLETED
    return TestResult(
        success=completed and log.success_count > 0,
        message=session.message or _message(session),
        failure_kind=session.failure_kind,
        metrics=summarise(session.record),
    )


def _message(session: RunSession) -> str:
    log = session.record.samples
    if session.state is not RunState.COMPLETED:
        return "The run goes on"
    if not log.success_count:
        return "Every call failed"
    failed = f", {log.failure_count} failed" if log.failure_count else ""
    return f"{log.success_count} calls succeeded{failed}"


def _progress(session: RunSession) -> float:
    """Return the share of the run that is done, by calls or by time, 0 to 1."""
    configuration = session.configuration
    if configuration.duration_seconds is None:
        return session.record.samples.attempt_count / configuration.iterations
    return min(1.0, session.timed_s / configuration.duration_seconds)


def _remaining_ms(session: RunSession) -> int | None:
    log = session.record.samples
    if is_terminal(session.state) or not log.attempt_count:
        return None
    duration_s = session.configuration.duration_seconds
    if duration_s is not None:
        return round(max(0.0, duration_s - session.timed_s) * 1e3)
    left = session.configuration.iterations - log.attempt_count
    return round(log.elapsed_ns / log.attempt_count * left / NS_PER_MS)
