"""Pulling a model: progress, its end, and what it changes."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.simulator import client_of, running_simulator, stream_lines


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running_simulator() as running, client_of(running) as made:
        yield made


async def served(client: httpx.AsyncClient) -> list[str]:
    return [model["name"] for model in (await client.get("/api/tags")).json()["models"]]


@pytest.mark.parametrize("field", ["model", "name"])
async def test_a_pull_shows_its_progress(client: httpx.AsyncClient, field: str) -> None:
    reply = await client.post("/api/pull", json={field: "llama2"})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/x-ndjson")
    first, *layer, verifying, writing, success = stream_lines(reply)
    assert first == {"status": "pulling manifest"}
    assert [line["status"] for line in (verifying, writing, success)] == [
        "verifying sha256 digest", "writing manifest", "success",
    ]  # fmt: skip
    assert list(layer[0]) == ["status", "digest", "total"]
    digest = layer[0]["digest"].removeprefix("sha256:")
    assert {line["status"] for line in layer} == {f"pulling {digest[:12]}"}
    completed = [line["completed"] for line in layer[1:]]
    assert completed == sorted(set(completed))
    assert completed[-1] == layer[0]["total"]


@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_pulled_is_served(client: httpx.AsyncClient, stream: bool) -> None:
    assert "qwen3:8b" not in await served(client)
    reply = await client.post("/api/pull", json={"model": "qwen3:8b", "stream": stream})
    assert stream_lines(reply)[-1] == {"status": "success"} if stream else True
    assert (await served(client))[0] == "qwen3:8b"
    chat = {"model": "qwen3:8b", "messages": [{"role": "user", "content": "a"}], "stream": False}
    assert (await client.post("/api/chat", json=chat)).json()["done"] is True


async def test_without_a_stream_only_the_end_is_told(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/pull", json={"model": "llama2", "stream": False})
    assert (reply.status_code, reply.json()) == (200, {"status": "success"})
    assert (await served(client)).count("llama2:latest") == 1


async def test_a_model_that_nobody_knows_fails_in_the_stream(client: httpx.AsyncClient) -> None:
    error = {"error": "pull model manifest: file does not exist"}
    reply = await client.post("/api/pull", json={"model": "nope"})
    assert reply.status_code == 200
    assert stream_lines(reply) == [{"status": "pulling manifest"}, error]
    whole = await client.post("/api/pull", json={"model": "nope", "stream": False})
    assert (whole.status_code, whole.json()) == (500, error)


@pytest.mark.parametrize("body", [{}, {"model": "a b"}])
async def test_a_name_that_no_model_can_have_is_refused(
    client: httpx.AsyncClient, body: dict[str, str]
) -> None:
    reply = await client.post("/api/pull", json=body)
    assert (reply.status_code, reply.json()) == (400, {"error": "invalid model name"})


async def test_a_fault_can_strike_in_the_middle(client: httpx.AsyncClient) -> None:
    fault = {"kind": "error-line", "path": "/api/pull", "lines": 3, "text": "disk full"}
    await client.post("/__simulator/faults", json=fault)
    lines = stream_lines(await client.post("/api/pull", json={"model": "qwen3"}))
    assert (len(lines), lines[-1]) == (4, {"error": "disk full"})
    assert "qwen3:latest" not in await served(client)
