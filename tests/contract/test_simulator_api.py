"""What the simulator says about itself, whom it refuses, and its mark on every reply."""

import asyncio
import re

import httpx
import pytest

from ollama_simulator import SimulatorSettings
from tests.support.simulator import INSTANT, RunningSimulator, running_simulator

HELLO = [{"role": "user", "content": "Say hello 1"}]
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,8}[1-9]|\.\d)?Z")
DETAILS = [
    "parent_model", "format", "family", "families", "parameter_size", "quantization_level",
]  # fmt: skip
JSON = "application/json; charset=utf-8"


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
