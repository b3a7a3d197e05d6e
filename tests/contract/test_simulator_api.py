"""Replies of the simulator, field by field as Ollama's server gives them."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from ollama_simulator import SimulatorSettings
from tests.support.simulator import INSTANT, RunningSimulator, running_simulator

HELLO = [{"role": "user", "content": "Say hello 1"}]
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,8}[1-9]|\.\d)?Z")
DETAILS = [
    "parent_model", "format", "family", "families", "parameter_size", "quantization_level",
]  # fmt: skip
METRICS = [
    "total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration",
    "eval_count", "eval_duration",
]  # fmt: skip
NDJSON = "application/x-ndjson"
JSON = "application/json; charset=utf-8"


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with running_simulator() as running:
        yield running


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as made:
        yield made


def lines(reply: httpx.Response) -> list[dict[str, Any]]:
    """The lines of a stream, each compact JSON ended by a newline."""
    assert reply.content.endswith(b"\n")
    parsed: list[dict[str, Any]] = []
    for line in reply.content.splitlines():
        parsed.append(orjson.loads(line))
        assert orjson.dumps(parsed[-1]) == line
    return parsed


async def test_root_says_that_it_runs(client: httpx.AsyncClient) -> None:
    reply = await client.get("/")
    assert (reply.status_code, reply.text) == (200, "Ollama is running")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/api/version", "/api/tags"])
async def test_head_is_answered_where_ollama_answers_it(
    client: httpx.AsyncClient, path: str
) -> None:
    head, get = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_version_is_marked(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/version")
    assert reply.json() == {"version": "0.33.0-sim"}
    assert reply.headers["content-type"] == JSON


async def test_tags_lists_every_model(client: httpx.AsyncClient) -> None:
    models = (await client.get("/api/tags")).json()["models"]
    assert [model["name"] for model in models] == [
        "ministral-3:latest",
        "llama2:latest",
        "mistral:latest",
    ]
    for model in models:
        assert list(model) == [
            "name", "model", "modified_at", "size", "digest", "details", "capabilities",
        ]  # fmt: skip
        assert model["name"] == model["model"]
        assert re.fullmatch("[0-9a-f]{64}", model["digest"])
        assert STAMP.fullmatch(model["modified_at"])
        assert list(model["details"]) == [*DETAILS, "context_length", "embedding_length"]
        assert type(model["size"]) is int
    stamps = [model["modified_at"] for model in models]
    assert stamps == sorted(stamps, reverse=True)


async def test_ps_lists_what_is_loaded(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/ps")).json() == {"models": []}
    await client.post("/api/chat", json={"model": "llama2", "messages": []})
    (model,) = (await client.get("/api/ps")).json()["models"]
    assert list(model) == [
        "name", "model", "size", "digest", "details", "expires_at", "size_vram", "context_length",
    ]  # fmt: skip
    assert list(model["details"]) == DETAILS
    assert (model["name"], model["context_length"]) == ("llama2:latest", 4096)
    assert model["size"] == model["size_vram"]


@pytest.mark.parametrize("field", ["model", "name"])
async def test_show_describes_a_model(client: httpx.AsyncClient, field: str) -> None:
    shown = (await client.post("/api/show", json={field: "Ministral-3"})).json()
    assert list(shown) == [
        "license", "modelfile", "template", "details", "model_info", "capabilities", "modified_at",
    ]  # fmt: skip
    assert list(shown["details"]) == DETAILS
    assert shown["model_info"]["general.architecture"] == shown["details"]["family"]
    assert "completion" in shown["capabilities"]


async def test_chat_streams_by_default(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/chat", json={"model": "llama2", "messages": HELLO})
    assert (reply.status_code, reply.headers["content-type"]) == (200, NDJSON)
    assert reply.headers["transfer-encoding"] == "chunked"
    *tokens, last = lines(reply)
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
    streamed = lines(await client.post("/api/chat", json=request))
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
    *tokens, last = lines(reply)
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


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/api/chat", b"", 400, "missing request body"),
        ("/api/generate", b"", 400, "missing request body"),
        ("/api/show", b"", 400, "missing request body"),
        ("/api/chat", b"x", 400, "invalid character 'x' looking for beginning of value"),
        ("/api/chat", b"{", 400, "unexpected EOF"),
        ("/api/chat", b"{}", 400, "model is required"),
        ("/api/show", b"{}", 400, "model is required"),
        ("/api/generate", b"{}", 404, "model '' not found"),
        ("/api/chat", b'{"model":"a b"}', 400, "invalid model name"),
        ("/api/generate", b'{"model":"a b"}', 400, "invalid model name"),
        ("/api/chat", b'{"model":"Nope"}', 404, "model 'Nope' not found"),
        ("/api/generate", b'{"model":"Nope"}', 404, "model 'Nope' not found"),
        ("/api/show", b'{"model":"nope"}', 404, "model 'nope:latest' not found"),
        (
            "/api/chat",
            b'{"model":"llama2","think":true,"messages":[{}]}',
            400,
            '"llama2" does not support thinking',
        ),
        (
            "/api/chat",
            b'{"model":"llama2","tools":[{}],"messages":[{}]}',
            400,
            "registry.ollama.ai/library/llama2:latest does not support tools",
        ),
        (
            "/api/chat",
            b'{"model":"llama2","messages":[{}],"options":{"stop":"x"}}',
            500,
            'option "stop" must be of type array',
        ),
    ],
)
async def test_an_error_has_ollamas_status_and_text(
    client: httpx.AsyncClient, path: str, body: bytes, status: int, text: str
) -> None:
    reply = await client.post(path, content=body)
    assert (reply.status_code, reply.json()) == (status, {"error": text})
    assert reply.headers["content-type"] == JSON


async def test_a_full_queue_answers_503_to_a_stream_too(client: httpx.AsyncClient) -> None:
    settings = SimulatorSettings(latency=INSTANT, queue=0)
    async with running_simulator(settings) as busy:
        reply = await client.post(
            f"{busy.url}/api/chat", json={"model": "llama2", "messages": HELLO}
        )
    assert reply.status_code == 503
    assert reply.json() == {
        "error": "server busy, please try again.  maximum pending requests exceeded"
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/nowhere", 404, "404 page not found"),
        ("POST", "/v1/models/a/b", 404, "404 page not found"),
        ("GET", "/api/chat", 405, "405 method not allowed"),
        ("POST", "/api/tags", 405, "405 method not allowed"),
    ],
)
async def test_a_wrong_path_or_method_is_refused_in_plain_text(
    client: httpx.AsyncClient, method: str, path: str, status: int, text: str
) -> None:
    reply = await client.request(method, path)
    assert (reply.status_code, reply.text) == (status, text)
    assert reply.headers["content-type"] == "text/plain"


async def test_head_is_refused_where_ollama_refuses_it(client: httpx.AsyncClient) -> None:
    assert (await client.head("/api/ps")).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}],
)
async def test_a_stranger_gets_an_empty_403(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    reply = await client.get("/api/version", headers=headers)
    assert (reply.status_code, reply.content) == (403, b"")


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


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/", b""),
        ("HEAD", "/", b""),
        ("GET", "/api/ps", b""),
        ("GET", "/nowhere", b""),
        ("DELETE", "/api/chat", b""),
        ("POST", "/api/chat", b"x"),
        ("POST", "/api/chat", b'{"model":"llama2","messages":[{"content":"a"}]}'),
        ("POST", "/v1/chat/completions", b"{}"),
        ("GET", "/__simulator/requests", b""),
    ],
)
async def test_every_reply_carries_the_mark(
    client: httpx.AsyncClient, method: str, path: str, body: bytes
) -> None:
    reply = await client.request(method, path, content=body)
    assert reply.headers.get_list("x-perfcompare-simulator") == ["1"]


async def test_a_stranger_sees_the_mark_too(client: httpx.AsyncClient) -> None:
    reply = await client.get("/", headers={"host": "evil.example"})
    assert reply.headers["x-perfcompare-simulator"] == "1"


async def test_a_failure_of_the_simulator_itself_carries_the_mark(
    simulator: RunningSimulator, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.app.simulator.latency = object()  # type: ignore[assignment]  # a bug, as it were
    reply = await client.post("/api/chat", json={"model": "llama2", "messages": HELLO})
    assert (reply.status_code, reply.content) == (500, b"")
    assert reply.headers["x-perfcompare-simulator"] == "1"
    assert "request failed" in caplog.text


async def test_what_is_not_http_gets_the_mark(simulator: RunningSimulator) -> None:
    port = int(simulator.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\r\n\r\n")
    reply = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nx-perfcompare-simulator: 1\r\n" in reply
