"""Calls of the offered tools, with arguments that fit the tools' parameters."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ollama_simulator.errors import ApiError
from ollama_simulator.instances import UnusableSchema, instance
from ollama_simulator.text import count_tokens

__all__ = ["ToolCall", "awaits_calls", "call_tools", "canonical", "spoken_call"]

_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"
_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for. `evaluated` is its length in tokens."""

    id: str
    index: int
    name: str
    arguments: Mapping[str, Any]

    @property
    def evaluated(self) -> int:
        """The tokens that the model wrote to ask for it."""
        return count_tokens(spoken_call(self.name, self.arguments))


def awaits_calls(messages: Sequence[Mapping[str, Any] | None]) -> bool:
    """Whether no tool has answered since the user spoke last."""
    for message in reversed(messages):
        role = ((message or {}).get("role") or "").lower()
        if role in ("tool", "user"):
            return role == "user"
    return True


def call_tools(tools: Sequence[Mapping[str, Any]], count: int, key: bytes) -> tuple[ToolCall, ...]:
    """`count` calls of the tools in turn, the same ones for the same `key`.

    Raises ApiError when a tool's parameters cannot be understood.
    """
    functions = [tool.get("function") or {} for tool in tools]
    named = [function for function in functions if function.get("name")]
    if not named:
        return ()
    return tuple(
        _call(named[index % len(named)], index, b"%d\n%b" % (index, key)) for index in range(count)
    )


def _call(function: Mapping[str, Any], index: int, key: bytes) -> ToolCall:
    parameters = {"type": "object"} | (function.get("parameters") or {})
    try:
        arguments = instance(parameters, key)
    except UnusableSchema as error:
        text = f"the simulator cannot call {function['name']}: {error}"
        raise ApiError(400, text) from None
    if not isinstance(arguments, dict):
        raise ApiError(400, f"the parameters of {function['name']} are not an object")
    digest = hashlib.blake2b(key, digest_size=_ID_LENGTH).digest()
    name = "call_" + "".join(_SIGNS[byte % len(_SIGNS)] for byte in digest)
    return ToolCall(name, index, function["name"], arguments)


def spoken_call(name: str, arguments: Any) -> str:
    """A call as the model writes and reads it."""
    return f"<call>{name}{canonical(arguments)}"


def canonical(value: Any) -> str:
    """JSON in one spelling, whatever the order of its names was."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
