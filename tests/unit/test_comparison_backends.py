"""The typed client: contract in, models or named errors out."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from comparison import (
    BackendClient,
    BackendError,
    BackendRefused,
    BackendReplyInvalid,
    BackendUnreachable,
    follow,
    probe_backend,
    run_parallel,
)
from comparison.sse import events
from shared_models import TestConfiguration, TestResult
from tests.support.fake_backend import DOTNET, FakeBackend
from tests.support.web_service import both, connected, until

CONFIGURATION = TestConfiguration.model_validate({"iterations": 4})


def client(
    reply: Callable[[httpx.Request], httpx.Response], name: str = "python-backend"
) -> BackendClient:
    """Return a client whose backend answers by `reply`."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(reply))
    return BackendClient(name, label="Python", http=http)


def raising(error: type[httpx.RequestError]) -> Callable[[httpx.Request], httpx.Response]:
    """Return a reply that is this error."""

    def reply(request: httpx.Request) -> httpx.Response:
        raise error("x", request=request)

    return reply


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError, "does not answer"),
        (httpx.ReadTimeout, "did not answer in time"),
        (httpx.ConnectTimeout, "did not answer in time"),
        (httpx.RemoteProtocolError, "broke the connection"),
    ],
)
async def test_connection_errors_are_told_apart(
    error: type[httpx.RequestError], words: str
) -> None:
    """Each becomes one sentence with the backend's name."""
    with pytest.raises(BackendUnreachable, match=words) as caught:
        await client(raising(error)).start(CONFIGURATION)

    assert "python-backend" == caught.value.backend
    assert 502 == caught.value.problem.status


async def test_a_problem_is_kept_with_its_fields() -> None:
    """The backend's words and the refused field reach the caller."""
    problem = {
        "type": "about:blank",
        "title": "The endpoint cannot be used",
        "status": 422,
        "errors": [{"field": "endpoint", "message": "it is not allowed"}],
    }

    with pytest.raises(BackendRefused) as caught:
        await client(lambda _: httpx.Response(422, json=problem)).start(CONFIGURATION)

    assert 422 == caught.value.problem.status
    assert "The endpoint cannot be used (endpoint: it is not allowed)" == str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"sessionId": 5}', b"\xff"])
async def test_a_reply_outside_the_contract_is_an_error_of_its_own(body: bytes) -> None:
    """Never a crash, never a half-read model."""
    with pytest.raises(BackendReplyInvalid):
        await client(lambda _: httpx.Response(202, content=body)).start(CONFIGURATION)


async def test_an_error_without_a_problem_still_says_its_status() -> None:
    """A proxy's error page, for one."""
    with pytest.raises(BackendRefused, match="answered 500"):
        await client(lambda _: httpx.Response(500, text="oops")).run(CONFIGURATION)


async def test_a_run_over_all_backends_keeps_their_order() -> None:
    """Results and sides stand in the order of the backends, with the difference."""
    async with connected(*both()) as deps:
        reply = await run_parallel(deps.backends, CONFIGURATION)

    assert ["python-backend", "dotnet-backend"] == [entry.backend for entry in reply.results]
    assert ["Python", ".NET"] == [side.label for side in reply.comparison.sides]
    assert -10.0 == reply.comparison.difference_ms
    assert "contended" == reply.comparison.reason


async def test_a_failed_side_leaves_the_other_its_result() -> None:
    """The failed side carries the problem, the other its figures."""
    async with connected(FakeBackend()) as deps:
        lost = client(raising(httpx.ConnectError), "dotnet-backend")
        reply = await run_parallel([*deps.backends, lost], CONFIGURATION)

    good, bad = reply.results
    assert good.result is not None
    assert good.result.success
    assert bad.result is None
    assert bad.problem is not None
    assert "dotnet-backend does not answer" == bad.problem.title
    assert reply.comparison.difference_ms is None


