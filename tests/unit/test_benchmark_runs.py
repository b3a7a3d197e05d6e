"""Many clients, one active run: asked of a real server with a scripted agent."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest

from benchmark.app import create_backend
from benchmark.runs import REMEMBERED
from service_defaults.settings import ServiceSettings
from tests.support.agents import ScriptedAgent
from tests.support.servers import running_server
from tests.support.simulator import running_simulator
from tests.support.waiting import eventually

API = "/api/performance"
WAITING = """
def run(request):
    global block
    block = request
    send(request, sample(1))

def cancel(request):
    reply(request, cancelled=True)
    end(block, 1, cancelled=True)
"""


@asynccontextmanager
async def backend(agent: ScriptedAgent) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Serve a backend around an agent; yields a client and the model server's address."""
    app = create_backend(ServiceSettings(), agent)
    async with (
        running_simulator() as simulator,
        running_server(app) as url,
        httpx.AsyncClient(base_url=url + API, timeout=30) as client,
    ):
        yield client, simulator.url


async def ended(client: httpx.AsyncClient, session_id: str) -> dict[str, Any]:
    """Return the status of a run once it has ended."""
    status: dict[str, Any] = {}
    with anyio.fail_after(30):
        while status.get("status") in (None, "Running", "Idle"):
            reply = await client.get("/status", params={"sessionId": session_id})
            status = reply.json()
            await anyio.sleep(0.01)
    return status


async def test_of_50_starts_at_once_exactly_one_is_accepted() -> None:
    """Nobody's run is ended by somebody else's start."""
    async with backend(ScriptedAgent(WAITING)) as (client, endpoint):
        replies: list[httpx.Response] = []

        async def start() -> None:
            replies.append(await client.post("/start", json={"endpoint": endpoint}))

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(start)
        accepted = next(reply.json() for reply in replies if reply.status_code == 202)
        running = (await client.get("/status")).json()
        await client.post("/stop")

    assert {202: 1, 409: 49} == Counter(reply.status_code for reply in replies)
    assert (accepted["sessionId"], "Running") == (running["sessionId"], running["status"])


async def test_the_last_runs_are_remembered_and_older_ones_are_gone() -> None:
    """The memory of a service that runs for months is bounded."""
    async with backend(ScriptedAgent()) as (client, endpoint):
        ids = []
        for _ in range(REMEMBERED + 1):
            reply = await client.post("/start", json={"endpoint": endpoint, "iterations": 1})
            ids.append(reply.json()["sessionId"])
            await ended(client, ids[-1])
        found = [(await client.get(f"/results/{one}")).status_code for one in ids]

    assert [404] + [200] * REMEMBERED == found


@pytest.mark.parametrize(
    ("configuration", "field"),
    [
        ({"testMode": "rate"}, "ratePerSecond"),
        ({"ratePerSecond": 5.0}, "ratePerSecond"),
        ({"arrivals": "poisson"}, "arrivals"),
        ({"endpoint": "http://10.0.0.1"}, "endpoint"),
        ({"endpoint": "nonsense"}, "endpoint"),
    ],
)
async def test_what_the_backend_cannot_do_is_refused_on_its_field(
    configuration: dict[str, Any], field: str
) -> None:
    """A run never quietly does something else than was asked."""
    async with backend(ScriptedAgent()) as (client, endpoint):
        reply = await client.post("/start", json={"endpoint": endpoint} | configuration)
        status = (await client.get("/status")).json()

    assert 422 == reply.status_code
    assert [field] == [error["field"] for error in reply.json()["errors"]]
    assert "Idle" == status["status"]


async def test_without_an_agent_a_start_is_a_503_with_the_reason() -> None:
    """The service lives on and says what it lacks."""
    agent = ScriptedAgent()
    agent.reason = "no runtime here"
    async with backend(agent) as (client, endpoint):
        replies = [
            await client.post("/start", json={"endpoint": endpoint}),
            await client.post("/run", json={"endpoint": endpoint}),
            await client.get("/capabilities"),
            await client.get("/health"),
        ]

    for reply in replies:
        assert 503 == reply.status_code
        assert "no runtime here" in reply.text


async def test_an_unset_endpoint_is_the_discovered_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher's address for the model server is used, and shown in the result."""
    async with backend(ScriptedAgent()) as (client, endpoint):
        monkeypatch.setenv("services__ollama__http__0", endpoint)
        reply = await client.post("/run", json={"iterations": 2})

    assert (True, endpoint) == (reply.json()["success"], reply.json()["metrics"]["endpoint"])


async def test_a_run_that_is_stopped_twice_is_stopped_once() -> None:
    """The second stop finds nothing to stop, with or without the session's id."""
    agent = ScriptedAgent(WAITING)
    async with backend(agent) as (client, endpoint):
        started = await client.post("/start", json={"endpoint": endpoint})
        session_id = started.json()["sessionId"]
        replies = [
            await client.post("/stop", json={"sessionId": session_id}),
            await client.post("/stop", json={"sessionId": session_id}),
            await client.post("/stop"),
            await client.post("/stop", json={"sessionId": None}),
        ]
        unknown = await client.post("/stop", json={"sessionId": "other"})
        status = await ended(client, session_id)
        await eventually(lambda: not agent.processes())

    assert [True, False, False, False] == [reply.json()["stopped"] for reply in replies]
    assert 404 == unknown.status_code
    assert ("Stopped", None) == (status["status"], status["errorMessage"])


STUBBORN = "def run(request):\n    send(request, sample(1))\n    time.sleep(600)"


@pytest.mark.parametrize("changes", [WAITING, STUBBORN], ids=["obeys", "is stubborn"])
async def test_a_service_that_ends_takes_its_run_and_agent_along(changes: str) -> None:
    """No agent outlives the service, obedient or not."""
    agent = ScriptedAgent(changes)
    async with backend(agent) as (client, endpoint):
        await client.post("/start", json={"endpoint": endpoint})
        await eventually(agent.processes)

    await eventually(lambda: not agent.processes())


async def test_many_clients_can_follow_one_run() -> None:
    """Each sees every sample once and the end."""
    async with backend(ScriptedAgent()) as (client, endpoint):
        started = await client.post("/start", json={"endpoint": endpoint, "iterations": 700})
        session_id = started.json()["sessionId"]
        seen: list[list[int]] = []

        async def follow() -> None:
            numbers = []
            reply = await client.get("/events", params={"sessionId": session_id})
            for line in reply.text.splitlines():
                if line.startswith('data: {"sessionId"') and '"samples":[' in line:
                    rows = json.loads(line.removeprefix("data: "))["samples"]
                    numbers += [row["sequence"] for row in rows]
            seen.append(numbers)

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(follow)

    assert [list(range(1, 701))] * 8 == seen
