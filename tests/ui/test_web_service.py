"""The web service on a real socket: its REST API, and who may open the pages' socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from nicegui.testing.general import nicegui_reset_globals
from pydantic import SecretStr

from shared_models import BackendStates, ComparisonReply, Problem
from tests.support.fake_backend import FakeBackend
from tests.support.web_service import FakeOllama, both, connected, serving, until

SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"


@asynccontextmanager
async def web(
    tmp_path: Path, *backends: FakeBackend, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the whole service; the client's base address is its own."""
    with nicegui_reset_globals():
        from ui.app import create_app
        from ui.settings import WebSettings

        fakes = backends or both()
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        async with connected(*fakes, ollama=FakeOllama(simulated=True)) as deps:
            known = WebSettings(data_dir=tmp_path, port=port, **settings)
            app = create_app(known, deps)
            async with (
                serving(app, websockets=True, listener=listener) as url,
                httpx.AsyncClient(base_url=url, trust_env=False) as client,
            ):
                yield client


async def test_backends_are_probed_together(tmp_path: Path) -> None:
    """Sides first, then ollama, which says that it is simulated."""
    python, dotnet = both()
    dotnet.healthy = False
    async with web(tmp_path, python, dotnet) as client:
        response = await client.get("/api/backends")

    states = BackendStates.model_validate_json(response.content).backends
    assert [
        ("python-backend", "healthy"),
        ("dotnet-backend", "unhealthy"),
        ("ollama", "healthy"),
    ] == [(state.name, state.state) for state in states]
    assert states[2].simulated
    assert "no agent here" == states[1].reason


async def test_the_fan_out_run_answers_with_both_results(tmp_path: Path) -> None:
    """Both results and the observed difference."""
    async with web(tmp_path) as client:
        response = await client.post("/api/performance/run", json={"iterations": 3})

    assert 200 == response.status_code
    reply = ComparisonReply.model_validate_json(response.content)
    assert 3 == reply.configuration.iterations
    assert all(entry.result and entry.result.success for entry in reply.results)
    assert -10.0 == reply.comparison.difference_ms


async def test_a_failed_side_is_still_200(tmp_path: Path) -> None:
    """The failed side says why in its own entry."""
    python, dotnet = both()
    dotnet.failure = "model not found"
    async with web(tmp_path, python, dotnet) as client:
        response = await client.post("/api/performance/run", json={})

    reply = ComparisonReply.model_validate_json(response.content)
    assert 200 == response.status_code
    assert reply.results[1].result is not None
    assert "model not found" == reply.results[1].result.message
    assert reply.comparison.difference_ms is None


async def test_a_client_that_goes_away_cancels_both_runs(tmp_path: Path) -> None:
    """No run outlives the caller who waits for it."""
    python, dotnet = both()
    python.gate.clear()
    dotnet.gate.clear()
    async with web(tmp_path, python, dotnet) as client, asyncio.TaskGroup() as group:
        task = group.create_task(client.post("/api/performance/run", json={}))
        await until(lambda: bool(python.configurations and dotnet.configurations))
        task.cancel()
        await until(lambda: (python.cancelled_runs, dotnet.cancelled_runs) == (1, 1))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"iterations": 0}', "iterations"),
        (b'{"iterations": "10"}', "iterations"),
        (b'{"iterations": 1e400}', "iterations"),
        (b'{"iterations": true}', "iterations"),
        (b'{"batch_size": 3}', "batch_size"),
        (b'{"model": "\\ud800"}', "model"),
        (b'{"endpoint": "http://169.254.169.254"}', "endpoint"),
        (b'{"endpoint": "http://192.0.2.1"}', "endpoint"),
    ],
)
async def test_a_refused_body_names_its_field(tmp_path: Path, body: bytes, field: str) -> None:
    """422 problem+json, and nothing is started."""
    python, dotnet = both()
    async with web(tmp_path, python, dotnet) as client:
        headers = {"content-type": "application/json"}
        response = await client.post("/api/performance/run", content=body, headers=headers)

    problem = Problem.model_validate_json(response.content)
    assert 422 == response.status_code
    assert problem.errors is not None
    assert field == problem.errors[0].field
    assert [] == python.configurations


async def test_unknown_paths_and_methods_of_the_api_are_problems(tmp_path: Path) -> None:
    """404 and 405 with `allow`, never a page."""
    async with web(tmp_path) as client:
        missing = await client.get("/api/nothing")
        method = await client.put("/api/backends", json={})
        health = await client.get("/health")

    assert 404 == missing.status_code
    assert (405, "GET") == (method.status_code, method.headers["allow"])
    for response in (missing, method):
        assert "application/problem+json" == response.headers["content-type"]
    assert {"status": "healthy", "service": "web"} == health.json()


