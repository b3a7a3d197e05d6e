"""A comparison from request to report, over fake backends: order, stop, failure, figures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from comparison import ComparisonRun
from service_defaults.errors import ProblemError
from shared_models import ComparisonReport, ComparisonRequest
from tests.support.fake_backend import DOTNET, FakeBackend
from tests.support.web_service import connected, until


def pair(**python: Any) -> tuple[FakeBackend, FakeBackend]:
    """Return two backends that share one journal; calls take 20 and 30 ms."""
    first = FakeBackend(latency_ms=20.0, **python)
    second = FakeBackend(
        name="dotnet-backend",
        identity=DOTNET,
        latency_ms=30.0,
        journal=first.journal,
        executing=first.executing,
    )
    return first, second


def request(**fields: Any) -> ComparisonRequest:
    """Return a request; two launches of two super-blocks unless told otherwise."""
    wanted: dict[str, Any] = {"launches": 2, "configuration": {"iterations": 40}}
    return ComparisonRequest.model_validate(wanted | fields)


@asynccontextmanager
async def running(wanted: ComparisonRequest, *fakes: FakeBackend) -> AsyncIterator[ComparisonRun]:
    """Yield a comparison that has been started; it is over when the block is left."""
    async with connected(*(fakes or pair())) as deps, asyncio.TaskGroup() as group:
        comparison = ComparisonRun(wanted, deps.backends)
        group.create_task(comparison.run())
        yield comparison
        await comparison.finished.wait()


async def compared(wanted: ComparisonRequest, *fakes: FakeBackend) -> ComparisonReport:
    """Run a comparison to its end and return the report, as it goes over the wire."""
    async with running(wanted, *fakes) as comparison:
        await comparison.finished.wait()
    return ComparisonReport.model_validate_json(comparison.report.model_dump_json())


async def test_segments_alternate_one_at_a_time_over_both_sides() -> None:
    """A-B-B-A, B-A-A-B; a fresh session a launch, started in turn; nothing ever overlaps."""
    fakes = pair()
    report = await compared(request(), *fakes)

    assert "Completed" == report.status, report.message
    python, dotnet = fakes
    granted = [key[0] for event, key, _ in python.journal if event == "advance"]
    assert "pddpdppd" * 2 == "".join(granted)
    assert {5} == {count for event, _, count in python.journal if event == "advance"}
    starts = [key for event, key, _ in python.journal if event == "start"]
    assert [
        "python-backend/session-1",
        "dotnet-backend/session-1",
        "dotnet-backend/session-2",
        "python-backend/session-2",
    ] == starts
    assert 0 == python.overlaps + dotnet.overlaps
    assert 0 == python.open_sessions + dotnet.open_sessions
    assert [[0, 1], [1, 0]] == report.order


async def test_the_second_agent_is_started_when_the_first_is_warm() -> None:
    """An agent that starts would disturb one that warms up."""
    fakes = pair()
    async with running(request(), *fakes) as comparison:
        await until(lambda: len(fakes[0].journal) >= 2)
        first = comparison.statuses[0]

    assert first is not None
    assert "Waiting" == first.phase


async def test_what_a_side_is_asked_to_do() -> None:
    """Gated, all calls of the launch, warmed up until it is steady, in its flavour."""
    fakes = pair()
    sides = [{"backend": "python-backend"}, {"backend": "python-backend", "flavour": "client"}]
    report = await compared(request(sides=sides), *fakes)

    first, second = fakes[0].configurations[:2]
    assert first.gated
    assert "auto" == first.warmup_iterations
    assert ("agent", "client") == (first.flavour, second.flavour)
    assert ["Python", "Python (client)"] == [side.label for side in report.sides]


async def test_a_warm_up_that_was_asked_for_is_kept() -> None:
    """Whether by number or by time."""
    fakes = pair()
    await compared(request(configuration={"iterations": 20, "warmupIterations": 3}), *fakes)

    assert {3} == {configuration.warmup_iterations for configuration in fakes[0].configurations}


async def test_a_list_of_prompts_goes_on_where_the_last_launch_stopped() -> None:
    """The same list on both sides."""
    fakes = pair()
    prompts = [f"p{number}" for number in range(7)]
    await compared(request(configuration={"iterations": 40, "prompts": prompts}), *fakes)

    python, dotnet = ([c.prompts for c in fake.configurations] for fake in fakes)
    assert python == dotnet
    assert [prompts, prompts[6:] + prompts[:6]] == python  # 20 calls a launch, 20 mod 7 = 6


async def test_the_report_has_figures_verdict_and_rows() -> None:
    """A side that is half as slow again is slower, by about what the fakes were told."""
    report = await compared(request(launches=4, configuration={"iterations": 80}))

    assert ("slower", None) == (report.verdict, report.reason)
    pair_report = report.pairs[0]
    assert pair_report.estimate is not None
    assert 1.5 == pytest.approx(pair_report.estimate.ratio, rel=0.03)
    assert [80, 80] == [side.success_count for side in report.sides]
    assert report.sides[0].median is not None
    assert 20 == pytest.approx(report.sides[0].median.value, rel=0.03)
    assert [20] * 4 == [launch.success_count for launch in report.sides[1].launches]
    assert (160, 160) == (report.progress.done, report.progress.total)


async def test_the_first_call_after_a_switch_is_discarded_where_calls_are_fast() -> None:
    """It is made and kept as a row, and enters no figure."""
    fakes = pair(median_ms=1.0)
    async with running(request(), *fakes) as comparison:
        await comparison.finished.wait()
    report = comparison.report

    assert {6} == {count for event, _, count in fakes[0].journal if event == "advance"}
    assert [40, 40] == [side.success_count for side in report.sides]
    assert "after-switch-discarded" in [finding.code for finding in report.findings]
    rows = list(comparison.record.sides[0].rows())
    assert 48 == len(rows)
    assert [True, False, False, False, False, False] * 8 == [row["discarded"] for row in rows]


async def test_slow_calls_alternate_one_by_one() -> None:
    """And iterations are rounded to what that allows."""
    fakes = pair(median_ms=6_000.0)
    report = await compared(request(configuration={"iterations": 7}), *fakes)

    assert {1} == {count for event, _, count in fakes[0].journal if event == "advance"}
    assert 8 == report.sides[0].success_count
    codes = [finding.code for finding in report.findings]
    assert {"slow-calls", "iterations-rounded"} <= set(codes)


async def test_a_conversation_is_never_cut_by_a_switch() -> None:
    """A segment is whole sessions."""
    fakes = pair()
    configuration = {"iterations": 10, "scenario": "conversation", "turns": 4}
    await compared(request(configuration=configuration), *fakes)

    assert {8} == {count for event, _, count in fakes[0].journal if event == "advance"}


async def test_load_modes_alternate_whole_windows() -> None:
    """By time, one super-block a launch."""
    fakes = pair()
    configuration = {"testMode": "concurrent"}
    report = await compared(request(configuration=configuration, windowSeconds=0.5), *fakes)

    granted = [entry for entry in fakes[0].journal if entry[0] == "advance"]
    assert 8 == len(granted)
    assert {None} == {count for _, _, count in granted}
    assert {1.0} == {c.duration_seconds for c in fakes[0].configurations}
    assert (4_000, 4_000) == (report.progress.done, report.progress.total)


async def test_a_stop_ends_every_session_and_keeps_the_samples() -> None:
    """A block that executes does not hold it up, and there is no verdict."""
    fakes = pair()
    async with running(request(), *fakes) as comparison:
        await until(lambda: sum(event == "advance" for event, _, _ in fakes[0].journal) >= 3)
        fakes[0].gate.clear()
        fakes[1].gate.clear()
        await comparison.stop()
        assert comparison.finished.is_set()
        assert 0 == sum(fake.open_sessions for fake in fakes)

    report = comparison.report
    assert ("Stopped", "none") == (report.status, report.verdict)
    assert report.sides[0].success_count > 0


async def test_a_stop_before_the_first_call_is_a_stop_too() -> None:
    """While the agents start, and again when all is over."""
    fakes = pair()
    async with running(request(), *fakes) as comparison:
        await until(lambda: bool(fakes[0].journal))
        await comparison.stop()
        await comparison.stop()

    assert "Stopped" == comparison.report.status
    assert 0 == sum(fake.open_sessions for fake in fakes)


async def test_a_cancelled_coordinator_leaves_no_session_open() -> None:
    """Also when the service that owns it goes away."""
    fakes = pair()
    async with connected(*fakes) as deps:
        comparison = ComparisonRun(request(), deps.backends)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(comparison.run())
            await until(lambda: any(event == "advance" for event, _, _ in fakes[0].journal))
            task.cancel()
        assert 0 == sum(fake.open_sessions for fake in fakes)

    assert "Stopped" == comparison.report.status


async def test_a_side_that_fails_ends_the_comparison_with_its_cause() -> None:
    """The samples so far are kept, the other side's session is ended."""
    fakes = pair(failure="the agent died", fail_after_blocks=2)
    report = await compared(request(), *fakes)

    assert ("Failed", "none", "bridge-died") == (
        report.status,
        report.verdict,
        report.failure_kind,
    )
    assert "Python: the agent died" in report.headline
    assert [10, 15] == [side.success_count for side in report.sides]
    assert 0 == sum(fake.open_sessions for fake in fakes)


