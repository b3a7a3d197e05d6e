"""What the pages and routes talk to: the backends and the model server, by typed clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Annotated, Any

import anyio
import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from comparison import BackendClient, probe_backend
from comparison.probing import utc_now
from service_defaults.discovery import discovered_services, model_server_policy, service_client
from service_defaults.endpoints import CheckedEndpoint, EndpointPolicy
from service_defaults.errors import EndpointError
from service_defaults.settings import ServiceSettings
from shared_models import BackendState, ModelName

from .settings import ADDRESSES, BACKENDS

SIMULATOR_HEADER = "x-perfcompare-simulator"
PROBE_TIMEOUT = httpx.Timeout(2.0)
MAX_TAGS_BYTES = 1024 * 1024
MAX_MODELS = 200


class _Tag(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    name: ModelName


class _Tags(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    models: Annotated[list[Any], Field(max_length=10_000)]


class OllamaClient:
    """The model server: its state, and the models that an allowed endpoint has."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, policy: EndpointPolicy) -> None:
        """`http` resolves the name `ollama`, whose address is `url`."""
        self.url = url
        self._http = http
        self._policy = policy

    async def state(self) -> BackendState:
        """Ask the server for its version; never raises for a server that is not well."""
        started = perf_counter()
        try:
            response = await self._http.get("http://ollama/api/version", timeout=PROBE_TIMEOUT)
        except httpx.HTTPError:
            return self._state("unreachable", reason="no model server answers there")
        if not response.is_success:
            return self._state("unhealthy", reason=f"it answered {response.status_code}")
        return self._state(
            "healthy",
            latency_ms=(perf_counter() - started) * 1000,
            simulated=SIMULATOR_HEADER in response.headers,
        )

    async def models(self, endpoint: str) -> list[str]:
        """Return the names of the models at an endpoint; empty when it cannot be asked.

        Only an allowed endpoint is asked, at the address that was checked.
        """
        try:
            checked = await self._policy.check(endpoint)
        except EndpointError:
            return []
        for address in checked.addresses:
            content = await self._tags(checked, address)
            if content is not None:
                return _model_names(content)
        return []

    async def _tags(self, checked: CheckedEndpoint, address: str) -> bytes | None:
        origin = checked.endpoint
        request = self._http.stream(
            "GET",
            f"{origin.scheme}://{address}/api/tags",
            headers={"host": origin.url.partition("://")[2]},
            extensions={"sni_hostname": origin.host},
            timeout=PROBE_TIMEOUT,
        )
        content = b""
        try:
            async with request as response:
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_TAGS_BYTES:
                        return None
        except httpx.HTTPError:
            return None
        return content if response.is_success else None

    def _state(self, state: str, **details: Any) -> BackendState:
        fields = {"name": "ollama", "url": self.url, "state": state, "checked_at": utc_now()}
        return BackendState.model_validate(fields | details)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """Everything outside this process that the service uses."""

    backends: tuple[BackendClient, ...]
    ollama: OllamaClient
    policy: EndpointPolicy
    addresses: Mapping[str, str]
    http: tuple[httpx.AsyncClient, ...] = ()

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self.http:
            await client.aclose()

    async def states(self) -> list[BackendState]:
        """Probe every service at the same time; the order is that of the sides, then ollama."""
        found: dict[str, BackendState] = {}

        async def backend(client: BackendClient) -> None:
            url = self.addresses.get(client.name)
            found[client.name] = await probe_backend(client, url=url)

        async def ollama() -> None:
            found["ollama"] = await self.ollama.state()

        async with anyio.create_task_group() as group:
            group.start_soon(ollama)
            for client in self.backends:
                group.start_soon(backend, client)
        return [found[name] for name in (*(client.name for client in self.backends), "ollama")]


def connect(settings: ServiceSettings) -> Deps:
    """Return the clients of the services that the environment names; opens no connection."""
    addresses = discovered_services(ADDRESSES)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    http = service_client(addresses, api_key=key)
    policy = model_server_policy(settings)
    # The model server is someone else's: it gets a client of its own, without our key.
    plain = service_client(addresses, origins=settings.allowed_endpoints)
    return Deps(
        backends=tuple(BackendClient(name, label=BACKENDS[name], http=http) for name in BACKENDS),
        ollama=OllamaClient(plain, url=addresses["ollama"], policy=policy),
        policy=policy,
        addresses=addresses,
        http=(http, plain),
    )


def _model_names(content: bytes) -> list[str]:
    try:
        entries = _Tags.model_validate_json(content).models
    except ValidationError:
        return []
    names = []
    for entry in entries[:MAX_MODELS]:
        try:
            names.append(_Tag.model_validate(entry).name)
        except ValidationError:
            continue  # a name that no run could use
    return sorted(set(names))
