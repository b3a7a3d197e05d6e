"""OpenAI's routes as Ollama serves them."""

import re
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from tests.support.simulator import client_of, running_simulator

HELLO = [{"role": "user", "content": "Say hello 1"}]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running_simulator() as running, client_of(running) as made:
        yield made


async def test_openai_models(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert [list(model) for model in listed["data"]] == [
        ["id", "object", "created", "owned_by"]
    ] * 3
    assert (await client.get("/v1/models/llama2")).json() == listed["data"][1] | {"id": "llama2"}
    missing = await client.get("/v1/models/nope")
    assert (missing.status_code, missing.json()) == (
        404,
        {
            "error": {
                "message": "model 'nope:latest' not found",
                "type": "not_found_error",
                "param": None,
                "code": None,
            }
        },
    )


async def test_openai_chat_in_one_piece(client: httpx.AsyncClient) -> None:
    request = {"model": "llama2", "messages": HELLO, "max_tokens": 3, "seed": 1}
    reply = await client.post("/v1/chat/completions", json=request)
    body = reply.json()
    assert reply.headers["content-type"] == "application/json"
    assert list(body) == [
        "id", "object", "created", "model", "system_fingerprint", "choices", "usage",
    ]  # fmt: skip
    (choice,) = body["choices"]
    assert list(choice) == ["index", "message", "finish_reason"]
    assert choice["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + 3
    assert re.fullmatch(r"chatcmpl-\d{1,3}", body["id"])
    assert body["system_fingerprint"] == "fp_ollama"


@pytest.mark.parametrize("with_usage", [True, False])
async def test_openai_chat_streams_events(client: httpx.AsyncClient, with_usage: bool) -> None:
    reply = await client.post(
        "/v1/chat/completions",
        json={
            "model": "llama2",
            "messages": HELLO,
            "stream": True,
            "max_tokens": 3,
            "stream_options": {"include_usage": with_usage},
        },
    )
    assert reply.headers["content-type"] == "text/event-stream"
    *events, done, rest = reply.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [orjson.loads(event.removeprefix("data: ")) for event in events]
    if with_usage:
        usage = chunks.pop()
        assert usage["choices"] == []
        assert usage["usage"]["completion_tokens"] == 3
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert ["role" in delta for delta in deltas] == [True, False, False, False]
    assert deltas[-1] == {}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 3 + ["length"]
    assert len({chunk["created"] for chunk in chunks}) == 1


async def test_openai_refuses_empty_messages_in_its_own_form(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/chat/completions", json={"model": "llama2", "messages": []})
    assert reply.status_code == 400
    assert reply.json()["error"] == {
        "message": "[] is too short - 'messages'",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