async def test_a_refused_start_is_a_failure_in_the_backends_words() -> None:
    """And the side that was already warm is ended."""
    fakes = pair()
    fakes[1].refuse_start = True
    report = await compared(request(), *fakes)

    assert ("Failed", "backend-refused") == (report.status, report.failure_kind)
    assert "a run is already active" in report.message
    assert 0 == fakes[0].open_sessions


async def test_failed_calls_make_the_verdict_invalid() -> None:
    """Failures are counted by kind and never enter a latency."""
    fakes = pair(median_ms=None)
    report = await compared(request(), *fakes)

    assert ("invalid", "failures") == (report.verdict, report.reason)
    assert {"http": 40} == report.sides[0].failures
    assert report.sides[0].median is None


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("parallel", "contended"),
        ("sequential", "order-biased"),
    ],
)
async def test_the_other_schedules_have_figures_and_no_verdict(schedule: str, reason: str) -> None:
    """The order is recorded, the difference is shown."""
    fakes = pair()
    report = await compared(request(schedule=schedule), *fakes)

    assert "Completed" == report.status, report.message
    assert ("none", reason) == (report.verdict, report.reason)
    assert [40, 40] == [side.success_count for side in report.sides]
    assert 10 == pytest.approx(report.pairs[0].difference_ms, rel=0.2)
    assert not any(c.gated for c in fakes[0].configurations)
    assert [0, 1] == sorted(report.order[0])


