"""Refusals as problem+json, and bodies as strict JSON, asked of a real server."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from service_defaults.endpoints import EndpointPolicy
from service_defaults.service import MAX_BODY_BYTES, create_service
from service_defaults.settings import ServiceSettings
from service_defaults.strict_json import StrictJsonRoute
from shared_models import TestConfiguration
from tests.support.servers import running_server

CANARY = "canary-7f3a"
JSON = {"content-type": "application/json"}


def echo_service() -> FastAPI:
    app = create_service("echo", ServiceSettings())
    router = APIRouter(route_class=StrictJsonRoute)

    @router.post("/echo")
    async def echo(configuration: TestConfiguration) -> dict[str, Any]:
        return configuration.model_dump()

    @router.post("/endpoint")
    async def endpoint(configuration: TestConfiguration) -> None:
        policy = EndpointPolicy(["http://no-such-name.invalid"])
        await policy.check(configuration.endpoint or "")

    app.include_router(router)
    return app


async def post(body: bytes, headers: dict[str, str] = JSON, path: str = "/echo") -> httpx.Response:
    async with (
        running_server(echo_service()) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        return await client.post(path, content=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'{"temperature":NaN}', id="NaN in a field"),
        pytest.param(b'{"temperature":Infinity}', id="Infinity"),
        pytest.param(b'{"temperature":-Infinity}', id="-Infinity"),
        pytest.param(b'{"iterations":1e400}', id="1e400"),
        pytest.param(b'{"temperature":1e400}', id="1e400 as a float"),
        pytest.param(b'{"iterations":' + b"9" * 5_000 + b"}", id="5000 digits"),
        pytest.param(b'{"model":"\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"prompt":"\\ud800"}', id="lone surrogate in a free text"),
        pytest.param(b'{"\\ud800":1}', id="lone surrogate as a name"),
        pytest.param(b'{"iterations":1,"iterations":2}', id="duplicate key"),
        pytest.param(b'{"iterations":1', id="truncated"),
        pytest.param(b'{"model":"\xff"}', id="bad UTF-8"),
        pytest.param(b"[" * 30_000, id="deep nesting"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="deep objects"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param('{"iterations":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"", id="no body"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"text"', id="text"),
        pytest.param(gzip.compress(b'{"iterations":1}'), id="gzip"),
    ],
)
async def test_a_body_that_is_no_strict_json_object_is_refused(body: bytes) -> None:
    """Each is a 422 with the reason, never a failure of the service."""
    reply = await post(body)

    assert 422 == reply.status_code
    assert "application/problem+json" == reply.headers["content-type"]
    assert reply.json()["errors"]
    reply.content.decode("ascii")


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_a_body_of_another_type_is_refused(content_type: str | None) -> None:
    """What a form on another page can send is never read as JSON."""
    headers = {} if content_type is None else {"content-type": content_type}

    reply = await post(b'{"iterations":1}', headers)

    assert reply.status_code in (415, 422)


async def test_a_gzip_body_is_not_inflated() -> None:
    """A few bytes cannot become a thousand times as many."""
    reply = await post(gzip.compress(b"{}"), JSON | {"content-encoding": "gzip"})

    assert reply.status_code in (415, 422)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
async def test_a_body_may_have_64_kib_and_no_byte_more(
    chunked: bool, extra: int, status: int
) -> None:
    """The limit counts what arrives, with or without a declared length."""
    body = b'{"iterations":1}'.ljust(MAX_BODY_BYTES + extra)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 4096):
            yield body[start : start + 4096]

    async with (
        running_server(echo_service()) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        content = chunks() if chunked else body
        reply = await client.post("/echo", content=content, headers=JSON)

    assert status == reply.status_code
    if status == 413:
        assert "application/problem+json" == reply.headers["content-type"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"iterations": True}, "iterations"),
        ({"iterations": "10"}, "iterations"),
        ({"iterations": 10.5}, "iterations"),
        ({"iterations": 0}, "iterations"),
        ({"warmupIterations": -1}, "warmupIterations"),
        ({"warmupIterations": CANARY}, "warmupIterations"),
        ({"testMode": CANARY}, "testMode"),
        ({"model": CANARY + "\n"}, "model"),
        ({"prompts": ["ok", 7]}, "prompts.1"),
        ({"batch_size": 3}, "batch_size"),
        ({"surprise": CANARY}, "surprise"),
    ],
)
async def test_a_refusal_names_the_field_and_never_shows_its_value(
    body: dict[str, Any], field: str
) -> None:
    """The caller learns where; a log or a page that shows the reply shows no foreign text."""
    reply = await post(json.dumps(body).encode())

    assert 422 == reply.status_code
    assert {field} == {error["field"] for error in reply.json()["errors"]}
    assert CANARY not in reply.text


async def test_a_refusal_lists_at_most_20_errors_with_short_names() -> None:
    """A hostile body cannot blow its own refusal up."""
    reply = await post(
        json.dumps({f"{number}".rjust(900, "f"): 1 for number in range(60)}).encode()
    )

    errors = reply.json()["errors"]

    assert 20 == len(errors)
    assert 64 >= max(len(error["field"]) for error in errors)


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [("http://10.0.0.1", 422), ("nonsense", 422), ("http://no-such-name.invalid", 502)],
)
async def test_an_endpoint_that_cannot_be_used_is_refused_on_its_field(
    endpoint: str, status: int
) -> None:
    """Forbidden and malformed are the caller's; a configured name without an address is not."""
    reply = await post(json.dumps({"endpoint": endpoint}).encode(), path="/endpoint")

    assert status == reply.status_code
    assert "endpoint" == reply.json()["errors"][0]["field"]


async def test_an_unknown_path_and_method_are_problems_too() -> None:
    """Every refusal has one form, and 405 says what is allowed."""
    async with running_server(echo_service()) as url, httpx.AsyncClient(base_url=url) as client:
        missing = await client.get("/nothing")
        method = await client.get("/echo")

    assert (404, 404) == (missing.status_code, missing.json()["status"])
    assert (405, 405) == (method.status_code, method.json()["status"])
    assert "POST" == method.headers["allow"]
