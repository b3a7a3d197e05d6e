"""Models that think before they speak."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from ollama_simulator import SimulatorSettings
from tests.support.simulator import INSTANT, client_of, running_simulator, stream_lines

CHAT: dict[str, Any] = {
    "model": "qwen3",
    "messages": [{"role": "user", "content": "Say hello 1"}],
    "options": {"temperature": 0},
    "stream": False,
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    settings = SimulatorSettings(latency=INSTANT, models=("qwen3", "mistral"))
    async with running_simulator(settings) as running, client_of(running) as made:
        yield made


async def chat(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = (await client.post("/api/chat", json=CHAT | changes)).json()
    return body


async def test_a_thinking_model_thinks_unless_told_not_to(client: httpx.AsyncClient) -> None:
    told, untold = await chat(client, think=True), await chat(client)
    silent = await chat(client, think=False)
    assert list(told["message"]) == ["role", "content", "thinking"]
    assert told["message"] == untold["message"]
    assert "thinking" not in silent["message"]
    assert silent["message"]["content"] == told["message"]["content"]
    assert silent["eval_count"] < told["eval_count"]


async def test_higher_levels_think_longer(client: httpx.AsyncClient) -> None:
    counts = [
        (await chat(client, think=level))["eval_count"]
        for level in ("low", "medium", "high", "max")
    ]
    assert counts == sorted(set(counts))


async def test_a_stream_gives_the_thoughts_first(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/chat", json=CHAT | {"stream": True, "think": "low"})
    *lines, last = stream_lines(reply)
    thought = ["thinking" in line["message"] for line in lines]
    assert thought == sorted(thought, reverse=True)
    assert {line["message"]["content"] for line in lines if "thinking" in line["message"]} == {""}
    assert last["eval_count"] == len(lines)
    whole = await chat(client, think="low")
    said = "".join(line["message"].get("thinking", "") for line in lines)
    assert said == whole["message"]["thinking"]


async def test_a_limit_counts_the_thoughts(client: httpx.AsyncClient) -> None:
    options = {"temperature": 0, "num_predict": 2}
    cut = await chat(client, think=True, options=options)
    assert (cut["eval_count"], cut["done_reason"]) == (2, "length")
    assert cut["message"]["content"] == ""
    thoughts = await chat(client, think=True)
    assert thoughts["message"]["thinking"].startswith(cut["message"]["thinking"])


async def test_thoughts_are_free_and_the_answer_is_not(client: httpx.AsyncClient) -> None:
    message = (await chat(client, think=True, format="json"))["message"]
    assert isinstance(orjson.loads(message["content"]), dict)
    assert message["thinking"]


async def test_generate_thinks_beside_its_response(client: httpx.AsyncClient) -> None:
    request = {"model": "qwen3", "prompt": "Say hello 1", "stream": False}
    body = (await client.post("/api/generate", json=request)).json()
    assert body["thinking"]
    assert body["response"]


async def test_openai_calls_it_reasoning(client: httpx.AsyncClient) -> None:
    request = CHAT | {"reasoning_effort": "low"}
    body = (await client.post("/v1/chat/completions", json=request)).json()
    assert body["choices"][0]["message"]["reasoning"]


@pytest.mark.parametrize(
    ("think", "text"),
    [
        (True, '"mistral" does not support thinking'),
        ("low", '"mistral" does not support thinking'),
        (
            "deep",
            'invalid think value: "deep" (must be "high", "medium", "low", "max", true, or false)',
        ),
    ],
)
async def test_what_a_model_cannot_think_is_refused(
    client: httpx.AsyncClient, think: object, text: str
) -> None:
    reply = await client.post("/api/chat", json=CHAT | {"model": "mistral", "think": think})
    assert (reply.status_code, reply.json()) == (400, {"error": text})
