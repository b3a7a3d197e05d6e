"""What an Ollama reply really says: its durations and tokens, and whether the call succeeded.

The client libraries take a stream without `done` and a missing field for success; here only
HTTP 200 with `done: true` and no `error` counts. Zero means absent in Ollama's JSON.
"""

from contextlib import suppress
from typing import Any, NamedTuple

import httpx
import orjson

from shared_models.agent_protocol import ErrorKind

from .recording import Exchange
from .transport import BodyTooLarge

_DURATIONS = {
    "total_duration": "modelNs",
    "load_duration": "loadNs",
    "prompt_eval_duration": "promptEvalNs",
    "eval_duration": "evalNs",
}
_COUNTS = {"prompt_eval_count": "promptTokens", "eval_count": "completionTokens"}
_FIGURES = (*_DURATIONS.items(), *_COUNTS.items())


class Judgement(NamedTuple):
    """A finished exchange: its figures under their wire names, and its failure, if any."""

    figures: dict[str, Any]
    kind: ErrorKind | None = None
    message: str | None = None


def judge(exchange: Exchange) -> Judgement:
    """Return what one exchange gave."""
    if exchange.failure is not None:
        return _broken(exchange.failure)
    body = b"".join(exchange.body)
    if exchange.status != 200:
        return _refused(exchange.status, body)
    lines = [line for line in body.splitlines() if line.strip()]
    # A library leaves a stream at its error line, so that its end is not seen.
    if b'"error"' in body and (message := _error_in(lines)):
        return Judgement(figures={}, kind="stream-error", message=message)
    if exchange.end_ns is None:
        return Judgement(figures={}, kind="incomplete", message="the reply was not read to its end")
    return _final(lines[-1] if lines else b"")


def _error_in(lines: list[bytes]) -> str | None:
    for line in lines:
        with suppress(orjson.JSONDecodeError):
            parsed = orjson.loads(line)
            if isinstance(parsed, dict) and parsed.get("error"):
                return str(parsed["error"])
    return None


def _final(line: bytes) -> Judgement:
    try:
        last = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Judgement(figures={}, kind="invalid-reply", message=f"not JSON: {error}")
    if not isinstance(last, dict):
        return Judgement(figures={}, kind="invalid-reply", message="the reply holds no JSON object")
    figures: dict[str, Any] = {}
    for name, wire_name in _FIGURES:
        value = last.get(name)
        if value is None or value == 0:
            continue
        if type(value) is not int or value < 0:
            return Judgement(
                figures={}, kind="invalid-reply", message=f"{name} is not a positive whole number"
            )
        figures[wire_name] = value
    if isinstance(reason := last.get("done_reason"), str):
        figures["doneReason"] = reason
    if last.get("done") is not True:
        return Judgement(figures=figures, kind="incomplete", message="the reply ended without done")
    return Judgement(figures=figures)


def _broken(failure: Exception) -> Judgement:
    text = str(failure) or type(failure).__name__
    kind: ErrorKind
    if isinstance(failure, BodyTooLarge):
        kind = "invalid-reply"
    elif isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
        kind = "connect"
    elif isinstance(failure, httpx.TimeoutException):
        kind = "timeout"
    elif isinstance(failure, httpx.NetworkError | httpx.RemoteProtocolError):
        kind = "incomplete"
    else:
        kind = "invalid-reply"
    return Judgement(figures={}, kind=kind, message=text)


def _refused(status: int | None, body: bytes) -> Judgement:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    text = parsed.get("error") if isinstance(parsed, dict) else None
    message = f"HTTP {status}: {text}" if text else f"HTTP {status}"
    missing = status == 404 and isinstance(text, str) and "not found" in text
    return Judgement(figures={}, kind="model-not-found" if missing else "http", message=message)
