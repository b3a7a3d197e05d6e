"""Offered tools are called once, with arguments that fit, and then the model answers."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jsonschema_rs
import orjson
import pytest

from ollama_simulator import SimulatorSettings
from tests.support.simulator import INSTANT, client_of, running_simulator, stream_lines

USER = {"role": "user", "content": "Add two numbers"}


def tool(name: str, **properties: str) -> dict[str, Any]:
    """A tool as OpenAI writes it."""
    parameters = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


ADD = tool("add_numbers", a="integer", b="integer")
COUNT = tool("count_words", text="string")
CHAT: dict[str, Any] = {
    "model": "mistral",
    "messages": [USER],
    "tools": [ADD, COUNT],
    "stream": False,
    "options": {"temperature": 0},
}

UNFIT = "json: cannot unmarshal %s into Go struct field ChatRequest"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running_simulator() as running, client_of(running) as made:
        yield made


async def chat(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    reply = await client.post("/api/chat", json=CHAT | changes)
    body: dict[str, Any] = reply.json()
    return body


async def test_the_tools_are_called_in_turn_by_one_message(client: httpx.AsyncClient) -> None:
    reply = await chat(client)
    message = reply["message"]
    assert list(message) == ["role", "content", "tool_calls"]
    assert (message["role"], message["content"]) == ("assistant", "")
    assert (reply["done"], reply["done_reason"]) == (True, "stop")
    assert len({call["id"] for call in message["tool_calls"]}) == 2
    for index, (call, offered) in enumerate(zip(message["tool_calls"], [ADD, COUNT], strict=True)):
        function = call["function"]
        assert re.fullmatch("call_[a-z0-9]{8}", call["id"])
        assert list(function) == ["index", "name", "arguments"]
        assert (function["index"], function["name"]) == (index, offered["function"]["name"])
        jsonschema_rs.validate(offered["function"]["parameters"], function["arguments"])


async def test_a_stream_gives_the_calls_in_one_line_before_the_last(
    client: httpx.AsyncClient,
) -> None:
    reply = await client.post("/api/chat", json=CHAT | {"stream": True})
    calls, last = stream_lines(reply)
    whole = await chat(client)
    assert calls["message"] == whole["message"]
    assert calls["done"] is False
    assert last["message"] == {"role": "assistant", "content": ""}
    assert last["eval_count"] == whole["eval_count"] > 2
    assert last["done_reason"] == "stop"


async def test_the_same_prompt_gives_the_same_calls(client: httpx.AsyncClient) -> None:
    first, again = await chat(client), await chat(client)
    other = await chat(client, messages=[USER | {"content": "Add two other numbers"}])
    assert first["message"] == again["message"] != other["message"]
    assert first["eval_count"] == again["eval_count"]


@pytest.mark.parametrize("number", [0, 1, 5, 16])
async def test_as_many_calls_as_were_set(number: int) -> None:
    settings = SimulatorSettings(latency=INSTANT, tool_calls=number)
    async with running_simulator(settings) as running, client_of(running) as client:
        message = (await chat(client))["message"]
    names = [call["function"]["name"] for call in message.get("tool_calls", ())]
    assert names == (["add_numbers", "count_words"] * 8)[:number]
    assert bool(message["content"]) == (number == 0)


async def answered(client: httpx.AsyncClient, *results: str) -> list[dict[str, Any]]:
    """The conversation after the tools have given these results."""
    calls = (await chat(client))["message"]
    return [USER, calls, *({"role": "tool", "content": text} for text in results)]


async def test_when_the_tools_have_answered_the_model_speaks(client: httpx.AsyncClient) -> None:
    messages = await answered(client, "3", "4")
    reply = await chat(client, messages=messages)
    assert "tool_calls" not in reply["message"]
    assert reply["message"]["content"].startswith("Here’s a")
    next_turn = [*messages, reply["message"], USER]
    assert len((await chat(client, messages=next_turn))["message"]["tool_calls"]) == 2


async def test_calls_and_results_and_tools_are_prompt_tokens(client: httpx.AsyncClient) -> None:
    async def prompt_tokens(**changes: Any) -> int:
        count = (await chat(client, **changes))["prompt_eval_count"]
        assert type(count) is int
        return count

    user, calls, result = await answered(client, "3")
    assert await prompt_tokens(tools=[]) < await prompt_tokens(tools=[ADD]) < await prompt_tokens()
    assert await prompt_tokens(messages=[user]) < await prompt_tokens(messages=[user, calls])
    short = await prompt_tokens(messages=[user, calls, result])
    assert short < await prompt_tokens(messages=[user, calls, result | {"content": "3 or 4"}])


async def test_the_order_of_names_makes_no_difference(client: httpx.AsyncClient) -> None:
    function = ADD["function"]
    turned = {"function": dict(reversed(function.items())), "type": "function"}
    first, second = await chat(client, tools=[ADD]), await chat(client, tools=[turned])
    assert first["prompt_eval_count"] == second["prompt_eval_count"]
    assert first["message"] == second["message"]


async def test_a_limit_leaves_only_complete_calls(client: httpx.AsyncClient) -> None:
    whole = await chat(client)
    cut = await chat(client, options={"temperature": 0, "num_predict": whole["eval_count"] - 1})
    assert cut["message"]["tool_calls"] == whole["message"]["tool_calls"][:1]
    assert (cut["done_reason"], cut["eval_count"]) == ("length", whole["eval_count"] - 1)
    none = await chat(client, options={"temperature": 0, "num_predict": 1})
    assert "tool_calls" not in none["message"]


@pytest.mark.parametrize(
    ("tools", "text"),
    [
        (["x"], f"{UNFIT % 'string'}.tools of type api.Tool"),
        (
            [{"function": {"name": 5}}],
            f"{UNFIT % 'number'}.tools.function.name of type string",
        ),
        (
            [{"function": {"name": "f", "parameters": {"properties": {"x": {"pattern": "a"}}}}}],
            "the simulator cannot call f: pattern is not understood",
        ),
    ],
)
async def test_tools_that_make_no_sense_are_refused(
    client: httpx.AsyncClient, tools: list[Any], text: str
) -> None:
    for stream in (True, False):
        reply = await client.post("/api/chat", json=CHAT | {"tools": tools, "stream": stream})
        assert (reply.status_code, reply.json()) == (400, {"error": text})


async def test_tools_without_a_name_are_not_called(client: httpx.AsyncClient) -> None:
    assert (await chat(client, tools=[{}, None]))["message"]["content"]


async def test_openai_calls_have_their_arguments_as_text(client: httpx.AsyncClient) -> None:
    request = {"model": "mistral", "messages": [USER], "tools": [ADD, COUNT], "temperature": 0}
    body = (await client.post("/v1/chat/completions", json=request)).json()
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "tool_calls"
    calls = choice["message"]["tool_calls"]
    for call, offered in zip(calls, [ADD, COUNT], strict=True):
        assert list(call) == ["id", "index", "type", "function"]
        arguments = orjson.loads(call["function"]["arguments"])
        jsonschema_rs.validate(offered["function"]["parameters"], arguments)
    result = {"role": "tool", "tool_call_id": calls[0]["id"], "content": "3"}
    request["messages"] = [USER, choice["message"], result]
    body = (await client.post("/v1/chat/completions", json=request)).json()
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["choices"][0]["message"]["content"]


async def test_an_openai_stream_gives_the_calls_in_one_chunk(client: httpx.AsyncClient) -> None:
    request = {"model": "mistral", "messages": [USER], "tools": [ADD], "stream": True}
    reply = await client.post("/v1/chat/completions", json=request)
    events = [orjson.loads(line[6:]) for line in reply.text.split("\n\n") if line[6:7] == "{"]
    first, finish = (event["choices"][0] for event in events)
    assert first["delta"]["role"] == "assistant"
    assert [call["index"] for call in first["delta"]["tool_calls"]] == [0, 1]
    assert (finish["delta"], finish["finish_reason"]) == ({}, "tool_calls")
