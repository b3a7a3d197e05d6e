"""What the Python agent takes for a success, and under which name it counts a failure."""

from typing import Any

import httpx
import orjson
import pytest

from backend_python.agent.recording import Exchange
from backend_python.agent.replies import Judgement, judge
from backend_python.agent.transport import BodyTooLarge

GOOD: dict[str, Any] = {
    "message": {"role": "assistant", "content": "hi"},
    "done": True,
    "done_reason": "stop",
    "total_duration": 50,
    "load_duration": 10,
    "prompt_eval_count": 4,
    "prompt_eval_duration": 15,
    "eval_count": 6,
    "eval_duration": 20,
}
REQUEST = httpx.Request("POST", "http://localhost/api/chat")


def judged(body: bytes | dict[str, Any], *, status: int = 200, ended: bool = True) -> Judgement:
    exchange = Exchange(0)
    exchange.status = status
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    exchange.body = [data[:7], data[7:]]
    exchange.end_ns = 1 if ended else None
    return judge(exchange)


def broken(failure: Exception) -> Judgement:
    exchange = Exchange(0)
    exchange.failure = failure
    return judge(exchange)


def test_a_finished_reply_gives_the_servers_own_figures() -> None:
    """All durations and counts, under their names on the wire."""
    assert Judgement(
        figures={
            "modelNs": 50,
            "loadNs": 10,
            "promptEvalNs": 15,
            "evalNs": 20,
            "promptTokens": 4,
            "completionTokens": 6,
            "doneReason": "stop",
        }
    ) == judged(GOOD)


def test_a_stream_is_judged_by_its_last_line() -> None:
    """The lines before it carry text only."""
    lines = [orjson.dumps({"message": {"content": "h"}, "done": False}), orjson.dumps(GOOD)]

    assert judged(GOOD) == judged(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize("absent", [0, None])
def test_zero_means_absent(absent: int | None) -> None:
    """A figure that the server left out is unknown, never 0."""
    figures = judged(GOOD | {"total_duration": absent, "eval_count": absent}).figures

    assert "modelNs" not in figures
    assert "completionTokens" not in figures
    assert 10 == figures["loadNs"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"", "invalid-reply", id="empty"),
        pytest.param(b"\n \n", "invalid-reply", id="blank lines"),
        pytest.param(b"<html>", "invalid-reply", id="no JSON"),
        pytest.param(b"[" * 5_000, "invalid-reply", id="deep nesting"),
        pytest.param(b"[]", "invalid-reply", id="a list"),
        pytest.param(b"\x1f\x8b\x08", "invalid-reply", id="compressed"),
        pytest.param(orjson.dumps(GOOD)[:-5], "invalid-reply", id="cut off"),
        pytest.param({"done": False}, "incomplete", id="not done"),
        pytest.param({}, "incomplete", id="no done"),
        pytest.param(GOOD | {"done": "true"}, "incomplete", id="done as text"),
        pytest.param(GOOD | {"done": 1}, "incomplete", id="done as a number"),
        pytest.param({"error": "oops"}, "stream-error", id="an error"),
        pytest.param(GOOD | {"error": "oops"}, "stream-error", id="an error beside done"),
        pytest.param(
            b'{"error":"oops"}\n' + orjson.dumps(GOOD), "stream-error", id="an error before done"
        ),
        pytest.param(GOOD | {"eval_count": -1}, "invalid-reply", id="a negative count"),
        pytest.param(GOOD | {"total_duration": "50"}, "invalid-reply", id="text for a figure"),
        pytest.param(GOOD | {"total_duration": 1.5}, "invalid-reply", id="a fraction"),
        pytest.param(GOOD | {"total_duration": True}, "invalid-reply", id="true for a figure"),
    ],
)
def test_what_is_no_finished_reply_is_a_failure(body: bytes | dict[str, Any], kind: str) -> None:
    """Only HTTP 200 with `done: true`, no error and sound figures is a success."""
    judgement = judged(body)

    assert kind == judgement.kind
    assert judgement.message


def test_a_body_that_was_not_read_to_its_end_is_incomplete() -> None:
    """However good its first part looks."""
    assert "incomplete" == judged(GOOD, ended=False).kind


def test_an_error_in_mid_stream_is_one_also_when_the_rest_was_not_read() -> None:
    """A library leaves the stream there, maybe in the middle of the next line."""
    body = b'{"message":{"content":"h"},"done":false}\n{"error":"oops"}\n{"mess'

    assert ("stream-error", "oops") == (judged(body, ended=False).kind, judged(body).message)


def test_the_word_error_in_a_text_is_no_error() -> None:
    """Only the member of that name is."""
    lines = [{"message": {"content": 'an "error"'}}, {"error": ""}, GOOD]

    assert judged(GOOD) == judged(b"\n".join(map(orjson.dumps, lines)))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": "model 'x' not found"}, "model-not-found"),
        (404, b"not found", "http"),
        (404, {"error": "no such route"}, "http"),
        (400, {"error": "model is required"}, "http"),
        (500, {"error": "model runner not found"}, "http"),
        (503, {"error": "server busy"}, "http"),
        (302, b"", "http"),
        (206, GOOD, "http"),
        (500, b"\xff", "http"),
    ],
)
def test_any_other_status_is_a_failure_with_the_servers_words(
    status: int, body: bytes | dict[str, Any], kind: str
) -> None:
    """A 404 for the model is told from every other one."""
    judgement = judged(body, status=status)

    assert (kind, {}) == (judgement.kind, judgement.figures)
    assert f"HTTP {status}" in (judgement.message or "")
    if isinstance(body, dict) and "error" in body:
        assert body["error"] in (judgement.message or "")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("refused", request=REQUEST), "connect"),
        (httpx.ConnectTimeout("", request=REQUEST), "connect"),
        (httpx.ReadTimeout("", request=REQUEST), "timeout"),
        (httpx.WriteTimeout("", request=REQUEST), "timeout"),
        (httpx.ReadError("", request=REQUEST), "incomplete"),
        (httpx.RemoteProtocolError("cut", request=REQUEST), "incomplete"),
        (BodyTooLarge("too large"), "invalid-reply"),
        (ValueError("surprise"), "invalid-reply"),
    ],
)
def test_a_broken_exchange_is_counted_by_what_broke_it(failure: Exception, kind: str) -> None:
    """The names are the same for every language."""
    judgement = broken(failure)

    assert kind == judgement.kind
    assert judgement.message
