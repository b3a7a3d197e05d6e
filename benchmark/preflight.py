"""The look at the model server before a run: it answers, it is an Ollama, it has the model.

Without it a run against nothing would be N identical errors.
"""

from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

import anyio
import httpx
import orjson

from service_defaults.endpoints import CheckedEndpoint, Endpoint

from .errors import EndpointUnavailable, ModelNotFound, RunError

SIMULATOR_HEADER = "x-perfcompare-simulator"
READ_S = 10.0
CONNECT_S = 2.0
DEADLINE_S = 15.0
LOAD_DEADLINE_S = 600.0
MAX_REPLY_BYTES = 4 * 1024 * 1024
MAX_WORD = 64
MAX_SENTENCE = 300

Provider = Literal["Ollama", "ollama-simulator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """What answered: the address to dial, and what is known of the model."""

    connect_to: str
    provider: Provider
    version: str | None
    parameter_size: str | None = None
    quantization: str | None = None


async def look_at_server(checked: CheckedEndpoint, model: str | None) -> ModelServer:
    """Return the server behind a checked endpoint; `model` is looked up when given.

    Raises EndpointUnavailable with the cause, or ModelNotFound.
    """
    cause = "it has no address"
    for address in checked.addresses:
        try:
            # The client's own limits are per read: a server that trickles would hold us for ever.
            with anyio.fail_after(DEADLINE_S):
                return await _look(checked, address, model)
        except httpx.ConnectError as error:
            cause = _words(error)
        except (httpx.TimeoutException, TimeoutError):
            cause = "no answer within the time limit"
        except httpx.HTTPError as error:
            cause = f"the connection broke ({type(error).__name__})"
    raise EndpointUnavailable(f"nothing answers at {checked.endpoint.url}: {cause}")


async def load_model(checked: CheckedEndpoint, server: ModelServer, model: str) -> float:
    """Let the server load the model, and return how long that took (ms); short if it was loaded.

    A chat without messages is the API's own way to ask for it. Raises EndpointUnavailable,
    ModelNotFound, or RunError when the server cannot load it.
    """
    url = checked.endpoint.url
    body = {"model": model, "messages": [], "stream": False}
    started = monotonic()
    try:
        with anyio.fail_after(LOAD_DEADLINE_S):
            async with _client(checked, server.connect_to, LOAD_DEADLINE_S) as client:
                reply, said = await _ask(client, checked.endpoint, "POST", "/api/chat", body)
    except (httpx.HTTPError, TimeoutError) as error:
        text = f"{url} broke off loading the model ({type(error).__name__})"
        raise EndpointUnavailable(text) from error
    if reply.status_code == 404:
        raise ModelNotFound(f"the model {model} was not found at {url}")
    if reply.status_code != 200:
        told = said.get("error")
        cause = told[:MAX_SENTENCE] if isinstance(told, str) else f"HTTP {reply.status_code}"
        raise RunError(f"{url} could not load the model {model}: {cause}")
    return (monotonic() - started) * 1e3


def _client(checked: CheckedEndpoint, address: str, read_s: float) -> httpx.AsyncClient:
    endpoint = checked.endpoint
    return httpx.AsyncClient(
        base_url=f"{endpoint.scheme}://{address}",
        headers={
            "host": endpoint.url.partition("//")[2],
            # A compressed reply could be a thousand times what the cap lets through.
            "accept-encoding": "identity",
        },
        verify=endpoint.scheme == "https",  # reading the certificates takes 20 ms
        timeout=httpx.Timeout(read_s, connect=CONNECT_S),
        follow_redirects=False,
        trust_env=False,
    )


async def _look(checked: CheckedEndpoint, address: str, model: str | None) -> ModelServer:
    endpoint = checked.endpoint
    async with _client(checked, address, READ_S) as client:
        reply, said = await _ask(client, endpoint, "GET", "/api/version")
        version = said.get("version")
        if reply.status_code != 200 or not isinstance(version, str):
            raise EndpointUnavailable(
                f"{endpoint.url} answers with HTTP {reply.status_code}, but is no Ollama server"
            )
        details: dict[str, Any] = {}
        if model is not None:
            shown, said = await _ask(client, endpoint, "POST", "/api/show", {"model": model})
            if shown.status_code == 404:
                raise ModelNotFound(f"the model {model} was not found at {endpoint.url}")
            found = said.get("details")
            details = found if isinstance(found, dict) else {}
        simulated = SIMULATOR_HEADER in reply.headers
        return ModelServer(
            connect_to=address,
            provider="ollama-simulator" if simulated else "Ollama",
            version=version[:MAX_WORD],
            parameter_size=_text(details.get("parameter_size")),
            quantization=_text(details.get("quantization_level")),
        )


async def _ask(
    client: httpx.AsyncClient, endpoint: Endpoint, method: str, path: str, body: object = None
) -> tuple[httpx.Response, dict[str, Any]]:
    """Return the reply and the JSON object in it, empty when it holds none."""
    extensions = {"sni_hostname": endpoint.host}
    raw = b""
    async with client.stream(method, path, json=body, extensions=extensions) as reply:
        async for chunk in reply.aiter_raw():
            raw += chunk
            if len(raw) > MAX_REPLY_BYTES:
                raise EndpointUnavailable(f"{endpoint.url} answers without end to {path}")
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        parsed = None
    return reply, parsed if isinstance(parsed, dict) else {}


def _text(value: object) -> str | None:
    return value[:MAX_WORD] if isinstance(value, str) else None


def _words(error: httpx.ConnectError) -> str:
    text = str(error).lower()
    if "ssl" in text or "certificate" in text:
        return "the TLS handshake failed"
    return "the connection was refused" if "attempts failed" in text or "refused" in text else text
