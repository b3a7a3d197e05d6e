"""How every flavour connects to the model server: the same transport, headers and limits."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama

from shared_models.configuration import DEFAULT_ENDPOINT, TestConfiguration
from shared_models.trace_ids import trace_ids

from .transport import RecordingTransport

KEEPALIVE_S = 60.0
MIN_KEPT_ALIVE = 20
"""What httpx keeps by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the model server is, and whether our transport records the calls to it.

    `connect_to` is the address to dial instead of the endpoint's name. `kept_alive` is the most
    idle connections. Without `recorded` a constant `traceparent` keeps the requests the same.
    """

    endpoint: str
    connect_to: str | None
    timeout_s: float
    kept_alive: int = MIN_KEPT_ALIVE
    recorded: bool = True

    @classmethod
    def of(
        cls, configuration: TestConfiguration, *, connect_to: str | None, recorded: bool = True
    ) -> "Connection":
        """Return the connection that a configuration asks for."""
        return cls(
            endpoint=configuration.endpoint or DEFAULT_ENDPOINT,
            connect_to=connect_to,
            timeout_s=configuration.request_timeout_seconds,
            kept_alive=max(MIN_KEPT_ALIVE, _workers(configuration)),
            recorded=recorded,
        )

    def ollama_client(self) -> ollama.AsyncClient:
        """Return the client library's client."""
        return ollama.AsyncClient(host=self._base_url(), **self._settings())

    def http_client(self) -> httpx.AsyncClient:
        """Return a plain HTTP client with the headers that the client library sends."""
        client = httpx.AsyncClient(base_url=self._base_url(), **self._settings())
        client.headers["accept"] = "application/json"
        return client

    def _base_url(self) -> str:
        # Dialling the checked address by URL costs nothing per call; Host keeps the name.
        scheme = urlsplit(self.endpoint).scheme
        return f"{scheme}://{self.connect_to}" if self.connect_to else self.endpoint

    def _settings(self) -> dict[str, Any]:
        headers = {"host": urlsplit(self.endpoint).netloc, "accept-encoding": "identity"}
        if not self.recorded:
            headers["traceparent"] = trace_ids("bare", 1, call=1).traceparent
        return {
            "headers": headers,
            "transport": self._transport(),
            "follow_redirects": False,
            "trust_env": False,
            "timeout": self.timeout_s,
        }

    def _transport(self) -> httpx.AsyncBaseTransport:
        parts = urlsplit(self.endpoint)
        secure = parts.scheme == "https"
        transport = httpx.AsyncHTTPTransport(
            verify=secure,
            trust_env=False,
            # Concurrency is the run's, so nothing limits what is open. The pool looks at each idle
            # connection for every request: hundreds that a stall of the server has left would
            # cost an open loop more than its calls.
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=self.kept_alive,
                keepalive_expiry=KEEPALIVE_S,
            ),
        )
        if not self.recorded:
            return transport
        sni = parts.hostname if secure and self.connect_to else None
        return RecordingTransport(transport, sni_hostname=sni)


def _workers(configuration: TestConfiguration) -> int:
    """Return how many calls a closed loop has in flight."""
    in_flight = {
        "batch": configuration.batch_size,
        "concurrent": configuration.concurrent_requests,
    }
    return in_flight.get(configuration.test_mode, 1)
