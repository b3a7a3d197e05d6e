"""Service discovery by Aspire's environment contract, as an httpx transport.

A client says `http://dotnet-backend/…`; the transport sends the request to the address in
`services__dotnet-backend__http__0` (or `DOTNET_BACKEND_HTTP`).
"""

import ssl
from collections.abc import Iterable, Mapping

import httpx

from .endpoints import EndpointPolicy
from .settings import ServiceSettings, process_environment

DEFAULT_TIMEOUT = httpx.Timeout(10.0, connect=2.0)


def service_url(
    name: str, environment: Mapping[str, str], *, default: str | None = None
) -> str | None:
    """Return the base URL of a resource, or `default` when the environment names none."""
    simple = name.upper().replace("-", "_") + "_HTTP"
    return environment.get(f"services__{name}__http__0") or environment.get(simple) or default


class DiscoveryTransport(httpx.AsyncBaseTransport):
    """Sends requests for known service names to their addresses, others where they say."""

    def __init__(
        self,
        services: Mapping[str, str],
        *,
        origins: Iterable[str] = (),
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`services` maps a resource's name to its base URL; `origins` are called beside them."""
        self._services = {name: httpx.URL(url) for name, url in services.items()}
        self._inner = inner or httpx.AsyncHTTPTransport(
            verify=_trust([*services.values(), *origins])
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, resolved."""
        target = self._services.get(request.url.host)
        if target is not None:
            request.url = request.url.copy_with(
                scheme=target.scheme, host=target.host, port=target.port
            )
            request.headers["host"] = target.netloc.decode("ascii")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _trust(urls: Iterable[str]) -> ssl.SSLContext:
    """Return the certificate authorities to trust: loading them costs 2 MB, so only for https.

    Without an https address the context trusts nobody, so that a stray https call fails.
    """
    if any(url.startswith("https:") for url in urls):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def discovered_services(names: Mapping[str, str]) -> dict[str, str]:
    """Return each resource's URL from the environment, else the default given for it."""
    environment = process_environment()
    return {name: service_url(name, environment, default=url) or url for name, url in names.items()}


def model_server_policy(settings: ServiceSettings) -> EndpointPolicy:
    """Return what the operator allowed: the settings' list, and the model server that is named.

    Raises EndpointInvalid when the environment names it by something that is no origin.
    """
    discovered = service_url("ollama", process_environment())
    return EndpointPolicy([*settings.allowed_endpoints, *filter(None, [discovered])])


def service_client(
    services: Mapping[str, str],
    *,
    origins: Iterable[str] = (),
    api_key: str | None = None,
    timeout: httpx.Timeout | None = None,
) -> httpx.AsyncClient:
    """Return a client that knows the services by name; it follows no redirect and no proxy."""
    return httpx.AsyncClient(
        transport=DiscoveryTransport(services, origins=origins),
        headers={"x-api-key": api_key} if api_key else None,
        timeout=timeout or DEFAULT_TIMEOUT,
        follow_redirects=False,
        trust_env=False,
    )
