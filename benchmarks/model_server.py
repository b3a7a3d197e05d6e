"""A simulated model server in a process of its own, so that it shares no interpreter with us."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx

START_DEADLINE_S = 20.0


@asynccontextmanager
async def simulator_process(*flags: str) -> AsyncIterator[str]:
    """Run the simulator with these flags on a free port and yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ollama_simulator", "--port", str(port), *flags]
    url = f"http://127.0.0.1:{port}"
    process = await anyio.open_process(command, stdout=None, stderr=None)
    try:
        with anyio.fail_after(START_DEADLINE_S):
            await _until_it_answers(url)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                await client.get(f"{url}/api/version")
            except httpx.TransportError:
                await anyio.sleep(0.05)
            else:
                return
