"""From samples to the figures of a result, and a run as its status shows it."""

import statistics
import subprocess
import sys
from array import array
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from benchmark.metrics import WarmUp, summarise
from benchmark.resources import ResourceSampler
from benchmark.session import RunSession
from benchmark.states import RunState
from benchmark.views import IDLE, LONG_RUN, composed_result, result_of, status_of
from service_defaults.endpoints import EndpointPolicy
from shared_models import RuntimeStatistics, TestConfiguration
from tests.support.agents import ScriptedAgent, run_to_end
from tests.support.runs import MS, make_record, make_sample
from tests.support.simulator import running_simulator


def test_a_run_without_a_sample_has_no_figures_rather_than_zeros() -> None:
    """Nothing is divided by nothing."""
    metrics = summarise(make_record([]))

    assert (0, 0, 0) == (metrics.success_count, metrics.failure_count, metrics.total_iterations)
    assert 0 == metrics.total_execution_time_ms
    for value in (
        metrics.average_time_per_iteration_ms,
        metrics.min_iteration_time_ms,
        metrics.median_ms,
        metrics.stdev_ms,
        metrics.iterations_per_second,
        metrics.cold_start_ms,
        metrics.breakdown.framework_ms,
        metrics.tokens.per_second,
    ):
        assert value is None


def test_latencies_are_over_the_successful_calls_only() -> None:
    """A fast failure makes no backend look fast, a cancelled call is not counted at all."""
    metrics = summarise(
        make_record(
            [
                make_sample(1, duration_ns=10 * MS),
                make_sample(2, duration_ns=30 * MS),
                make_sample(3, duration_ns=1, outcome="error", error_kind="http"),
                make_sample(4, duration_ns=900 * MS, outcome="timeout", error_kind="timeout"),
                make_sample(5, duration_ns=1, outcome="cancelled", error_kind="cancelled"),
            ]
        )
    )

    assert (4, 2, 2) == (metrics.total_iterations, metrics.success_count, metrics.failure_count)
    assert {"http": 1, "timeout": 1} == metrics.failures
    assert 20.0 == metrics.average_time_per_iteration_ms == metrics.median_ms
    assert (10.0, 30.0) == (metrics.min_iteration_time_ms, metrics.max_iteration_time_ms)
    assert pytest.approx(statistics.stdev([10, 30])) == metrics.stdev_ms


def test_a_single_call_has_a_median_and_no_deviation() -> None:
    """The least n of each figure is kept."""
    metrics = summarise(make_record([make_sample(1)]))

    assert 1.0 == metrics.median_ms
    assert metrics.stdev_ms is None
    assert metrics.p90_ms is None


@pytest.mark.parametrize(
    ("count", "known"),
    [(99, ()), (100, ("p90_ms",)), (200, ("p90_ms", "p95_ms"))],
)
def test_a_percentile_appears_with_enough_calls(count: int, known: tuple[str, ...]) -> None:
    """Below that it is null on the wire."""
    metrics = summarise(make_record([make_sample(n + 1, duration_ns=n * MS) for n in range(count)]))

    for name in ("p90_ms", "p95_ms", "p99_ms"):
        assert (name in known) is (getattr(metrics, name) is not None)


def test_the_execution_time_is_an_integer_from_the_first_start_to_the_last_end() -> None:
    """A typed client reads an Int64; overlapping calls count once."""
    metrics = summarise(
        make_record(
            [
                make_sample(1, start_ns=5 * MS, duration_ns=100 * MS),
                make_sample(2, start_ns=6 * MS, duration_ns=20 * MS + 400_000),
            ]
        )
    )

    assert 100 == metrics.total_execution_time_ms
    assert type(metrics.total_execution_time_ms) is int
    assert 20.0 == metrics.iterations_per_second


@pytest.mark.parametrize(
    ("outcome", "cold", "first"), [("ok", 503.0, 3.0), ("timeout", None, None)]
)
def test_a_cold_start_ends_with_a_first_reply(
    outcome: str, cold: float | None, first: float | None
) -> None:
    """A first call that failed was no reply, so neither figure exists."""
    sample = make_sample(1, duration_ns=3 * MS, outcome=outcome)

    metrics = summarise(make_record([], first_sample=sample, spawn_ms=500.0))

    assert (cold, first) == (metrics.cold_start_ms, metrics.first_call_ms)


def test_tokens_are_sums_over_the_successful_calls() -> None:
    """The rate is completion tokens per second of the run."""
    tokens: dict[str, Any] = {"prompt_tokens": 4, "completion_tokens": 10}
    metrics = summarise(
        make_record([make_sample(1, **tokens), make_sample(2, **tokens), make_sample(3)])
    )

    assert (8, 20) == (metrics.tokens.prompt, metrics.tokens.completion)
    assert pytest.approx(20 / 0.003) == metrics.tokens.per_second


def test_the_warm_up_enters_no_figure_but_its_own() -> None:
    """It is told beside the run."""
    record = make_record([make_sample(1)], warm_up=WarmUp(duration_ms=12.5, successful=True))

    metrics = summarise(record)

    assert (12.5, True) == (metrics.warmup_time_ms, metrics.warmup_successful)
    assert 1 == metrics.total_iterations


