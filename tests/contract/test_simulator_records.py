"""What the simulator tells of the requests that it had."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.simulator import client_of, running_simulator

USER = {"role": "user", "content": "Say hello 1"}
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running_simulator() as running, client_of(running) as made:
        yield made


async def records(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await client.get("/__simulator/requests")).json()["requests"]
    return listed


@pytest.mark.parametrize("stream", [True, False, None])
async def test_a_conversation_with_tools_can_be_followed(
    client: httpx.AsyncClient, stream: bool | None
) -> None:
    request: dict[str, Any] = {"model": "mistral", "messages": [USER], "tools": [ADD]}
    if stream is not None:
        request["stream"] = stream
    await client.post("/api/chat", json=request)
    results = [{"role": "tool", "content": "3"}] * 2
    await client.post("/api/chat", json=request | {"messages": [USER, *results]})

    asked, spoke = await records(client)
    assert asked["body"] == request
    for name, first, second in (
        ("path", "/api/chat", "/api/chat"),
        ("model", "mistral", "mistral"),
        ("stream", stream, stream),
        ("messages", 1, 3),
        ("toolsOffered", 1, 1),
        ("toolCalls", 2, 0),
        ("toolResults", 0, 2),
        ("hasFormat", False, False),
    ):
        assert (asked[name], spoke[name]) == (first, second), name
    assert 0 < asked["promptTokens"] < spoke["promptTokens"]
    assert spoke["completionTokens"] > 0


async def test_the_figures_are_those_of_the_reply(client: httpx.AsyncClient) -> None:
    request = {"model": "mistral", "prompt": "Name a city", "format": "json", "stream": False}
    reply = (await client.post("/api/generate", json=request)).json()
    (record,) = await records(client)
    assert record["hasFormat"] is True
    assert record["promptTokens"] == reply["prompt_eval_count"]
    assert record["completionTokens"] == reply["eval_count"]


@pytest.mark.parametrize("body", [b"x", b"5", b'{"messages":5,"tools":5}', b'{"model":"nope"}'])
async def test_what_is_refused_has_no_figures_of_a_reply(
    client: httpx.AsyncClient, body: bytes
) -> None:
    assert (await client.post("/api/chat", content=body)).status_code in (400, 404)
    (record,) = await records(client)
    assert {record[name] for name in ("toolCalls", "promptTokens", "completionTokens")} == {None}
    assert (record["messages"], record["toolResults"]) == (0, 0)
