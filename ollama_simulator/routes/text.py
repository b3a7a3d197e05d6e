"""Routes that produce text: `/api/chat` and `/api/generate`."""

from collections.abc import Callable
from typing import Any, Protocol

import orjson

from ollama_simulator.answers import Answer, Piece
from ollama_simulator.durations import rfc3339
from ollama_simulator.errors import ApiError
from ollama_simulator.exchange import JSON_UTF8, NDJSON, Exchange
from ollama_simulator.generation import Emit, check
from ollama_simulator.generation import generate as generate_text
from ollama_simulator.models import Model, is_valid_name
from ollama_simulator.replies import Measured
from ollama_simulator.requests import TextRequest, chat_request, generate_request
from ollama_simulator.simulator import Simulator
from ollama_simulator.text import token_ids
from ollama_simulator.tool_calls import ToolCall

_NOTHING = Answer((), "", 0)
_SILENCE = Piece()
_UNMEASURED = Measured(0, 0, 0, 0, 0, 0)


class Shape(Protocol):
    """How an API writes a reply: piece by piece, or as a whole."""

    stream_type: bytes
    whole_type: bytes

    def line(self, piece: Piece) -> bytes:
        """One line of a stream."""

    def last(self, reply: Answer, measured: Measured) -> bytes:
        """The last line of a stream."""

    def whole(self, reply: Answer, measured: Measured, reason: str) -> Any:
        """A reply in one piece, as JSON."""


async def chat(simulator: Simulator, exchange: Exchange) -> None:
    """POST `/api/chat`."""
    request = chat_request(await exchange.body())
    if not request.model:
        raise ApiError(400, "model is required")
    shape = _ChatShape(request.model, simulator.clock.wall_ns)
    await answer(simulator, exchange, request, shape, verb="chat")


async def generate(simulator: Simulator, exchange: Exchange) -> None:
    """POST `/api/generate`."""
    request = generate_request(await exchange.body())
    if not request.model:
        raise ApiError(404, "model '' not found")
    shape = _GenerateShape(request, simulator.clock.wall_ns)
    await answer(simulator, exchange, request, shape, verb="generate")


async def answer(
    simulator: Simulator, exchange: Exchange, request: TextRequest, shape: Shape, *, verb: str
) -> None:
    """Answer a request for text in the given shape. Raises ApiError before anything is sent."""
    model = _find(simulator, request)
    if not request.prompt and request.keep_alive_ns == 0:
        simulator.runners.unload(model)
        await exchange.reply_json(shape.whole(_NOTHING, _UNMEASURED, "unload"))
        return
    if not exchange.honours_format:
        request = request._replace(format=None)
    check(request, model, verb=verb)
    at_once = simulator.answers_at_once(model, request.options.load)
    work = _work(simulator, exchange, request, model, shape)
    if at_once:
        await work
    else:
        await exchange.until_gone(work)


def _find(simulator: Simulator, request: TextRequest) -> Model:
    if not is_valid_name(request.model):
        raise ApiError(400, "invalid model name")
    model = simulator.catalogue.find(request.model)
    if model is None:
        raise ApiError(404, f"model '{request.model}' not found")
    return model


async def _work(
    simulator: Simulator, exchange: Exchange, request: TextRequest, model: Model, shape: Shape
) -> None:
    """Load, or produce the text."""
    if not request.prompt:
        await _load(simulator, exchange, request, model, shape)
    elif request.stream:
        await _stream(simulator, exchange, request, model, shape)
    else:
        reply, measured = await _generated(simulator, exchange, request, model, emit=None)
        body = shape.whole(reply, measured, reply.done_reason)
        await exchange.reply_json(body, content_type=shape.whole_type)


async def _load(
    simulator: Simulator, exchange: Exchange, request: TextRequest, model: Model, shape: Shape
) -> None:
    async with simulator.runners.using(model, request.options.load, request.keep_alive_ns):
        await exchange.reply_json(shape.whole(_NOTHING, _UNMEASURED, "load"))