async def test_memory_and_cpu_are_read_from_outside() -> None:
    """A process that holds 64 MiB shows at least that, and its CPU time."""
    code = "x = bytearray(64 * 2**20); print(1, flush=True); sum(range(10**6)); input()"
    async with await anyio.open_process(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        await process.stdout.receive()
        sampler = ResourceSampler([process.pid])
        with anyio.move_on_after(0.3):
            await sampler.run()
        sampler.finish()
        process.kill()

    figures = sampler.figures([RuntimeStatistics(gc_collections=[3, 1], gc_pause_ns=2_500_000)])

    assert figures.rss_peak_mb is not None
    assert 64 <= figures.rss_peak_mb < 500
    assert figures.pss_mb is not None
    assert figures.cpu_seconds is not None
    assert figures.gc is not None
    assert ([3, 1], 2.5, None) == (
        figures.gc.collections,
        figures.gc.pause_ms,
        figures.gc.heap_mb,
    )


async def test_a_process_that_is_gone_has_unknown_figures() -> None:
    """An agent that died at once fails its run for that, not for the reading."""
    async with await anyio.open_process([sys.executable, "-c", ""]) as process:
        await process.wait()
    sampler = ResourceSampler([process.pid])

    await sampler.run()
    sampler.finish()

    assert sampler.figures([]).rss_peak_mb is None
    assert sampler.figures([]).gc is None


def test_a_backend_without_a_run_is_idle() -> None:
    """The status has every field, with counts of 0 and unknown figures."""
    assert "Idle" == IDLE.status
    assert (0, 0) == (IDLE.elapsed_time_ms, IDLE.total_iterations)


async def test_a_run_that_has_ended_shows_the_same_figures_in_its_status_and_result() -> None:
    """Elapsed time stands still, progress is complete, nothing remains."""
    session = await run_to_end(ScriptedAgent(), iterations=4)

    status, result = status_of(session), result_of(session)
    await anyio.sleep(0.01)

    assert status == status_of(session)
    assert ("Completed", 4, 100.0) == (
        status.status,
        status.current_iteration,
        status.progress_percentage,
    )
    assert (None, None) == (status.estimated_time_remaining_ms, status.error_message)
    assert result.metrics is not None
    assert status.average_time_per_iteration_ms == result.metrics.average_time_per_iteration_ms
    assert (True, "4 calls succeeded") == (result.success, result.message)


async def test_a_run_by_time_shows_how_much_of_its_time_is_over() -> None:
    """Its total is what has been done, since nobody knows what will be."""
    send_and_wait = """
def run(request):
    send(request, sample(1), sample(2))
    time.sleep(600)
"""
    async with running_simulator() as simulator:
        wanted = {"endpoint": simulator.url, "durationSeconds": 500.0, "warmupIterations": 0}
        session = RunSession(ScriptedAgent(send_and_wait), TestConfiguration.model_validate(wanted))
        async with anyio.create_task_group() as group:
            group.start_soon(session.execute, EndpointPolicy())
            while not session.record.samples.attempt_count:
                await session.next_change.wait()
            early = status_of(session)
            await anyio.sleep(0.05)
            late = status_of(session)
            await session.stop(grace_s=0)
    stopped = status_of(session)

    assert (2, 2) == (early.current_iteration, early.total_iterations)
    assert 0 <= early.progress_percentage <= late.progress_percentage < 100
    assert late.estimated_time_remaining_ms is not None
    assert early.estimated_time_remaining_ms is not None
    assert late.estimated_time_remaining_ms < early.estimated_time_remaining_ms <= 500_000
    assert (None, 2) == (stopped.estimated_time_remaining_ms, stopped.total_iterations)


async def test_the_figures_of_a_long_run_do_not_hold_up_the_service() -> None:
    """Other requests are answered while they are computed, and once is enough."""
    session = await run_to_end(ScriptedAgent(), iterations=LONG_RUN)
    values = range(600_000)
    session.record.samples.durations_ns = array("q", [value * 7_919 % 600_000 for value in values])
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(others)
        result = await composed_result(session)
        group.cancel_scope.cancel()

    assert turns >= 10
    assert result.metrics is not None
    assert pytest.approx(299_999.5 / 1e6) == result.metrics.median_ms
    assert pytest.approx(0.99 * 599_999 / 1e6) == result.metrics.p99_ms
    assert result is await composed_result(session)


async def test_a_completed_run_without_a_success_is_no_success() -> None:
    """Calls that all failed, but never five in a row of one run, are told as such."""
    agent = ScriptedAgent("""
def run(request):
    send(request, sample(1, outcome="error", errorKind="http"))
    end(request, 1)
""")
    session = await run_to_end(agent, iterations=1)

    result = result_of(session)

    assert RunState.COMPLETED is session.state
    assert (False, "Every call failed") == (result.success, result.message)


async def test_a_run_that_goes_on_is_no_success_yet() -> None:
    """A result that is asked for early says so."""
    session = RunSession(ScriptedAgent(), TestConfiguration())

    assert (False, "The run goes on") == (result_of(session).success, result_of(session).message)
