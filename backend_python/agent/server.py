"""The protocol loop: one JSON object per line in, one out, requests served while a block runs."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, BinaryIO, TypeVar

import orjson
from pydantic import ValidationError

from shared_models.agent_protocol import (
    BUSY,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    MAX_LINE_BYTES,
    METHOD_NOT_FOUND,
    NOT_INITIALISED,
    PARSE_ERROR,
    UNSUPPORTED_MODE,
    CancelParams,
    CancelResult,
    InitializeParams,
    InitializeResult,
    RpcRequest,
    RunParams,
    WarmupParams,
)
from shared_models.configuration import Scenario, TestConfiguration, TestMode
from shared_models.trace_ids import warm_up_run_id
from shared_models.wire import WireModel

from .caller import Caller
from .flavours import FLAVOURS, build_caller
from .run_loop import RunLoop, bare_loop
from .runtime_statistics import GarbageCollectionClock
from .sessions import SessionPool

MODES: list[TestMode] = ["standard", "batch", "concurrent", "streaming", "rate"]
SCENARIOS: list[Scenario] = ["chat", "tools", "conversation", "structured"]
FRAMEWORK = ("agent-framework", version("agent-framework-core"))
CLIENT = ("ollama", version("ollama"))

Params = TypeVar("Params", bound=WireModel)


class RpcFailure(Exception):
    """Answered as a JSON-RPC error."""

    def __init__(self, code: int, message: str, *, request_id: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class AgentServer:
    """One agent, one run at a time."""

    def __init__(self, out: BinaryIO) -> None:
        """`out` carries the protocol's lines; writes block until the backend has taken them."""
        self._out = out
        self._configuration: TestConfiguration | None = None
        self._connect_to: str | None = None
        self._caller: Caller | None = None
        self._bare: Caller | None = None
        self._sessions: dict[str, SessionPool] = {}
        self._active: RunLoop | None = None
        self._collections = GarbageCollectionClock()
        self._methods: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "initialize": self._initialize,
            "warmup": self._warmup,
            "run": self._run_block,
            "cancel": self._cancel,
            "runtimeStatistics": self._runtime_statistics,
            "shutdown": self._shutdown,
            "bareLoop": self._bare_loop,
        }

    async def serve(self, source: BinaryIO) -> None:
        """Answer requests until `shutdown`; the end of input ends the process at once."""
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
        async with asyncio.TaskGroup() as group:
            while True:
                line = await self._read_line(reader)
                text = line.strip().removeprefix(b"\xef\xbb\xbf")
                if text:
                    group.create_task(self._answer(text))

    async def _read_line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            line = await reader.readline()
        except ValueError:
            self._reply_error(None, PARSE_ERROR, "the line is longer than 8 MiB")
            os._exit(1)
        if not line:
            # The backend is gone: nobody will read a result, so nothing is worth finishing.
            os._exit(0)
        return line

    async def _answer(self, text: bytes) -> None:
        try:
            request = _parse(text)
        except RpcFailure as failure:
            self._reply_error(failure.request_id, failure.code, str(failure))
            return
        reply: dict[str, Any]
        try:
            reply = {"result": await self._dispatch(request)}
        except RpcFailure as failure:
            reply = {"error": {"code": failure.code, "message": str(failure)}}
        except Exception as error:
            sys.stderr.write(f"request failed: {error!r}\n")
            reply = {"error": {"code": INTERNAL_ERROR, "message": type(error).__name__}}
        if request.id is not None:  # nobody waits for the answer to a notification
            self._write({"jsonrpc": "2.0", "id": request.id, **reply})
        if request.method == "shutdown":
            os._exit(0)

    async def _dispatch(self, request: RpcRequest) -> Any:
        method = self._methods.get(request.method)
        if method is None:
            raise RpcFailure(METHOD_NOT_FOUND, f"unknown method {request.method[:64]}")
        if self._caller is None and request.method not in ("initialize", "shutdown"):
            raise RpcFailure(NOT_INITIALISED, "initialize first")
        return await method(request.params)

    async def _initialize(self, params: dict[str, Any]) -> Any:
        parsed = _params(InitializeParams, params)
        configuration = parsed.configuration
        if configuration.test_mode not in MODES:
            raise RpcFailure(UNSUPPORTED_MODE, f"mode {configuration.test_mode} is not supported")
        if configuration.scenario not in SCENARIOS:
            raise RpcFailure(UNSUPPORTED_MODE, f"scenario {configuration.scenario} is not known")
        if configuration.flavour not in FLAVOURS:
            raise RpcFailure(UNSUPPORTED_MODE, f"flavour {configuration.flavour} is not known")
        if self._caller is not None:
            raise RpcFailure(INVALID_REQUEST, "initialize has been called before")
        self._configuration, self._connect_to = configuration, parsed.connect_to
        self._caller = build_caller(configuration, connect_to=parsed.connect_to)
        return _dump(
            InitializeResult(
                protocol_version=1,
                language="Python",
                runtime="CPython" if sys.implementation.name == "cpython" else sys.version,
                runtime_version=".".join(str(part) for part in sys.version_info[:3]),
                framework=FRAMEWORK[0],
                framework_version=FRAMEWORK[1],
                client=CLIENT[0],
                client_version=CLIENT[1],
                flavour=configuration.flavour,
                process_id=os.getpid(),
                modes=MODES,
                scenarios=SCENARIOS,
            )
        )

    async def _warmup(self, params: dict[str, Any]) -> Any:
        parsed = _params(WarmupParams, params)
        if parsed.mode == "rate":
            raise RpcFailure(INVALID_PARAMS, "a warm-up has no rate: use standard")
        samples: list[bytes] = []
        if parsed.iterations:
            block = RunParams(
                run_id=warm_up_run_id(parsed.run_id),
                first_sequence=parsed.first_sequence,
                iterations=parsed.iterations,
                mode=parsed.mode,
                concurrency=parsed.concurrency,
            )
            _check_loop(block)
            await self._execute(block, samples.extend)
        else:
            self._ready()
        return {"samples": [orjson.Fragment(sample) for sample in samples]}

    async def _run_block(self, params: dict[str, Any]) -> Any:
        block = _params(RunParams, params)
        if block.iterations is None and block.duration_seconds is None:
            raise RpcFailure(INVALID_PARAMS, "give iterations or durationSeconds")
        _check_loop(block)

        def emit(samples: list[bytes]) -> None:
            fragments = [orjson.Fragment(sample) for sample in samples]
            params = {"runId": block.run_id, "samples": fragments}
            self._write({"jsonrpc": "2.0", "method": "samples", "params": params})

        return await self._execute(block, emit)

    async def _execute(
        self, block: RunParams, emit: Callable[[list[bytes]], None]
    ) -> dict[str, Any]:
        configuration, caller = self._ready()
        sessions = None
        if configuration.scenario == "conversation":
            fresh = SessionPool(caller.new_history, turns=configuration.turns)
            sessions = self._sessions.setdefault(block.run_id, fresh)
        self._active = RunLoop(caller, configuration, block, emit, sessions=sessions)
        try:
            return _dump(await self._active.execute())
        finally:
            self._active = None

    async def _cancel(self, params: dict[str, Any]) -> Any:
        parsed = _params(CancelParams, params)
        active = self._active
        wanted = (parsed.run_id, warm_up_run_id(parsed.run_id))
        matches = active is not None and active.run_id in wanted
        if active is not None and matches:
            active.cancel()
        return _dump(CancelResult(cancelled=matches))

    async def _runtime_statistics(self, _params: dict[str, Any]) -> Any:
        return _dump(self._collections.statistics())

    async def _shutdown(self, _params: dict[str, Any]) -> Any:
        return {}

    async def _bare_loop(self, params: dict[str, Any]) -> Any:
        """Off the public protocol: time the same agent without our transport and loop."""
        configuration, _ = self._ready()
        if self._bare is None:
            self._bare = build_caller(configuration, connect_to=self._connect_to, recorded=False)
        durations_ns, wall_ns = await bare_loop(
            self._bare,
            configuration,
            iterations=params["iterations"],
            concurrency=params.get("concurrency", 1),
        )
        return {"durationsNs": durations_ns, "wallNs": wall_ns}

    def _ready(self) -> tuple[TestConfiguration, Caller]:
        if self._configuration is None or self._caller is None:
            raise RpcFailure(NOT_INITIALISED, "initialize first")
        if self._active is not None:
            raise RpcFailure(BUSY, "a run is active")
        return self._configuration, self._caller

    def _reply_error(self, request_id: int | None, code: int, message: str) -> None:
        error = {"code": code, "message": message}
        self._write({"jsonrpc": "2.0", "id": request_id, "error": error})

    def _write(self, message: dict[str, Any]) -> None:
        view = memoryview(orjson.dumps(message) + b"\n")
        while view:
            view = view[self._out.write(view) :]


def _parse(text: bytes) -> RpcRequest:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RpcFailure(PARSE_ERROR, f"not JSON: {error}") from error
    try:
        return RpcRequest.model_validate(parsed)
    except ValidationError as error:
        given = parsed.get("id") if isinstance(parsed, dict) else None
        raise RpcFailure(
            INVALID_REQUEST,
            "not a JSON-RPC 2.0 request",
            request_id=given if type(given) is int else None,
        ) from error


def _check_loop(block: RunParams) -> None:
    if block.mode in ("standard", "streaming") and block.concurrency != 1:
        raise RpcFailure(INVALID_PARAMS, f"{block.mode} mode has concurrency 1")
    if block.mode == "rate" and block.rate_per_second is None:
        raise RpcFailure(INVALID_PARAMS, "rate mode needs ratePerSecond")


def _params(model: type[Params], params: dict[str, Any]) -> Params:
    try:
        return model.model_validate(params)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RpcFailure(INVALID_PARAMS, f"{place}: {first['msg']}"[:200]) from error


def _dump(message: WireModel) -> dict[str, Any]:
    return message.model_dump(exclude_none=True)
