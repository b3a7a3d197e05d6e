"""Talking to an agent process line by line, as a backend does, without the backend."""

import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from benchmark.process import agent_environment
from shared_models import MAX_LINE_BYTES, Sample, TestConfiguration

PATIENCE_S = 30.0


class Refused(Exception):
    """The agent answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Conversation:
    """One agent; replies are found by id, notifications are kept in `samples`."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self.process = process
        self.samples: list[Sample] = []
        self.unasked: list[dict[str, Any]] = []
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._replies: dict[int, dict[str, Any]] = {}
        self._last_id = 0

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its whole reply."""
        return await self.reply_to(await self.request(method, **params))

    async def request(self, method: str, **params: Any) -> int:
        """Send a request and return its id."""
        self._last_id += 1
        message = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        await self.write(json.dumps(message).encode() + b"\n")
        return self._last_id

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        await self.process.stdin.send(data)

    async def reply_to(self, request_id: int) -> dict[str, Any]:
        """Return the reply to a request; reads whatever comes before it."""
        with anyio.fail_after(PATIENCE_S):
            while request_id not in self._replies:
                await self.read()
        return self._replies.pop(request_id)

    async def read(self) -> dict[str, Any]:
        """Read and return the next line."""
        line = await self._lines.receive_until(b"\n", MAX_LINE_BYTES)
        message: dict[str, Any] = json.loads(line)
        assert "2.0" == message.pop("jsonrpc")
        if message.get("method") == "samples":
            rows = message["params"]["samples"]
            self.samples += [Sample.model_validate_json(json.dumps(row)) for row in rows]
        elif message.get("id") is None:
            self.unasked.append(message)
        else:
            self._replies[message["id"]] = message
        return message

    async def initialize(self, endpoint: str, **configuration: Any) -> dict[str, Any]:
        """Introduce ourselves with a configuration for `endpoint`; return the agent's result.

        Raises Refused.
        """
        wanted = TestConfiguration.model_validate({"endpoint": endpoint, **configuration})
        reply = await self.ask(
            "initialize", protocolVersion=1, configuration=wanted.model_dump(exclude_none=True)
        )
        if "error" in reply:
            raise Refused(**reply["error"])
        result: dict[str, Any] = reply["result"]
        return result

    async def run(self, **params: Any) -> dict[str, Any]:
        """Run a block to its end and return its result."""
        reply = await self.ask("run", **block(**params))
        result: dict[str, Any] = reply["result"]
        return result


def block(**params: Any) -> dict[str, Any]:
    """Return the parameters of a `run`; a short standard block unless told otherwise."""
    wanted = {"runId": "r", "firstSequence": 1, "iterations": 3}
    return wanted | {"mode": "standard", "concurrency": 1} | params


@asynccontextmanager
async def conversation(command: Sequence[str]) -> AsyncIterator[Conversation]:
    """Start an agent and talk to it until the block ends; then it is killed."""
    process = await anyio.open_process(
        list(command), stdin=subprocess.PIPE, stderr=None, env=agent_environment()
    )
    try:
        yield Conversation(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()
            with suppress(anyio.EndOfStream, anyio.ClosedResourceError):
                while process.stdout is not None:
                    await process.stdout.receive()