async def _stream(
    simulator: Simulator, exchange: Exchange, request: TextRequest, model: Model, shape: Shape
) -> None:
    is_open = False

    async def emit(piece: Piece) -> None:
        nonlocal is_open
        if not is_open:
            is_open = True
            await exchange.open_stream(shape.stream_type)
        await exchange.write_line(shape.line(piece))

    reply, measured = await _generated(simulator, exchange, request, model, emit=emit)
    if not is_open:
        await exchange.open_stream(shape.stream_type)
    await exchange.close_stream(shape.last(reply, measured))


async def _generated(
    simulator: Simulator,
    exchange: Exchange,
    request: TextRequest,
    model: Model,
    *,
    emit: Emit | None,
) -> tuple[Answer, Measured]:
    """Produce the reply, and note it with the request."""
    reply, measured = await generate_text(
        simulator, request, model, started_ns=exchange.started_ns, emit=emit
    )
    if exchange.record is not None:
        exchange.record.reply, exchange.record.measured = reply, measured
    return reply, measured


class _OllamaShape:
    """What Ollama's own routes have in common."""

    __slots__ = ()

    stream_type = NDJSON
    whole_type = JSON_UTF8


class _ChatShape(_OllamaShape):
    """Replies of `/api/chat`."""

    __slots__ = ("_model", "_now_ns")

    def __init__(self, model: str, now_ns: Callable[[], int]) -> None:
        self._model = model
        self._now_ns = now_ns

    def line(self, piece: Piece) -> bytes:
        return orjson.dumps(self._head(piece) | {"done": False}, option=_LINE)

    def last(self, reply: Answer, measured: Measured) -> bytes:
        return orjson.dumps(self._done(_SILENCE, reply.done_reason, measured), option=_LINE)

    def whole(self, reply: Answer, measured: Measured, reason: str) -> Any:
        return self._done(reply.whole, reason, measured)

    def _done(self, piece: Piece, reason: str, measured: Measured) -> dict[str, Any]:
        return self._head(piece) | {"done": True, "done_reason": reason} | measured.fields()

    def _head(self, piece: Piece) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": piece.content}
        if piece.thinking:
            message["thinking"] = piece.thinking
        if piece.calls:
            message["tool_calls"] = [_call(call) for call in piece.calls]
        return {
            "model": self._model,
            "created_at": rfc3339(self._now_ns()),
            "message": message,
        }


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"index": call.index, "name": call.name, "arguments": call.arguments}
    return {"id": call.id, "function": function}


class _GenerateShape(_OllamaShape):
    """Replies of `/api/generate`."""

    __slots__ = ("_now_ns", "_request")

    def __init__(self, request: TextRequest, now_ns: Callable[[], int]) -> None:
        self._request = request
        self._now_ns = now_ns

    def line(self, piece: Piece) -> bytes:
        return orjson.dumps(self._head(piece) | {"done": False}, option=_LINE)

    def last(self, reply: Answer, measured: Measured) -> bytes:
        done = self._done(_SILENCE, reply, reply.done_reason, measured)
        return orjson.dumps(done, option=_LINE)

    def whole(self, reply: Answer, measured: Measured, reason: str) -> Any:
        return self._done(reply.whole, reply, reason, measured)

    def _done(self, piece: Piece, reply: Answer, reason: str, measured: Measured) -> dict[str, Any]:
        fields = self._head(piece) | {"done": True, "done_reason": reason}
        if reply.tokens and not self._request.raw:
            fields["context"] = token_ids(self._request.prompt + "".join(reply.tokens))
        return fields | measured.fields()

    def _head(self, piece: Piece) -> dict[str, Any]:
        head = {
            "model": self._request.model,
            "created_at": rfc3339(self._now_ns()),
            "response": piece.content,
        }
        return head | {"thinking": piece.thinking} if piece.thinking else head


_LINE = orjson.OPT_APPEND_NEWLINE
