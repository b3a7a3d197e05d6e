"""Routes that speak OpenAI's API, translated to Ollama's and back as Ollama does."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ollama_simulator.answers import Answer, Piece
from ollama_simulator.errors import ApiError
from ollama_simulator.exchange import JSON, SSE, Exchange
from ollama_simulator.models import Model
from ollama_simulator.replies import Measured
from ollama_simulator.requests import (
    Check,
    TextRequest,
    chat_from,
    check_tools,
    of_type,
    read_struct,
)
from ollama_simulator.routes.information import shown_model
from ollama_simulator.routes.text import answer
from ollama_simulator.simulator import Simulator
from ollama_simulator.tool_calls import ToolCall, canonical

_ERROR_TYPES = {400: "invalid_request_error", 404: "not_found_error"}
_EFFORTS: dict[str, bool | str] = {"none": False, "low": "low", "medium": "medium", "high": "high"}
_MODELS_PREFIX = "/v1/models/"
_IDS = 999


async def models(simulator: Simulator, exchange: Exchange) -> None:
    """GET `/v1/models`."""
    listed = [_model(model, model.name) for model in simulator.catalogue.all()]
    body = {"object": "list", "data": listed or None}
    await exchange.reply_json(body, content_type=JSON)


async def model(simulator: Simulator, exchange: Exchange) -> None:
    """GET `/v1/models/{model}`."""
    name = exchange.path.removeprefix(_MODELS_PREFIX)
    try:
        found = shown_model(simulator, name)
    except ApiError as error:
        await _refuse(exchange, error)
        return
    await exchange.reply_json(_model(found, name), content_type=JSON)


async def chat_completions(simulator: Simulator, exchange: Exchange) -> None:
    """POST `/v1/chat/completions`."""
    try:
        fields = _read(await exchange.body())
        request = _translate(fields)
        if not request.model:
            raise ApiError(400, "model is required")
        shape = _OpenAIShape(
            request.model,
            simulator.clock.wall_ns,
            number=simulator.rng.randrange(_IDS),
            with_usage=bool((fields.get("stream_options") or {}).get("include_usage")),
        )
        await answer(simulator, exchange, request, shape, verb="chat")
    except ApiError as error:
        await _refuse(exchange, error)


async def _refuse(exchange: Exchange, error: ApiError) -> None:
    """Answer with an error as OpenAI writes it."""
    kind = _ERROR_TYPES.get(error.status, "api_error")
    said = {"message": error.text, "type": kind, "param": None, "code": None}
    await exchange.reply_json({"error": said}, error.status, content_type=JSON)


def _model(model: Model, name: str) -> dict[str, Any]:
    owner = model.name.split("/")[-2] if "/" in model.name else "library"
    created = model.modified_ns // 1_000_000_000
    return {"id": name, "object": "model", "created": created, "owned_by": owner}


def _read(body: bytes) -> dict[str, Any]:
    try:
        fields = read_struct(body, "ChatCompletionRequest", _CHECKS, package="openai")
    except ApiError as error:
        # This route does not translate Go's end-of-file.
        text = "EOF" if error.text == "missing request body" else error.text
        raise ApiError(error.status, text) from None
    if not fields.get("messages"):
        raise ApiError(400, "[] is too short - 'messages'")
    return fields


def _translate(fields: Mapping[str, Any]) -> TextRequest:
    """OpenAI's request as Ollama's; its defaults differ."""
    stop = fields.get("stop") or []
    temperature = fields.get("temperature")
    options = {
        "stop": [stop] if isinstance(stop, str) else [s for s in stop if isinstance(s, str)],
        "num_predict": fields.get("max_tokens"),
        "seed": fields.get("seed"),
        "temperature": 1.0 if temperature is None else temperature,
    }
    return chat_from(
        {
            "model": fields.get("model"),
            "messages": [_message(message) for message in fields["messages"]],
            "stream": fields.get("stream") is True,
            "options": options,
            "tools": fields.get("tools"),
            "format": _format(fields.get("response_format")),
            "think": _think(fields),
        }
    )


def _think(fields: Mapping[str, Any]) -> bool | str | None:
    effort = (fields.get("reasoning") or {}).get("effort") or fields.get("reasoning_effort")
    if not effort:
        return None
    if effort not in _EFFORTS:
        raise ApiError(
            400,
            f'invalid reasoning value: \'{effort}\' (must be "high", "medium", "low", or "none")',
        )
    return _EFFORTS[effort]


def _format(wanted: Mapping[str, Any] | None) -> Any:
    """OpenAI's `response_format` as Ollama's `format`."""
    kind = (wanted or {}).get("type")
    if kind == "json_object":
        return "json"
    if wanted and kind == "json_schema":
        return (wanted.get("json_schema") or {}).get("schema")
    return None


def _message(message: Any) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(_part(part) for part in content)
    elif not isinstance(content, str):
        if not message.get("tool_calls"):
            raise ApiError(400, f"invalid message content type: {_GO_TYPES.get(type(content))}")
        content = ""
    calls = [_called(call) for call in message.get("tool_calls") or ()]
    return {"role": message.get("role") or "", "content": content, "tool_calls": calls}


def _called(call: Any) -> dict[str, Any]:
    """A call that the model made; OpenAI gives its arguments as text."""
    function = (call or {}).get("function") or {}
    try:
        arguments = orjson.loads(function.get("arguments") or "{}")
    except orjson.JSONDecodeError:
        raise ApiError(400, "invalid tool call arguments") from None
    return {"function": {"name": function.get("name"), "arguments": arguments}}


def _part(part: Any) -> str:
    if not isinstance(part, dict) or part.get("type") not in _PARTS:
        raise ApiError(400, "invalid message format")
    if part["type"] != "text":
        return ""  # a picture has no words
    if not isinstance(part.get("text"), str):
        raise ApiError(400, "invalid message format")
    text: str = part["text"]
    return text


def _check_messages(struct: str, field: str, value: Any) -> None:
    of_type("[]openai.Message", "array")(struct, field, value)
    for message in value:
        of_type("openai.Message", "object")(struct, field, message)
        for name in ("role", "name", "tool_call_id"):
            if message.get(name) is not None:
                of_type("string", "string")(struct, f"{field}.{name}", message[name])


class _OpenAIShape:
    """Replies of `/v1/chat/completions`."""

    __slots__ = ("_created", "_id", "_is_first", "_model", "_with_usage")

    stream_type = SSE
    whole_type = JSON

    def __init__(
        self, model: str, now_ns: Callable[[], int], *, number: int, with_usage: bool
    ) -> None:
        self._model = model
        self._id = f"chatcmpl-{number}"
        self._created = now_ns() // 1_000_000_000
        self._with_usage = with_usage
        self._is_first = True

    def line(self, piece: Piece) -> bytes:
        delta = _said(piece)
        if self._is_first:
            self._is_first = False
            delta = {"role": "assistant", **delta}
        return _event(self._chunk([{"index": 0, "delta": delta, "finish_reason": None}]))

    def last(self, reply: Answer, measured: Measured) -> bytes:
        reason = "tool_calls" if reply.calls else reply.done_reason
        finish = {"index": 0, "delta": {}, "finish_reason": reason}
        events = _event(self._chunk([finish]))
        if self._is_first:  # nothing was said, but a stream opens with a role
            events = self.line(Piece()) + events
        if self._with_usage:
            events += _event(self._chunk([]) | {"usage": _usage(measured)})
        return events + b"data: [DONE]\n\n"

    def whole(self, reply: Answer, measured: Measured, reason: str) -> Any:
        message = {"role": "assistant", **_said(reply.whole)}
        finish = "tool_calls" if reply.calls else reason
        return self._head("chat.completion") | {
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": _usage(measured),
        }

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return self._head("chat.completion.chunk") | {"choices": choices}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": "fp_ollama",
        }


def _said(piece: Piece) -> dict[str, Any]:
    """What a message or its delta says."""
    said: dict[str, Any] = {"content": piece.content}
    if piece.thinking:
        said["reasoning"] = piece.thinking
    if piece.calls:
        said["tool_calls"] = [_call(call) for call in piece.calls]
    return said


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": canonical(call.arguments)}
    return {"id": call.id, "index": call.index, "type": "function", "function": function}


def _event(value: Any) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _usage(measured: Measured) -> dict[str, int]:
    return {
        "prompt_tokens": measured.prompt_count,
        "completion_tokens": measured.eval_count,
        "total_tokens": measured.prompt_count + measured.eval_count,
    }


_PARTS = ("text", "image_url", "input_audio")
_GO_TYPES = {
    type(None): "<nil>",
    bool: "bool",
    int: "float64",
    float: "float64",
    dict: "map[string]interface {}",
}
_CHECKS: dict[str, Check] = {
    "model": of_type("string", "string"),
    "messages": _check_messages,
    "stream": of_type("bool", "bool"),
    "stream_options": of_type("openai.StreamOptions", "object"),
    "max_tokens": of_type("int", "number"),
    "seed": of_type("int", "number"),
    "stop": lambda struct, field, value: None,
    "temperature": of_type("float64", "number"),
    "top_p": of_type("float64", "number"),
    "tools": check_tools,
    "reasoning": of_type("openai.Reasoning", "object"),
    "reasoning_effort": of_type("string", "string"),
    "response_format": of_type("openai.ResponseFormat", "object"),
}
