"""The web service on a real socket: its REST API, and who may open the pages' socket."""

import asyncio
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
    tmp_path: Path, *backends: FakeBackend, port: int = 5000, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the whole service; the client's base address is its own."""
    with nicegui_reset_globals():
        from ui.app import create_app
        from ui.settings import WebSettings

        fakes = backends or both()
        async with connected(*fakes, ollama=FakeOllama(simulated=True)) as deps:
            known = WebSettings(data_dir=tmp_path, port=port, **settings)
            app = create_app(known, deps)
            async with (
                serving(app, websockets=True) as url,
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


async def test_every_status_is_in_the_api_description(tmp_path: Path) -> None:
    """What the routes can answer is documented."""
    async with web(tmp_path) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]

    run = paths["/api/performance/run"]["post"]["responses"]
    assert {"200", "400", "401", "403", "413", "422", "502"} <= set(run)
    assert {"get"} == set(paths["/api/backends"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="no origin"),
        pytest.param({"origin": "http://127.0.0.1:5000"}, 200, id="own"),
        pytest.param({"origin": "http://localhost:5000"}, 200, id="own by name"),
        pytest.param({"origin": "https://evil.example"}, 400, id="evil"),
        pytest.param({"origin": "null"}, 400, id="null"),
        pytest.param({"origin": "http://127.0.0.1:5001"}, 400, id="other port"),
        pytest.param({"host": "evil.example"}, 400, id="evil host"),
        pytest.param({"host": "127.0.0.1.evil.example"}, 400, id="evil suffix"),
    ],
)
async def test_who_may_poll_the_pages_socket(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    """Only our own pages; the library's default would let every origin in."""
    async with web(tmp_path) as client:
        response = await client.get(SOCKET, headers=headers)

    assert status == response.status_code
    assert "evil" not in response.headers.get("access-control-allow-origin", "")


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        pytest.param(None, None, 101, id="no origin"),
        pytest.param("own", None, 101, id="own"),
        pytest.param("https://evil.example", None, 403, id="evil"),
        pytest.param("null", None, 403, id="null"),
        pytest.param(None, "evil.example", 400, id="evil host"),
    ],
)
async def test_who_may_open_the_pages_web_socket(
    tmp_path: Path, origin: str | None, host: str | None, status: int
) -> None:
    """The handshake itself is refused."""
    listener_port = await _free_port()
    async with web(tmp_path, port=listener_port, allowed_hosts=("test",)) as client:
        address = client.base_url
        own = f"http://{address.host}:{address.port}"
        # The service takes its port from its settings; here the socket's own is allowed as well.
        from nicegui import core

        core.sio.eio.cors_allowed_origins = [*core.sio.eio.cors_allowed_origins, own]
        headers = {"Host": host or f"{address.host}:{address.port}"}
        if origin is not None:
            headers["Origin"] = own if origin == "own" else origin
        assert status == await _handshake(address.host, address.port or 0, headers)


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


async def _free_port() -> int:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    async with server:
        return int(server.sockets[0].getsockname()[1])


async def _handshake(host: str, port: int, headers: dict[str, str]) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    lines = [
        "GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status
