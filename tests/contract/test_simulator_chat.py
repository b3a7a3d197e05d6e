"""Replies of `/api/chat` and `/api/generate`, field by field as Ollama's server gives them."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from ollama_simulator import SimulatorSettings
from tests.support.simulator import INSTANT, client_of, running_simulator, stream_lines

HELLO = [{"role": "user", "content": "Say hello 1"}]
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,8}[1-9]|\.\d)?Z")
METRICS = [
    "total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration",
    "eval_count", "eval_duration",
]  # fmt: skip
NDJSON = "application/x-ndjson"
JSON = "application/json; charset=utf-8"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running_simulator() as running, client_of(running) as made:
        yield made


async def test_chat_streams_by_default(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/chat", json={"model": "llama2", "messages": HELLO})
    assert (reply.status_code, reply.headers["content-type"]) == (200, NDJSON)
    assert reply.headers["transfer-encoding"] == "chunked"
    *tokens, last = stream_lines(reply)
    for token in tokens:
        assert list(token) == ["model", "created_at", "message", "done"]
        assert list(token["message"]) == ["role", "content"]
        assert token["message"]["role"] == "assistant"
        assert token["done"] is False
        assert STAMP.fullmatch(token["created_at"])
    assert list(last) == ["model", "created_at", "message", "done", "done_reason", *METRICS]
    assert last["message"] == {"role": "assistant", "content": ""}
    assert (last["done"], last["done_reason"]) == (True, "stop")
    assert last["eval_count"] == len(tokens)


async def test_chat_answers_in_one_piece_when_asked(client: httpx.AsyncClient) -> None:
    request = {"model": "llama2", "messages": HELLO, "options": {"temperature": 0}}
    streamed = stream_lines(await client.post("/api/chat", json=request))
    reply = await client.post("/api/chat", json=request | {"stream": False})
    assert reply.headers["content-type"] == JSON
    assert int(reply.headers["content-length"]) == len(reply.content)
    whole = reply.json()
    assert list(whole) == ["model", "created_at", "message", "done", "done_reason", *METRICS]
    assert whole["message"]["content"] == "".join(x["message"]["content"] for x in streamed)
    assert all(type(whole[name]) is int for name in METRICS)


async def test_a_long_reply_comes_in_chunks(client: httpx.AsyncClient) -> None:
    messages = [{"role": "user", "content": "x"}]
    settings = SimulatorSettings(latency=INSTANT, reply_tokens=900)
    async with running_simulator(settings) as long:
        reply = await client.post(
            f"{long.url}/api/chat", json={"model": "llama2", "messages": messages, "stream": False}
        )
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.json()["eval_count"] == 900


async def test_generate_streams_and_ends_with_its_context(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/generate", json={"model": "llama2", "prompt": "Hello"})
    assert reply.headers["content-type"] == NDJSON
    *tokens, last = stream_lines(reply)
    assert {tuple(token) for token in tokens} == {("model", "created_at", "response", "done")}
    assert list(last) == [
        "model", "created_at", "response", "done", "done_reason", "context", *METRICS,
    ]  # fmt: skip
    assert all(type(number) is int for number in last["context"])
    assert last["response"] == ""


async def test_generate_answers_in_one_piece_and_raw_has_no_context(
    client: httpx.AsyncClient,
) -> None:
    request = {"model": "llama2", "prompt": "Hello", "stream": False}
    assert "context" in (await client.post("/api/generate", json=request)).json()
    assert (
        "context" not in (await client.post("/api/generate", json=request | {"raw": True})).json()
    )


async def test_what_is_zero_is_absent(client: httpx.AsyncClient) -> None:
    """One token has no gap, so no time to evaluate."""
    request = {"model": "llama2", "messages": HELLO, "options": {"num_predict": 1}}
    whole = (await client.post("/api/chat", json=request | {"stream": False})).json()
    assert whole["eval_count"] == 1
    assert "eval_duration" not in whole


@pytest.mark.parametrize(
    ("path", "empty", "said"),
    [
        ("/api/chat", {"messages": []}, {"message": {"role": "assistant", "content": ""}}),
        ("/api/generate", {"prompt": ""}, {"response": ""}),
    ],
)
@pytest.mark.parametrize(("keep_alive", "reason"), [("5m", "load"), (0, "unload")])
async def test_a_load_and_an_unload_are_one_object_without_durations(
    client: httpx.AsyncClient,
    path: str,
    empty: dict[str, Any],
    said: dict[str, Any],
    keep_alive: object,
    reason: str,
) -> None:
    request = {"model": "llama2", "keep_alive": keep_alive, "stream": True, **empty}
    reply = await client.post(path, json=request)
    assert reply.headers["content-type"] == JSON
    body = reply.json()
    assert body.pop("created_at")
    assert body == {"model": "llama2", **said, "done": True, "done_reason": reason}
    loaded = (await client.get("/api/ps")).json()["models"]
    assert len(loaded) == (1 if reason == "load" else 0)


@pytest.mark.parametrize("name", ["llama2", "LLAMA2", "llama2:latest", "library/llama2"])
async def test_the_name_is_echoed_as_it_was_sent(client: httpx.AsyncClient, name: str) -> None:
    reply = await client.post("/api/chat", json={"model": name, "messages": HELLO, "stream": False})
    assert reply.json()["model"] == name


@pytest.mark.parametrize(
    ("options", "tokens", "reason"),
    [
        ({"num_predict": 3}, 3, "length"),
        ({"stop": [" a"]}, 2, "stop"),
        ({"num_predict": 1.9}, 1, "length"),
    ],
)
async def test_num_predict_and_stop_end_the_reply(
    client: httpx.AsyncClient, options: dict[str, Any], tokens: int, reason: str
) -> None:
    request = {"model": "llama2", "messages": HELLO, "options": options, "stream": False}
    whole = (await client.post("/api/chat", json=request)).json()
    assert (whole["eval_count"], whole["done_reason"]) == (tokens, reason)
    assert "Here’s a".startswith(whole["message"]["content"].removesuffix(" friendly")[:8])


async def texts(client: httpx.AsyncClient, options: dict[str, Any], *, calls: int) -> set[str]:
    said = set()
    for _ in range(calls):
        request = {"model": "llama2", "messages": HELLO, "options": options, "stream": False}
        said.add((await client.post("/api/chat", json=request)).json()["message"]["content"])
    return said


async def test_the_same_seed_gives_the_same_text(client: httpx.AsyncClient) -> None:
    assert len(await texts(client, {"seed": 1, "temperature": 0}, calls=3)) == 1
    assert len(await texts(client, {"seed": 1}, calls=3)) == 1
    assert len(await texts(client, {}, calls=3)) == 3


async def test_what_deepens_later_is_accepted(client: httpx.AsyncClient) -> None:
    request = {
        "model": "llama2", "messages": HELLO, "stream": False, "think": False, "tools": [],
        "format": "", "keep_alive": -1, "options": {"nonsense": 1}, "CustomHeaders": {},
    }  # fmt: skip
    reply = await client.post(
        "/api/chat", content=orjson.dumps(request), headers={"content-type": "text/plain"}
    )
    assert reply.json()["done"] is True


def talk(*contents: str) -> list[dict[str, str]]:
    """A conversation that opens with what the system says."""
    roles = ("system", "user", "assistant")
    return [
        {"role": roles[0 if index == 0 else 2 - index % 2], "content": content}
        for index, content in enumerate(contents)
    ]


LONG = "word " * 20
TOO_LONG = "the prompt is longer than the context length currently available to the model"


async def test_the_oldest_messages_go_when_the_context_is_full(client: httpx.AsyncClient) -> None:
    async def prompt_tokens(*contents: str) -> int:
        request = {
            "model": "llama2", "messages": talk(*contents), "stream": False,
            "options": {"num_ctx": 64},
        }  # fmt: skip
        count = (await client.post("/api/chat", json=request)).json()["prompt_eval_count"]
        assert type(count) is int
        return count

    all_fit = await prompt_tokens("Be brief.", LONG, "yes", "now")
    assert await prompt_tokens("Be brief.", LONG, LONG, LONG, LONG, "yes", "now") < 64
    assert await prompt_tokens("Be brief.", LONG, LONG, LONG, "yes", "now") <= 64
    dropped = await prompt_tokens("Be brief.", LONG * 4, "yes", "now")
    assert dropped == all_fit - 20 - 3  # the long message, and the three signs around its role


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "request_body",
    [
        {"messages": talk("Be brief.", LONG)},
        {"messages": talk("Be brief.", "a", LONG, "b"), "truncate": False},
        {"prompt": LONG},
    ],
    ids=["the last message", "not to be truncated", "generate"],
)
async def test_a_prompt_beyond_the_context_is_refused(
    client: httpx.AsyncClient, request_body: dict[str, Any], stream: bool
) -> None:
    path = "/api/generate" if "prompt" in request_body else "/api/chat"
    request = {"model": "llama2", "stream": stream, "options": {"num_ctx": 16}, **request_body}
    reply = await client.post(path, json=request)
    assert (reply.status_code, reply.json()) == (400, {"error": TOO_LONG})