async def test_the_seed_decides_the_order_of_a_sequential_comparison() -> None:
    """The same for the same seed, and not always the same."""
    orders = set()
    for seed in (1, 1, 5):
        fakes = pair()
        report = await compared(request(schedule="sequential", seed=seed), *fakes)
        started = [key[0] for event, key, _ in fakes[0].journal if event == "start"]
        assert ["pd"[index] for index in report.order[0]] == started
        orders.add((seed, tuple(report.order[0])))

    assert 2 == len(orders)
    assert 2 == len({order for _, order in orders})


async def test_a_parallel_side_that_fails_leaves_the_other_its_figures() -> None:
    """The comparison fails, in the words of the side."""
    fakes = pair(failure="the model was not found")
    report = await compared(request(schedule="parallel"), *fakes)

    assert "Failed" == report.status
    assert "the model was not found" in report.message
    assert 40 == report.sides[1].success_count


async def test_reports_follow_the_comparison_to_its_end() -> None:
    """The last one is final; those before have no verdict and know what is left."""
    async with running(request()) as comparison:
        seen = [report async for report in comparison.reports()]

    assert ["Running"] * (len(seen) - 1) + ["Completed"] == [report.status for report in seen]
    assert {"none"} == {report.verdict for report in seen[:-1]}
    assert 0 == seen[-1].progress.remaining_ms


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"sides": [{"backend": "java-backend"}]}, "sides.0.backend"),
        (
            {"sides": [{"backend": "python-backend"}] * 2, "schedule": "parallel"},
            "sides",
        ),
        ({"configuration": {"gated": True}}, "configuration.gated"),
        ({"configuration": {"testMode": "rate"}}, "configuration.ratePerSecond"),
        ({"configuration": {"ratePerSecond": 5.0}}, "configuration.ratePerSecond"),
        ({"expectedTokens": [3]}, "expectedTokens"),
    ],
)
async def test_what_cannot_be_compared_names_its_field(fields: dict[str, Any], field: str) -> None:
    """Before anything is started."""
    fakes = pair()
    async with connected(*fakes) as deps:
        with pytest.raises(ProblemError) as caught:
            ComparisonRun(request(**fields), deps.backends)

    assert caught.value.errors is not None
    assert field == caught.value.errors[0].field
    assert [] == fakes[0].journal


async def test_a_backend_against_itself_has_two_labels() -> None:
    """A/A, with a delay on the second."""
    fakes = pair()
    sides = [{"backend": "python-backend"}, {"backend": "python-backend", "delayMs": 3.0}]
    report = await compared(request(sides=sides, launches=4), *fakes)

    assert ["Python 1", "Python 2"] == [side.label for side in report.sides]
    assert [0.0, 3.0] == [side.delay_ms for side in report.sides]
    assert "slower" == report.verdict


async def test_three_sides_go_forward_and_backward() -> None:
    """Each candidate has a pair with the baseline and a verdict of its own."""
    fakes = pair()
    sides = [
        {"backend": "python-backend"},
        {"backend": "dotnet-backend"},
        {"backend": "python-backend", "flavour": "client", "delayMs": 5.0},
    ]
    report = await compared(request(sides=sides, launches=4), *fakes)

    granted = [key for event, key, _ in fakes[0].journal if event == "advance"]
    first = granted[:6]
    assert first == first[::-1]
    assert 3 == len(set(first))
    assert [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]] == report.order
    assert [(0, 1, "slower"), (0, 2, "slower")] == [
        (found.baseline, found.candidate, found.verdict) for found in report.pairs
    ]


async def test_one_side_alone_has_figures_without_a_pair() -> None:
    """There is nothing to be faster than."""
    report = await compared(request(sides=[{"backend": "python-backend"}]), *pair())

    assert ("Completed", "none", []) == (report.status, report.verdict, report.pairs)
    assert 40 == report.sides[0].success_count
