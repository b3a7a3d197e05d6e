"""A simulated model server on a free port of this process's loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

import httpx
import orjson
import uvicorn

from ollama_simulator import App, LatencyModel, SimulatorSettings, create_app
from ollama_simulator.clock import Clock
from ollama_simulator.serving import configuration, listen

START_TIMEOUT_S = 10.0

INSTANT = LatencyModel(latency_ms=0, load_ms=0)
"""A model that answers as fast as it can, also when it is cold."""


class RunningSimulator:
    """A server that answers at `url`; `app.simulator` is its state."""

    def __init__(self, url: str, app: App) -> None:
        self.url = url
        self.app = app

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of the chat and generate requests so far."""
        return [orjson.loads(request.body) for request in self.app.simulator.recorded]


@asynccontextmanager
async def running_simulator(
    settings: SimulatorSettings | None = None, *, clock: Clock | None = None
) -> AsyncIterator[RunningSimulator]:
    """Serve a simulator until the block ends. It is instant unless settings say otherwise.

    The control routes are always on. Raises TimeoutError when the server does not start.
    """
    settings = replace(settings or SimulatorSettings(latency=INSTANT), control=True)
    app = create_app(settings, clock=clock)
    with listen("127.0.0.1", 0) as listener:
        server = _Server(configuration(app))
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[listener]))
            try:
                async with asyncio.timeout(START_TIMEOUT_S):
                    while not (server.started or serving.done()):  # noqa: ASYNC110 - no event
                        await asyncio.sleep(0.001)
                yield RunningSimulator(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
            finally:
                server.stop()


def client_of(running: RunningSimulator, *, timeout_s: float = 30.0) -> httpx.AsyncClient:
    """A client of the server; the caller closes it."""
    return httpx.AsyncClient(base_url=running.url, trust_env=False, timeout=timeout_s)


def stream_lines(reply: httpx.Response) -> list[dict[str, Any]]:
    """The lines of a stream, each of which must be compact JSON ended by a newline."""
    assert reply.content.endswith(b"\n")
    parsed: list[dict[str, Any]] = []
    for line in reply.content.splitlines():
        parsed.append(orjson.loads(line))
        assert orjson.dumps(parsed[-1]) == line
    return parsed


class _Server(uvicorn.Server):
    """Stops at once, and leaves the signals of the test runner alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End the server; a stalled reply does not hold it up."""
        self.force_exit = True
        self._stopped.set()

    def capture_signals(self) -> Any:
        return nullcontext()

    async def main_loop(self) -> None:
        await self.on_tick(0)  # sets the headers that every reply has
        await self._stopped.wait()
