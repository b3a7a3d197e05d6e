"""Each fault as a real client sees it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from ollama_simulator import Fault, SimulatorSettings
from ollama_simulator.faults import KINDS, parse_faults
from tests.support.simulator import INSTANT, RunningSimulator, running_simulator

CHAT: dict[str, Any] = {
    "model": "llama2",
    "messages": [{"role": "user", "content": "Say hello 1"}],
    "options": {"temperature": 0},
}
WHOLE = CHAT | {"stream": False}


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    timeout = httpx.Timeout(20, read=20)
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False, timeout=timeout) as made:
        yield made


async def plan(client: httpx.AsyncClient, **fault: Any) -> None:
    """Let the next request for text fail."""
    reply = await client.post("/__simulator/faults", json={"count": 1, **fault})
    assert reply.status_code == 200


async def sound_chunks(client: httpx.AsyncClient) -> list[bytes]:
    """The tokens of the reply when nothing fails."""
    reply = await client.post("/api/chat", json=CHAT)
    return [orjson.loads(line)["message"]["content"] for line in reply.content.splitlines()]


async def raw_chunks(url: str, request: dict[str, Any]) -> list[bytes]:
    """The pieces of a reply as they arrive on the socket, headers included."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = orjson.dumps(request)
    writer.write(
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    pieces = []
    while piece := await reader.read(65_536):
        pieces.append(piece)
    writer.close()
    await writer.wait_closed()
    return pieces


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_an_error_status_with_its_text(client: httpx.AsyncClient, status: int) -> None:
    await plan(client, kind="status", status=status, text="no")
    reply = await client.post("/api/chat", json=CHAT)
    assert (reply.status_code, reply.json()) == (status, {"error": "no"})
    assert reply.headers["x-perfcompare-simulator"] == "1"


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_goes_where_it_is_told(client: httpx.AsyncClient, status: int) -> None:
    await plan(client, kind="redirect", status=status, location="http://169.254.169.254/")
    reply = await client.post("/api/chat", json=CHAT)
    assert reply.status_code == status
    assert reply.headers["location"] == "http://169.254.169.254/"


async def test_a_body_that_is_not_json(client: httpx.AsyncClient) -> None:
    await plan(client, kind="not-json")
    reply = await client.post("/api/chat", json=WHOLE)
    assert reply.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.content)


@pytest.mark.parametrize("request_body", [CHAT, WHOLE], ids=["streamed", "whole"])
async def test_a_connection_cut_before_the_headers(
    client: httpx.AsyncClient, request_body: dict[str, Any]
) -> None:
    await plan(client, kind="cut-before-headers")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/api/chat", json=request_body)
    assert (await client.post("/api/chat", json=request_body)).status_code == 200


@pytest.mark.parametrize("request_body", [CHAT, WHOLE], ids=["streamed", "whole"])
async def test_a_connection_cut_in_the_body(
    client: httpx.AsyncClient, request_body: dict[str, Any]
) -> None:
    await plan(client, kind="cut-mid-body")
    received = b""
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - what arrived before counts too
        async with client.stream("POST", "/api/chat", json=request_body) as reply:
            assert reply.status_code == 200
            async for piece in reply.aiter_raw():
                received += piece
    assert received.startswith(b'{"model":"llama2"')
    assert b'"done":true' not in received


async def test_a_stream_without_its_done_line(client: httpx.AsyncClient) -> None:
    await plan(client, kind="missing-done")
    reply = await client.post("/api/chat", json=CHAT)
    assert reply.status_code == 200
    assert {orjson.loads(line)["done"] for line in reply.content.splitlines()} == {False}


async def test_a_whole_reply_that_is_not_done(client: httpx.AsyncClient) -> None:
    await plan(client, kind="missing-done")
    body = (await client.post("/api/chat", json=WHOLE)).json()
    assert list(body) == ["model", "created_at", "message", "done"]
    assert body["done"] is False


async def test_an_error_line_in_the_middle_of_a_stream(client: httpx.AsyncClient) -> None:
    await plan(client, kind="error-line", lines=2, text="out of memory")
    reply = await client.post("/api/chat", json=CHAT)
    *tokens, last = [orjson.loads(line) for line in reply.content.splitlines()]
    assert reply.status_code == 200
    assert len(tokens) == 2
    assert last == {"error": "out of memory"}


