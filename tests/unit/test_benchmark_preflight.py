"""The look at a model server before a run, against servers that are none."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme

from benchmark.errors import EndpointUnavailable, ModelNotFound, RunError
from benchmark.preflight import ModelServer, load_model, look_at_server
from ollama_simulator import LatencyModel, SimulatorSettings
from service_defaults.endpoints import EndpointPolicy
from tests.support.simulator import running_simulator

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(talk: Talk, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server whose connections are handled by `talk`; yields `host:port`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def saying(reply: bytes) -> Talk:
    """Answer every request with these bytes and close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    return talk


def http(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


async def look(url: str, model: str | None = "ministral-3") -> ModelServer:
    return await look_at_server(await EndpointPolicy().check(url), model)


async def refusal(talk: Talk, *, scheme: str = "http", tls: ssl.SSLContext | None = None) -> str:
    async with peer(talk, tls=tls) as address:
        with pytest.raises(EndpointUnavailable) as caught:
            await look(f"{scheme}://{address}")
    return str(caught.value)


async def test_a_model_server_is_known_by_version_model_and_address() -> None:
    """The agent is told the address that was looked at; a simulator is never taken for Ollama."""
    async with running_simulator() as simulator:
        server = await look(simulator.url.replace("127.0.0.1", "localhost"))

    assert simulator.url == f"http://{server.connect_to}"
    assert "ollama-simulator" == server.provider
    assert server.version
    assert server.parameter_size
    assert server.quantization


async def test_a_server_without_the_marks_of_a_simulator_is_an_ollama() -> None:
    """Unknown details are unknown, not empty."""
    async with peer(saying(http(b'{"version":"0.13.0"}'))) as address:
        server = await look(f"http://{address}")

    assert ("Ollama", "0.13.0", None) == (server.provider, server.version, server.parameter_size)


async def test_an_unknown_model_is_a_cause_of_its_own() -> None:
    """It ends a run at once, with the model's name."""
    async with running_simulator() as simulator:
        with pytest.raises(ModelNotFound, match="no-such-model"):
            await look(simulator.url, "no-such-model")


async def test_nothing_at_the_endpoint_is_told_as_refused() -> None:
    """The user reads the address and what happened there."""
    async with peer(saying(b"")) as address:
        pass

    with pytest.raises(EndpointUnavailable, match=f"{address}: the connection was refused"):
        await look(f"http://{address}")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(http(b"<html>"), "no Ollama", id="a web page"),
        pytest.param(http(b"{}"), "no Ollama", id="no version"),
        pytest.param(http(b'{"version":7}'), "no Ollama", id="odd version"),
        pytest.param(http(b"[]"), "no Ollama", id="a list"),
        pytest.param(http(b"[" * 100_000), "no Ollama", id="deep nesting"),
        pytest.param(http(b"\xff\xfe"), "no Ollama", id="bad UTF-8"),
        pytest.param(http(b"", status="404 Not Found"), "HTTP 404", id="404"),
        pytest.param(http(b"", status="500 Oops"), "HTTP 500", id="500"),
        pytest.param(
            http(b"", status="302 Found", headers="Location: http://169.254.169.254/\r\n"),
            "HTTP 302",
            id="redirect",
        ),
        pytest.param(
            http(b"\x1f\x8b", headers="Content-Encoding: gzip\r\n"), "no Ollama", id="gzip"
        ),
        pytest.param(b"SSH-2.0-OpenSSH_9\r\n", "connection broke", id="another protocol"),
        pytest.param(b"", "connection broke", id="closed at once"),
        pytest.param(http(b"{}")[:-1], "connection broke", id="cut off"),
        pytest.param(http(b"x" * (5 * 2**20)), "without end", id="a body past the cap"),
    ],
)
async def test_what_is_no_model_server_is_told_as_that(reply: bytes, words: str) -> None:
    """Whatever listens there, the cause is one sentence and nothing is followed."""
    assert words in await refusal(saying(reply))


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is for the whole look, however slowly the bytes trickle."""
    monkeypatch.setattr("benchmark.preflight.DEADLINE_S", 0.3)

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def trickling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert "time limit" in await refusal(silent)
    assert "time limit" in await refusal(trickling)


async def test_a_certificate_that_nobody_vouches_for_is_told_as_a_tls_failure() -> None:
    """Encryption without trust is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    assert "TLS" in await refusal(saying(b""), scheme="https", tls=context)


async def test_a_server_that_speaks_no_tls_is_told_as_a_tls_failure() -> None:
    """The wrong scheme is recognised."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    assert "TLS" in await refusal(plain, scheme="https")


async def test_a_server_that_fails_on_the_model_alone_is_left_to_the_run() -> None:
    """Only a clear 404 is the model's absence; the run itself finds out the rest."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/api/version" in asked:
            writer.write(http(json.dumps({"version": "v" * 500}).encode()))
        else:
            writer.write(http(b"{}", status="500 Oops"))

    async with peer(talk) as address:
        server = await look(f"http://{address}")

    assert "v" * 64 == server.version
    assert server.parameter_size is None


async def load(url: str, model: str = "ministral-3") -> float:
    checked = await EndpointPolicy().check(url)
    server = ModelServer(connect_to=url.partition("//")[2], provider="Ollama", version=None)
    return await load_model(checked, server, model)


async def test_a_model_is_loaded_without_asking_it_anything() -> None:
    """What took 300 ms the first time is there the second time."""
    settings = SimulatorSettings(
        latency=LatencyModel(latency_ms=0, distribution="fixed", load_ms=300)
    )
    async with running_simulator(settings) as simulator:
        first_ms = await load(simulator.url)
        second_ms = await load(simulator.url)
        with pytest.raises(ModelNotFound, match="no-such-model"):
            await load(simulator.url, "no-such-model")

    assert first_ms >= 300
    assert second_ms < first_ms


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (
            http(b'{"error":"model requires more memory"}', status="500 Oops"),
            RunError,
            "could not load the model ministral-3: model requires more memory",
        ),
        (http(b"", status="503 Busy"), RunError, "HTTP 503"),
        (b"", EndpointUnavailable, "broke off loading the model"),
    ],
)
async def test_a_model_that_cannot_be_loaded_is_a_cause(
    reply: bytes, error: type[RunError], words: str
) -> None:
    """The user reads what the server says."""
    async with peer(saying(reply)) as address:
        with pytest.raises(error, match=words):
            await load(f"http://{address}")


async def test_a_load_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs does not hold the run for ever."""
    monkeypatch.setattr("benchmark.preflight.LOAD_DEADLINE_S", 0.3)

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer(silent) as address:
        with pytest.raises(EndpointUnavailable, match="broke off"):
            await load(f"http://{address}")


def test_every_cause_has_a_kind_for_the_counters() -> None:
    """Failed runs can be told apart without reading their text."""
    assert ("connect", "model-not-found") == (EndpointUnavailable.kind, ModelNotFound.kind)
    assert "run-failed" == RunError.kind
