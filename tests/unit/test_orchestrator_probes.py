"""Probes against raw servers, and the choice of the model server that rests on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from orchestrator import model_server
from orchestrator.errors import ModelServerError
from orchestrator.listeners import Listeners
from orchestrator.model_server import BESIDE_PORT, Choice, Question, Simulate
from orchestrator.probes import Health, ProbeFailed, get, observe

REPLY = b"HTTP/1.1 %d x\r\nContent-Type: application/json\r\n%s\r\n%s"


def _reply(status: int, body: bytes = b"", headers: bytes = b"") -> bytes:
    return REPLY % (status, headers, body)


@asynccontextmanager
async def _server(answer: bytes | None) -> AsyncIterator[int]:
    """Answer every connection with these bytes; None: never answer."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            if answer is None:
                await anyio.sleep_forever()
            else:
                await stream.send(answer)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio's, not Django's
        group.cancel_scope.cancel()


async def _observed(answer: bytes | None) -> tuple[Health, str | None]:
    async with _server(answer) as port:
        seen = await observe(f"http://127.0.0.1:{port}", "/health", timeout_s=0.3)
    return seen.health, seen.reason


@pytest.mark.parametrize(
    ("body", "health"),
    [
        (b'{"reason":"no agent"}', Health.UNAVAILABLE),
        (b'{"reason":"the .NET agent is being prepared"}', Health.PREPARING),
        (b'{"reason":"building the agent"}', Health.PREPARING),
        (b"", Health.SILENT),
        (b'{"reason":7}', Health.SILENT),
        (b"[" * 5000, Health.SILENT),
    ],
)
async def test_a_refusal_is_judged_by_its_reason(body: bytes, health: Health) -> None:
    """Only a reason makes it an answer."""
    assert (await _observed(_reply(503, body)))[0] is health


async def test_an_answer_is_ready() -> None:
    """200 is enough; the body does not matter."""
    assert await _observed(_reply(200, b"not json")) == (Health.READY, None)


@pytest.mark.parametrize("answer", [None, b"", b"SSH-2.0-x\r\n", b"\xff" * 100_000, b"HTTP/1.1"])
async def test_what_is_not_http_is_silence(answer: bytes | None) -> None:
    """An open connection proves nothing, and no answer is read without end."""
    health, reason = await _observed(answer)
    assert health is Health.SILENT
    assert reason


async def test_a_closed_port_is_told_apart() -> None:
    """Refused means that nothing listens."""
    with Listeners() as listeners:
        port = listeners.bind("x", 0)
    with pytest.raises(ProbeFailed) as failed:
        await get(f"http://localhost:{port}", "/", timeout_s=1.0)
    assert failed.value.refused


async def _choice(
    policy: Simulate, answer: bytes | None, *, configured: bool = False, closed: bool = False
) -> Choice:
    async with _server(answer) as open_port:
        with Listeners() as listeners:
            port = listeners.bind("x", 0) if closed else open_port
        question = Question(
            name="ollama",
            port=port,
            configured_url=f"http://127.0.0.1:{port}" if configured else None,
            policy=policy,
        )
        try:
            return await model_server.choose(question)
        except ModelServerError as error:
            refusal = error
    raise refusal  # outside the task group, which would wrap it


OLLAMA = _reply(200, b'{"version":"0.12"}')


async def test_an_ollama_that_answers_is_used() -> None:
    """Also when a simulator could be started."""
    choice = await _choice(Simulate.IF_NEEDED, OLLAMA)
    assert choice.external is not None
    assert (choice.external.detail, choice.simulator_port) == ("Ollama 0.12", None)


async def test_a_simulator_that_answers_is_called_one() -> None:
    """A simulated figure must never pass for a real one."""
    answer = _reply(200, b'{"version":"0.12"}', b"X-Perfcompare-Simulator: 1\r\n")
    choice = await _choice(Simulate.IF_NEEDED, answer)
    assert choice.external is not None
    assert choice.external.detail == "simulator 0.12"


async def test_the_simulator_goes_beside_a_real_ollama_when_asked() -> None:
    """On the next port."""
    assert (await _choice(Simulate.ALWAYS, OLLAMA)).simulator_port == BESIDE_PORT


async def test_the_simulator_takes_ollamas_port_when_nothing_listens() -> None:
    """And the note says that its figures are not a model's."""
    choice = await _choice(Simulate.IF_NEEDED, b"", closed=True)
    assert choice.external is None
    assert choice.simulator_port
    assert "simulator" in str(choice.note)


@pytest.mark.parametrize("configured", [True, False])
async def test_without_a_model_server_the_stack_still_starts(configured: bool) -> None:
    """Shown as unavailable: never simulated behind the operator's back."""
    policy = Simulate.IF_NEEDED if configured else Simulate.NEVER
    choice = await _choice(policy, b"", configured=configured, closed=True)
    assert choice.simulator_port is None
    assert choice.external is not None
    assert "nothing listens" in str(choice.external.unavailable)


@pytest.mark.parametrize("answer", [_reply(200, b"<html>"), _reply(404), b"SSH-2.0-x\r\n"])
async def test_a_stranger_on_ollamas_port_is_explained(answer: bytes) -> None:
    """With the port, and the ways out."""
    with pytest.raises(ModelServerError, match=r"port \d+ is in use.*--simulate"):
        await _choice(Simulate.IF_NEEDED, answer)


async def test_asked_for_it_the_simulator_avoids_the_stranger() -> None:
    """The operator decided."""
    assert (await _choice(Simulate.ALWAYS, _reply(404))).simulator_port == BESIDE_PORT