async def test_an_error_where_nothing_has_been_sent_has_a_status(
    client: httpx.AsyncClient,
) -> None:
    await plan(client, kind="error-line", text="out of memory")
    reply = await client.post("/api/chat", json=WHOLE)
    assert (reply.status_code, reply.json()) == (500, {"error": "out of memory"})


@pytest.mark.parametrize("kind", ["stall-before-headers", "stall-between-lines"])
@pytest.mark.parametrize("request_body", [CHAT, WHOLE], ids=["streamed", "whole"])
async def test_a_stall_outlasts_the_clients_patience(
    client: httpx.AsyncClient, kind: str, request_body: dict[str, Any]
) -> None:
    await plan(client, kind=kind)
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/api/chat", json=request_body, timeout=0.2)
    # The client has gone, and its slot with it.
    assert (await client.post("/api/chat", json=request_body)).status_code == 200


async def test_a_short_stall_ends(client: httpx.AsyncClient) -> None:
    sound = await sound_chunks(client)
    await plan(client, kind="stall-between-lines", seconds=0.01)
    assert await sound_chunks(client) == sound


@pytest.mark.parametrize("request_body", [CHAT, WHOLE], ids=["streamed", "whole"])
async def test_a_slow_header_arrives_in_the_end(
    client: httpx.AsyncClient, request_body: dict[str, Any]
) -> None:
    await plan(client, kind="slow-header", seconds=0.2)
    reply = await client.post("/api/chat", json=request_body)
    assert reply.status_code == 200
    assert reply.headers["x-perfcompare-simulator"] == "1"
    assert orjson.loads(reply.content.splitlines()[-1])["done"] is True


async def test_a_slow_header_comes_in_many_pieces(simulator: RunningSimulator) -> None:
    simulator.app.simulator.faults.replace([Fault(kind="slow-header", seconds=0.2)])
    pieces = await raw_chunks(simulator.url, WHOLE)
    assert b"".join(pieces).count(b"HTTP/1.1 200 OK") == 1
    assert b"HTTP/1.1 200 OK" not in pieces[0]


async def test_a_line_split_across_segments(
    simulator: RunningSimulator, client: httpx.AsyncClient
) -> None:
    sound = await sound_chunks(client)
    simulator.app.simulator.faults.replace([Fault(kind="split-lines", seconds=0.02)])
    assert await sound_chunks(client) == sound
    pieces = await raw_chunks(simulator.url, CHAT)
    assert len(pieces) > len(sound)
    assert any(b'"model"' in piece and b'"done"' not in piece for piece in pieces)


async def test_a_character_split_across_segments(
    simulator: RunningSimulator, client: httpx.AsyncClient
) -> None:
    sound = await sound_chunks(client)
    simulator.app.simulator.faults.replace([Fault(kind="split-utf8", seconds=0.02)])
    assert await sound_chunks(client) == sound
    pieces = await raw_chunks(simulator.url, CHAT)
    torn = [piece for piece in pieces if b"\xe2" in piece and b"\xe2\x80\x99" not in piece]
    assert torn


async def test_merged_lines_come_at_once(
    simulator: RunningSimulator, client: httpx.AsyncClient
) -> None:
    sound = await sound_chunks(client)
    simulator.app.simulator.faults.replace([Fault(kind="merge-lines")])
    async with client.stream("POST", "/api/chat", json=CHAT) as reply:
        pieces = [piece async for piece in reply.aiter_raw()]
    lines = b"".join(pieces).splitlines()
    assert [orjson.loads(line)["message"]["content"] for line in lines] == sound
    assert len(pieces) < len(lines)


@pytest.mark.parametrize("request_body", [CHAT, WHOLE], ids=["streamed", "whole"])
async def test_an_endless_body_goes_on_until_the_client_goes(
    client: httpx.AsyncClient, request_body: dict[str, Any]
) -> None:
    await plan(client, kind="endless-body")
    received = 0
    async with client.stream("POST", "/api/chat", json=request_body) as reply:
        async for piece in reply.aiter_raw():
            received += len(piece)
            if received > 3_000_000:
                break
    assert received > 3_000_000
    assert (await client.post("/api/chat", json=request_body)).status_code == 200


