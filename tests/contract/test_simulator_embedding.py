"""Vectors for texts, in the new way and the old."""

import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ollama_simulator import LatencyModel, SimulatorSettings
from tests.support.simulator import client_of, running_simulator

JSON = "application/json; charset=utf-8"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running_simulator() as running, client_of(running) as made:
        yield made


async def embed(client: httpx.AsyncClient, given: Any, **rest: Any) -> dict[str, Any]:
    request = {"model": "llama2", "input": given, **rest}
    body: dict[str, Any] = (await client.post("/api/embed", json=request)).json()
    return body


async def test_each_text_has_a_unit_vector(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/embed", json={"model": "llama2", "input": ["a", "b c"]})
    assert (reply.status_code, reply.headers["content-type"]) == (200, JSON)
    body = reply.json()
    assert list(body) == [
        "model", "embeddings", "total_duration", "load_duration", "prompt_eval_count",
    ]  # fmt: skip
    assert (body["model"], body["prompt_eval_count"]) == ("llama2", 3)
    assert [len(vector) for vector in body["embeddings"]] == [4_096, 4_096]
    for vector in body["embeddings"]:
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)
    assert body["total_duration"] >= body["load_duration"]


async def test_the_same_text_has_the_same_vector(client: httpx.AsyncClient) -> None:
    first, again = await embed(client, "hello"), await embed(client, ["hello", "world"])
    assert first["embeddings"][0] == again["embeddings"][0] != again["embeddings"][1]


@pytest.mark.parametrize(("asked", "given"), [(8, 8), (99_999, 4_096), (0, 4_096)])
async def test_fewer_dimensions_are_the_first_ones(
    client: httpx.AsyncClient, asked: int, given: int
) -> None:
    (vector,) = (await embed(client, "hello", dimensions=asked))["embeddings"]
    assert len(vector) == given
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("nothing", ["", [], None])
async def test_nothing_to_embed_only_loads(client: httpx.AsyncClient, nothing: Any) -> None:
    body = await embed(client, nothing)
    assert body["embeddings"] == []
    assert "prompt_eval_count" not in body
    assert len((await client.get("/api/ps")).json()["models"]) == 1


async def test_the_old_route_does_not_normalise(client: httpx.AsyncClient) -> None:
    async def old(text: str) -> list[float]:
        request = {"model": "llama2", "prompt": text}
        body = (await client.post("/api/embeddings", json=request)).json()
        assert list(body) == ["embedding"]
        vector: list[float] = body["embedding"]
        return vector

    vector = await old("hello")
    length = math.hypot(*vector)
    assert length > 2
    (unit,) = (await embed(client, "hello"))["embeddings"]
    assert [number / length for number in vector] == pytest.approx(unit, abs=1e-6)
    assert await old("") == []


async def test_a_vector_takes_the_time_of_a_call() -> None:
    settings = SimulatorSettings(
        latency=LatencyModel(latency_ms=30, distribution="fixed", load_ms=0)
    )
    async with running_simulator(settings) as running, client_of(running) as client:
        assert (await embed(client, "hello"))["total_duration"] >= 30_000_000


LONG = "word " * 9


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/api/embed", {}, 404, "model '' not found"),
        ("/api/embeddings", {}, 400, "model is required"),
        ("/api/embed", {"model": "a b"}, 400, "invalid model name"),
        ("/api/embed", {"model": "x"}, 404, 'model "x" not found, try pulling it first'),
        ("/api/embeddings", {"model": "x"}, 404, 'model "x" not found, try pulling it first'),
        ("/api/embed", {"model": "llama2", "input": 5}, 400, "invalid input type"),
        ("/api/embed", {"model": "llama2", "input": ["a", 5]}, 400, "invalid input type"),
        (
            "/api/embed",
            {"model": "llama2", "input": LONG, "truncate": False, "options": {"num_ctx": 8}},
            400,
            "the input length exceeds the context length",
        ),
    ],
)
async def test_a_request_that_cannot_be_met_is_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, text: str
) -> None:
    reply = await client.post(path, json=body)
    assert (reply.status_code, reply.json()) == (status, {"error": text})


async def test_a_long_text_is_cut_to_the_context(client: httpx.AsyncClient) -> None:
    body = await embed(client, [LONG, "a"], options={"num_ctx": 8})
    assert body["prompt_eval_count"] == 8 + 1
