"""The requests for text, decoded and type-checked as Go's structs are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ollama_simulator import go_json
from ollama_simulator.durations import FOREVER_NS, parse_duration_ns
from ollama_simulator.errors import ApiError
from ollama_simulator.options import DEFAULT_OPTIONS, Options, read_options
from ollama_simulator.tool_calls import awaits_calls, canonical, spoken_call

__all__ = ["TextRequest", "chat_request", "generate_request", "show_request"]

Check = Callable[[str, str, Any], None]
"""Raises ApiError when a value does not fit the field (struct name, field name, value)."""


class TextRequest(NamedTuple):
    """A request for text. An empty `prompt` asks only for a load, or for an unload.

    `model` is as sent; `keep_alive_ns` is None when absent; `think` is None when the model is to
    decide; `format` is None, "json", a schema, or what `generation.check` refuses; `tools` are
    those offered, and `awaits_calls` is false once they have answered; `messages` can be dropped
    when `truncate` allows it; `raw` leaves the context out.
    """

    model: str
    prompt: str
    stream: bool
    keep_alive_ns: int | None
    options: Options
    think: bool | str | None
    format: Any
    tools: Sequence[Mapping[str, Any]] = ()
    awaits_calls: bool = False
    messages: Sequence[Mapping[str, Any] | None] = ()
    truncate: bool = True
    raw: bool = False


def chat_request(body: bytes) -> TextRequest:
    """The request of `/api/chat`. Raises ApiError."""
    return chat_from(read_struct(body, "ChatRequest", _CHAT))


def chat_from(fields: Mapping[str, Any]) -> TextRequest:
    """The request that checked fields of `/api/chat` describe."""
    messages = fields.get("messages") or ()
    tools = [tool for tool in fields.get("tools") or () if tool is not None]
    return TextRequest(
        model=fields.get("model") or "",
        prompt=prompt_of(tools, messages),
        messages=messages,
        truncate=fields.get("truncate") is not False,
        stream=fields.get("stream") is not False,
        keep_alive_ns=keep_alive_ns(fields.get("keep_alive")),
        options=options_of(fields),
        think=fields.get("think"),
        format=fields.get("format") or None,
        tools=tools,
        awaits_calls=bool(tools) and awaits_calls(messages),
    )


def generate_request(body: bytes) -> TextRequest:
    """The request of `/api/generate`. Raises ApiError."""
    fields = read_struct(body, "GenerateRequest", _GENERATE)
    raw = fields.get("raw") is True
    if raw and any(fields.get(name) for name in ("template", "system", "context")):
        raise ApiError(400, "raw mode does not support template, system, or context")
    prompt = fields.get("prompt") or ""
    if prompt and not raw:
        prompt = (fields.get("system") or "") + "\n" + prompt + "\n" + (fields.get("suffix") or "")
    return TextRequest(
        model=fields.get("model") or "",
        prompt=prompt,
        stream=fields.get("stream") is not False,
        keep_alive_ns=keep_alive_ns(fields.get("keep_alive")),
        options=options_of(fields),
        think=fields.get("think"),
        format=fields.get("format") or None,
        raw=raw,
    )


def show_request(body: bytes) -> str:
    """The name that `/api/show` asks for. Raises ApiError."""
    fields = read_struct(body, "ShowRequest", _SHOW)
    name: str = fields.get("model") or fields.get("name") or ""
    if not name:
        raise ApiError(400, "model is required")
    return name


def read_struct(
    body: bytes, struct: str, checks: Mapping[str, Check], *, package: str = "api"
) -> dict[str, Any]:
    """The fields of a JSON object, the known ones checked. Raises ApiError."""
    value = go_json.decode(body)
    if value is None:
        return {}
    if not isinstance(value, dict):
        kind = go_json.kind_of(value)
        raise ApiError(
            400, f"json: cannot unmarshal {kind} into Go value of type {package}.{struct}"
        )
    _check_fields(value, struct, checks)
    # Go matches names without regard to case.
    return {name if name in checks else name.lower(): item for name, item in value.items()}


def _check_fields(value: dict[str, Any], struct: str, checks: Mapping[str, Check]) -> None:
    """Check those of the fields that are known; null fits any."""
    for key, item in value.items():
        if item is not None:
            name = key if key in checks else key.lower()
            check = checks.get(name)
            if check is not None:
                check(struct, name, item)


def prompt_of(
    tools: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any] | None]
) -> str:
    """What the model sees of a conversation; nothing when there are no messages."""
    prompt = "".join([_turn(message) for message in messages])
    return f"<tools>{canonical(tools)}\n{prompt}" if tools and prompt else prompt


def _turn(message: Mapping[str, Any] | None) -> str:
    """One message as the model sees it; an absent message is an empty one, as in Go."""
    fields = message or {}
    turn = f"<{(fields.get('role') or '').lower()}>{fields.get('content') or ''}\n"
    calls = fields.get("tool_calls")
    return turn + "".join([_spoken(call) for call in calls if call]) if calls else turn


def _spoken(call: Mapping[str, Any]) -> str:
    function = call.get("function") or {}
    return spoken_call(function.get("name") or "", function.get("arguments")) + "\n"


def keep_alive_ns(value: Any) -> int | None:
    """The nanoseconds that a checked `keep_alive` means, or None when it is absent."""
    if value is None:
        return None
    duration_ns = (
        parse_duration_ns(value)
        if isinstance(value, str)
        else int(max(-1.0, min(value, 1e9)) * 1_000_000_000)
    )
    return FOREVER_NS if duration_ns < 0 else duration_ns


def options_of(fields: Mapping[str, Any]) -> Options:
    """The options of a request."""
    options = fields.get("options")
    return read_options(options) if options else DEFAULT_OPTIONS


def of_type(go_type: str, *kinds: str) -> Check:
    """A check that the JSON type is one of `kinds`."""

    types = tuple(kind for kind, name in go_json.KINDS.items() if name in kinds)

    def check(struct: str, field: str, value: Any) -> None:
        if type(value) not in types:
            raise ApiError(
                400,
                f"json: cannot unmarshal {go_json.kind_of(value)} into Go struct field "
                f"{struct}.{field} of type {go_type}",
            )

    return check


def struct_of(go_type: str, checks: Mapping[str, Check]) -> Check:
    """A check of an object and of its known fields, whose path the errors give."""
    is_object = of_type(go_type, "object")

    def check(struct: str, field: str, value: Any) -> None:
        is_object(struct, field, value)
        for name, item in value.items():
            if name in checks and item is not None:
                checks[name](struct, f"{field}.{name}", item)

    return check


def list_of(go_type: str, check_item: Check) -> Check:
    """A check of a list and of each item in it that is not null."""
    is_list = of_type(go_type, "array")

    def check(struct: str, field: str, value: Any) -> None:
        is_list(struct, field, value)
        for item in value:
            if item is not None:
                check_item(struct, field, item)

    return check


def check_integer(struct: str, field: str, value: Any) -> None:
    """A number without a fraction."""
    _NUMBER(struct, field, value)
    if isinstance(value, float):
        raise ApiError(
            400,
            f"json: cannot unmarshal number {value} into Go struct field {struct}.{field} "
            "of type int",
        )


def _check_top_logprobs(struct: str, field: str, value: Any) -> None:
    check_integer(struct, field, value)
    if not 0 <= value <= 20:
        raise ApiError(400, "top_logprobs must be between 0 and 20")


def check_messages(struct: str, field: str, value: Any) -> None:
    """A list of messages; a message has a decoder of its own, so its errors name `Alias`."""
    _MESSAGES(struct, field, value)
    for message in value:
        if message is None:
            continue
        if not isinstance(message, dict):
            kind = go_json.kind_of(message)
            raise ApiError(400, f"json: cannot unmarshal {kind} into Go value of type api.Alias")
        _check_fields(message, "Alias", _MESSAGE)


def check_keep_alive(struct: str, field: str, value: Any) -> None:
    """Seconds, or a Go duration."""
    if isinstance(value, str):
        try:
            parse_duration_ns(value)
        except ValueError as error:
            raise ApiError(400, str(error)) from None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ApiError(400, f"Unsupported type: '{_GO_VALUES[go_json.kind_of(value)]}'")


def _check_think(struct: str, field: str, value: Any) -> None:
    choices = '"high", "medium", "low", "max", true, or false'
    if isinstance(value, str):
        if value not in ("high", "medium", "low", "max"):
            raise ApiError(400, f'invalid think value: "{value}" (must be {choices})')
    elif not isinstance(value, bool):
        raise ApiError(400, f"think must be a boolean or string ({choices})")


def anything(struct: str, field: str, value: Any) -> None:
    """A field that any value fits."""


_GO_VALUES = {"bool": "bool", "array": "[]interface {}", "object": "map[string]interface {}"}
_STRING = of_type("string", "string")
_BOOL = of_type("bool", "bool")
_NUMBER = of_type("int", "number")
_OBJECT = of_type("map[string]interface {}", "object")
_MESSAGES = of_type("[]api.Message", "array")
_STRINGS = of_type("[]api.ImageData", "array")
_CALLED: dict[str, Check] = {"name": _STRING, "arguments": _OBJECT}
_CALL = struct_of("api.ToolCall", {"function": struct_of("api.ToolCallFunction", _CALLED)})
_OFFERED: dict[str, Check] = {"name": _STRING, "description": _STRING, "parameters": _OBJECT}
_TOOL = struct_of("api.Tool", {"function": struct_of("api.ToolFunction", _OFFERED)})
check_tools = list_of("api.Tools", _TOOL)
"""The tools that a request offers."""


_MESSAGE: dict[str, Check] = {
    "role": _STRING,
    "content": _STRING,
    "thinking": _STRING,
    "images": _STRINGS,
    "tool_calls": list_of("[]api.ToolCall", _CALL),
    "tool_name": _STRING,
    "tool_call_id": _STRING,
}
_COMMON: dict[str, Check] = {
    "model": _STRING,
    "stream": _BOOL,
    "format": anything,
    "keep_alive": check_keep_alive,
    "options": _OBJECT,
    "think": _check_think,
    "truncate": _BOOL,
    "shift": _BOOL,
    "logprobs": _BOOL,
    "top_logprobs": _check_top_logprobs,
}
_CHAT: dict[str, Check] = {
    **_COMMON,
    "messages": check_messages,
    "tools": check_tools,
}
_GENERATE: dict[str, Check] = {
    **_COMMON,
    "prompt": _STRING,
    "suffix": _STRING,
    "system": _STRING,
    "template": _STRING,
    "context": of_type("[]int", "array"),
    "raw": _BOOL,
    "images": _STRINGS,
}
_SHOW: dict[str, Check] = {
    "model": _STRING,
    "name": _STRING,
    "system": _STRING,
    "template": _STRING,
    "verbose": _BOOL,
    "options": _OBJECT,
}
