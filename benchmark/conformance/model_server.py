"""The simulated model server that the agent under test asks, and its controls."""

import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from subprocess import DEVNULL
from typing import Any

import anyio
import httpx

from service_defaults.settings import PREFIX, process_environment
from shared_models.configuration import DEFAULT_MODEL

CONTROL = "/__simulator"
STARTUP_S = 30.0
POLL_S = 0.005
INSTANT: Mapping[str, Any] = {
    "latency_ms": 0,
    "distribution": "fixed",
    "token_ms": 0,
    "prompt_ms": 0,
    "prompt_token_ms": 0,
    "load_ms": 0,
}
STUCK_MS = 3_600_000
"""A reply that does not come while a check lasts."""
REPLY_TOKENS = 8

# As orchestrator/child.py: tied to us before the simulator is imported, so that it never stays.
_PROGRAM = """
import runpy
from service_defaults.parent import die_with_parent
die_with_parent()
runpy.run_module("ollama_simulator", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A request that the agent made; header names are lower case.

    `metrics` are the durations and counts of its reply, as Ollama names them.
    """

    headers: Mapping[str, str]
    body: dict[str, Any]
    metrics: Mapping[str, int]

    @property
    def prompt(self) -> str:
        """The text of the last message."""
        return str(self.body["messages"][-1]["content"])


class ModelServer:
    """A simulator with its control routes on and one slot: calls are served one by one."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        """`http` has no base URL of its own."""
        self.url = url
        self._http = http

    @property
    def address(self) -> str:
        """`host:port`."""
        return self.url.removeprefix("http://")

    async def reset(self) -> None:
        """Answer at once and without faults, and forget what was asked."""
        await self.set_latency(**INSTANT)
        await self._control("DELETE", "faults")
        await self._control("DELETE", "requests")

    async def set_latency(self, **times: Any) -> None:
        """Change the times of the calls that begin from now on."""
        await self._control("POST", "latency", times)

    async def get_stuck(self) -> None:
        """Answer no call that begins from now on."""
        await self.set_latency(latency_ms=STUCK_MS)

    async def plan_fault(self, **fault: Any) -> None:
        """Spoil replies as the simulator's `Fault` says."""
        await self._control("POST", "faults", fault)

    async def pause(self, seconds: float) -> None:
        """Hold every reply back for so long."""
        await self._control("POST", "pause", {"seconds": seconds})

    async def requests(self) -> list[ModelRequest]:
        """Return the requests for text since the last reset, the oldest first."""
        told = (await self._control("GET", "requests"))["requests"]
        return [
            ModelRequest(
                headers={name.lower(): value for name, value in request["headers"]},
                body=request["body"] or {},
                metrics=request["metrics"] or {},
            )
            for request in told
        ]

    async def has_requests(self, count: int) -> None:
        """Return once at least `count` requests have arrived; never when they do not."""
        while len(await self.requests()) < count:  # noqa: ASYNC110 - over HTTP
            await anyio.sleep(POLL_S)

    async def answers(self, *, timeout_s: float) -> bool:
        """Ask for a text; return whether the only slot was free to give one."""
        body = {"model": DEFAULT_MODEL, "messages": [{"role": "user", "content": "Free?"}]}
        with suppress(httpx.HTTPError):
            reply = await self._http.post(f"{self.url}/api/chat", json=body, timeout=timeout_s)
            return reply.status_code == 200
        return False

    async def _control(self, method: str, route: str, body: Any = None) -> Any:
        reply = await self._http.request(method, f"{self.url}{CONTROL}/{route}", json=body)
        reply.raise_for_status()
        return reply.json()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ModelServer]:
    """Yield the controls of a simulator that runs at `url`."""
    async with httpx.AsyncClient(trust_env=False, timeout=STARTUP_S) as http:
        yield ModelServer(url, http)


@asynccontextmanager
async def started() -> AsyncIterator[ModelServer]:
    """Start a simulator as a child process on a free port; it is gone afterwards."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port = listener.getsockname()[1]
        arguments = ["--control", "--slots", "1", "--reply-tokens", str(REPLY_TOKENS)]
        process = await anyio.open_process(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env=_environment() | {f"{PREFIX}LISTEN_FD": str(listener.fileno())},
            pass_fds=(listener.fileno(),),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
    try:
        async with connected(f"http://127.0.0.1:{port}") as server:
            yield server
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.wait()


def _environment() -> dict[str, str]:
    """Return our environment without the settings of a simulator that somebody else runs."""
    return {
        name: value for name, value in process_environment().items() if not name.startswith(PREFIX)
    }