async def test_both_backends_run_at_the_same_time() -> None:
    """Neither is asked only after the other has answered."""
    python, dotnet = both()
    python.gate.clear()
    async with connected(python, dotnet) as deps, asyncio.TaskGroup() as group:
        task = group.create_task(run_parallel(deps.backends, CONFIGURATION))
        await until(lambda: bool(python.configurations and dotnet.configurations))
        assert not task.done()
        python.gate.set()


async def test_cancelling_cancels_both_runs() -> None:
    """The backends see their callers go away."""
    python, dotnet = both()
    python.gate.clear()
    dotnet.gate.clear()
    async with connected(python, dotnet) as deps, asyncio.TaskGroup() as group:
        task = group.create_task(run_parallel(deps.backends, CONFIGURATION))
        await until(lambda: bool(python.configurations and dotnet.configurations))
        task.cancel()
        await until(lambda: (python.cancelled_runs, dotnet.cancelled_runs) == (1, 1))


async def test_following_ends_with_the_result() -> None:
    """Statuses in order, then the result, and nothing after it."""
    async with connected(FakeBackend()) as deps:
        (backend,) = deps.backends
        session = (await backend.start(CONFIGURATION)).session_id
        seen = [payload async for payload in follow(backend, session)]

    assert isinstance(seen[-1], TestResult)
    counts = [entry.current_iteration for entry in seen if not isinstance(entry, TestResult)]
    assert counts == sorted(counts)
    assert 4 == counts[-1]


async def test_a_dropped_stream_is_resumed_after_the_last_event() -> None:
    """The backend is told which event was the last that arrived."""
    fake = FakeBackend(drop_after=2)
    async with connected(fake) as deps:
        (backend,) = deps.backends
        session = (await backend.start(CONFIGURATION)).session_id
        seen = [payload async for payload in follow(backend, session, delays_s=(0.0,))]

    assert isinstance(seen[-1], TestResult)
    assert [None, "2", "4"] == fake.resumed_from


async def test_without_a_stream_the_status_is_asked_for() -> None:
    """The result comes all the same."""
    fake = FakeBackend(events_work=False, median_ms=7.0)
    async with connected(fake) as deps:
        (backend,) = deps.backends
        session = (await backend.start(TestConfiguration(iterations=1))).session_id
        seen = [payload async for payload in follow(backend, session)]

    assert isinstance(seen[-1], TestResult)
    assert seen[-1].metrics is not None
    assert 7.0 == seen[-1].metrics.median_ms


async def test_a_backend_that_stays_away_is_given_up() -> None:
    """After the last retry the error reaches the caller."""
    with pytest.raises(BackendError, match="does not answer"):
        async for _ in follow(client(raising(httpx.ConnectError)), "s", delays_s=(0.0, 0.0)):
            pass


async def test_probing_tells_the_three_states_apart() -> None:
    """Healthy with its round trip, unhealthy with its reason, unreachable."""
    well = FakeBackend()
    ill = FakeBackend(name="dotnet-backend", identity=DOTNET, healthy=False)
    async with connected(well, ill) as deps:
        states = [await probe_backend(backend, url="http://x") for backend in deps.backends]
    lost = await probe_backend(client(raising(httpx.ConnectError)), url=None)

    assert ["healthy", "unhealthy", "unreachable"] == [s.state for s in (*states, lost)]
    assert states[0].latency_ms is not None
    assert "no agent here" == states[1].reason
    assert "python-backend does not answer" == lost.reason


async def lines(text: str) -> AsyncIterator[str]:
    """Yield the lines of a stream."""
    for line in text.split("\n"):
        yield line


async def test_event_streams_are_read_by_the_standard() -> None:
    """Comments, several data lines, missing ids, and an unfinished last event."""
    text = ": hello\nid: 7\nevent: status\ndata: a\ndata:b\n\ndata: c\n\n\nid: 8\n\ndata: lost"

    found = [event async for event in events(lines(text))]

    assert [("status", "a\nb", "7"), ("message", "c", "7")] == [
        (event.event, event.data, event.id) for event in found
    ]
