"""Both real backends when runs are stopped, abandoned or killed: the agent never outlives them."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import psutil
import pytest

from ollama_simulator import LatencyModel, SimulatorSettings
from tests.support.backends import (
    API,
    STUCK,
    agent_command,
    each_language,
    ended_run,
    running_backend,
    until_ready,
)
from tests.support.servers import running_process
from tests.support.simulator import INSTANT, RunningSimulator, running_simulator
from tests.support.waiting import eventually, is_gone

pytestmark = each_language

SLOW = LatencyModel(latency_ms=30, distribution="fixed", load_ms=0)
MODULES = {"python": "backend_python", "dotnet": "backend_dotnet_shim"}


@asynccontextmanager
async def backend(
    language: str, *, latency: LatencyModel = INSTANT
) -> AsyncIterator[tuple[httpx.AsyncClient, RunningSimulator]]:
    """A ready backend beside a simulator."""
    settings = SimulatorSettings(latency=latency)
    async with running_backend(language) as client, running_simulator(settings) as simulator:
        yield client, simulator


def agents_below(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    children = psutil.Process(pid).children(recursive=True)
    return [child.pid for child in children if not is_gone(child.pid)]


async def slot_is_free(simulator: RunningSimulator) -> None:
    """Return when the simulator's only slot serves again, so its last client has gone."""
    simulator.app.simulator.latency = INSTANT
    async with httpx.AsyncClient(base_url=simulator.url, timeout=20) as client:
        body = {"model": "ministral-3", "messages": [{"role": "user", "content": "x"}]}
        reply = await client.post("/api/chat", json=body | {"stream": False})
        assert 200 == reply.status_code


async def start(client: httpx.AsyncClient, simulator: RunningSimulator, **body: Any) -> str:
    reply = await client.post(f"{API}/start", json={"endpoint": simulator.url, **body})
    assert 202 == reply.status_code, reply.text
    session_id: str = reply.json()["sessionId"]
    return session_id


@pytest.mark.parametrize("warmup", [1, 0], ids=["in the warm-up", "in a call"])
async def test_a_stop_aborts_the_call_in_flight(language: str, warmup: int) -> None:
    """The run is Stopped, its agent gone, and the model server sees the connection closed."""
    async with backend(language, latency=STUCK) as (client, simulator):
        session_id = await start(client, simulator, warmupIterations=warmup)
        await eventually(lambda: simulator.requests)
        first = await client.post(f"{API}/stop")
        second = await client.post(f"{API}/stop", json={"sessionId": session_id})
        status = await ended_run(client, session_id)
        await slot_is_free(simulator)
        result = (await client.get(f"{API}/results/{session_id}")).json()
        await eventually(lambda: not agents_below(os.getpid()))

    assert (True, False) == (first.json()["stopped"], second.json()["stopped"])
    assert ("Stopped", None, 0) == (
        status["status"],
        status["errorMessage"],
        status["successCount"],
    )
    assert (False, "Stopped on request") == (result["success"], result["message"])


async def test_a_stop_between_calls_keeps_the_samples(language: str) -> None:
    """What was measured before the stop stays, and adds up."""
    async with backend(language, latency=SLOW) as (client, simulator):
        session_id = await start(client, simulator, iterations=10_000)
        await eventually(lambda: len(simulator.requests) > 8)
        await client.post(f"{API}/stop")
        status = await ended_run(client, session_id)
        result = (await client.get(f"{API}/results/{session_id}")).json()

    good = [sample for sample in result["samples"] if sample["outcome"] == "ok"]
    assert "Stopped" == status["status"]
    assert 5 <= len(good) == result["metrics"]["successCount"] < 10_000
    assert {} == result["metrics"]["failures"]


async def test_a_stop_before_the_agent_is_there_ends_the_run(language: str) -> None:
    """A run can be stopped the moment it was accepted."""
    async with backend(language) as (client, simulator):
        session_id = await start(client, simulator)
        stopped = await client.post(f"{API}/stop", json={"sessionId": session_id})
        status = await ended_run(client, session_id)
        again = await client.post(f"{API}/run", json={"endpoint": simulator.url, "iterations": 1})
        await eventually(lambda: not agents_below(os.getpid()))

    assert (200, "Stopped") == (stopped.status_code, status["status"])
    assert again.json()["success"]


