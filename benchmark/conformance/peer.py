"""One agent process at the other end of two pipes, talked to line by line.

Unlike the backend's bridge it can send what no backend would, and it keeps what it hears instead
of ending the conversation at the first breach.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any, TypeVar

import anyio
import orjson
from anyio.abc import Process

from benchmark.errors import BridgeProtocol
from benchmark.framing import LineSplitter
from benchmark.process import describe_exit, discard_output, end_agent, start_agent
from shared_models.agent_protocol import MAX_LINE_BYTES

from .errors import Breach

_CLOSED = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
READ_BYTES = 65_536
MAX_LOG_LINE = 16_384
LOG_LINES_KEPT = 20
MAX_STRAY = 200

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A JSON-RPC message from the agent and when it was read (`monotonic_ns`)."""

    at_ns: int
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AskedRun:
    """A `run` request: its run, and how many messages had been heard before."""

    run_id: str
    heard_before: int


class AgentPeer:
    """One agent; `heard` are its messages in order, `stray` its lines that are none."""

    def __init__(self, process: Process, *, patience_s: float) -> None:
        """`patience_s` bounds each wait; an agent that exceeds it has failed."""
        self._process = process
        self.patience_s = patience_s
        self._changed = anyio.Event()
        self._log_tail: deque[str] = deque(maxlen=LOG_LINES_KEPT)
        self.heard: list[Heard] = []
        self.stray: list[str] = []
        self.asked: dict[int, str] = {}
        """The method of each request by its id."""
        self.runs: dict[int, AskedRun] = {}
        """Each `run` by its id."""
        self.ended = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its whole reply."""
        return await self.reply_to(await self.request(method, **params))

    async def request(self, method: str, **params: Any) -> int:
        """Send a request and return its id."""
        number = self.expect_reply_to(method)
        if method == "run":
            self.runs[number] = AskedRun(str(params.get("runId")), len(self.heard))
        await self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def expect_reply_to(self, method: str) -> int:
        """Return the id for a request that the caller sends by `write`."""
        number = len(self.asked) + 1
        self.asked[number] = method
        return number

    async def send(self, message: dict[str, Any]) -> None:
        """Send one object as a line."""
        await self.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    async def write(self, data: bytes) -> None:
        """Send bytes as they are; raises Breach when the agent does not take them."""
        assert self._process.stdin is not None  # noqa: S101 - opened with three pipes
        with anyio.move_on_after(self.patience_s):
            try:
                await self._process.stdin.send(data)
            except (*_CLOSED, OSError):
                # The watcher learns of a death a moment later, and then it can be told why.
                with anyio.move_on_after(1.0):
                    await self._process.wait()
                raise Breach(f"the agent {self._state()} instead of reading its input") from None
            return
        raise Breach(f"the agent did not read its input for {self.patience_s:g} s")

    async def reply_to(self, number: int) -> dict[str, Any]:
        """Return the reply to a request."""

        def reply() -> dict[str, Any] | None:
            return next((h.message for h in self.heard if h.message.get("id") == number), None)

        return await self.until(reply, f"{self.asked[number]} was not answered")

    async def next_reply_without_id(self, after: int) -> dict[str, Any]:
        """Return the first error with id null behind the first `after` messages."""

        def reply() -> dict[str, Any] | None:
            return next(
                (
                    heard.message
                    for heard in self.heard[after:]
                    if "method" not in heard.message and heard.message.get("id") is None
                ),
                None,
            )

        return await self.until(reply, "no error with id null came")

    async def until(self, found: Callable[[], Found | None], failing: str) -> Found:
        """Return what `found` finds once it finds something; raises Breach with `failing`."""
        with anyio.move_on_after(self.patience_s):
            while True:
                changed = self._changed
                if (value := found()) is not None:
                    return value
                if self.ended:
                    raise Breach(f"{failing}: the agent {self._state()}")
                await changed.wait()
        raise Breach(f"{failing} within {self.patience_s:g} s")

    async def close_input(self) -> None:
        """End the agent's input, as a backend that is gone does."""
        assert self._process.stdin is not None  # noqa: S101 - opened with three pipes
        await self._process.stdin.aclose()

    async def exit_status(self) -> int:
        """Return the exit status once the agent has ended; raises Breach when it does not."""
        with anyio.move_on_after(self.patience_s):
            return await self._process.wait()
        raise Breach(f"the agent was still running after {self.patience_s:g} s")

    async def kill(self) -> None:
        """End the process and everything it started."""
        await end_agent(self._process, grace_s=0)

    async def let_go(self) -> None:
        """Close the pipes of a process that has been killed; its readers must have ended."""
        await discard_output(self._process)

    async def read_protocol(self) -> None:
        """Read stdout until its end; never raises."""
        assert self._process.stdout is not None  # noqa: S101 - opened with three pipes
        splitter = LineSplitter(MAX_LINE_BYTES)
        try:
            with suppress(*_CLOSED):
                while True:
                    for line in splitter.feed(await self._process.stdout.receive(READ_BYTES)):
                        self._take(line)
        except BridgeProtocol as error:
            self.stray.append(str(error))
        if splitter.has_partial_line:
            self.stray.append("an unfinished last line")
        with anyio.move_on_after(1.0):
            await self._process.wait()
        self.ended = True
        self._tell()

    async def drain_log(self) -> None:
        """Read stderr for ever, so that the agent never blocks on it; the last lines are kept."""
        assert self._process.stderr is not None  # noqa: S101 - opened with three pipes
        rest = b""
        with suppress(*_CLOSED):
            while True:
                *lines, rest = (rest + await self._process.stderr.receive(READ_BYTES)).split(b"\n")
                rest = rest[:MAX_LOG_LINE]
                self._log_tail += [line.decode("utf-8", "replace") for line in lines if line]

    def _take(self, line: bytes) -> None:
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            message = None
        if isinstance(message, dict) and message.get("jsonrpc") == "2.0" and self._fits(message):
            self.heard.append(Heard(at_ns=monotonic_ns(), message=message))
        else:
            self.stray.append(line[:MAX_STRAY].decode("utf-8", "replace"))
        self._tell()

    def _fits(self, message: dict[str, Any]) -> bool:
        """Whether it is a `samples` notification, a reply to a request, or an error without id."""
        if "method" in message:
            return message["method"] == "samples" and "id" not in message
        number = message.get("id")
        known = type(number) is int and number in self.asked
        first = all(heard.message.get("id") != number for heard in self.heard)
        answers = known and first and ("result" in message) != ("error" in message)
        return answers or (number is None and "error" in message)

    def _state(self) -> str:
        tail = f" ({self._log_tail[-1][:200]})" if self._log_tail else ""
        if self._process.returncode is None:
            return "has closed its output" + tail
        return describe_exit(self._process.returncode) + tail

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


async def start_peer(command: Sequence[str], *, patience_s: float) -> AgentPeer:
    """Start an agent; the caller runs its readers. Raises AgentUnavailable."""
    return AgentPeer(await start_agent(command), patience_s=patience_s)
