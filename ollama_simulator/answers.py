"""What one call is answered with: thoughts, then calls of tools, an instance of a schema, or text.

The same key gets the same answer. Nothing here takes time; the generation says it token by token.
What is made for each call is a named tuple, because a frozen dataclass takes several times as long.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ollama_simulator.errors import ApiError
from ollama_simulator.instances import ANY_OBJECT, UnusableSchema, instance
from ollama_simulator.requests import TextRequest
from ollama_simulator.text import output_tokens, words
from ollama_simulator.tool_calls import ToolCall, call_tools

__all__ = ["Answer", "Piece", "called", "compose", "ended", "structured"]

_THOUGHTS = {"low": 4, "medium": 12, "high": 24, "max": 48}
"""Tokens of thought for each level of `think`."""

_USUAL_LEVEL = "medium"


class Piece(NamedTuple):
    """What one line of a stream says, or a whole reply."""

    content: str = ""
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()


class Answer(NamedTuple):
    """The tokens of a reply and why it ended; `evaluated` also counts those a stop string ate."""

    tokens: Sequence[str]
    done_reason: str
    evaluated: int
    thinking: Sequence[str] = ()
    calls: tuple[ToolCall, ...] = ()

    @property
    def whole(self) -> Piece:
        """Everything that is said, in one piece."""
        return Piece("".join(self.tokens), "".join(self.thinking), self.calls)

    def pieces(self) -> Iterator[tuple[int, Piece]]:
        """Each piece of a stream with the index of the token that completes it."""
        index = 0
        for token in self.thinking:
            yield index, Piece(thinking=token)
            index += 1
        for token in self.tokens:
            yield index, Piece(token)
            index += 1
        if self.calls:  # a parser holds their tokens back until they are complete
            yield self.evaluated - 1, Piece(calls=self.calls)


def compose(
    request: TextRequest,
    key: bytes,
    *,
    think: bool | str,
    length: int | None,
    tool_calls: int,
) -> Answer:
    """The answer to a request that belongs to `key`.

    `think` is the level of thought, `length` fixes the number of tokens of a text, `tool_calls`
    is how often offered tools are called. Raises ApiError for a schema that is not understood.
    """
    limit = request.options.num_predict
    thoughts = _thoughts(think, key) if think else ()
    if 0 < limit <= len(thoughts):
        return Answer((), "length", limit, thinking=thoughts[:limit])
    left = limit - len(thoughts)  # a negative limit is none, and stays so
    calls = call_tools(request.tools, tool_calls, key) if request.awaits_calls else ()
    if calls:
        reply = called(calls, limit=left)
    else:
        tokens = structured(request.format, key) if request.format else words(key, length=length)
        reply = ended(tokens, limit=left, stop=request.options.stop)
    if not thoughts:
        return reply
    return reply._replace(thinking=thoughts, evaluated=reply.evaluated + len(thoughts))


def _thoughts(think: bool | str, key: bytes) -> list[str]:
    level = think if isinstance(think, str) else _USUAL_LEVEL
    return words(b"thoughts\n" + key, length=_THOUGHTS[level])


def ended(tokens: Sequence[str], *, limit: int, stop: Sequence[str]) -> Answer:
    """The answer that says `tokens`.

    `limit` cuts it (0 or less: no limit), and the first of the `stop` strings that appears ends
    it.
    """
    cut = 0 < limit < len(tokens)
    said = tokens[:limit] if cut else tokens
    reply = Answer(said, "length" if cut else "stop", len(said))
    return _stopped(reply, stop) if stop else reply


def _stopped(reply: Answer, stop: Sequence[str]) -> Answer:
    """The reply up to the earliest stop string, which is not part of it."""
    text = "".join(reply.tokens)
    found = [(text.index(word), word) for word in stop if word and word in text]
    if not found:
        return reply
    at, word = min(found)
    kept: list[str] = []
    end = evaluated = 0
    for token in reply.tokens:
        if end < at:
            kept.append(token[: at - end])
        end += len(token)
        evaluated += 1
        if end >= at + len(word):
            break
    return Answer(kept, "stop", evaluated)


def structured(schema: Mapping[str, Any] | str, key: bytes) -> list[str]:
    """The tokens of an instance of the schema, or of any object when only "json" is asked for.

    Raises ApiError when the schema cannot be understood.
    """
    try:
        value = instance(ANY_OBJECT if isinstance(schema, str) else schema, key)
    except UnusableSchema as error:
        raise ApiError(400, f"invalid JSON schema in format: {error}") from None
    return output_tokens(orjson.dumps(value).decode())


def called(calls: tuple[ToolCall, ...], *, limit: int) -> Answer:
    """The answer that makes these calls. One that the limit cuts short is not made."""
    evaluated = sum(call.evaluated for call in calls)
    if not 0 < limit < evaluated:
        return Answer((), "stop", evaluated, calls=calls)
    complete, written = [], 0
    for call in calls:
        written += call.evaluated
        if written > limit:
            break
        complete.append(call)
    return Answer((), "length", limit, calls=tuple(complete))
