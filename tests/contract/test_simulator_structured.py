"""A reply in the format asked for, and thoughts before it."""

from typing import Any

import httpx
import jsonschema_rs
import orjson
import pytest

from tests.support.simulator import stream_lines

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "country": {"type": "string"},
        "population": {"type": "integer"},
    },
    "required": ["city", "country", "population"],
    "additionalProperties": False,
}
CHAT: dict[str, Any] = {
    "model": "mistral",
    "messages": [{"role": "user", "content": "Name a city"}],
    "stream": False,
    "options": {"temperature": 0},
}


async def said(client: httpx.AsyncClient, **changes: Any) -> str:
    reply = await client.post("/api/chat", json=CHAT | changes)
    content = reply.json()["message"]["content"]
    assert isinstance(content, str)
    return content


async def test_the_text_is_an_instance_of_the_schema(client: httpx.AsyncClient) -> None:
    text = await said(client, format=CITY)
    jsonschema_rs.validate(CITY, orjson.loads(text))
    assert text == await said(client, format=CITY)
    other = await said(client, format=CITY, messages=[{"role": "user", "content": "Another"}])
    assert text != other


async def test_a_stream_gives_it_token_by_token(client: httpx.AsyncClient) -> None:
    *tokens, last = stream_lines(
        await client.post("/api/chat", json=CHAT | {"format": CITY, "stream": True})
    )
    text = "".join(token["message"]["content"] for token in tokens)
    assert text == await said(client, format=CITY)
    assert last["eval_count"] == len(tokens) > 10


async def test_json_is_any_object(client: httpx.AsyncClient) -> None:
    assert isinstance(orjson.loads(await said(client, format="json")), dict)


@pytest.mark.parametrize("nothing", ["", None])
async def test_no_format_is_plain_text(client: httpx.AsyncClient, nothing: str | None) -> None:
    assert await said(client, format=nothing) == await said(client)


async def test_a_limit_cuts_it(client: httpx.AsyncClient) -> None:
    limited = CHAT | {"format": CITY, "options": {"temperature": 0, "num_predict": 5}}
    reply = (await client.post("/api/chat", json=limited)).json()
    assert (reply["done_reason"], reply["eval_count"]) == ("length", 5)
    assert (await said(client, format=CITY)).startswith(reply["message"]["content"])


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("yaml", r'invalid format: "\"yaml\""; expected "json" or a valid JSON Schema object'),
        (5, 'invalid format: "5"; expected "json" or a valid JSON Schema object'),
        ([1], 'invalid format: "[1]"; expected "json" or a valid JSON Schema object'),
        ({"type": "x"}, "invalid JSON schema in format: no such type: x"),
    ],
)
async def test_another_format_is_refused(
    client: httpx.AsyncClient, path: str, stream: bool, wanted: Any, text: str
) -> None:
    request = CHAT | {"prompt": "Name a city", "format": wanted, "stream": stream}
    reply = await client.post(path, json=request)
    assert (reply.status_code, reply.json()) == (400, {"error": text})


async def test_generate_keeps_to_the_format_too(client: httpx.AsyncClient) -> None:
    request = {"model": "mistral", "prompt": "Name a city", "format": CITY, "stream": False}
    reply = await client.post("/api/generate", json=request)
    jsonschema_rs.validate(CITY, orjson.loads(reply.json()["response"]))


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ({"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}, CITY),
        ({"type": "json_object"}, {"type": "object"}),
    ],
)
async def test_openai_asks_for_a_format_in_its_own_way(
    client: httpx.AsyncClient, wanted: dict[str, Any], schema: dict[str, Any]
) -> None:
    request = CHAT | {"response_format": wanted}
    body = (await client.post("/v1/chat/completions", json=request)).json()
    jsonschema_rs.validate(schema, orjson.loads(body["choices"][0]["message"]["content"]))


@pytest.mark.parametrize("stream", [True, False])
async def test_a_fault_answers_with_something_else(client: httpx.AsyncClient, stream: bool) -> None:
    fault = {"kind": "invalid-structured", "count": 1}
    assert (await client.post("/__simulator/faults", json=fault)).status_code == 200
    request = CHAT | {"format": CITY, "stream": stream}
    spoilt = await client.post("/api/chat", json=request)
    parts = [orjson.loads(line) for line in spoilt.content.splitlines()]
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads("".join(part["message"]["content"] for part in parts))
    assert (parts[-1]["done"], parts[-1]["done_reason"]) == (True, "stop")
    jsonschema_rs.validate(CITY, orjson.loads(await said(client, format=CITY)))