async def test_an_unknown_page_says_so_and_leads_back(tmp_path: Path) -> None:
    """404 as a page of ours, without a traceback."""
    async with web(tmp_path) as client:
        response = await client.get("/no-such-page")

    assert 404 == response.status_code
    assert "There is no such page" in response.text
    assert "/dashboard" in response.text


async def test_every_status_is_in_the_api_description(tmp_path: Path) -> None:
    """What the routes can answer is documented."""
    async with web(tmp_path) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]

    run = paths["/api/performance/run"]["post"]["responses"]
    assert {"200", "400", "401", "403", "413", "422", "502"} <= set(run)
    assert {"get"} == set(paths["/api/backends"])


STRANGERS = ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"]


@pytest.mark.parametrize("origin", STRANGERS)
async def test_no_other_origin_reaches_the_pages_socket(tmp_path: Path, origin: str) -> None:
    """Polling is refused, the WebSocket handshake too; the library alone would let all in."""
    async with web(tmp_path) as client:
        polled = await client.get(SOCKET, headers={"origin": origin})

        assert 400 == polled.status_code
        assert "access-control-allow-origin" not in polled.headers
        assert 403 == await _handshake(client.base_url, origin=origin)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.", ""])
async def test_no_other_host_name_is_served(tmp_path: Path, host: str) -> None:
    """A name that an attacker points at this machine is refused, for pages and their socket."""
    async with web(tmp_path) as client:
        page = await client.get("/dashboard", headers={"host": host})

        assert 400 == page.status_code
        assert 400 == await _handshake(client.base_url, host=host)


async def test_our_own_pages_reach_their_socket(tmp_path: Path) -> None:
    """By address and by name, and programs that are no browser."""
    async with web(tmp_path) as client:
        port = client.base_url.port
        for origin in (None, f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
            headers = {} if origin is None else {"origin": origin}
            polled = await client.get(SOCKET, headers=headers)
            assert 200 == polled.status_code, origin
        own = f"http://127.0.0.1:{port}"
        assert 101 == await _handshake(client.base_url, origin=own)
        assert 101 == await _handshake(client.base_url)


async def test_every_page_carries_the_security_headers(tmp_path: Path) -> None:
    """Pages of the mounted library are guarded like our own routes."""
    async with web(tmp_path) as client:
        page = await client.get("/dashboard")
        for path in ("/", "/dashboard", "/counter", "/weather", "/static/perfcompare.css"):
            response = await client.get(path)
            assert 200 == response.status_code, path
            assert "default-src 'self'" in response.headers["content-security-policy"], path
            assert "nosniff" == response.headers["x-content-type-options"], path
        assert "no-store" in page.headers["cache-control"]
        assert "samesite=strict" in page.headers["set-cookie"].lower()
        assert 'lang="en-US"' in page.text


async def test_the_font_is_served_with_its_licence(tmp_path: Path) -> None:
    """The page works offline, and the licence travels with the font."""
    async with web(tmp_path) as client:
        font = await client.get("/static/inter-latin.woff2")
        licence = await client.get("/static/inter-OFL.txt")

    assert b"wOF2" == font.content[:4]
    assert "SIL Open Font License" in licence.text


def test_the_storage_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """A second start reads the same secret; only the user can read the file."""
    from ui.settings import storage_secret

    first = storage_secret(tmp_path / "new")

    assert first == storage_secret(tmp_path / "new")
    assert 32 <= len(first)
    assert 0o600 == (tmp_path / "new" / "web-secret").stat().st_mode & 0o777
    assert first != storage_secret(tmp_path / "other")


async def test_a_program_needs_the_key_where_one_is_set(tmp_path: Path) -> None:
    """Without it nothing is started."""
    async with web(tmp_path, api_key=SecretStr("k")) as client:
        without = await client.post("/api/performance/run", json={})
        given = await client.post("/api/performance/run", json={}, headers={"x-api-key": "k"})

    assert (403, 200) == (without.status_code, given.status_code)


async def _handshake(
    address: httpx.URL, *, origin: str | None = None, host: str | None = None
) -> int:
    own = f"{address.host}:{address.port}"
    reader, writer = await asyncio.open_connection(address.host, address.port)
    lines = [
        "GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
        f"Host: {own if host is None else host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([] if origin is None else [f"Origin: {origin}"]),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status