async def test_a_stop_after_the_end_changes_nothing(language: str) -> None:
    """A completed run stays completed."""
    async with backend(language) as (client, simulator):
        session_id = await start(client, simulator, iterations=2)
        before = await ended_run(client, session_id)
        stopped = await client.post(f"{API}/stop", json={"sessionId": session_id})
        after = (await client.get(f"{API}/status", params={"sessionId": session_id})).json()

    assert ("Completed", before) == (before["status"], after)
    assert not stopped.json()["stopped"]


async def test_a_client_that_goes_away_cancels_its_run(language: str) -> None:
    """Nobody waits for the answer of an abandoned run, so its agent and call end."""
    async with backend(language, latency=STUCK) as (client, simulator):
        with anyio.move_on_after(30) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_run_for_ever, client, simulator.url)
                await eventually(lambda: simulator.requests)
                group.cancel_scope.cancel()
        status = await ended_run(client)
        await slot_is_free(simulator)
        await eventually(lambda: not agents_below(os.getpid()))

    assert not scope.cancelled_caught
    assert "Stopped" == status["status"]


async def _run_for_ever(client: httpx.AsyncClient, endpoint: str) -> None:
    async with httpx.AsyncClient(base_url=client.base_url, timeout=None) as own:  # noqa: S113
        await own.post(f"{API}/run", json={"endpoint": endpoint})


async def test_an_agent_that_is_killed_fails_the_run_with_its_samples(language: str) -> None:
    """The user reads which signal, keeps what was measured, and can run again."""
    async with backend(language, latency=SLOW) as (client, simulator):
        session_id = await start(client, simulator, iterations=10_000)
        await eventually(lambda: len(simulator.requests) > 12)
        for pid in agents_below(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        status = await ended_run(client, session_id)
        result = (await client.get(f"{API}/results/{session_id}")).json()
        again = await client.post(f"{API}/run", json={"endpoint": simulator.url, "iterations": 1})

    assert ("Failed", "the agent was killed by SIGKILL") == (
        status["status"],
        (status["errorMessage"] or "").partition(":")[0],
    )
    assert 1 <= len(result["samples"]) == result["metrics"]["successCount"]
    assert again.json()["success"]


async def test_a_backend_that_is_killed_takes_its_agent_along(language: str) -> None:
    """kill -9 of the service in the middle of a run leaves no process behind."""
    await agent_command(language)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            running_simulator(SimulatorSettings(latency=STUCK)) as simulator,
            running_process("-m", MODULES[language], listener=listener) as process,
            httpx.AsyncClient(base_url=url, timeout=50) as client,
        ):
            await until_ready(client)
            await start(client, simulator)
            await eventually(lambda: simulator.requests)
            agents = agents_below(process.pid)
            process.kill()
            await process.wait()

            assert agents
            await eventually(lambda: all(is_gone(pid) for pid in agents))
            await slot_is_free(simulator)


async def test_a_backend_that_is_asked_to_end_ends_its_run_first(language: str) -> None:
    """A follower of the run reads how it ended, and the service exits with status 0."""
    await agent_command(language)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            running_simulator(SimulatorSettings(latency=STUCK)) as simulator,
            running_process("-m", MODULES[language], listener=listener) as process,
            httpx.AsyncClient(base_url=url, timeout=50) as client,
        ):
            await until_ready(client)
            await start(client, simulator)
            await eventually(lambda: simulator.requests)
            agents = agents_below(process.pid)
            async with client.stream("GET", f"{API}/events") as events:
                process.terminate()
                told = "".join([text async for text in events.aiter_text()])

            assert 0 == await process.wait()
            assert all(is_gone(pid) for pid in agents)
            assert "event: done" in told
            assert "Stopped on request" in told
