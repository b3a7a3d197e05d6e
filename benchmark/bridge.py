"""The conversation with one agent process: requests out, replies and samples in, all bounded.

Nothing here outlives `open_bridge`: the readers run in its task group, and on every way out the
agent's whole process group is gone.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, NoReturn, TypeVar

import anyio
import orjson
import structlog
from anyio.abc import Process
from pydantic import ValidationError

from shared_models.agent_protocol import MAX_LINE_BYTES, SamplesParams
from shared_models.wire import WireModel

from .errors import AgentRefused, BridgeDied, BridgeError, BridgeProtocol, BridgeTimeout
from .framing import LineSplitter
from .process import describe_exit, discard_output, end_agent, start_agent

READ_BYTES = 65_536
WRITE_DEADLINE_S = 5.0
SHUTDOWN_GRACE_S = 1.0
DRAIN_S = 0.2
END_GRACE_S = 1.0
MAX_LOG_LINE = 16_384
LOG_LINES_KEPT = 20

OnSamples = Callable[[SamplesParams], None]
Reply = TypeVar("Reply", bound=WireModel)

_log = structlog.get_logger()


class _Pending:
    """A request that waits for its reply."""

    __slots__ = ("done", "error", "method", "result")

    def __init__(self, method: str) -> None:
        self.method = method
        self.done = anyio.Event()
        self.result: Any = None
        self.error: BridgeError | None = None


class AgentBridge:
    """One agent process that is being talked to. Made by `open_bridge`."""

    def __init__(self, process: Process, on_samples: OnSamples) -> None:
        self._process = process
        self._on_samples = on_samples
        self._pending: dict[int, _Pending] = {}
        self._next_id = 1
        self._failure: BridgeError | None = None
        self._failed = anyio.Event()
        self._last_heard = monotonic()
        self._write_lock = anyio.Lock()
        self._log_tail: deque[str] = deque(maxlen=LOG_LINES_KEPT)

    @property
    def pid(self) -> int:
        """The agent's process id."""
        return self._process.pid

    async def call(
        self, method: str, params: WireModel | None, reply: type[Reply], *, silence_s: float
    ) -> Reply:
        """Send a request and return its reply.

        `silence_s` bounds the time without any line from the agent, not the whole call: a run
        that keeps sending samples may take as long as it needs.
        Raises AgentRefused, BridgeProtocol, BridgeTimeout or BridgeDied.
        """
        if self._failure is not None:
            raise self._failure
        pending = _Pending(method)
        request_id, self._next_id = self._next_id, self._next_id + 1
        self._pending[request_id] = pending
        try:
            await self._send(request_id, method, params)
            await self._wait(pending, silence_s)
        finally:
            self._pending.pop(request_id, None)
        if pending.error is not None:
            raise pending.error
        try:
            return reply.model_validate(pending.result)
        except ValidationError as error:
            raise self._broken(f"the reply to {method} is malformed: {_first(error)}") from error

    async def watch(self) -> NoReturn:
        """Wait until the conversation fails, and raise why."""
        await self._failed.wait()
        assert self._failure is not None  # noqa: S101 - set before the event
        raise self._failure

    async def hang_up(self) -> None:
        """End the agent's input, which tells it to go; a healthy one is gone in milliseconds."""
        assert self._process.stdin is not None  # noqa: S101 - opened with three pipes
        with anyio.move_on_after(SHUTDOWN_GRACE_S):
            await self._process.stdin.aclose()

    async def _send(self, request_id: int, method: str, params: WireModel | None) -> None:
        body = params.model_dump(exclude_none=True) if params is not None else {}
        line = orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": body})
        assert self._process.stdin is not None  # noqa: S101 - opened with three pipes
        sent = False
        with anyio.move_on_after(WRITE_DEADLINE_S):
            async with self._write_lock:
                try:
                    await self._process.stdin.send(line + b"\n")
                except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                    await self._wait(self._pending[request_id], DRAIN_S * 5)
                sent = True
        if not sent:
            raise self._fail(BridgeTimeout("the agent does not read its input"))

    async def _wait(self, pending: _Pending, silence_s: float) -> None:
        started = monotonic()
        while not pending.done.is_set():
            remaining = max(self._last_heard, started) + silence_s - monotonic()
            if remaining <= 0:
                text = f"the agent was silent for {silence_s:g} s during {pending.method}"
                raise self._fail(BridgeTimeout(text))
            with anyio.move_on_after(remaining):
                await pending.done.wait()

    async def read_protocol(self) -> None:
        """Read stdout until its end; never raises, a breach fails all requests."""
        assert self._process.stdout is not None  # noqa: S101 - opened with three pipes
        splitter = LineSplitter(MAX_LINE_BYTES)
        try:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                while self._failure is None:
                    chunk = await self._process.stdout.receive(READ_BYTES)
                    for line in splitter.feed(chunk):
                        self._take(line)
                    self._last_heard = monotonic()
            await self._explain_end(inside_line=splitter.has_partial_line)
        except BridgeError as error:
            self._fail(error)

    async def _explain_end(self, *, inside_line: bool) -> None:
        """Blame the agent for the end of its output, unless it was killed or has just exited."""
        with anyio.move_on_after(END_GRACE_S):
            await self._process.wait()
        returncode = self._process.returncode
        if returncode is None:
            self._broken("it closed its output, but goes on running")
        elif inside_line and returncode >= 0:
            self._broken("its output ended inside a line")

    async def drain_log(self) -> None:
        """Read stderr for ever, so that the agent never blocks on it; lines go to our log."""
        assert self._process.stderr is not None  # noqa: S101 - opened with three pipes
        rest = b""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                *lines, rest = (rest + await self._process.stderr.receive(READ_BYTES)).split(b"\n")
                rest = rest[:MAX_LOG_LINE]
                for line in lines:
                    self._log(line)
        self._log(rest)

    async def watch_exit(self) -> None:
        """Notice the agent's death even while a grandchild still holds its pipes."""
        returncode = await self._process.wait()
        await anyio.sleep(DRAIN_S)
        tail = f": {self._log_tail[-1]}" if self._log_tail else ""
        self._fail(BridgeDied(f"the agent {describe_exit(returncode)}{tail}"))

    def _take(self, line: bytes) -> None:
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BridgeProtocol("the agent wrote a line that is not JSON") from error
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            raise BridgeProtocol("the agent wrote a line that is not JSON-RPC 2.0")
        if "method" in message:
            self._take_notification(message)
        else:
            self._take_reply(message)

    def _take_notification(self, message: dict[str, Any]) -> None:
        if message["method"] != "samples" or "id" in message:
            raise BridgeProtocol(f"the agent called {str(message['method'])[:64]!r}")
        try:
            params = SamplesParams.model_validate(message.get("params"))
        except ValidationError as error:
            raise BridgeProtocol(f"a sample is malformed: {_first(error)}") from error
        self._on_samples(params)

    def _take_reply(self, message: dict[str, Any]) -> None:
        request_id = message.get("id")
        pending = self._pending.get(request_id) if type(request_id) is int else None
        if pending is None:
            raise BridgeProtocol(f"the agent answered an unknown request {str(request_id)[:64]}")
        if ("result" in message) == ("error" in message):
            raise BridgeProtocol("a reply must hold either a result or an error")
        if "error" in message:
            error = message["error"]
            if not isinstance(error, dict) or not isinstance(error.get("code"), int):
                raise BridgeProtocol("an error reply has no code")
            text = str(error.get("message", ""))[:200]
            pending.error = AgentRefused(pending.method, error["code"], text)
        else:
            pending.result = message["result"]
        pending.done.set()

    def _broken(self, text: str) -> BridgeError:
        return self._fail(BridgeProtocol(f"the agent broke the protocol: {text}"))

    def _fail(self, error: BridgeError) -> BridgeError:
        """Remember the first failure and hand it to everyone who waits."""
        if self._failure is None:
            self._failure = error
            self._failed.set()
        for pending in self._pending.values():
            pending.error = pending.error or self._failure
            pending.done.set()
        return self._failure

    def _log(self, line: bytes) -> None:
        text = line[:MAX_LOG_LINE].decode("utf-8", "replace").strip()
        if text:
            self._log_tail.append(text[:500])
            _log.info("agent_log", pid=self.pid, line=text)


@asynccontextmanager
async def open_bridge(command: Sequence[str], on_samples: OnSamples) -> AsyncIterator[AgentBridge]:
    """Start an agent and talk to it inside the block; afterwards its process group is gone.

    `on_samples` is called for each `samples` notification, in order; what it raises as
    BridgeProtocol fails the bridge. Raises AgentUnavailable when the command cannot be started.
    """
    process = await start_agent(command)
    bridge = AgentBridge(process, on_samples)
    failure: Exception | None = None
    try:
        async with anyio.create_task_group() as group:
            for reader in (bridge.read_protocol, bridge.drain_log, bridge.watch_exit):
                group.start_soon(reader)
            try:
                yield bridge
            except Exception as error:  # kept out of the task group, which would wrap it
                failure = error
            with anyio.CancelScope(shield=True), anyio.move_on_after(SHUTDOWN_GRACE_S):
                await bridge.hang_up()
                await end_agent(process, grace_s=SHUTDOWN_GRACE_S / 2)
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await end_agent(process, grace_s=0)
            await discard_output(process)
    if failure is not None:
        raise failure


def _first(error: ValidationError) -> str:
    entry = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}"[:200]
