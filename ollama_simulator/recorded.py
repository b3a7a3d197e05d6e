"""What was asked for and what came of it, so that tests can compare what two agents sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ollama_simulator.answers import Answer
from ollama_simulator.replies import Measured

__all__ = ["Recorded"]


@dataclass(slots=True)
class Recorded:
    """A request for text as it arrived, and its answer.

    `reply` and `measured` are None while it is being answered, and stay so when it is refused.
    """

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    reply: Answer | None = None
    measured: Measured | None = None

    def described(self) -> dict[str, Any]:
        """The record as JSON: the request as it was, and figures to compare.

        `toolCalls` are those that the reply asks for, `toolResults` those in the request;
        `stream` is as sent, null when absent; `metrics` are the reply's own, as it names them. The
        figures of the reply are null while there is none. `body` is null, and `text` is not, when
        the request is not JSON.
        """
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            body = None
        return {
            "method": self.method,
            "path": self.path,
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers
            ],
            "body": body,
            "text": self.body.decode("utf-8", "replace") if body is None else None,
            **_request_figures(body if isinstance(body, dict) else {}),
            **self._reply_figures(),
        }

    def _reply_figures(self) -> dict[str, Any]:
        reply, measured = self.reply, self.measured
        return {
            "toolCalls": None if reply is None else len(reply.calls),
            "promptTokens": None if measured is None else measured.prompt_count,
            "completionTokens": None if measured is None else measured.eval_count,
            "metrics": None if measured is None else measured.fields(),
        }


def _request_figures(body: Mapping[str, Any]) -> dict[str, Any]:
    messages = _listed(body, "messages")
    roles = [message.get("role") for message in messages if isinstance(message, dict)]
    return {
        "model": body.get("model"),
        "stream": body.get("stream"),
        "messages": len(messages),
        "toolResults": roles.count("tool"),
        "toolsOffered": len(_listed(body, "tools")),
        "hasFormat": bool(body.get("format") or body.get("response_format")),
    }


def _listed(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    return value if isinstance(value, list) else []
