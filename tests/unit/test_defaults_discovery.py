"""Finding services by name, and what they say of their own health."""

import httpx
import pytest
from fastapi import Request
from fastapi.responses import RedirectResponse

from service_defaults.discovery import discovered_services, service_client, service_url
from service_defaults.service import create_service
from service_defaults.settings import ServiceSettings
from tests.support.servers import running_server


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://default:1"),
        ({"services__python-backend__http__0": "http://a:1"}, "http://a:1"),
        ({"PYTHON_BACKEND_HTTP": "http://b:2"}, "http://b:2"),
        (
            {
                "services__python-backend__http__0": "http://a:1",
                "PYTHON_BACKEND_HTTP": "http://b:2",
            },
            "http://a:1",
        ),
        ({"services__python-backend__http__0": ""}, "http://default:1"),
    ],
)
def test_a_service_is_found_in_the_environment(environment: dict[str, str], url: str) -> None:
    """The long name wins over the short one, and either over the default."""
    assert url == service_url("python-backend", environment, default="http://default:1")


def test_services_are_found_in_this_processes_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a launcher sets is what a client dials."""
    monkeypatch.setenv("services__dotnet-backend__http__0", "http://127.0.0.1:9")

    assert {
        "dotnet-backend": "http://127.0.0.1:9",
        "python-backend": "http://127.0.0.1:5001",
    } == discovered_services(
        {
            "dotnet-backend": "http://127.0.0.1:5002",
            "python-backend": "http://127.0.0.1:5001",
        }
    )


async def test_a_client_reaches_a_service_by_its_name() -> None:
    """The request goes to the real address under the Host that the service accepts."""
    app = create_service("small", ServiceSettings())
    async with running_server(app) as url, service_client({"small": url}) as client:
        named = await client.get("http://small/alive")
        plain = await client.get(f"{url}/alive")

    assert (200, "small") == (named.status_code, named.json()["service"])
    assert 200 == plain.status_code


async def test_a_client_sends_the_key_and_follows_no_redirect_and_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the machine's proxy nor a service's redirect sees the key."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    app = create_service("small", ServiceSettings())
    seen: list[str | None] = []

    @app.get("/redirect")
    async def leave(request: Request) -> RedirectResponse:
        seen.append(request.headers.get("x-api-key"))
        return RedirectResponse("/alive")

    async with running_server(app) as url, service_client({"small": url}, api_key="k") as client:
        reply = await client.get("http://small/redirect")

    assert 307 == reply.status_code
    assert ["k"] == seen


@pytest.mark.parametrize("reason", [None, "no agent"])
async def test_readiness_and_liveness_are_told_apart(reason: str | None) -> None:
    """A service that is not ready is alive all the same, and says what it lacks."""

    async def readiness() -> str | None:
        return reason

    app = create_service("small", ServiceSettings(), readiness=readiness)
    async with running_server(app) as url, httpx.AsyncClient(base_url=url) as client:
        ready, alive = await client.get("/health"), await client.get("/alive")

    assert {"status": "healthy", "service": "small"} == alive.json()
    assert 200 == alive.status_code
    if reason is None:
        assert (200, {"status": "healthy", "service": "small"}) == (ready.status_code, ready.json())
    else:
        expected = {"status": "unhealthy", "service": "small", "reason": reason}
        assert (503, expected) == (ready.status_code, ready.json())
