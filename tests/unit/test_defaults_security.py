"""Who may call a service, asked of a real server."""

import itertools
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from service_defaults.security import allowed_origins
from service_defaults.service import MAX_BODY_BYTES, create_service
from service_defaults.settings import ServiceSettings
from tests.support.servers import raw_exchange, running_server

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def small_service(**settings: Any) -> FastAPI:
    app = create_service("small", ServiceSettings(**settings))

    @app.api_route("/thing", methods=["GET", *UNSAFE])
    async def thing() -> dict[str, bool]:
        return {"done": True}

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("canary")

    return app


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST", 200),
        ("LocalHost:5001", 200),
        ("[::1]:8000", 200),
        ("[::1]", 200),
        ("bench.lan", 200),
        ("", 400),
        ("evil.test", 400),
        ("evil.test:8000", 400),
        ("localhost.", 400),
        ("localhost.evil.test", 400),
        ("127.0.0.1.evil.test", 400),
        ("evil.test#localhost", 400),
        ("localhost@evil.test", 400),
        ("127.0.0.2", 400),
        ("::1", 400),
        ("www.localhost", 400),
    ],
)
async def test_only_known_hosts_are_served(host: str, status: int) -> None:
    """A page that points its own name at loopback (DNS rebinding) reaches nothing."""
    async with running_server(small_service(allowed_hosts=("bench.lan",))) as url:
        request = f"GET /thing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        answered, headers, _ = await raw_exchange(url, request.encode())

    assert status == answered
    assert "location" not in headers


ORIGINS = {None: True, "own": True, "http://evil.test": False, "null": False, "": False}
SITES = {None: True, "same-origin": True, "none": True, "same-site": False, "cross-site": False}


@pytest.mark.parametrize("body", [b"", b"{}"], ids=["no body", "body"])
@pytest.mark.parametrize("method", ["GET", *UNSAFE])
async def test_only_same_origin_calls_change_something(method: str, body: bytes) -> None:
    """Origin × Sec-Fetch-Site × method × body: any foreign sign refuses what is not safe."""
    async with running_server(small_service()) as url, httpx.AsyncClient(base_url=url) as client:
        for origin, site in itertools.product(ORIGINS, SITES):
            headers = {
                name: value
                for name, value in (
                    ("origin", url if origin == "own" else origin),
                    ("sec-fetch-site", site),
                )
                if value is not None
            }
            browser = bool(headers)
            trusted = ORIGINS[origin] and SITES[site]
            allowed = method == "GET" or (trusted and (bool(body) or not browser))

            reply = await client.request(method, "/thing", headers=headers, content=body)

            assert (200 if allowed else 403) == reply.status_code, (origin, site)


@pytest.mark.parametrize("header", [True, False])
async def test_a_browsers_call_without_a_body_needs_our_header(header: bool) -> None:
    """A form or an image on another page cannot add the header without a preflight."""
    async with running_server(small_service()) as url, httpx.AsyncClient(base_url=url) as client:
        headers = {"origin": url} | ({"x-perfcompare-request": "1"} if header else {})

        reply = await client.post("/thing", headers=headers)

    assert (200 if header else 403) == reply.status_code


@pytest.mark.parametrize(
    ("method", "key", "status"),
    [
        ("POST", None, 403),
        ("POST", "", 403),
        ("POST", "secret-", 403),
        ("POST", "sécret", 403),
        ("POST", "secret", 200),
        ("GET", None, 200),
    ],
)
async def test_callers_that_are_no_browsers_need_the_key_to_change_something(
    method: str, key: str | None, status: int
) -> None:
    """Reading stays open on this machine; everything else asks for the key, if one is set."""
    app = small_service(api_key=SecretStr("secret"))
    headers = {} if key is None else {b"x-api-key": key.encode()}
    async with running_server(app) as url, httpx.AsyncClient(base_url=url) as client:
        reply = await client.request(method, "/thing", headers=headers)

    assert status == reply.status_code
    assert "secret" not in reply.text


async def test_every_reply_carries_the_security_headers_and_none_allows_another_origin() -> None:
    """Refusals by the framework itself and failures are no exception."""
    big = b"x" * (MAX_BODY_BYTES + 1)
    async with running_server(small_service()) as url, httpx.AsyncClient(base_url=url) as client:
        foreign = {"origin": "http://evil.test", "access-control-request-method": "POST"}
        replies = [
            await client.get("/thing"),
            await client.get("/thing", headers=foreign),
            await client.options("/thing", headers=foreign),
            await client.post("/thing", headers=foreign),
            await client.get("/nothing"),
            await client.post("/health"),
            await client.get("/thing", headers={"host": "evil.test"}),
            await client.get("/broken"),
            await client.post("/thing", content=big),
        ]

    assert [200, 200, 405, 403, 404, 405, 400, 500, 413] == [r.status_code for r in replies]
    for reply in replies:
        assert "nosniff" == reply.headers["x-content-type-options"]
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert "same-origin" == reply.headers["referrer-policy"]
        assert not [name for name in reply.headers if name.startswith("access-control-")]
        assert "canary" not in reply.text


def test_the_browser_origins_of_a_service_are_exact() -> None:
    """No wildcard, no other port."""
    assert [
        "http://127.0.0.1:5000",
        "http://localhost:5000",
        "http://[::1]:5000",
        "http://bench.lan:5000",
    ] == allowed_origins(["bench.lan"], 5000)
