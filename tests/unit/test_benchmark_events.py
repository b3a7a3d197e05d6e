"""A run as server-sent events."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest
from sse_starlette import ServerSentEvent

from benchmark.events import run_events
from benchmark.session import RunSession
from service_defaults.endpoints import EndpointPolicy
from shared_models import SampleBatch, TestConfiguration, TestResult, TestStatus
from tests.support.agents import ScriptedAgent, run_to_end
from tests.support.simulator import running_simulator

SLOW = """
def run(request):
    for number in range(1, request["params"]["iterations"] + 1):
        send(request, sample(number))
        time.sleep(0.05)
    end(request, number)
"""


def parsed(event: ServerSentEvent) -> tuple[str, int, Any]:
    """Return the name, the id and the data of an event, read back from its bytes."""
    fields = dict(line.split(": ", 1) for line in event.encode().decode().splitlines() if line)
    return fields["event"], int(fields["id"]), json.loads(fields["data"])


async def events_of(session: RunSession, *, after: int = 0) -> list[tuple[str, int, Any]]:
    with anyio.fail_after(30):
        return [parsed(event) async for event in run_events(session, after=after)]


@asynccontextmanager
async def active_run(agent: ScriptedAgent, iterations: int) -> AsyncIterator[RunSession]:
    """A run that goes on while the block does."""
    async with running_simulator() as simulator:
        session = RunSession(
            agent,
            TestConfiguration.model_validate(
                {"endpoint": simulator.url, "warmupIterations": 0, "iterations": iterations}
            ),
        )
        async with anyio.create_task_group() as group:
            group.start_soon(session.execute, EndpointPolicy())
            yield session
            await session.stop()


def sequences(events: list[tuple[str, int, Any]]) -> list[int]:
    return [
        row["sequence"] for name, _, data in events if name == "samples" for row in data["samples"]
    ]


async def test_a_finished_run_is_told_from_its_first_sample_to_its_end() -> None:
    """Every event is one of the three, has a valid body, and the last is `done`."""
    session = await run_to_end(ScriptedAgent(), iterations=20)

    events = await events_of(session)

    assert ["samples", "status", "done"] == [name for name, _, _ in events]
    SampleBatch.model_validate_json(json.dumps(events[0][2]))
    status = TestStatus.model_validate_json(json.dumps(events[1][2]))
    result = TestResult.model_validate_json(json.dumps(events[2][2]))
    assert list(range(1, 21)) == sequences(events)
    assert ("Completed", True, None) == (status.status, result.success, result.samples)


async def test_a_follower_from_the_start_sees_everything_once_and_the_end() -> None:
    """Ids only grow, and the one of a samples event counts what was delivered."""
    async with active_run(ScriptedAgent(SLOW), 12) as session:
        events = await events_of(session)

    ids = [number for _, number, _ in events]
    assert list(range(1, 13)) == sequences(events)
    assert sorted(ids) == ids
    assert ("done", 12) == events[-1][:2]
    assert "Running" in [data["status"] for name, _, data in events if name == "status"]


@pytest.mark.parametrize("after", [0, 1, 7, 499, 500, 501, 1_200])
async def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(after: int) -> None:
    """`Last-Event-ID` is where it goes on, also in the middle of a batch."""
    batches = """
def run(request):
    for start in range(1, 1200, 500):
        send(request, *[sample(n) for n in range(start, min(start + 500, 1201))])
    end(request, 1200)
"""
    session = await run_to_end(ScriptedAgent(batches), iterations=1_200)

    events = await events_of(session, after=after)

    assert list(range(after + 1, 1_201)) == sequences(events)
    assert 500 >= max((len(d["samples"]) for name, _, d in events if name == "samples"), default=0)


async def test_a_follower_that_breaks_off_again_and_again_still_sees_all() -> None:
    """A client that reads one event per connection gets the whole run."""
    seen: list[int] = []
    position = 0
    async with active_run(ScriptedAgent(SLOW), 10) as session:
        with anyio.fail_after(30):
            while len(seen) < 10:
                async with aclosing(run_events(session, after=position)) as stream:
                    name, position, data = parsed(await anext(stream))
                if name == "samples":
                    seen += [row["sequence"] for row in data["samples"]]
                else:
                    await anyio.sleep(0.01)

    assert list(range(1, 11)) == seen


async def test_a_run_that_ends_while_a_slow_client_reads_is_still_told_as_done() -> None:
    """Whatever happens between two events of a follower, it hears of the end."""
    async with (
        active_run(ScriptedAgent(SLOW), 3) as session,
        aclosing(run_events(session, after=0)) as stream,
    ):
        await anext(stream)
        await session.finished.wait()
        with anyio.fail_after(10):
            rest = [parsed(event) async for event in stream]

    assert "done" == rest[-1][0]


async def test_the_status_comes_at_most_four_times_a_second() -> None:
    """A quick agent does not flood its followers."""
    async with active_run(ScriptedAgent(SLOW), 30) as session:
        events = await events_of(session)
        assert session.ended_at is not None
        lasted_s = session.ended_at - session.started_at

    assert 4 * lasted_s + 3 >= len([name for name, _, _ in events if name == "status"])