async def test_every_kind_has_a_way_to_fail() -> None:
    """Planning each kind and asking once never ends in an error of the server's own."""
    async with running_simulator() as running, httpx.AsyncClient(trust_env=False) as client:
        for kind in KINDS:
            running.app.simulator.faults.replace([Fault(kind=kind, seconds=0, count=1)])
            try:
                async with client.stream("POST", f"{running.url}/api/chat", json=CHAT) as reply:
                    async for _ in reply.aiter_raw():
                        break
            except httpx.RemoteProtocolError:
                assert kind.startswith("cut-")
            assert running.app.simulator.faults.remaining() == []


async def test_a_fault_skips_the_first_requests_and_strikes_as_often_as_it_is_told(
    client: httpx.AsyncClient,
) -> None:
    await plan(client, kind="status", status=503, after=1, count=2)
    statuses = [(await client.post("/api/chat", json=WHOLE)).status_code for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]


async def test_a_probability_repeats_with_its_seed() -> None:
    async def statuses() -> list[int]:
        settings = SimulatorSettings(
            latency=INSTANT, seed=5, faults=parse_faults("status:probability=0.5")
        )
        made = httpx.AsyncClient(trust_env=False)
        async with running_simulator(settings) as running, made as client:
            url = f"{running.url}/api/chat"
            return [(await client.post(url, json=WHOLE)).status_code for _ in range(20)]

    first = await statuses()
    assert first == await statuses()
    assert set(first) == {200, 500}


async def test_a_fault_can_be_bound_to_any_path(client: httpx.AsyncClient) -> None:
    await plan(client, kind="status", status=500, path="/api/tags")
    assert (await client.post("/api/chat", json=WHOLE)).status_code == 200
    assert (await client.get("/api/tags")).status_code == 500
    assert (await client.get("/api/tags")).status_code == 200


async def test_planned_faults_are_listed_and_forgotten(client: httpx.AsyncClient) -> None:
    await client.post("/__simulator/faults", json=[{"kind": "status"}, {"kind": "not-json"}])
    listed = (await client.get("/__simulator/faults")).json()["faults"]
    assert [fault["kind"] for fault in listed] == ["status", "not-json"]
    await client.delete("/__simulator/faults")
    assert (await client.post("/api/chat", json=WHOLE)).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "unheard-of"},
        {"kind": "status", "status": "500"},
        {"kind": "status", "status": 99},
        {"kind": "redirect", "status": 200},
        {"kind": "redirect", "location": "http://x/\r\nset-cookie: a=b"},
        {"kind": "status", "count": 0},
        {"kind": "status", "colour": "red"},
        ["status"],
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, fault: object
) -> None:
    assert (await client.post("/__simulator/faults", json=fault)).status_code == 400


async def test_requests_are_recorded_as_they_arrived(client: httpx.AsyncClient) -> None:
    await client.post("/api/chat", json=CHAT, headers={"x-own": "1"})
    await client.post("/api/generate", content=b"not json")
    await client.get("/api/tags")
    chat, generate = (await client.get("/__simulator/requests")).json()["requests"]
    assert (chat["method"], chat["path"], chat["body"]) == ("POST", "/api/chat", CHAT)
    assert ["x-own", "1"] in chat["headers"]
    assert (generate["path"], generate["body"], generate["text"]) == (
        "/api/generate",
        None,
        "not json",
    )
    await client.delete("/__simulator/requests")
    assert (await client.get("/__simulator/requests")).json() == {"requests": []}


async def test_the_latency_changes_at_run_time(client: httpx.AsyncClient) -> None:
    reply = await client.post("/__simulator/latency", json={"latency_ms": 3, "token_ms": 1})
    assert reply.json()["latency_ms"] == 3
    assert (await client.get("/__simulator/latency")).json() == reply.json()
    refused = await client.post("/__simulator/latency", json={"latency_ms": -3})
    assert refused.status_code == 400


async def test_a_pause_holds_replies_back(client: httpx.AsyncClient) -> None:
    await client.post("/api/chat", json=WHOLE)
    await client.post("/__simulator/pause", json={"seconds": 0.1})
    paused = (await client.post("/api/chat", json=WHOLE)).json()
    assert paused["total_duration"] > 50_000_000


async def test_no_page_may_use_the_controls(client: httpx.AsyncClient) -> None:
    reply = await client.delete("/__simulator/faults", headers={"origin": "http://localhost:3000"})
    assert reply.status_code == 403
