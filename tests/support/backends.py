"""The two real backends and their agents, by language."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest

import backend_dotnet_shim.app
import backend_python.app
from backend_dotnet_shim import delivery
from ollama_simulator import LatencyModel, SimulatorSettings
from service_defaults.settings import ServiceSettings, process_environment

from .conversation import Conversation, conversation
from .servers import running_server
from .simulator import INSTANT, RunningSimulator, running_simulator

API = "/api/performance"
STUCK = LatencyModel(latency_ms=3_600_000, distribution="fixed", load_ms=0)
"""A model that does not answer while a test lasts."""

each_language = pytest.mark.parametrize(
    "language", ["python", pytest.param("dotnet", marks=pytest.mark.dotnet)]
)
"""Runs a test once for each backend."""


async def agent_command(language: str) -> list[str]:
    """Return the command of the agent; skips the test where there is no .NET agent."""
    if language == "python":
        return await backend_python.app.PythonAgentLauncher().command("agent")
    reason = _dotnet_build()
    if isinstance(reason, str):
        if process_environment().get("CI") == "true":
            pytest.fail(f"there must be a .NET agent here: {reason}")
        pytest.skip(f"no .NET agent: {reason}")
    return list(reason.command)


@functools.cache
def _dotnet_build() -> delivery.AgentBuild | str:
    try:
        return delivery.resolve(ServiceSettings().cache_dir)
    except delivery.AgentUnavailable as error:
        return error.reason


@asynccontextmanager
async def new_agent(language: str) -> AsyncIterator[Conversation]:
    """Start an agent that nobody has introduced yet."""
    async with conversation(await agent_command(language)) as talk:
        yield talk


@asynccontextmanager
async def introduced_agent(
    language: str, *, latency: LatencyModel = INSTANT, slots: int = 1, **configuration: Any
) -> AsyncIterator[tuple[Conversation, RunningSimulator]]:
    """Start an agent and introduce it to a simulator."""
    settings = SimulatorSettings(latency=latency, slots=slots)
    async with new_agent(language) as talk, running_simulator(settings) as simulator:
        await talk.initialize(simulator.url, **configuration)
        yield talk, simulator


@asynccontextmanager
async def running_backend(
    language: str, settings: ServiceSettings | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a backend in this process and yield a client of it once it is ready."""
    await agent_command(language)
    module = backend_python.app if language == "python" else backend_dotnet_shim.app
    app = module.create_app(settings or ServiceSettings())
    async with (
        running_server(app) as url,
        httpx.AsyncClient(base_url=url, timeout=50, trust_env=False) as client,
    ):
        await until_ready(client)
        yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    """Return when a backend has its agent."""
    with anyio.fail_after(50):
        while (await client.get("/health")).status_code != 200:  # noqa: ASYNC110 - over HTTP
            await anyio.sleep(0.02)


async def ended_run(client: httpx.AsyncClient, session_id: str | None = None) -> dict[str, Any]:
    """Return the status of a run, the latest without an id, once it has ended."""
    params = {"sessionId": session_id} if session_id else {}
    with anyio.fail_after(50):
        while True:
            status: dict[str, Any] = (await client.get(f"{API}/status", params=params)).json()
            if status["status"] in ("Completed", "Stopped", "Failed"):
                return status
            await anyio.sleep(0.02)
